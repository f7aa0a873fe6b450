"""Vendors that must first be told of a visitor, and give ids of their own for everything after."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.relay.clock import SECOND
from tests.relay.listener import Answer, Heard, Listener, reset, say
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage

FIRST_WAIT = 6 * SECOND + 1


@pytest.fixture
def stage(stage_of: Callable[..., Stage], vendor: Listener) -> Stage:
    return stage_of({Parrot(introduces=True): vendor})


class Host:
    """Gives each visitor a name, and forgets them all when told to."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self.given = 0

    def __call__(self, heard: Heard) -> Answer:
        if heard.path == "/hello":
            self.given += 1
            self._names[heard.query["visitor"]] = f"name-{self.given}"
            return say(200, {"name": f"name-{self.given}"})
        if self._names.get(heard.body["visitor"]) != heard.body["name"]:
            return say(404, "who")
        return say()

    def forget_everybody(self) -> None:
        self._names.clear()


def paths(vendor: Listener) -> list[str]:
    return [heard.path for heard in vendor.heard]


def test_a_visitor_is_introduced_once_before_the_first_event(stage: Stage, vendor: Listener) -> None:
    vendor.answer = Host()
    stage.keep("e1", "e2", "e3")
    stage.start()
    stage.until_settled()
    assert paths(vendor) == ["/hello", "/tell", "/tell", "/tell"]
    assert {heard.body["name"] for heard in vendor.heard[1:]} == {"name-1"}


def test_each_visitor_is_introduced(stage: Stage, vendor: Listener) -> None:
    vendor.answer = Host()
    stage.keep("a1", visitor="ann")
    stage.keep("b1", visitor="bob")
    stage.start()
    stage.until_settled()
    assert sorted(paths(vendor)) == ["/hello", "/hello", "/tell", "/tell"]


def test_the_vendors_ids_outlast_a_restart(stage: Stage, vendor: Listener) -> None:
    vendor.answer = Host()
    stage.keep("e1")
    stage.start()
    stage.until_settled()
    stage.crash()
    stage.keep("e2")
    stage.start()
    stage.until_settled()
    assert paths(vendor) == ["/hello", "/tell", "/tell"]


@pytest.mark.parametrize(
    "bad",
    [say(500), say(200, "no JSON"), say(200, {"other": 1}), reset()],
    ids=["500", "text", "no id", "reset"],
)
def test_an_introduction_that_fails_is_tried_again(stage: Stage, vendor: Listener, bad: Answer) -> None:
    host = Host()
    vendor.answer = lambda heard: bad if heard.path == "/hello" else host(heard)
    stage.keep("e1", "e2")
    stage.start()
    stage.until_waiting("e1")
    vendor.answer = host
    stage.forward(FIRST_WAIT)
    rows = stage.until_settled()
    assert {row.state for row in rows.values()} == {"delivered"}
    assert paths(vendor) == ["/hello", "/hello", "/tell", "/tell"]


def test_an_introduction_that_is_refused_gives_the_event_up(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda heard: say(422, "no such shop")
    stage.keep("e1")
    stage.start()
    row = stage.until_settled()["e1"]
    assert (row.state, row.reason) == ("dead", "HTTP 422: no such shop")


def test_a_credential_refused_at_the_introduction_holds_the_destination(
    stage: Stage, vendor: Listener
) -> None:
    vendor.answer = lambda heard: say(403)
    stage.keep("e1")
    stage.start()
    stage.until(stage.held)
    assert stage.rows() == {}
    vendor.answer = Host()
    stage.forward(31 * SECOND)
    assert stage.until_settled()["e1"].state == "delivered"


def test_a_visitor_the_vendor_has_forgotten_is_introduced_again(stage: Stage, vendor: Listener) -> None:
    vendor.answer = host = Host()
    stage.keep("e1")
    stage.start()
    stage.until_settled()
    host.forget_everybody()
    stage.keep("e2", "e3")
    rows = stage.until_settled()
    assert paths(vendor) == ["/hello", "/tell", "/tell", "/hello", "/tell", "/tell"]
    assert [heard.body["name"] for heard in vendor.heard if heard.body] == [
        "name-1",
        "name-1",
        "name-2",
        "name-2",
    ]
    assert {row.state for row in rows.values()} == {"delivered"}
    assert rows["e2"].attempts == 1, "the event is none the worse for it"


def test_a_vendor_that_forgets_at_once_is_not_asked_for_ever(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda heard: say(200, {"name": "x"}) if heard.path == "/hello" else say(404, "who")
    stage.keep("e1")
    stage.start()
    row = stage.until_settled()["e1"]
    assert (row.state, row.reason) == ("dead", "HTTP 404: who")
    assert paths(vendor) == ["/hello", "/tell", "/hello", "/tell"]


def test_two_events_of_a_new_visitor_at_once_cause_one_introduction(stage: Stage, vendor: Listener) -> None:
    host, answer = Host(), threading.Event()
    vendor.answer = lambda heard: vendor.hold(answer, host(heard)) if heard.path == "/hello" else host(heard)
    stage.keep("e1")
    stage.start()
    stage.until(lambda: vendor.heard)
    stage.keep("e2")
    answer.set()
    stage.until_settled()
    assert host.given == 1


def test_an_introduction_is_on_record_with_the_event(stage: Stage, vendor: Listener) -> None:
    vendor.answer = Host()
    stage.keep("e1")
    stage.start()
    stage.until_settled()
    found = stage.query("SELECT method, path, status, reply FROM requests ORDER BY id")
    assert found == [("GET", "/hello", 200, '{"name": "name-1"}'), ("POST", "/tell", 200, "")]
