"""When the database refuses for a while: little is sent that cannot be written down, and then it goes on."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from server.errors import GatepostError
from server.relay import journal, relay
from server.relay.relay import Relay
from server.store import database
from server.store.outbox import Outbox
from tests.relay.listener import Listener, say
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write waits for others a tenth of a second, and is tried again after a twentieth."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(relay, "AFTER_FAILURE", 0.05)


@pytest.fixture
def lock(stage: Stage) -> Iterator[sqlite3.Connection]:
    """Somebody else's connection, which can take the database for itself: BEGIN IMMEDIATE, ROLLBACK."""
    connection = stage.database.connect()
    yield connection
    connection.close()


@pytest.mark.usefixtures("impatient")
def test_a_locked_database_delays_what_is_written_and_repeats_nothing(
    stage: Stage, vendor: Listener, lock: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    stage.keep_many((f"e{n}", f"v{n % 6}") for n in range(60))
    stage.start()
    lock.execute("BEGIN IMMEDIATE")
    stage.until(lambda: "nothing more is sent until they are" in caplog.text)
    lock.execute("ROLLBACK")
    stage.until_settled()
    assert Counter(Counter(vendor.ids).values()) == {1: 60}


@pytest.mark.usefixtures("impatient")
def test_nothing_is_sent_while_outcomes_cannot_be_written(
    stage: Stage, vendor: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, mended = threading.Semaphore(0), threading.Event()
    record = Outbox.record

    def failing_record(self: Outbox, reports: object) -> None:
        if not mended.is_set():
            tried.release()
            raise MemoryError("whatever it may be")
        record(self, reports)  # type: ignore[arg-type]

    monkeypatch.setattr(Outbox, "record", failing_record)
    stage.start()
    stage.keep("e1")
    assert tried.acquire(timeout=10)
    before = list(vendor.ids)
    stage.keep("e2")
    stage.keep("b1", visitor="bob")
    assert tried.acquire(timeout=10), "it is tried again"
    assert vendor.ids == before == ["e1"]
    mended.set()
    stage.until_settled()
    assert sorted(vendor.ids) == ["b1", "e1", "e2"]


def test_only_so_much_is_sent_before_it_is_written_down(
    stage_of: Callable[..., Stage], vendor: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on no disk yet would be sent again after a crash, so it is bounded however slow the disk is."""
    monkeypatch.setattr(journal, "MOST", 20)
    stage = stage_of({Parrot(concurrency=4): vendor})
    go_on = threading.Event()
    record = Outbox.record

    def slow_record(self: Outbox, reports: object) -> None:
        go_on.wait(10)
        record(self, reports)  # type: ignore[arg-type]

    monkeypatch.setattr(Outbox, "record", slow_record)
    stage.keep_many((f"e{n}", f"v{n}") for n in range(100))
    stage.start()
    stage.until(lambda: len(vendor.heard) >= 20)
    stage.wake()
    assert len(vendor.heard) <= 20 + 4
    go_on.set()
    stage.until_settled()
    assert Counter(Counter(vendor.ids).values()) == {1: 100}


def test_a_database_that_cannot_be_read_for_a_moment_costs_no_event(
    stage: Stage, vendor: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading fails in the middle of bringing new events in, at one step after the other."""
    monkeypatch.setattr("server.relay.sender.AFTER_ERROR", 0.01)
    left = Counter({"due": 2, "unread": 2, "blocked": 2, "consent": 7, "ids": 5, "next_due": 2})

    def failing(name: str, method: Callable[..., object]) -> Callable[..., object]:
        def read(self: Outbox, *values: object) -> object:
            if left[name] > 0:
                left[name] -= 1
                raise sqlite3.OperationalError("disk I/O error")
            return method(self, *values)

        return read

    for name in left:
        monkeypatch.setattr(Outbox, name, failing(name, getattr(Outbox, name)))
    stage.keep_many((f"e{n}", f"v{n % 7}") for n in range(40))
    stage.start()
    rows = stage.until_settled()
    assert +left == {}, "every one of them has failed"
    assert {row.state for row in rows.values()} == {"delivered"}
    assert Counter(Counter(vendor.ids).values()) == {1: 40}


@pytest.mark.usefixtures("impatient")
def test_a_relay_that_stops_while_the_database_refuses_tries_a_few_times_and_ends(
    stage: Stage, vendor: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = []
    fails = threading.Event()
    record = Outbox.record

    def failing_record(self: Outbox, reports: object) -> None:
        attempts.append(1)
        fails.set()
        raise MemoryError("for good")

    monkeypatch.setattr(Outbox, "record", failing_record)
    stage.keep("e1")
    stage.start()
    assert fails.wait(10)
    before = len(attempts)
    stage.stop()
    assert 1 <= len(attempts) - before <= 4
    monkeypatch.setattr(Outbox, "record", record)
    stage.start()
    stage.until_settled()
    assert vendor.ids == ["e1", "e1"], "the only way: the answer was never on any disk"


def test_a_relay_that_stops_finishes_what_is_under_way_and_begins_nothing(
    stage: Stage, vendor: Listener
) -> None:
    release = threading.Event()
    vendor.answer = lambda _: vendor.hold(release)
    stage.keep("a1", "a2", visitor="ann")
    stage.keep("b1", visitor="bob")
    stage.start()
    stage.until(lambda: len(vendor.heard) == 2)
    threading.Timer(0.2, release.set).start()
    stage.stop()
    assert {id: row.state for id, row in stage.rows().items()} == {"a1": "delivered", "b1": "delivered"}
    assert sorted(vendor.ids) == ["a1", "b1"]


def test_a_reply_that_is_no_text_can_be_written_down(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(400, b"\xff\xfe\x00\xed\xa0\x80 half an emoji \xf0\x9f")
    stage.keep("e1")
    stage.start()
    assert stage.until_settled()["e1"].state == "dead"


@pytest.mark.usefixtures("impatient")
def test_a_relay_that_cannot_begin_says_why_in_one_sentence(
    stage_of: Callable[..., Stage], vendor: Listener
) -> None:
    stage = stage_of({Parrot(): vendor})
    lock = stage.database.connect()
    lock.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(GatepostError) as refusal:
            Relay(stage.settings, {"parrot": Parrot()}, stage.database)
    finally:
        lock.close()
    assert str(refusal.value) == "the database cannot be used now: database is locked"
