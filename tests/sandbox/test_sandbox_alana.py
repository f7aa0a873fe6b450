"""Alana's stand-in takes what the "Events" page shows, counts what is wrong, and keeps to its rates.

Error envelope and rate headers: its reference pages on errors and search.
"""

from __future__ import annotations

import pytest

from server.sandbox import create_sandbox

KEY = {"x-api-key": "ak_your_api_key"}
VIEW = {
    "eventType": "detail-page-view",
    "visitorId": "visitor-abc",
    "productId": "550e8400-e29b-41d4-a716-446655440000",
}
SEARCH = {"eventType": "search", "visitorId": "visitor-abc", "userId": "user-123", "query": "camiseta azul"}
PURCHASE = {
    "eventType": "purchase-complete",
    "visitorId": "v",
    "productIds": ["1", "2"],
    "revenue": 45.5,
    "currency": "EUR",
}
GOOD = [
    VIEW,
    SEARCH,
    PURCHASE,
    {"eventType": "home-page-view", "visitorId": "v"},
    {"eventType": "category-view", "visitorId": "v", "categoryPath": "shoes > boots"},
    {"eventType": "category-view", "visitorId": "v", "categoryPath": ["shoes", "boots"]},
    {"eventType": "add-to-cart", "visitorId": "v", "productId": "1", "metadata": {"quantity": 2}},
    {"eventType": "shopping-cart-page-view", "visitorId": "v"},
]
BAD = [
    "view",
    {},
    VIEW | {"eventType": "detail_page_view"},
    VIEW | {"eventType": None},
    VIEW | {"visitorId": ""},
    VIEW | {"visitorId": 5},
    VIEW | {"productId": ""},
    VIEW | {"productId": 100500},
    VIEW | {"userId": 42},
    VIEW | {"metadata": "x"},
    {"eventType": "detail-page-view", "visitorId": "v"},
    {"eventType": "add-to-cart", "visitorId": "v"},
    {"eventType": "home-page-view"},
    {"eventType": "search", "visitorId": "v"},
    SEARCH | {"query": ""},
    {"eventType": "category-view", "visitorId": "v"},
    {"eventType": "category-view", "visitorId": "v", "categoryPath": []},
    PURCHASE | {"productIds": "1"},
    PURCHASE | {"productIds": []},
    PURCHASE | {"productIds": [1]},
    PURCHASE | {"revenue": "45.5"},
    PURCHASE | {"revenue": True},
    PURCHASE | {"currency": None},
    {name: value for name, value in PURCHASE.items() if name != "revenue"},
    {name: value for name, value in PURCHASE.items() if name != "currency"},
    {name: value for name, value in PURCHASE.items() if name != "productIds"},
]


@pytest.fixture
def post(sandbox):
    return lambda events, headers=KEY: sandbox.post(
        "/alana/api/v1/events", json={"events": events}, headers=headers
    )


@pytest.mark.parametrize("event", GOOD, ids=lambda event: event["eventType"])
def test_an_event_as_the_page_has_it_is_stored_without_a_note(post, entries, event):
    answer = post([event])
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok", "stored": 1, "errors": 0})
    assert (entries()[-1]["judgement"], entries()[-1]["notes"]) == ("accepted", [])


@pytest.mark.parametrize("event", BAD)
def test_a_wrong_event_is_counted_and_the_others_are_stored(post, entries, event):
    answer = post([VIEW, event, SEARCH])
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok", "stored": 2, "errors": 1})
    assert entries()[-1]["judgement"] == "accepted"
    (note,) = entries()[-1]["notes"]
    assert note.startswith("events[1]")


def test_a_request_whose_every_event_is_wrong_counts_as_refused(post, entries):
    answer = post([{}, {}])
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok", "stored": 0, "errors": 2})
    assert entries()[-1]["judgement"].startswith("refused: no event is valid: events[0].eventType")


def test_a_field_the_page_does_not_name_is_noted(post, entries):
    assert post([VIEW | {"price": 5}]).get_json()["stored"] == 1
    assert entries()[-1]["notes"] == ["events[0].price: not a field the page names"]


def test_a_hundred_events_are_stored_and_one_more_is_400(post):
    assert post([VIEW] * 100).get_json()["stored"] == 100
    answer = post([VIEW] * 101)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"{}", b'{"events": {}}'])
def test_a_body_of_another_form_is_400(sandbox, body):
    assert sandbox.post("/alana/api/v1/events", data=body, headers=KEY).status_code == 400


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "AUTH_001"), ({"x-api-key": ""}, "AUTH_001"), ({"x-api-key": "a b"}, "AUTH_002")],
)
def test_a_wrong_key_is_401_in_the_vendors_envelope(post, headers, code):
    answer = post([VIEW], headers)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, code)
    assert answer.get_json()["error"].keys() == {"code", "message", "request_id"}


def test_the_key_may_be_in_the_query_and_the_ledger_does_not_show_it(sandbox, entries):
    answer = sandbox.post("/alana/api/v1/events?key=ak_1", json={"events": [VIEW]})
    assert answer.status_code == 200
    assert entries()[-1]["query"] == {"key": "*** (right)"}


def test_with_a_key_given_every_other_is_401(clock):
    sandbox = create_sandbox(clock, {"alana": "ak_right"}).test_client()
    for key, status in (("ak_right", 200), ("ak_wrong", 401)):
        answer = sandbox.post("/alana/api/v1/events", json={"events": [VIEW]}, headers={"x-api-key": key})
        assert answer.status_code == status


def test_the_hundred_and_first_request_of_a_minute_is_429_until_the_minute_is_over(post, clock):
    clock.forward(10)
    answers = [post([VIEW]) for _ in range(101)]
    assert [answer.status_code for answer in answers] == [200] * 100 + [429]
    assert [int(answer.headers["X-RateLimit-Remaining"]) for answer in answers[:3]] == [99, 98, 97]
    last = answers[-1]
    assert last.get_json()["error"]["code"] == "RATE_002"
    assert last.headers["Retry-After"] == "50"
    assert last.headers["X-RateLimit-Limit"] == "100"
    assert float(last.headers["X-RateLimit-Reset"]) == clock.now + 50
    clock.forward(49.9)
    assert post([VIEW]).headers["Retry-After"] == "1"
    clock.forward(0.1)
    assert post([VIEW]).status_code == 200


def test_requests_of_another_key_have_a_rate_of_their_own(post):
    for _ in range(100):
        post([VIEW])
    assert post([VIEW], {"x-api-key": "ak_other"}).status_code == 200


def test_a_thousand_requests_of_one_key_from_many_addresses_are_its_limit(sandbox):
    def send(address: int) -> object:
        return sandbox.post(
            "/alana/api/v1/events",
            json={"events": [VIEW]},
            headers=KEY,
            environ_base={"REMOTE_ADDR": f"10.0.0.{address}"},
        )

    assert {send(n % 11).status_code for n in range(1000)} == {200}
    answer = send(11)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (429, "RATE_001")
