"""Blueshift's stand-in takes what "Your site/app's event data" shows and refuses what it forbids.

Answers and limits: its API reference.
"""

from __future__ import annotations

import pytest

from server.sandbox import create_sandbox

BUYER = {"email": "buyer@shop.example"}
EXAMPLES = [
    {"event": "pageload", "url": "https://shop.example/", "referrer": "", "ip": "201.44.11.21", **BUYER},
    {
        "event": "identify",
        "customer_id": "11111",
        **BUYER,
        "joined_at": "2015-03-17T17:27:20+00:00",
        "firstname": "John",
        "lastname": "Doe",
        "other": "value",
    },
    {"event": "view", "products": [{"sku": "45790-32"}], "cookie": "c57a43f7-eefc-462b-b5a8-0ef421e90f67"},
    {"event": "add_to_cart", "product_id": "sku1", **BUYER},
    {"event": "remove_from_cart", "product_id": "sku1", **BUYER},
    {"event": "checkout", **BUYER, "total": 30, "products": [{"sku": "45790-32"}, {"sku": "46493-33"}]},
    {
        "event": "purchase",
        **BUYER,
        "order_id": "50314",
        "total": 30,
        "revenue": 25,
        "shipping": 3,
        "tax": 2,
        "discount": 2.5,
        "coupon": "hasbros",
        "products": [
            {"sku": "45790-32", "price": 19, "quantity": 1},
            {"sku": "46493-32", "price": 3, "quantity": 2},
        ],
    },
    {"event": "search", "keywords": "shoes", "product_ids": ["SKU1", "SKU2"], **BUYER},
    {"event": "your_custom_event_name", "attribute1": "value1", "attribute2": "value2", **BUYER},
    {
        "event": "subscription_start",
        **BUYER,
        "subscription_period_type": "month",
        "subscription_period_length": "1",
        "subscription_plan_type": "subscription-sku-name1",
        "subscription_amount": "29.99",
        "subscription_started_at": "2015-03-17T17:27:20+00:00",
        "subscription_end_at": "2015-06-17T17:27:20+00:00",
    },
    {
        "event": "subscription_billing",
        **BUYER,
        "revenue": "19.99",
        "billing_date": "2014-14-11T17:27:20+00:00",  # sic: the page's own
    },
    {
        "event": "subscription_cancel",
        **BUYER,
        "subscription_plan_type": "subscription-sku-name",
        "subscription_canceled_at": "2016-04-12T17:27:20+00:00",
    },
    {"event": "x" * 64, **BUYER, "timestamp": "2026-09-21T10:11:12.345678Z", "event_uuid": "1"},
]
BULK = {
    "events": [
        {
            "customer_id": "812122",
            "event": "identify",
            "device_type": "ios",
            "device_tokens": "49244924492449244924492449244924492449244924",
            "device_id": "4444444",
            "ip": "201.44.11.21",
            "latitude": "212.99333",
            "longitude": "-12.39334",
        },
        {"customer_id": "812123", "event": "purchase", "ip": "201.44.11.22", "revenue": "31.24"},
    ]
}


@pytest.fixture
def post(sandbox, basic):
    """Post to one of the calls with a key."""
    return lambda path, body: sandbox.post(f"/blueshift/api/v1{path}", json=body, headers=basic("KEY", ""))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event["event"])
def test_an_event_as_the_page_has_it_is_accepted(post, entries, event):
    answer = post("/event", event)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "OK"})
    assert answer.headers["x-request-id"]
    assert (entries()[-1]["judgement"], entries()[-1]["notes"]) == ("accepted", [])


def test_a_bulk_call_as_the_page_has_it_counts_its_events(post):
    answer = post("/bulkevents", BULK)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok", "count": 2})


VIEW = {"event": "view", "products": [{"sku": "1"}], **BUYER}
CART = {"event": "add_to_cart", "product_id": "1", **BUYER}
REFUSALS = [
    ("event", {**BUYER}),
    ("event", {"event": "", **BUYER}),
    ("event", {"event": 5, **BUYER}),
    ("event", {"event": "cart.add", **BUYER}),
    ("event", {"event": "add to cart", **BUYER}),
    ("event", {"event": "tab\there", **BUYER}),
    ("event", {"event": "12345", **BUYER}),
    ("event", {"event": "x" * 65, **BUYER}),
    ("customer_id", {"event": "pageload"}),
    ("customer_id", {"event": "pageload", "email": "", "cookie": ""}),
    ("customer_id", {"event": "identify", "cookie": "c57a43f7-eefc-462b-b5a8-0ef421e90f67"}),
    ("customer_id", {"event": "pageload", "customer_id": "x" * 129}),
    ("customer_id", {"event": "pageload", "customer_id": 42}),
    ("email", {"event": "pageload", "email": "x" * 257}),
    ("email", {"event": "pageload", "email": None}),
    ("cookie", {"event": "pageload", "cookie": "x" * 37}),
    ("products[0].sku", VIEW | {"products": [{"product_id": "1"}]}),
    ("products[0].sku", VIEW | {"products": [{"sku": 45790}]}),
    ("products", {"event": "view", "product_id": "1", **BUYER}),
    ("products", {"event": "checkout", "products": {"sku": "1"}, **BUYER}),
    ("products[0].price", VIEW | {"products": [{"sku": "1", "price": "cheap"}]}),
    ("product_id", {"event": "add_to_cart", "products": [{"sku": "1"}], **BUYER}),
    ("product_id", {"event": "remove_from_cart", "sku": "1", **BUYER}),
    ("product_id", CART | {"product_id": 1}),
    ("total", {"event": "purchase", "total": "a lot", **BUYER}),
    ("total", {"event": "purchase", "total": True, **BUYER}),
    ("keywords", {"event": "search", "keywords": ["a"], **BUYER}),
    ("product_ids", {"event": "search", "product_ids": "SKU1", **BUYER}),
    ("timestamp", CART | {"timestamp": 1790000000000}),
    ("timestamp", CART | {"timestamp": "21.09.2026"}),
    ("timestamp", CART | {"timestamp": "2026-13-01T00:00:00Z"}),
    ("timestamp", CART | {"timestamp": "2026-09-21"}),
    ("joined_at", {"event": "identify", "joined_at": "yesterday", **BUYER}),
    ("subscription_started_at", {"event": "subscription_start", "subscription_started_at": 5, **BUYER}),
    ("_bsft_ts", CART | {"_bsft_ts": "now"}),
]


@pytest.mark.parametrize(("field", "event"), REFUSALS)
def test_a_wrong_event_is_400_and_names_its_field(post, entries, field, event):
    answer = post("/event", event)
    assert answer.status_code == 400
    assert list(answer.get_json()["errors"]) == [field]
    assert entries()[-1]["judgement"].startswith(f"refused: {field}: ")


@pytest.mark.parametrize(("field", "event"), REFUSALS)
def test_one_wrong_event_refuses_a_bulk_call_and_is_named(post, field, event):
    answer = post("/bulkevents", {"events": [CART, event]})
    assert answer.status_code == 400
    assert list(answer.get_json()["errors"]) == [f"events[1].{field}"]


def test_a_hundred_events_are_taken_and_one_more_is_413(post):
    assert post("/bulkevents", {"events": [CART] * 100}).get_json()["count"] == 100
    assert post("/bulkevents", {"events": [CART] * 101}).status_code == 413


def test_a_body_of_a_megabyte_is_taken_and_one_byte_more_is_413(sandbox, basic):
    def send(size: int) -> int:
        frame = b'{"events":[{"event":"a","email":"b","note":"%s"}]}'
        body = frame % (b"x" * (size - len(frame) + 2))
        assert len(body) == size
        return sandbox.post("/blueshift/api/v1/bulkevents", data=body, headers=basic("K", "")).status_code

    assert send(1_000_000) == 200
    assert send(1_000_001) == 413


@pytest.mark.parametrize("body", [[], {}, {"events": {}}, {"events": ["view"]}, None])
def test_a_bulk_call_of_another_form_is_400(post, body):
    assert post("/bulkevents", body).status_code == 400


def test_an_empty_bulk_call_is_noted(post, entries):
    assert post("/bulkevents", {"events": []}).get_json() == {"status": "ok", "count": 0}
    assert entries()[-1]["notes"] == ["events: is empty; the call was for nothing"]


@pytest.mark.parametrize(
    "credential",
    [None, ("", ""), ("KEY", "secret"), ("", "KEY")],
    ids=["none", "empty", "password", "swapped"],
)
def test_a_wrong_credential_is_401(sandbox, basic, credential):
    headers = basic(*credential) if credential else {}
    answer = sandbox.post("/blueshift/api/v1/event", json=CART, headers=headers)
    assert answer.status_code == 401
    assert "message" in answer.get_json()


@pytest.mark.parametrize("header", ["Bearer KEY", "Basic", "Basic ###", "Basic S0VZ", "KEY"])
def test_an_authorization_that_is_no_basic_is_401(sandbox, header):
    answer = sandbox.post("/blueshift/api/v1/event", json=CART, headers={"Authorization": header})
    assert answer.status_code == 401


def test_with_a_key_given_every_other_is_401(clock, basic):
    sandbox = create_sandbox(clock, {"blueshift": "RIGHT"}).test_client()
    for key, status in (("RIGHT", 200), ("WRONG", 401)):
        answer = sandbox.post("/blueshift/api/v1/event", json=CART, headers=basic(key, ""))
        assert answer.status_code == status


def test_the_sixth_bulk_call_of_a_second_is_429_and_the_next_second_is_free(post, clock):
    assert [post("/bulkevents", BULK).status_code for _ in range(6)] == [200] * 5 + [429]
    assert "Retry-After" not in post("/bulkevents", BULK).headers
    clock.forward(1)
    assert post("/bulkevents", BULK).status_code == 200


def test_bulk_calls_of_two_keys_are_counted_apart(sandbox, basic):
    for key in ("A", "B"):
        answers = [
            sandbox.post("/blueshift/api/v1/bulkevents", json=BULK, headers=basic(key, "")) for _ in range(5)
        ]
        assert {answer.status_code for answer in answers} == {200}


def test_debug_gives_the_newest_event_of_each_name_to_the_key_that_sent_them(post, sandbox, basic):
    post("/event", CART)
    post("/event", VIEW)
    post("/bulkevents", {"events": [CART | {"product_id": "2"}, CART | {"product_id": "3"}]})
    post("/event", {"event": "pageload"})  # refused, so never seen
    debug = sandbox.get("/blueshift/api/v1/event/debug", headers=basic("KEY", "")).get_json()
    assert debug == {"view": VIEW, "add_to_cart": CART | {"product_id": "3"}}
    assert sandbox.get("/blueshift/api/v1/event/debug", headers=basic("OTHER", "")).get_json() == {}
    assert sandbox.get("/blueshift/api/v1/event/debug").status_code == 401


def test_an_unknown_path_is_404(post):
    assert post("/events", CART).status_code == 404
