"""Keeping durably: what was kept is on disk, and once; what cannot be kept is said."""

from __future__ import annotations

import logging
import re
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import server.store.migrations
from server.consent import Consent
from server.errors import CannotKeep, GatepostError
from server.event import Event, User
from server.store import tables, writer
from server.store.database import FILE, Database
from server.store.intake import Intake
from server.store.keeping import Arrival
from server.store.schema import differences
from server.store.writer import Writer
from tests.gateway import GRANTED, NOW, ROOT, WEB, Process, configuration, eventually, gatepost
from tests.gateway import event as sent

VISITOR = "07f684a7-e476-447f-bbe3-c921efd2984b"


def kept_event(id: str, name: str = "page_view", visitor: str = VISITOR) -> Event:
    return Event(id=id, name=name, at=NOW, received=NOW, shop="demo", visitor=visitor, session="s", params={})


def arrival(*ids: str, visitor: str = VISITOR) -> Arrival:
    events = tuple(kept_event(id, visitor=visitor) for id in ids)
    return Arrival("demo", visitor, NOW, events, is_new=True)


def rows(folder: Path, sql: str) -> list[tuple[object, ...]]:
    """What another program finds in the file."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return connection.execute(sql).fetchall()


def ids(folder: Path) -> list[object]:
    return [id for (id,) in rows(folder, "SELECT id FROM events ORDER BY seq")]


@pytest.fixture
def intakes(tmp_path: Path) -> Iterator[Callable[..., Intake]]:
    """Open an intake on a database in tmp_path; another kind of Database may be named."""
    opened: list[tuple[Intake, Database]] = []

    def open_one(kind: type[Database] = Database) -> Intake:
        database = kind(tmp_path)
        opened.append((Intake(database), database))
        return opened[-1][0]

    yield open_one
    for intake, database in opened:
        intake.close()
        database.close()


@pytest.fixture
def intake(intakes: Callable[..., Intake]) -> Intake:
    return intakes()


# Kept, and once.


def test_what_was_kept_is_there_for_everybody_at_once(intake: Intake, tmp_path: Path) -> None:
    assert intake.keep(arrival("a", "b")) == [True, True]
    assert ids(tmp_path) == ["a", "b"]


def test_every_commit_waits_for_the_disk(tmp_path: Path) -> None:
    """https://sqlite.org/pragma.html#pragma_synchronous: in WAL mode only FULL (2) survives a power cut."""
    database = Database(tmp_path)
    with closing(database.connect()) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    database.close()


def test_an_id_is_kept_once_however_often_it_comes(intake: Intake, tmp_path: Path) -> None:
    assert intake.keep(arrival("a", "b", "a")) == [True, True, False]
    assert intake.keep(arrival("b", "c")) == [False, True]
    assert ids(tmp_path) == ["a", "b", "c"]
    assert rows(tmp_path, "SELECT shop, received FROM shops") == [("demo", 3)]


def test_many_at_once_are_all_kept_each_in_its_order(intake: Intake, tmp_path: Path) -> None:
    def send(sender: int) -> bool:
        return all(intake.keep(arrival(f"{sender}-{n}")) == [True] for n in range(25))

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(send, range(16)))
    kept = [str(id) for id in ids(tmp_path)]
    assert len(kept) == len(set(kept)) == 16 * 25
    for sender in range(16):
        own = [id for id in kept if id.startswith(f"{sender}-")]
        assert own == [f"{sender}-{n}" for n in range(25)]
    assert rows(tmp_path, "SELECT received FROM shops") == [(16 * 25,)]


_TWO = """
import sys
from pathlib import Path
from server.store.database import Database
from server.store.intake import Intake
from tests.test_intake import arrival
database = Database(Path(sys.argv[1]))
intake = Intake(database)
print("ready", flush=True)
sys.stdin.readline()
print(sum(sum(intake.keep(arrival(*[f"{n}-{i}" for i in range(5)]))) for n in range(60)))
intake.close()
"""


@pytest.mark.chaos
def test_two_processes_that_are_sent_the_same_keep_it_once(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _TWO, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=30)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(int(new) for new in said) == 300
    assert len(ids(tmp_path)) == 300
    assert rows(tmp_path, "SELECT received FROM shops") == [(300,)]


# What is remembered of a visitor.


def test_a_stranger_is_nobody(intake: Intake) -> None:
    assert intake.visitor("demo", VISITOR) is None


def test_a_visitor_is_remembered_with_what_was_said(intake: Intake) -> None:
    consent = Consent({"marketing": "granted"}, False, NOW, "browser")
    intake.keep(Arrival("demo", VISITOR, NOW, consent=consent, user=User(id="c-42"), is_new=True))
    known = intake.visitor("demo", VISITOR)
    assert known is not None
    assert (known.first_seen, known.consent, known.user) == (NOW, consent, User(id="c-42"))
    assert intake.visitor("other", VISITOR) is None


def test_what_an_arrival_does_not_speak_of_stays_as_it_is(intake: Intake) -> None:
    """A second tab, which read before the first one wrote, must not undo what that one said."""
    denied = Consent({"marketing": "denied"}, False, NOW, "browser")
    intake.keep(Arrival("demo", VISITOR, NOW, consent=denied, user=User(id="c-42"), is_new=True))
    intake.keep(arrival("late"))
    known = intake.visitor("demo", VISITOR)
    assert known is not None
    assert (known.consent, known.user) == (denied, User(id="c-42"))


# Not kept, and said.


def test_a_lock_that_somebody_holds_is_said_and_passes(
    intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("server.store.database.BUSY_SECONDS", 0.05)
    caplog.set_level(logging.WARNING)
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            with pytest.raises(CannotKeep) as refused:
                intake.keep(arrival("a"))
            assert refused.value.retry_after >= 1
        assert intake.visitor("demo", VISITOR) is None, "reading goes on"
        other.rollback()
    assert intake.keep(arrival("a")) == [True]
    assert ids(tmp_path) == ["a"]
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2, "once that it fails, once that it is mended"
    assert "cannot be kept" in messages[0]
    assert "locked" in messages[0]


class ReadOnly(Database):
    """A database on a disk that turned read-only after it was opened."""

    read_only = False

    def connect(self) -> sqlite3.Connection:
        if not self.read_only:
            return super().connect()
        uri = f"{self.path.as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def test_a_disk_that_is_read_only_is_said(
    intakes: Callable[..., Intake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = intakes(ReadOnly)
    monkeypatch.setattr(ReadOnly, "read_only", True)
    for _ in range(2):
        with pytest.raises(CannotKeep):
            intake.keep(arrival("a"))
    monkeypatch.setattr(ReadOnly, "read_only", False)
    assert intake.keep(arrival("a")) == [True]
    assert ids(tmp_path) == ["a"]


class Small(Database):
    """A database on a disk with room for so many pages more."""

    pages = 0

    def connect(self) -> sqlite3.Connection:
        connection = super().connect()
        if self.pages:
            connection.execute(f"PRAGMA max_page_count = {self.pages}")
        return connection


def test_a_full_disk_is_said_and_what_was_accepted_before_is_there(
    intakes: Callable[..., Intake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = intakes(Small)
    ((pages,),) = rows(tmp_path, "PRAGMA page_count")
    monkeypatch.setattr(Small, "pages", int(str(pages)) + 20)
    accepted: list[str] = []

    def fill_up() -> None:
        for n in range(10_000):
            batch = [f"{n}-{i}" for i in range(50)]
            assert intake.keep(arrival(*batch)) == [True] * 50
            accepted.extend(batch)

    with pytest.raises(CannotKeep):
        fill_up()
    assert accepted
    assert ids(tmp_path) == accepted, "a batch is kept whole or not at all"
    assert rows(tmp_path, "SELECT received FROM shops") == [(len(accepted),)]

    monkeypatch.setattr(Small, "pages", 0)
    assert intake.keep(arrival("room again")) == [True]


@pytest.mark.chaos
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit")
def test_a_served_gateway_on_a_full_disk_says_503_until_there_is_room(
    processes: Callable[..., Process],
) -> None:
    """The kernel refuses its writes; to the database that is a disk that refuses."""
    process = processes(configuration(), *WEB)
    browser = process.browser()
    assert browser.send(sent("page_view", "before"), consent=GRANTED).accepted == 1
    folder = process.file.parent / "var"
    served = [process.process.pid, *process.children()]
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    for pid in served:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    answer = browser.send(sent("page_view", "full"))
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert process.http.get("/readyz").status_code == 503
    assert process.http.get("/healthz").status_code == 200
    assert ids(folder) == ["before"]

    for pid in served:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    assert eventually(lambda: browser.send(sent("page_view", "full")).status == 200)
    assert eventually(process.is_ready)
    assert ids(folder) == ["before", "full"]


def test_a_database_that_vanished_is_said(intake: Intake, tmp_path: Path) -> None:
    intake.keep(arrival("a"))
    intake.close()
    with pytest.raises(CannotKeep):
        intake.keep(arrival("b"))


# The group commit.


def test_a_request_that_waits_too_long_is_told_so_and_is_not_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE", 0.2)
    slow = threading.Event()
    written: list[str] = []

    def write(_: sqlite3.Connection, work: list[str]) -> list[str]:
        if "first" in work:
            slow.wait(10)
        written.extend(work)
        return work

    line = Writer(lambda: sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None), write)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(line.submit, "first")
        eventually(lambda: line._waiting.empty())
        second = pool.submit(line.submit, "second")
        with pytest.raises(CannotKeep):
            first.result(10)
        with pytest.raises(CannotKeep):
            second.result(10)
    slow.set()
    assert line.submit("third") == "third"
    assert written == ["first", "third"]
    line.close()


def test_when_too_many_wait_the_next_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING", 3)
    slow = threading.Event()
    line: Writer[int, int] = Writer(
        lambda: sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None),
        lambda _, work: (slow.wait(10), work)[1],
    )
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(line.submit, 0)]
        eventually(lambda: line._waiting.empty())
        waiting += [pool.submit(line.submit, n) for n in (1, 2, 3)]
        eventually(lambda: line._waiting.qsize() == 3)
        with pytest.raises(CannotKeep):
            line.submit(4)
        slow.set()
        assert [one.result(10) for one in waiting] == [0, 1, 2, 3]
    line.close()


def test_one_that_cannot_be_written_does_not_take_the_others_with_it() -> None:
    together = threading.Event()

    def write(_: sqlite3.Connection, work: list[str]) -> list[str]:
        if work == ["wait"]:
            together.wait(10)
        return [one.encode().decode() for one in work]

    line = Writer(lambda: sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None), write)
    with ThreadPoolExecutor(4) as pool:
        held = pool.submit(line.submit, "wait")
        eventually(lambda: line._waiting.empty())
        group = [pool.submit(line.submit, one) for one in ("good", "\ud800", "better")]
        eventually(lambda: line._waiting.qsize() == 3)
        together.set()
        assert held.result(10) == "wait"
        good, bad, better = group
        assert good.result(10) == "good"
        assert better.result(10) == "better"
        with pytest.raises(CannotKeep):
            bad.result(10)
    line.close()


# The tables.


def statements(path: Path) -> set[str]:
    """Every table and index as SQLite keeps it, without regard to layout."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
            " AND name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite_%'"
        )
        return {re.sub(r"[\s\"]+", " ", sql).replace("( ", "(").replace(" )", ")") for (sql,) in found}


def test_the_migrations_lead_exactly_to_the_tables(tmp_path: Path) -> None:
    Database(tmp_path).close()
    engine = create_engine(f"sqlite:///{tmp_path / FILE}")
    assert differences(engine) == []
    engine.dispose()

    described = create_engine(f"sqlite:///{tmp_path / 'described.db'}")
    tables.metadata.create_all(described)
    described.dispose()
    assert statements(tmp_path / FILE) == statements(tmp_path / "described.db")


def test_databases_that_are_made_at_the_same_time_do_not_get_into_each_others_way(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        for made in pool.map(lambda number: Database(tmp_path / str(number)), range(12)):
            made.close()
    for number in range(12):
        engine = create_engine(f"sqlite:///{tmp_path / str(number) / FILE}")
        assert differences(engine) == []
        engine.dispose()


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(server.store.migrations.__file__).parent))
    return config


REVISIONS = [script.revision for script in ScriptDirectory.from_config(_migrations()).walk_revisions()]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_of_every_earlier_version_is_brought_up_to_date(tmp_path: Path, revision: str) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / FILE}")
    config = _migrations()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    Database(tmp_path).close()
    assert differences(engine) == []
    engine.dispose()


def test_an_empty_file_is_a_database_that_has_yet_to_begin(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    database = Database(tmp_path)
    intake = Intake(database)
    assert intake.keep(arrival("a")) == [True]
    intake.close()
    database.close()


def test_opening_a_database_again_changes_nothing_in_it(tmp_path: Path) -> None:
    database = Database(tmp_path)
    intake = Intake(database)
    intake.keep(arrival("a"))
    key = database.key("pseudonyms")
    intake.close()
    database.close()
    before = rows(tmp_path, "SELECT * FROM keys"), statements(tmp_path / FILE)

    for _ in range(2):
        again = Database(tmp_path)
        assert again.key("pseudonyms") == key
        again.close()
    assert (rows(tmp_path, "SELECT * FROM keys"), statements(tmp_path / FILE)) == before
    assert ids(tmp_path) == ["a"]
    assert len(key) == 32


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    keys = set()
    for name in ("one", "two"):
        database = Database(tmp_path / name)
        keys.add(database.key("pseudonyms"))
        database.close()
    assert len(keys) == 2


def test_opened_by_many_at_once_it_is_made_once(tmp_path: Path) -> None:
    def open_one(_: int) -> bytes:
        database = Database(tmp_path)
        key = database.key("pseudonyms")
        database.close()
        return key

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(open_one, range(8)))) == 1


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    Database(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = statements(tmp_path / FILE)
    with pytest.raises(GatepostError, match="later version"):
        Database(tmp_path)
    assert statements(tmp_path / FILE) == before
    assert rows(tmp_path, "SELECT version_num FROM alembic_version") == [("9999",)]


@pytest.mark.chaos
def test_explain_reads_a_database_while_it_is_written(
    processes: Callable[..., Process], tmp_path: Path
) -> None:
    process = processes(configuration(), *WEB)
    assert process.browser().send(sent("page_view", "e-1"), consent=GRANTED).accepted == 1
    ran = gatepost("explain", "e-1", folder=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "e-1" in ran.stdout
