"""Vendors that take many messages in one request, and events that are several messages."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from server.relay import sender
from tests.relay.clock import SECOND
from tests.relay.listener import Answer, Heard, Listener, failing, reset, say
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage

FIRST_WAIT = 6 * SECOND + 1


@pytest.fixture
def three(stage_of: Callable[..., Stage], vendor: Listener) -> Stage:
    """A vendor that takes three messages in a request, one request at a time."""
    return stage_of({Parrot(batch=3, concurrency=1): vendor})


def requests(vendor: Listener) -> list[list[tuple[str, int]]]:
    return [heard.told for heard in vendor.heard]


# How a batch fills.


def test_a_batch_fills_to_its_size_whoever_the_events_are_of(three: Stage, vendor: Listener) -> None:
    three.keep("a1", visitor="ann")
    three.keep("b1", visitor="bob")
    three.keep("a2", visitor="ann")
    three.keep("c1", visitor="cyd")
    three.keep("b2", visitor="bob")
    three.keep("c2", visitor="cyd")
    three.start()
    three.until_settled()
    assert [len(told) for told in requests(vendor)] == [3, 3]
    for visitor in "abc":
        assert [id for id in vendor.ids if id[0] == visitor] == [f"{visitor}1", f"{visitor}2"]


def test_several_events_of_one_visitor_ride_in_one_batch_in_order(three: Stage, vendor: Listener) -> None:
    three.keep("e1", "e2", "e3", "e4", "e5")
    three.start()
    three.until_settled()
    assert requests(vendor) == [[("e1", 0), ("e2", 0), ("e3", 0)], [("e4", 0), ("e5", 0)]]


def test_a_batch_that_does_not_fill_goes_after_a_moment(three: Stage, vendor: Listener) -> None:
    three.keep("lonely")
    three.start()
    assert three.until_settled()["lonely"].state == "delivered"


def test_a_batch_waits_that_moment_for_others_to_join(
    stage_of: Callable[..., Stage],
    vendor: Listener,
    listen: Callable[[], Listener],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender, "LINGER", 60.0)
    stage = stage_of({Parrot(batch=3): vendor, Parrot("prompt"): listen()})
    stage.start()
    stage.keep("first", visitor="ann")
    stage.until_settled("first", vendor="prompt")
    stage.keep("second", visitor="bob")
    stage.until_settled("second", vendor="prompt")
    stage.keep("third", visitor="cyd")
    stage.until_settled()
    assert [heard.ids for heard in vendor.heard] == [["first", "second", "third"]]


def test_no_request_is_larger_than_the_vendor_takes(stage_of: Callable[..., Stage], vendor: Listener) -> None:
    stage = stage_of({Parrot(batch=100, max_bytes=1000): vendor})
    for n in range(24):
        stage.keep(f"e{n}", visitor=f"v{n}", size=20 * n)
    stage.start()
    stage.until_settled()
    assert sorted(vendor.ids) == sorted(f"e{n}" for n in range(24))
    assert max(len(heard.raw) for heard in vendor.heard) <= 1000
    assert len(vendor.heard) < 12, "and yet many ride together"


def test_an_event_larger_than_a_batch_may_be_goes_by_itself(
    stage_of: Callable[..., Stage], vendor: Listener
) -> None:
    stage = stage_of({Parrot(batch=100, max_bytes=1000): vendor})
    stage.keep("small", visitor="ann")
    stage.keep("huge", visitor="bob", size=5000)
    stage.start()
    stage.until_settled()
    assert sorted(heard.ids for heard in vendor.heard) == [["huge"], ["small"]]


def test_a_request_has_one_path(three: Stage, vendor: Listener) -> None:
    three.keep("a1", visitor="ann", path="/tell")
    three.keep("a2", visitor="ann", path="/shout")
    three.keep("a3", visitor="ann", path="/tell")
    three.keep("b1", visitor="bob", path="/shout")
    three.start()
    three.until_settled()
    by_path = {(heard.path, id) for heard in vendor.heard for id in heard.ids}
    assert by_path == {("/tell", "a1"), ("/shout", "a2"), ("/tell", "a3"), ("/shout", "b1")}
    assert [id for id in vendor.ids if id[0] == "a"] == ["a1", "a2", "a3"]


# Events that are several messages.


def test_an_event_of_several_messages_is_told_message_by_message(stage: Stage, vendor: Listener) -> None:
    stage.keep("e1", parts=3)
    stage.keep("e2")
    stage.start()
    stage.until_settled()
    assert requests(vendor) == [[("e1", 0)], [("e1", 1)], [("e1", 2)], [("e2", 0)]]


def test_an_event_of_more_messages_than_a_batch_holds_goes_in_several(three: Stage, vendor: Listener) -> None:
    three.keep("e1", parts=7)
    three.keep("e2")
    three.start()
    three.until_settled()
    assert vendor.told == [*(("e1", n) for n in range(7)), ("e2", 0)]
    assert [len(told) for told in requests(vendor)] == [3, 3, 2]


def test_messages_that_arrived_are_not_sent_again_when_a_later_one_fails(
    stage: Stage, vendor: Listener
) -> None:
    trouble = [reset(), say(503)]
    vendor.answer = lambda heard: trouble.pop() if heard.told == [("e1", 2)] and trouble else say()
    stage.keep("e1", parts=4)
    stage.start()
    assert stage.until_waiting("e1")["e1"].told == 2
    stage.forward(FIRST_WAIT)
    stage.until_waiting("e1", attempts=2)
    stage.forward(37 * SECOND)
    stage.until_settled()
    assert vendor.told == [("e1", n) for n in (0, 1, 2, 2, 2, 3)]


def test_messages_that_arrived_are_not_sent_again_after_a_restart(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda heard: say(503) if heard.told == [("e1", 2)] else say()
    stage.keep("e1", parts=4)
    stage.keep("e2")
    stage.start()
    stage.until_waiting("e1")
    stage.crash()
    vendor.answer = lambda _: say()
    stage.forward(FIRST_WAIT)
    stage.start()
    stage.until_settled()
    assert vendor.told == [*(("e1", n) for n in (0, 1, 2, 2, 3)), ("e2", 0)]


def test_a_crash_between_two_messages_repeats_only_what_was_under_way(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda heard: vendor.hold(vendor.closing) if heard.told == [("e1", 3)] else say()
    stage.keep("e1", parts=5)
    stage.keep("e2")
    stage.start()
    stage.until(lambda: stage.rows().get("e1") and stage.rows()["e1"].told == 3)
    stage.crash()
    vendor.answer = lambda _: say()
    stage.start()
    stage.until_settled()
    assert vendor.told == [*(("e1", n) for n in (0, 1, 2, 3, 3, 4)), ("e2", 0)]


def test_an_event_of_no_message_is_settled_and_blocks_nothing(three: Stage, vendor: Listener) -> None:
    three.keep("empty", parts=0)
    three.keep("next")
    three.start()
    rows = three.until_settled()
    assert (rows["empty"].state, rows["empty"].reason) == (
        "not_wanted",
        "the vendor has nothing to be told of it",
    )
    assert rows["next"].state == "delivered"
    assert vendor.ids == ["next"]


# A batch that fails.


def test_a_batch_that_fails_is_tried_again_whole_and_in_order(three: Stage, vendor: Listener) -> None:
    vendor.answer = failing("a1")
    three.keep("a1", "a2", visitor="ann")
    three.keep("b1", "b2", visitor="bob")
    three.start()
    three.until_waiting("a1", "a2", "b1")
    three.forward(FIRST_WAIT)
    three.until_settled()
    assert vendor.ids[:3] == ["a1", "a2", "b1"]
    after = vendor.ids[3:]
    assert [id for id in after if id[0] == "a"] == ["a1", "a2"]
    assert [id for id in after if id[0] == "b"] == ["b1", "b2"]


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_of_a_refused_batch_only_the_bad_event_dies(three: Stage, vendor: Listener, status: int) -> None:
    vendor.answer = lambda heard: say(status, {"error": "b1 is bad"}) if "b1" in heard.ids else say()
    three.keep("a1", visitor="ann")
    three.keep("b1", visitor="bob")
    three.keep("c1", visitor="cyd")
    three.start()
    rows = three.until_settled()
    assert {id: row.state for id, row in rows.items()} == {"a1": "delivered", "b1": "dead", "c1": "delivered"}
    assert rows["b1"].reason == f'HTTP {status}: {{"error": "b1 is bad"}}'
    assert sorted(heard.ids for heard in vendor.heard) == [["a1"], ["a1", "b1", "c1"], ["b1"], ["c1"]]


def test_after_a_refused_batch_each_visitors_order_holds(three: Stage, vendor: Listener) -> None:
    vendor.answer = lambda heard: say(400) if "bad" in heard.ids else say()
    three.keep("a1", "bad", "a2", "a3")
    three.start()
    three.until_settled()
    assert vendor.ids[:3] == ["a1", "bad", "a2"]
    assert vendor.ids[3:] == ["a1", "bad", "a2", "a3"]


def test_a_batch_refused_again_after_a_restart_harms_no_other_event(three: Stage, vendor: Listener) -> None:
    holding = threading.Event()

    def answer(heard: Heard) -> Answer:
        if len(heard.ids) > 1:
            return say(400)
        return vendor.hold(holding) if not holding.is_set() else say(400 if heard.ids == ["bad"] else 200)

    vendor.answer = answer
    three.keep("good", visitor="ann")
    three.keep("bad", visitor="bob")
    three.start()
    three.until(lambda: len(vendor.heard) == 2)
    three.crash()
    holding.set()
    three.start()
    rows = three.until_settled()
    assert (rows["good"].state, rows["bad"].state) == ("delivered", "dead")
