"""A relay that dies at any moment: everything arrives, and only what was under way arrives twice."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from server.relay import relay
from tests.relay.clock import SECOND
from tests.relay.listener import Answer, Heard, Listener, failing, say
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage

FIRST_WAIT = 6 * SECOND + 1


def test_what_was_kept_before_any_relay_ran_is_delivered(stage: Stage, vendor: Listener) -> None:
    stage.keep("e1", "e2")
    stage.start()
    stage.until_settled()
    assert vendor.ids == ["e1", "e2"]


def test_what_is_kept_while_no_relay_runs_is_delivered_by_the_next(stage: Stage, vendor: Listener) -> None:
    stage.keep("e1")
    stage.start()
    stage.until_settled()
    stage.stop()
    stage.keep("e2", "e3")
    stage.start()
    stage.until_settled()
    assert vendor.ids == ["e1", "e2", "e3"]


def test_a_relay_that_ended_in_order_repeats_nothing(stage: Stage, vendor: Listener) -> None:
    stage.keep_many((f"e{n}", f"v{n % 5}") for n in range(60))
    for _ in range(4):
        stage.start()
        before = len(vendor.heard)
        stage.until(lambda before=before: len(vendor.heard) >= before + 10)
        stage.stop()
    stage.start()
    stage.until_settled()
    assert max(Counter(vendor.ids).values()) == 1
    assert len(vendor.ids) == 60


def test_a_request_without_an_answer_before_the_crash_is_made_again(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: vendor.hold(vendor.closing)
    stage.keep("e1", "e2")
    stage.start()
    stage.until(lambda: vendor.heard)
    stage.crash()
    vendor.answer = lambda _: say()
    stage.start()
    stage.until_settled()
    assert vendor.ids == ["e1", "e1", "e2"]


def test_an_answer_that_was_not_written_down_before_the_crash_is_asked_for_again(
    stage: Stage, vendor: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "GATHER", 3600)
    stage.keep("a1", "a2", visitor="ann")
    stage.keep("b1", visitor="bob")
    stage.start()
    stage.until(lambda: len(vendor.heard) == 3)
    stage.crash()
    assert stage.rows() == {}
    monkeypatch.undo()
    stage.start()
    stage.until_settled()
    assert Counter(vendor.ids) == {"a1": 2, "a2": 2, "b1": 2}
    assert [id for id in vendor.ids if id[0] == "a"] == ["a1", "a2", "a1", "a2"]


def test_an_outcome_written_down_before_the_crash_is_final(stage: Stage, vendor: Listener) -> None:
    """Among them some settled ahead of an earlier one that hangs."""
    answers: dict[str, Answer] = {"dead": say(400), "hangs": vendor.hold(vendor.closing), "waits": say(503)}
    vendor.answer = lambda heard: answers.get(heard.ids[0], say())
    for id in ("hangs", "sent", "dead", "waits"):
        stage.keep(id, visitor=f"visitor of {id}")
    stage.keep("unwanted", unwanted="no use for it")
    stage.start()
    stage.until(lambda: len(stage.rows()) == 4)
    stage.crash()
    answers.clear()
    stage.start()
    stage.until_settled("hangs")
    assert Counter(vendor.ids) == {"hangs": 2, "sent": 1, "dead": 1, "waits": 1}
    states = {id: row.state for id, row in stage.rows().items()}
    assert states == {
        "hangs": "delivered",
        "sent": "delivered",
        "dead": "dead",
        "waits": "waiting",
        "unwanted": "not_wanted",
    }
    stage.forward(FIRST_WAIT)
    stage.until_settled()
    assert Counter(vendor.ids)["waits"] == 2


def test_waiting_events_keep_their_times_and_tries_across_restarts(stage: Stage, vendor: Listener) -> None:
    vendor.answer = failing("e1", times=3)
    stage.keep("e1", "e2")
    for attempts, wait in ((1, 5 * SECOND), (2, 30 * SECOND), (3, 120 * SECOND)):
        stage.start()
        next_at = stage.until_waiting("e1", attempts=attempts)["e1"].next_at
        assert next_at is not None
        assert wait * 0.8 <= next_at - stage.clock() <= wait * 1.2
        stage.crash()
        stage.forward(next_at - stage.clock())
    stage.start()
    stage.until_settled()
    assert vendor.ids == ["e1"] * 4 + ["e2"]


def test_events_behind_one_that_was_settled_right_before_the_crash_go_on(
    stage: Stage, vendor: Listener
) -> None:
    """The first is delivered and written down, those behind it wait in the store for their turn."""
    hanging = threading.Event()
    vendor.answer = failing("e1")
    stage.keep("e1", "e2", "e3")
    stage.start()
    stage.until_waiting("e1")
    vendor.answer = lambda heard: vendor.hold(hanging) if heard.ids == ["e2"] else say()
    stage.forward(FIRST_WAIT)
    stage.until_settled("e1")
    stage.until(lambda: vendor.ids[-1] == "e2")
    stage.crash()
    hanging.set()
    stage.start()
    stage.until_settled()
    assert vendor.ids == ["e1", "e1", "e2", "e2", "e3"]


def test_several_visitors_in_all_states_survive_a_crash_in_order(
    stage_of: Callable[..., Stage], vendor: Listener
) -> None:
    stage = stage_of({Parrot(batch=3, concurrency=2): vendor})
    vendor.answer = failing("a1", "b2", "c3")
    stage.keep_many((f"{visitor}{n}", visitor) for n in range(1, 6) for visitor in "abcd")
    stage.start()
    stage.until(lambda: len([row for row in stage.rows().values() if row.attempts]) >= 3)
    stage.crash()
    stage.forward(FIRST_WAIT)
    stage.start()
    stage.until_settled()
    for visitor in "abcd":
        arrived = [id for id in vendor.ids if id[0] == visitor]
        assert list(dict.fromkeys(arrived)) == [f"{visitor}{n}" for n in range(1, 6)]


@pytest.mark.parametrize("seed", [1])
def test_crashes_at_random_moments_lose_nothing_and_repeat_nothing_that_was_written_down(
    stage_of: Callable[..., Stage], vendor: Listener, seed: int
) -> None:
    chance = random.Random(seed)
    lock = threading.Lock()
    stage = stage_of({Parrot(concurrency=4): vendor})

    def answer(_: Heard) -> Answer:
        with lock:
            return chance.choices([say(), say(503), say(429)], [90, 8, 2])[0]

    vendor.answer = answer
    parts = {f"e{n}": 1 + n % 3 for n in range(40)}
    for n, (id, count) in enumerate(parts.items()):
        stage.keep(id, visitor=f"v{n % 7}", name="purchase", transaction_id=id, parts=count)
    on_record: list[tuple[int, set[tuple[str, int]]]] = []
    while stage.unsettled():
        stage.start()
        enough = len(vendor.heard) + chance.randrange(1, 25)
        stage.until(partial(_heard_or_settled, stage, vendor, enough))
        stage.crash()
        told = {(id, part) for id, row in stage.rows().items() for part in range(row.told)}
        on_record.append((len(vendor.told), told))

    assert set(vendor.told) == {(id, part) for id, count in parts.items() for part in range(count)}
    assert {row.state for row in stage.rows().values()} == {"delivered"}
    for heard_before, told in on_record:
        assert told.isdisjoint(vendor.told[heard_before:])


def _heard_or_settled(stage: Stage, vendor: Listener, enough: int) -> bool:
    """Lets time pass, since some answers ask for patience."""
    stage.forward(SECOND)
    return len(vendor.heard) >= enough or not stage.unsettled()
