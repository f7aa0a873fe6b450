"""The command line as a person meets it: real processes, real ports, and one sentence for each mistake."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import stat
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NamedTuple

import pytest

import server
from server.store.database import Database
from tests.gateway import (
    BLUESHIFT_KEY,
    DENIED,
    GRANTED,
    LOCALHOST,
    SECRET,
    Gateway,
    Process,
    configuration,
    descendants,
    event,
    eventually,
    free_port,
    gatepost,
    write_configuration,
)

pytestmark = pytest.mark.chaos

linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are found in /proc")


# Every mistake: one sentence, exit 2.


@dataclass
class Mistake:
    """A command that cannot be done: what is typed, what the sentence must hold, what was there before."""

    typed: tuple[str, ...]
    hints: tuple[str, ...]
    prepare: Callable[[Path], object] = lambda _: None
    environment: dict[str, str] = field(default_factory=dict)


def config(**changes: Any) -> Callable[[Path], Path]:
    """Write a gatepost.toml."""
    return lambda folder: write_configuration(folder, configuration(**changes))


def _data_below_a_file(folder: Path) -> None:
    (folder / "plain").write_text("not a folder")
    config(data_dir="plain/var")(folder)


def _garbage_as_database(folder: Path) -> None:
    config()(folder)
    (folder / "var").mkdir()
    (folder / "var" / "gatepost.db").write_bytes(b"this is not a database, " * 400)


def _somebody_elses_database(folder: Path) -> None:
    config()(folder)
    (folder / "var").mkdir()
    with closing(sqlite3.connect(folder / "var" / "gatepost.db")) as connection:
        connection.execute("CREATE TABLE events (something TEXT)")
        connection.commit()


def _later_database(folder: Path) -> None:
    Database(folder / "var").close()
    config()(folder)
    with closing(sqlite3.connect(folder / "var" / "gatepost.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


def _empty_database(folder: Path) -> None:
    Database(folder / "var").close()
    config()(folder)


def mistakes(taken: str) -> dict[str, Mistake]:
    """Each with a name; `taken` is a port that is in use."""
    free = str(free_port())
    return {
        "no configuration": Mistake(("serve",), ("gatepost.toml", "gatepost init")),
        "no configuration where the environment says": Mistake(
            ("web",), ("elsewhere.toml", "gatepost init"), environment={"GATEPOST_CONFIG": "elsewhere.toml"}
        ),
        "configuration is a folder": Mistake(("serve", "--config", "."), ("'.'", "directory")),
        "configuration is wrong": Mistake(
            ("serve",), ("gatepost.toml", "retention", "remove it"), config(retention=3)
        ),
        "unknown option": Mistake(("serve", "--prot", "8000"), ("--prot",)),
        "unknown command": Mistake(("sevre",), ("sevre",)),
        "missing argument": Mistake(("explain",), ("ID",), config()),
        "port out of range": Mistake(("serve", "--port", "70000"), ("--port", "70000", "65535"), config()),
        "port in use": Mistake(("serve", "--port", taken), (f"port {taken}", "--port"), config()),
        "port in use for the sandbox": Mistake(("sandbox", "--port", taken), (f"port {taken}", "--port")),
        "development on every address": Mistake(
            ("serve", "--host", "0.0.0.0", "--port", free),
            ("0.0.0.0", "public_url", "127.0.0.1"),
            config(public_url=LOCALHOST),
        ),
        "host that is not of this machine": Mistake(
            ("serve", "--host", "192.0.2.1", "--port", free), ("192.0.2.1",), config()
        ),
        "no host": Mistake(("serve", "--host", "", "--port", free), ("--host", "127.0.0.1"), config()),
        "host that is no host": Mistake(("serve", "--host", "a" * 80, "--port", free), ("a" * 80,), config()),
        "data_dir below a file": Mistake(
            ("serve", "--port", free), ("plain/var", "data_dir"), _data_below_a_file
        ),
        "database is garbage": Mistake(("serve", "--port", free), ("gatepost.db",), _garbage_as_database),
        "database is garbage for explain": Mistake(("explain", "x"), ("gatepost.db",), _garbage_as_database),
        "database is another program's": Mistake(
            ("serve", "--port", free), ("gatepost.db",), _somebody_elses_database
        ),
        "database is of a later version": Mistake(
            ("serve", "--port", free), ("gatepost.db", "later version"), _later_database
        ),
        "explain before anything was served": Mistake(("explain", "x"), ("no database",), config()),
        "explain an unknown id": Mistake(("explain", "e-404"), ("e-404",), _empty_database),
        "explain what is no text": Mistake(("explain", "\udcff\udcfe"), ("UTF-8",), _empty_database),
        "init into a missing folder": Mistake(
            ("init", "--config", "missing/gatepost.toml"), ("missing/gatepost.toml",)
        ),
    }


class Outcome(NamedTuple):
    """What the command did, and what its sentence must hold."""

    ran: CompletedProcess[str]
    hints: tuple[str, ...]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """Every mistake made once, several at a time."""
    with socket.create_server(("127.0.0.1", 0)) as taken, ThreadPoolExecutor(4) as pool:
        made = mistakes(str(taken.getsockname()[1]))
        folders = [tmp_path_factory.mktemp("mistake") for _ in made]

        def make(mistake: Mistake, folder: Path) -> CompletedProcess[str]:
            mistake.prepare(folder)
            return gatepost(*mistake.typed, folder=folder, **mistake.environment)

        ran = pool.map(make, made.values(), folders)
        yield {
            name: Outcome(result, mistake.hints)
            for (name, mistake), result in zip(made.items(), ran, strict=True)
        }


@pytest.mark.parametrize("name", mistakes("0"))
def test_a_mistake_is_answered_with_one_sentence_and_exit_2(outcomes: dict[str, Outcome], name: str) -> None:
    ran, hints = outcomes[name]
    *before, line = ran.stderr.splitlines()
    assert not before, "the one sentence"
    assert line.startswith("gatepost: ")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert SECRET not in line
    for hint in hints:
        assert hint in line


def test_no_command_at_all_shows_what_there_is(tmp_path: Path) -> None:
    ran = gatepost(folder=tmp_path)
    assert ran.returncode == 2
    for command in ("init", "serve", "web", "relay", "demo", "sandbox", "check", "explain", "dead"):
        assert command in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


# gatepost init.


def test_init_writes_a_file_for_its_owner_alone_that_serves_as_it_is(
    tmp_path: Path, processes: Callable[..., Process]
) -> None:
    before = os.umask(0)
    try:
        ran = gatepost("init", folder=tmp_path)
    finally:
        os.umask(before)
    assert (ran.returncode, ran.stderr) == (0, "")
    file = tmp_path / "gatepost.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    written = tomllib.loads(text)
    assert not [secret for secret in written["secrets"] if secret in ran.stdout]

    again = gatepost("init", folder=tmp_path)
    assert again.returncode == 2
    assert again.stderr.startswith("gatepost: gatepost.toml exists")
    assert file.read_text() == text

    process = Process(file, ("web", "--workers", "1"))
    try:
        browser = process.browser(origin=written["shops"]["demo"]["origins"][0])
        assert browser.send(event("page_view"), consent=GRANTED).accepted == 1
        assert set(browser.cookies) == {"gp_v", "gp_s"}
        assert (tmp_path / "var" / "gatepost.db").exists()
        assert process.terminate() == 0
    finally:
        process.end()


def test_init_writes_where_it_is_told(tmp_path: Path) -> None:
    ran = gatepost("init", "--config", "my shop.toml", folder=tmp_path)
    assert ran.returncode == 0
    assert "my shop.toml" in ran.stdout
    assert (tmp_path / "my shop.toml").exists()


# gatepost explain.


def test_explain_tells_what_is_known_of_an_order(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, shop={"vendors": {"blueshift": {"api_key": BLUESHIFT_KEY}}})
    browser = gateway.browser()
    bought = event("purchase", "e-77", transaction_id="o-77", items=[{"item_id": "1"}], note="žluťoučký")
    assert browser.send(bought, consent=GRANTED).accepted == 1
    visitor = browser.visitor
    gateway.clock.forward(1)
    browser.send(consent=DENIED)
    gateway.close()

    ran = gatepost("explain", "o-77", folder=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    for part in ("e-77", "purchase", "demo", visitor, "blueshift", "marketing granted", "žluťoučký"):
        assert part in ran.stdout
    assert "marketing denied" in ran.stdout, "what was said since"
    assert BLUESHIFT_KEY not in ran.stdout


# Listening.


def test_the_web_half_listens_on_a_host_that_is_named_by_its_name(processes: Callable[..., Process]) -> None:
    process = processes(configuration(public_url=LOCALHOST), "web", "--workers", "1", "--host", "localhost")
    assert process.browser().send(event("page_view"), consent=GRANTED).accepted == 1
    assert process.terminate() == 0


# Ending.


@linux
def test_serve_ends_cleanly_on_sigterm(processes: Callable[..., Process]) -> None:
    process = processes(configuration())
    browser = process.browser()
    assert browser.send(event("page_view"), consent=GRANTED).accepted == 1
    children = process.children()
    assert children

    asked = time.monotonic()
    assert process.terminate() == 0
    assert time.monotonic() - asked < 15
    assert not [pid for pid in children if is_running(pid)]
    assert not process.listens()
    assert "Traceback" not in process.log.read_text()


@linux
def test_kill_9_of_serve_leaves_no_process_behind_and_loses_nothing(
    processes: Callable[..., Process],
) -> None:
    process = processes(configuration())
    browser = process.browser()
    sent = [event("page_view") for _ in range(30)]
    for one in sent:
        assert browser.send(one, consent=GRANTED).accepted == 1
    children = process.children()
    assert len(children) >= 3, "the web half, its worker and the relay"
    process.process.kill()
    process.process.wait(10)
    eventually(lambda: not [pid for pid in children if is_running(pid)], 15)
    assert not process.listens()
    with closing(sqlite3.connect(process.file.parent / "var" / "gatepost.db")) as connection:
        kept = [id for (id,) in connection.execute("SELECT id FROM events ORDER BY seq")]
    assert kept == [one["id"] for one in sent]


@linux
def test_a_web_half_that_is_killed_is_started_again(processes: Callable[..., Process]) -> None:
    process = processes(configuration())
    web = next(pid for pid in process.children() if b"\0web\0" in Path(f"/proc/{pid}/cmdline").read_bytes())
    halves = [web, *descendants(web)]
    os.kill(web, signal.SIGKILL)
    eventually(lambda: not [pid for pid in halves if is_running(pid)])
    eventually(process.is_ready, 20)
    assert process.browser().send(event("page_view"), consent=GRANTED).accepted == 1
    assert process.terminate() == 0


def is_running(pid: int) -> bool:
    """Whether it runs; one that has ended and was not fetched yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_the_version_is_told(tmp_path: Path) -> None:
    ran = gatepost("--version", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, f"gatepost, version {server.__version__}\n")
