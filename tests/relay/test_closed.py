"""A destination that is held, throttled or failing: nothing is lost or hammered, it recovers by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.relay.clock import DAY, HOUR, MINUTE, SECOND
from tests.relay.listener import Answer, Heard, Listener, reset, say
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage

PROBES = [30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 10 * MINUTE]
"""How long after each refusal the next probe comes, when the credential is refused."""


def until_heard(stage: Stage, vendor: Listener, count: int) -> None:
    """That many requests have been made, and what came of them is written down."""
    stage.until(lambda: len(vendor.heard) >= count, f"request {count}")
    stage.until(lambda: stage.query("SELECT count(*) FROM requests")[0][0] >= count, f"{count} on record")


def probe_after(stage: Stage, vendor: Listener, wait: int) -> None:
    """The next request is made after this time and not a millisecond before."""
    before = len(vendor.heard)
    stage.forward(wait - 1)
    assert (stage.under_way(), len(vendor.heard)) == (0, before)
    stage.forward(1)
    until_heard(stage, vendor, before + 1)


# Held: the credential is refused.


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_holds_the_destination_and_loses_nothing(
    stage: Stage, vendor: Listener, status: int
) -> None:
    vendor.answer = lambda _: say(status, "who are you?")
    stage.keep("a1", "a2", visitor="ann")
    stage.start()
    until_heard(stage, vendor, 1)
    assert stage.held() == f"held: HTTP {status}: who are you?"
    for n in range(20):
        stage.keep(f"b{n}", visitor=f"v{n}")
    for wait in PROBES:
        probe_after(stage, vendor, wait)
    assert stage.rows() == {}, "none is settled, and none was put off"

    vendor.answer = lambda _: say()
    probe_after(stage, vendor, 10 * MINUTE)
    rows = stage.until_settled()
    assert set(rows) == {"a1", "a2", *(f"b{n}" for n in range(20))}
    assert {(row.state, row.attempts) for row in rows.values()} == {("delivered", 1)}, (
        "no attempt was used up"
    )
    stage.until(lambda: stage.held() == "")
    assert [id for id in vendor.ids if id[0] == "a"][-2:] == ["a1", "a2"]


def test_requests_that_were_under_way_do_not_open_a_held_destination(stage: Stage, vendor: Listener) -> None:
    late = threading.Event()

    def answer(heard: Heard) -> Answer:
        return vendor.hold(late) if heard.ids == ["slow"] else say(401)

    vendor.answer = answer
    stage.keep("slow", visitor="slow")
    stage.start()
    stage.until(lambda: vendor.heard)
    stage.keep("e1", visitor="ann")
    until_held(stage)
    late.set()
    stage.until_settled("slow")
    stage.keep("e2", visitor="bob")
    probe_after(stage, vendor, 30 * SECOND)
    assert stage.held() == "held: HTTP 401"
    assert vendor.ids[:2] == ["slow", "e1"]


def until_held(stage: Stage) -> None:
    stage.until(stage.held, "the destination held")


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_a_held_destination_is_shown_so_after_a_restart_and_tried_at_once(
    stage: Stage, vendor: Listener, how: str
) -> None:
    vendor.answer = lambda _: say(401, "who are you?")
    stage.keep("e1")
    stage.start()
    for restarts in range(1, 4):
        until_heard(stage, vendor, restarts)
        until_held(stage)
        stage.stop() if how == "stop" else stage.crash()
        assert stage.held() == "held: HTTP 401: who are you?"
        stage.start()
    until_heard(stage, vendor, 4)
    stage.crash()
    vendor.answer = lambda _: say()
    stage.start()
    assert stage.until_settled()["e1"].attempts == 1
    stage.until(lambda: stage.held() == "")


def test_events_grow_too_old_while_held_and_are_given_up_with_that_reason(
    stage: Stage, vendor: Listener
) -> None:
    vendor.answer = lambda _: say(401)
    stage.keep("view")
    stage.keep("order", name="purchase", transaction_id="o-1")
    stage.start()
    until_held(stage)
    vendor.answer = lambda _: say()
    stage.forward(DAY)
    rows = stage.until_settled()
    assert (rows["view"].state, rows["view"].reason) == ("dead", "too late: not delivered within 4 hours")
    assert rows["order"].state == "delivered"
    assert vendor.ids == ["view", "order"]


def test_a_redirect_is_not_followed_and_holds_the_destination(
    stage: Stage, vendor: Listener, listen: Callable[[], Listener]
) -> None:
    elsewhere = listen()
    vendor.answer = lambda _: say(307, headers={"Location": f"{elsewhere.url}/tell"})
    stage.keep("e1")
    stage.start()
    until_held(stage)
    assert stage.held() == "held: HTTP 307: a redirect; is base_url right?"
    assert elsewhere.heard == []


# Throttled: the vendor asks for a pause.


def test_too_many_requests_pause_the_destination_as_long_as_it_asks(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(429, headers={"Retry-After": "40"})
    stage.keep("a1", "a2", visitor="ann")
    stage.start()
    until_heard(stage, vendor, 1)
    stage.keep("b1", visitor="bob")
    probe_after(stage, vendor, 40 * SECOND)
    vendor.answer = lambda _: say()
    probe_after(stage, vendor, 40 * SECOND)
    rows = stage.until_settled("a1", "a2", "b1")
    assert {rows[id].attempts for id in ("a1", "a2", "b1")} == {1}
    assert [id for id in vendor.ids if id[0] == "a"] in (["a1", "a1", "a1", "a2"], ["a1", "a1", "a2"])


def test_without_a_wish_the_pauses_grow(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(429)
    stage.keep("e1")
    stage.start()
    until_heard(stage, vendor, 1)
    for wait in (5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 5 * MINUTE):
        probe_after(stage, vendor, wait)
    assert stage.held() == "throttled: HTTP 429"


def test_ten_minutes_of_too_many_requests_cost_no_event(stage: Stage, vendor: Listener) -> None:
    ends = stage.clock() + 10 * MINUTE
    vendor.answer = lambda _: say(429) if stage.clock() < ends else say()
    for n in range(30):
        stage.keep(f"e{n}", visitor=f"v{n % 7}")
    stage.start()
    until_held(stage)
    rows = stage.pass_time_until_settled(20 * SECOND)
    assert {(row.state, row.attempts) for row in rows.values()} == {("delivered", 1)}


def test_answers_to_earlier_requests_do_not_shorten_the_pause(stage: Stage, vendor: Listener) -> None:
    late = threading.Event()

    def answer(heard: Heard) -> Answer:
        if heard.ids == ["slow"]:
            return vendor.hold(late)
        return say(429, headers={"Retry-After": "600"})

    vendor.answer = answer
    stage.keep("slow", visitor="slow")
    stage.start()
    stage.until(lambda: vendor.heard)
    stage.keep("e1", visitor="ann")
    until_held(stage)
    late.set()
    stage.until_settled("slow")
    stage.keep("e2", visitor="bob")
    probe_after(stage, vendor, 600 * SECOND)


def test_after_too_many_requests_it_goes_on_more_slowly(
    stage_of: Callable[..., Stage], vendor: Listener
) -> None:
    stage = stage_of({Parrot(window=(20, 1000), concurrency=1): vendor})
    answers = [say(429, headers={"Retry-After": "1"}), *[say() for _ in range(19)]]
    vendor.answer = lambda _: answers.pop() if answers else say()
    for n in range(60):
        stage.keep(f"e{n}", visitor=f"v{n}")
    stage.start()
    until_heard(stage, vendor, 20)
    assert stage.held().startswith("throttled")
    stage.forward(SECOND)
    until_heard(stage, vendor, 30)
    stage.forward(999)
    assert len(vendor.heard) < 35, "about ten in the next second, instead of twenty"
    stage.pass_time_until_settled(SECOND)


def test_no_more_requests_start_in_a_window_than_the_vendor_allows(
    stage_of: Callable[..., Stage], vendor: Listener
) -> None:
    stage = stage_of({Parrot(window=(5, 1000)): vendor})
    for n in range(12):
        stage.keep(f"e{n}", visitor=f"v{n}")
    stage.start()
    for allowed in (5, 10, 12):
        until_heard(stage, vendor, allowed)
        stage.forward(999)
        assert (stage.under_way(), len(vendor.heard)) == (0, allowed)
        stage.forward(1)
    stage.until_settled()


# Failing: most requests go wrong.


def test_after_several_visitors_in_a_row_the_destination_is_probed_by_one_request(
    stage_of: Callable[..., Stage], vendor: Listener
) -> None:
    stage = stage_of({Parrot(concurrency=1): vendor})
    vendor.answer = lambda _: reset()
    for n in range(12):
        stage.keep(f"e{n}", visitor=f"v{n}")
    stage.start()
    until_held(stage)
    assert stage.held() == "failing: the connection broke before the answer"
    assert len(vendor.heard) == 5
    for wait in (5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 5 * MINUTE):
        probe_after(stage, vendor, wait)
    vendor.answer = lambda _: say()
    probe_after(stage, vendor, 5 * MINUTE)
    rows = stage.until_settled(*(f"e{n}" for n in range(12)))
    tried_twice = {id for id, row in rows.items() if row.attempts == 2}
    assert tried_twice == {f"e{n}" for n in range(5)}, "probes used up no attempt"
    stage.until(lambda: stage.held() == "")


def test_one_visitors_event_that_always_fails_does_not_close_the_destination(
    stage: Stage, vendor: Listener
) -> None:
    vendor.answer = lambda heard: say(500) if heard.ids == ["bad"] else say()
    stage.keep("bad", name="purchase", transaction_id="o-1")
    stage.start()
    for attempts in range(1, 8):
        row = stage.until_waiting("bad", attempts=attempts)["bad"]
        stage.forward((row.next_at or 0) - stage.clock())
    stage.until_waiting("bad", attempts=8)
    assert stage.held() == ""


def test_a_success_between_failures_keeps_the_destination_open(
    stage_of: Callable[..., Stage], vendor: Listener
) -> None:
    stage = stage_of({Parrot(concurrency=1): vendor})
    vendor.answer = lambda heard: say(500) if int(heard.ids[0][1:]) % 4 else say()
    for n in range(40):
        stage.keep(f"e{n}", visitor=f"v{n}")
    stage.start()
    stage.until(lambda: len(stage.rows()) == 40)
    assert stage.held() == ""
    assert len(vendor.heard) == 40


# The clock is set while a destination pauses.


def test_a_clock_set_back_does_not_prolong_a_pause(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(429, headers={"Retry-After": "60"})
    stage.keep("e1")
    stage.start()
    until_heard(stage, vendor, 1)
    vendor.answer = lambda _: say()
    stage.forward(-3 * HOUR)
    stage.keep("e2", visitor="bob")
    stage.forward(MINUTE)
    stage.until_settled()


def test_a_clock_set_back_does_not_stop_the_flow(stage_of: Callable[..., Stage], vendor: Listener) -> None:
    stage = stage_of({Parrot(window=(2, 1000)): vendor})
    stage.keep("e1", visitor="ann")
    stage.keep("e2", visitor="bob")
    stage.start()
    stage.until_settled()
    stage.forward(-DAY)
    stage.keep("e3", visitor="cyd")
    stage.until_settled()
