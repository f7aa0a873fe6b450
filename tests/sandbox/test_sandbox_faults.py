"""A vendor can be made to misbehave, and the ledger tells a fault from a judgement."""

from __future__ import annotations

import pytest

EVENTS = {"events": [{"eventType": "home-page-view", "visitorId": "v"}]}


@pytest.fixture
def misbehave(sandbox):
    return lambda **fault: sandbox.post("/_sandbox/faults", json={"vendor": "alana", **fault})


@pytest.fixture
def post(sandbox):
    return lambda: sandbox.post("/alana/api/v1/events", json=EVENTS, headers={"x-api-key": "ak_1"})


def test_a_status_is_answered_so_many_times_and_nothing_is_accepted(misbehave, post, entries):
    assert misbehave(status=503, times=2).status_code == 200
    assert [post().status_code for _ in range(3)] == [503, 503, 200]
    assert [entry["judgement"] for entry in entries()] == ["fault", "fault", "accepted"]
    assert [entry["status"] for entry in entries()] == [503, 503, 200]
    assert entries()[0]["answer"] == {"message": "Service Unavailable"}
    assert entries()[0]["body"] == EVENTS


def test_a_request_that_meets_a_fault_counts_toward_no_rate(misbehave, post):
    misbehave(status=500, times=100)
    for _ in range(100):
        post()
    assert post().status_code == 200


def test_without_times_it_lasts_until_it_is_cleared(misbehave, post):
    misbehave(status=500)
    assert {post().status_code for _ in range(5)} == {500}
    misbehave(status=None)
    assert post().status_code == 200


@pytest.mark.parametrize("clearing", [{"status": None}, {"times": 0}, {"status": 500, "times": 0}])
def test_a_clearing_order_ends_every_fault_of_its_vendor_alone(sandbox, misbehave, clearing):
    misbehave(status=500)
    misbehave(status=502, path="/api/v1/events")
    sandbox.post("/_sandbox/faults", json={"vendor": "blueshift", "status": 500})
    answer = misbehave(**clearing)
    assert [fault["vendor"] for fault in answer.get_json()] == ["blueshift"]


def test_a_new_fault_takes_the_place_of_the_old(misbehave, post):
    misbehave(status=500, times=5)
    misbehave(status=502, times=1)
    assert [post().status_code for _ in range(2)] == [502, 200]


def test_a_fault_of_one_path_leaves_the_others_alone(sandbox):
    sandbox.post("/_sandbox/faults", json={"vendor": "personaclick", "status": 500, "path": "/push"})
    assert sandbox.post("/personaclick/push", json={}).status_code == 500
    assert sandbox.post("/personaclick/push/custom", json={}).status_code == 401
    sandbox.post("/_sandbox/faults", json={"vendor": "personaclick", "times": 0, "path": "/push"})
    assert sandbox.post("/personaclick/push", json={}).status_code == 401


def test_faults_in_force_are_listed_with_the_times_that_are_left(sandbox, misbehave, post):
    misbehave(status=429, times=3, retry_after=7)
    post()
    (fault,) = sandbox.get("/_sandbox/faults").get_json()
    assert fault == {
        "vendor": "alana",
        "path": None,
        "status": 429,
        "delay_ms": 0,
        "times": 2,
        "retry_after": 7,
        "reset": False,
        "drip": False,
        "garbage": False,
    }


def test_retry_after_is_sent_with_its_status(misbehave, post):
    misbehave(status=429, retry_after=7)
    assert post().headers["Retry-After"] == "7"


def test_a_status_that_nobody_named_is_answered_too(misbehave, post):
    misbehave(status=599)
    assert (post().status_code, post().get_json()) == (599, {"message": "Status 599"})


def test_garbage_is_html_with_200(misbehave, post, entries):
    misbehave(garbage=True)
    answer = post()
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")
    assert (entries()[0]["judgement"], entries()[0]["answer"]) == ("fault", answer.text)


def test_garbage_may_have_another_status(misbehave, post):
    misbehave(garbage=True, status=502)
    assert (post().status_code, post().text[:9]) == (502, "<!doctype")


def test_a_delayed_request_is_judged_after_all(misbehave, post, entries):
    misbehave(delay_ms=1)
    assert post().get_json() == {"status": "ok", "stored": 1, "errors": 0}
    assert entries()[0]["judgement"] == "accepted"


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"vendor": "amazon", "status": 500}, "amazon"),
        ({"status": 500}, "vendor"),
        ({"vendor": "alana"}, "status"),
        ({"vendor": "alana", "status": "500"}, "status"),
        ({"vendor": "alana", "status": 99}, "status"),
        ({"vendor": "alana", "status": 100}, "status"),
        ({"vendor": "alana", "status": 600}, "status"),
        ({"vendor": "alana", "delay_ms": -1}, "delay_ms"),
        ({"vendor": "alana", "delay_ms": 600_001}, "delay_ms"),
        ({"vendor": "alana", "status": 500, "times": -1}, "times"),
        ({"vendor": "alana", "status": 500, "times": 1.5}, "times"),
        ({"vendor": "alana", "status": 500, "time": 1}, "time"),
        ({"vendor": "alana", "status": 500, "path": "/push"}, "/push"),
        ({"vendor": "alana", "retry_after": 5, "delay_ms": 5}, "retry_after"),
        ({"vendor": "alana", "reset": True, "status": 500}, "reset"),
        ({"vendor": "alana", "reset": True, "garbage": True}, "reset"),
        ({"vendor": "alana", "reset": True, "drip": True}, "reset"),
        ({"vendor": "alana", "reset": "yes"}, "reset"),
        ([], "object"),
    ],
)
def test_a_fault_that_is_none_gets_a_sentence(sandbox, fault, word):
    answer = sandbox.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 400
    assert word in answer.get_json()["error"]
    assert answer.get_json()["error"].endswith(".")
    assert sandbox.get("/_sandbox/faults").get_json() == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"\xff"', b"[" * 100_000])
def test_a_fault_that_is_no_json_gets_a_sentence(sandbox, body):
    answer = sandbox.post("/_sandbox/faults", data=body)
    assert (answer.status_code, answer.get_json()["error"][:16]) == (400, "That is no fault")
