"""One vendor's, shop's or event's trouble is nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.relay.listener import Answer, Listener, reset, say
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage, consent


@pytest.fixture
def two(stage_of: Callable[..., Stage], listen: Callable[[], Listener]) -> tuple[Stage, Listener, Listener]:
    """A stage, and the servers of its vendors "bad" and "good"."""
    bad, good = listen(), listen()
    return stage_of({Parrot("bad"): bad, Parrot("good"): good}), bad, good


def test_a_vendor_that_hangs_delays_no_other(two: tuple[Stage, Listener, Listener]) -> None:
    stage, bad, good = two
    bad.answer = lambda _: bad.hold(bad.closing)
    stage.keep_many((f"e{n}", f"v{n}") for n in range(50))
    stage.start()
    stage.until(lambda: len(bad.heard) == 8, "as many requests hanging as may be under way")
    stage.keep("last")
    stage.until_settled(vendor="good")
    assert len(good.ids) == 51
    assert len(bad.heard) == 8


@pytest.mark.parametrize(
    "trouble", [say(401), say(429), reset(), say(500)], ids=["401", "429", "reset", "500"]
)
def test_a_vendor_in_trouble_delays_no_other(two: tuple[Stage, Listener, Listener], trouble: Answer) -> None:
    stage, bad, _ = two
    bad.answer = lambda _: trouble
    stage.keep_many((f"e{n}", f"v{n % 10}") for n in range(50))
    stage.start()
    rows = stage.until_settled(vendor="good")
    assert {(row.state, row.attempts) for row in rows.values()} == {("delivered", 1)}
    assert stage.held("good") == ""


def test_one_shops_trouble_is_not_anothers(stage_of: Callable[..., Stage], vendor: Listener) -> None:
    stage = stage_of({Parrot(): vendor}, shops=("demo", "other"))
    demo = stage.pseudonym("demo", "ann")
    vendor.answer = lambda heard: say(401) if heard.body["visitor"] == demo else say()
    stage.keep("e1", "e2", shop="demo")
    stage.keep("e1", "e2", shop="other")
    stage.start()
    stage.until(lambda: [row.state for row in stage.rows(shop="other").values()] == ["delivered"] * 2)
    stage.until(
        lambda: stage.query("SELECT count(*) FROM destinations WHERE held_since IS NOT NULL") == [(1,)]
    )
    assert stage.rows(shop="demo") == {}


def test_each_shop_gets_its_own_events_and_no_other(stage_of: Callable[..., Stage], vendor: Listener) -> None:
    stage = stage_of({Parrot(): vendor}, shops=("demo", "other"))
    stage.keep("ours", shop="demo")
    stage.keep("theirs", shop="other")
    stage.start()
    stage.until(lambda: len(vendor.heard) == 2)
    told = {(heard.body["id"], heard.body["visitor"]) for heard in vendor.heard}
    assert told == {("ours", stage.pseudonym("demo", "ann")), ("theirs", stage.pseudonym("other", "ann"))}
    assert len({visitor for _, visitor in told}) == 2, "the same visitor id is two people in two shops"


# An adapter that stumbles.


@pytest.mark.parametrize("step", ["wants", "introduction", "messages", "request"])
def test_an_event_an_adapter_stumbles_over_stops_no_other(stage: Stage, vendor: Listener, step: str) -> None:
    stage.keep("e1")
    stage.keep("bad", breaks=step)
    stage.keep("e2")
    stage.keep("b1", visitor="bob")
    stage.start()
    rows = stage.until_settled()
    assert {id: row.state for id, row in rows.items()} == {
        "e1": "delivered",
        "bad": "dead",
        "e2": "delivered",
        "b1": "delivered",
    }
    assert rows["bad"].reason == "Gatepost could not translate it; its log tells why"
    assert [id for id in vendor.ids if id != "b1"] == ["e1", "e2"]


@pytest.mark.parametrize("step", ["wants", "introduction", "messages", "request"])
def test_in_a_batch_too(stage_of: Callable[..., Stage], vendor: Listener, step: str) -> None:
    stage = stage_of({Parrot(batch=10): vendor})
    stage.keep("e1", visitor="ann")
    stage.keep("bad", visitor="bob", breaks=step)
    stage.keep("e2", visitor="cyd")
    stage.start()
    rows = stage.until_settled()
    assert {id: row.state for id, row in rows.items()} == {
        "e1": "delivered",
        "bad": "dead",
        "e2": "delivered",
    }
    assert sorted(vendor.ids) == ["e1", "e2"]


def test_an_adapter_that_stumbles_while_the_destination_is_held_does_not_hold_it_for_ever(
    stage: Stage, vendor: Listener
) -> None:
    """The event that is the probe is one the adapter stumbles over."""
    vendor.answer = lambda _: say(401)
    stage.keep("e1", visitor="ann")
    stage.start()
    stage.until(stage.held)
    stage.crash()
    vendor.answer = lambda _: say()
    stage.consent(consent(personalization="denied"), visitor="ann")
    stage.keep("bad", visitor="bob", breaks="request")
    stage.keep("e2", visitor="cyd")
    stage.start()
    rows = stage.until_settled()
    assert (rows["bad"].state, rows["e2"].state) == ("dead", "delivered")
    stage.until(lambda: stage.held() == "")


def test_an_answer_an_adapter_stumbles_over_is_judged_by_its_status(stage: Stage, vendor: Listener) -> None:
    answers = {"taken": say(200, "stumble"), "refused": say(400, "stumble"), "later": say(503, "stumble")}
    vendor.answer = lambda heard: answers[heard.ids[0]]
    for id in answers:
        stage.keep(id, visitor=f"visitor of {id}")
    stage.start()
    stage.until(lambda: len(stage.rows()) == 3)
    assert {id: row.state for id, row in stage.rows().items()} == {
        "taken": "delivered",
        "refused": "dead",
        "later": "waiting",
    }


# A row that cannot be read.


def test_an_event_whose_record_is_damaged_is_given_up_and_stops_no_other(
    stage: Stage, vendor: Listener
) -> None:
    stage.keep("e1", "damaged", "e2")
    stage.keep("b1", visitor="bob")
    damage(stage, "damaged")
    stage.start()
    rows = stage.until_settled()
    assert (rows["damaged"].state, rows["damaged"].reason) == (
        "dead",
        "its record in the database cannot be read",
    )
    assert [id for id in vendor.ids if id != "b1"] == ["e1", "e2"]


@pytest.mark.parametrize("which", ["e1", "e2", "e3"])
def test_a_record_damaged_while_it_waits_stops_no_other(stage: Stage, vendor: Listener, which: str) -> None:
    vendor.answer = lambda _: say(503)
    stage.keep("e1", "e2", "e3")
    stage.start()
    stage.until_waiting("e1")
    stage.until(lambda: len(stage.rows()) == 3)
    damage(stage, which)
    vendor.answer = lambda _: say()
    stage.forward(6001)
    rows = stage.until_settled()
    assert rows[which].state == "dead"
    assert vendor.ids[1:] == [id for id in ("e1", "e2", "e3") if id != which]


def damage(stage: Stage, id: str) -> None:
    connection = stage.database.connect()
    connection.execute("UPDATE events SET body = ? WHERE id = ?", (b'{"id": "half', id))
    connection.close()


# Destinations that come later.


def test_a_destination_added_later_gets_only_later_events(
    stage: Stage, vendor: Listener, listen: Callable[[], Listener]
) -> None:
    stage.keep("before")
    stage.start()
    stage.until_settled()
    stage.stop()
    stage.keep("between")
    late = listen()
    stage.add(Parrot("late"), late)
    stage.keep("after")
    stage.start()
    stage.until_settled()
    stage.until_settled("after", vendor="late")
    assert vendor.ids == ["before", "between", "after"]
    assert late.ids == ["after"]


# What the relay itself needs does not wait for vendors either.


def test_outcomes_are_written_while_every_ordinary_thread_waits_for_a_name_server(
    stage: Stage, vendor: Listener
) -> None:
    """Looking names up takes threads of the loop's default pool, and may hang for many seconds."""
    release = threading.Event()
    pool = ThreadPoolExecutor(2)
    for _ in range(8):
        pool.submit(release.wait)
    stage.start()
    stage.with_loop(lambda loop: loop.set_default_executor(pool))
    stage.keep("e1")
    try:
        assert stage.until_settled()["e1"].state == "delivered"
    finally:
        release.set()
