"""One visitor's events reach a vendor in the order they were kept; visitors do not wait for each other."""

from __future__ import annotations

import threading

import pytest

from server.relay import loading
from server.store.deadletters import DeadLetters, Filter
from tests.relay.clock import DAY, MINUTE, SECOND
from tests.relay.listener import Answer, Heard, Listener, failing, reset, say
from tests.relay.stage import Stage

FIRST_WAIT = 6 * SECOND + 1
"""5 seconds and a fifth: by then what failed once is due."""


def test_a_visitors_events_arrive_in_the_order_they_were_kept(stage: Stage, vendor: Listener) -> None:
    for n in range(30):
        stage.keep(f"a{n}", visitor="ann")
        stage.keep(f"b{n}", visitor="bob")
    stage.start()
    stage.until_settled()
    assert [id for id in vendor.ids if id[0] == "a"] == [f"a{n}" for n in range(30)]
    assert [id for id in vendor.ids if id[0] == "b"] == [f"b{n}" for n in range(30)]


def test_visitors_go_side_by_side_and_one_visitors_events_do_not(stage: Stage, vendor: Listener) -> None:
    release = threading.Event()
    vendor.answer = lambda _: vendor.hold(release)
    for visitor in ("ann", "bob", "cyd"):
        stage.keep(f"{visitor}-1", f"{visitor}-2", visitor=visitor)
    stage.start()
    stage.until(lambda: len(vendor.heard) == 3, "three requests under way together")
    assert sorted(vendor.ids) == ["ann-1", "bob-1", "cyd-1"]
    release.set()
    stage.until_settled()
    assert sorted(vendor.ids[3:]) == ["ann-2", "bob-2", "cyd-2"]


def test_what_follows_a_failed_event_waits_for_it_and_other_visitors_do_not(
    stage: Stage, vendor: Listener
) -> None:
    vendor.answer = failing("a1")
    stage.keep("a1", "a2", visitor="ann")
    stage.start()
    stage.until_waiting("a1")
    stage.keep("a3", visitor="ann")
    stage.keep("b1", "b2", visitor="bob")
    stage.until_settled("b1", "b2")
    stage.until(lambda: "a3" in stage.rows())
    assert vendor.ids == ["a1", "b1", "b2"]
    assert {stage.rows()[id].state for id in ("a1", "a2", "a3")} == {"waiting"}

    stage.forward(FIRST_WAIT)
    stage.until_settled()
    assert vendor.ids == ["a1", "b1", "b2", "a1", "a2", "a3"]
    assert {row.state for row in stage.rows().values()} == {"delivered"}


def test_a_retried_event_that_succeeds_is_not_sent_once_more(stage: Stage, vendor: Listener) -> None:
    visitors = "abcd"
    vendor.answer = failing(*(f"{visitor}1" for visitor in visitors))
    for visitor in visitors:
        stage.keep(f"{visitor}1", f"{visitor}2", visitor=visitor)
    stage.start()
    stage.until_waiting(*(f"{visitor}1" for visitor in visitors))
    stage.forward(FIRST_WAIT)
    stage.until_settled()
    stage.keep("last", visitor="zoe")
    stage.until_settled("last")
    assert sorted(vendor.ids) == sorted([*(f"{v}{n}" for v in visitors for n in (1, 1, 2)), "last"])


def test_an_event_that_fails_again_and_again_keeps_its_place(stage: Stage, vendor: Listener) -> None:
    vendor.answer = failing("e2", times=3)
    stage.keep("e1", "e2", "e3", "e4")
    stage.start()
    for attempts, wait in ((1, 5 * SECOND), (2, 30 * SECOND), (3, 2 * MINUTE)):
        stage.until_waiting("e2", attempts=attempts)
        stage.forward(wait * 6 // 5 + 1)
    stage.until_settled()
    assert vendor.ids == ["e1", "e2", "e2", "e2", "e2", "e3", "e4"]


def test_events_that_arrive_while_a_request_is_under_way_follow_it(stage: Stage, vendor: Listener) -> None:
    release = threading.Event()
    vendor.answer = lambda heard: vendor.hold(release) if heard.ids == ["e1"] else say()
    stage.keep("e1")
    stage.start()
    stage.until(lambda: vendor.heard)
    stage.keep("e2")
    stage.keep("e3")
    stage.keep("other", visitor="bob")
    stage.until_settled("other")
    assert vendor.ids == ["e1", "other"]
    release.set()
    stage.until_settled()
    assert vendor.ids == ["e1", "other", "e2", "e3"]


def test_a_connection_that_breaks_delays_only_its_own_visitor(stage: Stage, vendor: Listener) -> None:
    vendor.answer = failing("a1", how=reset())
    stage.keep("a1", "a2", visitor="ann")
    stage.keep("b1", "b2", visitor="bob")
    stage.start()
    stage.until_settled("b1", "b2")
    stage.until_waiting("a1")
    stage.forward(FIRST_WAIT)
    stage.until_settled()
    assert [id for id in vendor.ids if id[0] == "a"] == ["a1", "a1", "a2"]


# More than is in memory at once.


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for 40 events, read ten at a time, three of one visitor."""
    monkeypatch.setattr(loading, "WINDOW", 40)
    monkeypatch.setattr(loading, "READ", 10)
    monkeypatch.setattr(loading, "LANE", 3)


@pytest.mark.usefixtures("small_memory")
def test_many_events_wait_behind_one_without_being_touched_again(stage: Stage, vendor: Listener) -> None:
    ids = [f"e{n:02}" for n in range(95)]
    vendor.answer = failing("e00", times=2)
    stage.keep(*ids)
    stage.start()
    stage.until_waiting("e00")
    stage.forward(FIRST_WAIT)
    stage.until_waiting("e00", attempts=2)
    # The second wait is half a minute; nothing of this visitor is looked at before.
    stage.until(lambda: len(stage.rows()) == 95, "all of them read")
    stage.until(lambda: all((row.next_at or DAY * 99999) > stage.clock() for row in stage.rows().values()))
    stage.forward(MINUTE)
    stage.until_settled()
    assert vendor.ids == ["e00", "e00", *ids]


@pytest.mark.usefixtures("small_memory")
def test_what_is_due_again_does_not_wait_for_the_end_of_a_backlog(stage: Stage, vendor: Listener) -> None:
    vendor.answer = failing("first")
    stage.keep("first", visitor="ann")
    stage.start()
    stage.until_waiting("first")
    answered = threading.Semaphore(0)

    def one_at_a_time(_: Heard) -> Answer:
        answered.acquire(timeout=10)
        return say()

    vendor.answer = one_at_a_time
    stage.keep_many((f"n{n}", f"v{n}") for n in range(200))
    stage.until(lambda: len(vendor.heard) > 2, "the backlog under way")
    stage.forward(FIRST_WAIT)
    answered.release(202)
    stage.until_settled()
    assert vendor.ids.index("first", 1) < 100


@pytest.mark.usefixtures("small_memory")
def test_a_long_stretch_settled_ahead_of_a_crash_is_passed_over(stage: Stage, vendor: Listener) -> None:
    """A slow request keeps the position back while many others are settled; then the relay dies."""
    vendor.answer = lambda heard: vendor.hold(vendor.closing) if heard.ids == ["slow"] else say()
    stage.keep("slow", visitor="slow")
    stage.start()
    others = [f"n{n}" for n in range(120)]
    stage.keep_many((id, f"visitor of {id}") for id in others)
    stage.until_settled(*others)
    stage.crash()
    stage.keep("after", visitor="late")
    stage.start()
    stage.until_settled("after")
    assert vendor.ids.count("slow") == 2
    assert sorted(vendor.ids) == sorted([*others, "slow", "slow", "after"])


@pytest.mark.usefixtures("small_memory")
def test_a_replay_of_many_does_not_keep_live_events_waiting(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(400)
    old = [f"old{n}" for n in range(200)]
    stage.keep_many((id, f"visitor of {id}") for id in old)
    stage.start()
    stage.until_settled()
    answered = threading.Semaphore(0)

    def one_at_a_time(_: Heard) -> Answer:
        answered.acquire(timeout=10)
        return say()

    vendor.answer = one_at_a_time
    letters = DeadLetters(stage.database)
    assert letters.replay(letters.list(Filter(), 1000), stage.clock()) == 200
    stage.until(lambda: len(vendor.heard) > 202, "the replay under way")
    stage.keep("live", visitor="zoe")
    answered.release(201)
    stage.until_settled()
    assert vendor.ids[200:].index("live") < 100
    assert sorted(vendor.ids[200:]) == sorted([*old, "live"])


@pytest.mark.usefixtures("small_memory")
def test_a_visitor_with_many_waiting_events_does_not_keep_others_from_being_retried(
    stage: Stage, vendor: Listener
) -> None:
    many = [f"many{n:02}" for n in range(60)]
    vendor.answer = failing("many00", "other")
    stage.keep(*many, visitor="ann")
    stage.keep("other", visitor="bob")
    stage.start()
    stage.until_waiting("many00", "other")
    stage.until(lambda: len(stage.rows()) == 61)
    stuck = threading.Event()
    vendor.answer = lambda heard: vendor.hold(stuck) if heard.ids[0].startswith("many") else say()
    stage.forward(FIRST_WAIT)
    stage.until_settled("other")
    stuck.set()
    stage.until_settled()
    assert [id for id in vendor.ids if id != "other"] == ["many00", *many]
