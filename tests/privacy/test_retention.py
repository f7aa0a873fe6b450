"""What was kept long enough is deleted, the disk gets its space back, and what is still needed stays."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from server.clock import Clock as AnyClock
from server.consent import Consent
from server.event import Event, User
from server.relay.housekeeping import keep_house
from server.settings import Secret, Settings, Shop
from server.store.counts import count
from server.store.database import Database
from server.store.intake import Intake
from server.store.keeping import Arrival
from server.store.outbox import Outbox, register
from server.store.outcomes import Attempt, Outcome, Report, Telling
from server.store.retention import SPARE, STEP, Retention
from server.store.rights import Rights
from server.vendors.alana import Alana
from server.vendors.blueshift import Blueshift

SECOND = 1000
DAY = 86_400 * SECOND
HOUR = DAY // 24
START = 1_800_000_000_000
GRANTED = Consent({"marketing": "granted"}, at=START, by="browser")
DAYS = 7
"""Of retention."""


class House:
    """A database with a shop of two vendors, filled as web and relay would; time stands still until moved."""

    def __init__(self, folder: Path) -> None:
        self.now = START
        self.database = Database(folder)
        self.settings = settings(folder, "blueshift", "alana")
        register(self.database, self.settings)
        self.intake = Intake(self.database)
        self.outbox = Outbox(self.database)
        self._positions: dict[str, int] = {}

    def clock(self) -> int:
        return self.now

    def keep(self, *ids: str, visitor: str = "ann", name: str = "view_item", size: int = 0) -> None:
        """Keep events of a visitor."""
        events = tuple(
            Event(
                id=id,
                name=name,
                at=self.now,
                received=self.now,
                shop="demo",
                visitor=visitor,
                session="s",
                params={"note": "x" * size, **({"transaction_id": id} if name == "purchase" else {})},
                user=User(id=f"c-{visitor}"),
            )
            for id in ids
        )
        user = User(id=f"c-{visitor}")
        assert all(self.intake.keep(Arrival("demo", visitor, self.now, events, GRANTED, user, seen=self.now)))

    def end(self, *ids: str, vendor: str = "", state: str = "delivered", requests: bool = True) -> None:
        """Let events end, or wait, at a vendor (at both when none is named), told in one request."""
        for one in (vendor,) if vendor else ("blueshift", "alana"):
            seqs = {id: self.seq(id) for id in ids}
            newest = max(self._positions.get(one, 0), *seqs.values())
            self._positions[one] = newest
            tellings = [Telling(seq, b'[{"a":1}]') for seq in seqs.values()]
            attempt = Attempt(self.now, 5, "POST", "/x", 200, "{}", "sent", "", tellings)
            self.outbox.record(
                [
                    Report(
                        self.outbox.destination("demo", one).id,
                        [
                            Outcome(
                                seq, "ann", state, "", self.now, next_at=0 if state == "waiting" else None
                            )  # type: ignore[arg-type]
                            for seq in seqs.values()
                        ],
                        [attempt] if requests else [],
                        {},
                        newest,
                        None,
                    )
                ]
            )

    def seq(self, id: str) -> int:
        ((seq,),) = self.query("SELECT seq FROM events WHERE id = ?", id)
        return int(seq)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.database.reader().execute(sql, values).fetchall()

    def kept(self) -> set[str]:
        """The ids of the events that are still kept."""
        return {id for (id,) in self.query("SELECT id FROM events")}

    def rows(self, *tables: str) -> int:
        return sum(self.query(f"SELECT count(*) FROM {table}")[0][0] for table in tables)

    def sweep(self, settings: Settings | None = None) -> list[int]:
        """Sweep once; what each step deleted."""
        return list(Retention(self.database, settings or self.settings, self.clock).sweep())

    def file_size(self) -> int:
        return self.database.path.stat().st_size

    def close(self) -> None:
        self.intake.close()
        self.database.close()


def settings(folder: Path, *vendors: str) -> Settings:
    tables = {
        "blueshift": Blueshift.Settings(api_key=Secret("k")),
        "alana": Alana.Settings(api_key=Secret("k")),
    }
    shop = Shop(origins=("https://www.myshop.example",), vendors={name: tables[name] for name in vendors})
    return Settings(
        public_url="http://localhost:8000",
        secrets=(Secret("unused"),),
        shops={"demo": shop},
        data_dir=folder,
        retention_days=DAYS,
    )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


EVERYTHING = ("events", "deliveries", "tellings", "requests")


# Events.


def test_an_event_goes_so_many_days_after_it_was_settled_with_all_that_was_said_of_it(house: House) -> None:
    house.keep("a", "b")
    house.end("a", "b")
    house.now += DAYS * DAY
    house.sweep()
    assert house.kept() == {"a", "b"}
    house.now += 1
    house.sweep()
    assert house.rows(*EVERYTHING) == 0


def test_the_days_count_from_the_last_destination_that_settled(house: House) -> None:
    house.keep("a")
    house.end("a", vendor="alana")
    house.now += 3 * DAY
    house.end("a", vendor="blueshift")
    house.now += 5 * DAY
    house.sweep()
    assert house.kept() == {"a"}
    house.now += 3 * DAY
    house.sweep()
    assert house.rows(*EVERYTHING) == 0


@pytest.mark.parametrize("state", ["delivered", "not_wanted", "dead"])
def test_however_it_was_settled_it_goes(house: House, state: str) -> None:
    house.keep("a")
    house.end("a", state=state)
    house.now += DAYS * DAY + 1
    house.sweep()
    assert house.rows(*EVERYTHING) == 0


def test_what_waits_stays_however_old_it_is(house: House) -> None:
    house.keep("waits", "unread")
    house.end("waits", vendor="alana")
    house.end("waits", vendor="blueshift", state="waiting")
    house.now += 300 * DAY
    house.sweep()
    assert house.kept() == {"waits", "unread"}


def test_what_was_refused_stays_while_another_try_could_be_worth_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.settings = Settings(
        public_url="http://localhost:8000",
        secrets=(Secret("unused"),),
        shops=house.settings.shops,
        retention_days=1,
    )
    house.keep("bought", name="purchase")  # worth seven days
    house.keep("seen", name="view_item")  # worth four hours
    house.end("bought", "seen", state="dead")
    house.now += 2 * DAY
    house.sweep()
    assert house.kept() == {"bought"}
    house.now += 6 * DAY
    house.sweep()
    assert house.kept() == set()
    house.close()


def test_the_counts_still_add_up_when_nothing_is_left_to_count(house: House) -> None:
    house.keep("a", "b", "c", "d")
    house.end("a", "b")
    house.end("c", state="dead")
    house.end("d", state="not_wanted")
    before = count(house.database).destinations
    house.now += 30 * DAY
    house.sweep()
    assert house.rows(*EVERYTHING) == 0
    after = count(house.database).destinations
    assert after == before
    for one in after:
        assert (one.received, one.delivered, one.dead, one.not_wanted, one.waiting) == (4, 2, 1, {"": 1}, 0)


def test_a_vendor_that_was_taken_out_of_the_configuration_holds_nothing_back(house: House) -> None:
    house.keep("waits", "unread")
    house.end("waits", vendor="alana", state="waiting")
    house.end("waits", "unread", vendor="blueshift")
    without = settings(house.database.folder, "blueshift")
    house.now += DAYS * DAY + HOUR
    house.sweep(without)
    assert house.kept() == {"waits", "unread"}  # had it come back, it could still have had them
    house.now += 4 * HOUR
    house.sweep(without)
    assert house.kept() == set()
    (alana,) = (one for one in count(house.database).destinations if one.vendor == "alana")
    assert alana.not_wanted == {"the vendor was taken out of the configuration": 2}
    assert (alana.received, alana.waiting) == (2, 0)


def test_a_shop_that_was_taken_out_of_the_configuration_is_emptied(house: House) -> None:
    house.keep("a")
    house.end("a")
    gone = Settings(
        public_url="http://localhost:8000", secrets=(Secret("unused"),), shops={}, retention_days=DAYS
    )
    house.now += DAYS * DAY + 5 * HOUR
    house.sweep(gone)
    assert house.kept() == set()


def test_a_request_stays_as_long_as_any_event_it_told_of(house: House) -> None:
    house.keep("a", "b")
    house.end("a", "b", vendor="alana")
    house.end("a", vendor="blueshift")
    house.end("b", vendor="blueshift", state="waiting", requests=False)
    house.now += DAYS * DAY + 1
    house.sweep()
    assert house.kept() == {"b"}
    assert house.query("SELECT events, left, reply FROM requests") == [(2, 1, "{}")]


def test_no_step_deletes_more_than_a_little(house: House) -> None:
    ids = [f"e{i}" for i in range(3 * STEP + 7)]
    house.keep(*ids)
    house.end(*ids)
    house.now += 30 * DAY
    steps = house.sweep()
    assert max(steps) <= STEP <= 500
    assert sum(steps) == len(ids)


def test_between_two_steps_the_database_is_free_for_everybody(house: House) -> None:
    ids = [f"e{i}" for i in range(2 * STEP)]
    house.keep(*ids)
    house.end(*ids)
    house.now += 30 * DAY
    sweep = Retention(house.database, house.settings, house.clock).sweep()
    next(sweep)
    next(sweep)
    house.keep("new")
    list(sweep)
    assert house.kept() == {"new"}


def test_the_file_shrinks(house: House) -> None:
    for batch in range(40):
        ids = [f"e{batch}-{i}" for i in range(50)]
        house.keep(*ids, size=4000)
        house.end(*ids)
    house.sweep()
    before = house.file_size()
    assert before > 8_000_000
    house.now += 30 * DAY
    house.sweep()
    assert house.kept() == set()
    (page_size,) = house.query("PRAGMA page_size")[0]
    assert house.file_size() < before / 3
    assert house.query("PRAGMA freelist_count")[0][0] <= SPARE
    assert house.file_size() == house.query("PRAGMA page_count")[0][0] * page_size


# Visitors.


def test_a_visitor_goes_when_not_seen_for_as_long_as_the_cookie_lives(house: House) -> None:
    house.keep("a", visitor="ann")
    house.end("a")
    house.now += 100 * DAY
    house.keep("b", visitor="bob")
    house.end("b")
    house.now += 290 * DAY
    house.sweep()
    assert house.query("SELECT visitor FROM visitors ORDER BY visitor") == [("ann",), ("bob",)]
    house.now += DAY
    house.sweep()
    assert house.query("SELECT visitor FROM visitors") == [("bob",)]
    assert house.query("SELECT value FROM identities") == [("c-bob",)]
    assert {visitor for (visitor,) in house.query("SELECT visitor FROM told")} == {"bob"}


def test_a_visitor_who_comes_again_stays(house: House) -> None:
    house.keep("a")
    house.end("a")
    house.now += 200 * DAY
    house.keep("b")
    house.end("b")
    house.now += 200 * DAY
    house.sweep()
    assert house.kept() == set()
    assert house.rows("visitors", "identities") == 2


def test_a_visitor_of_whom_something_waits_stays(house: House) -> None:
    house.keep("a")
    house.now += 500 * DAY
    house.sweep()
    assert house.rows("visitors") == 1


def test_the_consent_ledger_outlives_both(house: House) -> None:
    house.keep("a")
    house.end("a")
    house.now += 500 * DAY
    house.sweep()
    assert house.rows("events", "visitors") == 0
    assert house.query("SELECT visitor, at FROM consents") == [("ann", START)]


def test_which_vendors_were_told_is_known_after_the_events_are_gone(house: House) -> None:
    house.keep("a", "b")
    house.end("a", "b")
    house.now += DAY
    house.keep("c")
    house.end("c", vendor="blueshift")
    house.end("c", vendor="alana", state="not_wanted", requests=False)
    before = Rights(house.database).told("demo", "ann")
    house.now += 30 * DAY
    house.sweep()
    assert house.kept() == set()
    after = Rights(house.database).told("demo", "ann")
    assert sorted(after, key=str) == sorted(before, key=str)
    assert {(one.vendor, one.first, one.last, one.events) for one in after} == {
        ("blueshift", START, START + DAY, 3),
        ("alana", START, START, 2),
    }


# The job.


@contextmanager
def at_work(house: House, clock: AnyClock) -> Iterator[None]:
    """The job runs in an event loop of its own, as in a relay."""
    ready = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def work() -> None:
        stopping = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stopping))
        ready.set()
        await keep_house(Retention(house.database, house.settings, clock), stopping, first=0, every=0.01)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loop, stopping = loops[0]
        loop.call_soon_threadsafe(stopping.set)
        thread.join(20)
    assert not thread.is_alive()


def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.01)
    pytest.fail("did not come true")


def test_the_job_sweeps_again_and_again_and_stops_when_told(house: House) -> None:
    house.keep("a")
    house.end("a")
    house.now += 30 * DAY
    with at_work(house, house.clock):
        eventually(lambda: house.kept() == set())
        house.keep("b")
        house.end("b")
        assert house.kept() == {"b"}
        house.now += 30 * DAY
        eventually(lambda: house.kept() == set())


def test_the_job_outlives_a_database_that_refuses(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.keep("a")
    house.end("a")
    house.now += 30 * DAY
    blocker = house.database.connect()
    blocker.execute("BEGIN IMMEDIATE")
    with at_work(house, house.clock):
        eventually(lambda: "what is old cannot be deleted now" in caplog.text)
        assert house.kept() == {"a"}
        blocker.execute("ROLLBACK")
        eventually(lambda: house.kept() == set())
    blocker.close()


def test_an_erasure_that_was_interrupted_is_finished(house: House) -> None:
    house.keep("a", "b", visitor="ann")
    house.keep("c", visitor="bob")
    with house.database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO tombstones (shop, visitor, at) VALUES ('demo', 'ann', ?)", (START,)
        )
    house.sweep()
    assert house.kept() == {"c"}
