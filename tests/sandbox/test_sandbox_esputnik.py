"""eSputnik's stand-in takes what "Site activity tracking using Generate event" means to show, and orders.

The page's samples have unescaped quotes in the inner JSON; here it is encoded as the page means it. Orders:
the reference of "order" and the support page on their transfer.
"""

from __future__ import annotations

import json

import pytest

from server.sandbox import create_sandbox

PRODUCT = {"productId": "WS01-L-Green", "price": 45.5, "isInStock": 1, "someProductProperty": ["green"]}
CART = [{"productId": "WS01-L-Green", "quantity": 1, "price": 45.5}]
STATE = "d59c6e6d-4123-4b0e-8c32-15f0656a8c60"
PHONE = {"name": "phone", "value": "380501234567"}


def event(key, /, **params):
    """An event of the page; what is no string is put in as JSON."""
    values = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
    return {
        "eventTypeKey": key,
        "keyValue": "example@email.com",
        "params": [PHONE, *({"name": name, "value": value} for name, value in values.items())],
    }


@pytest.fixture
def post(sandbox, basic):
    return lambda body, path="/v2/event", headers=None: sandbox.post(
        f"/esputnik/api{path}", json=body, headers=headers or basic("any user", "API-KEY")
    )


GOOD = [
    event("pageViewed", email="example@email.com", page={"location": "https://example.com"}),
    event("productViewed", product=PRODUCT, currencyCode="USD"),
    event("productViewed", product={"productId": "1", "price": 5}),
    event("productCategoryViewed", category={"productCategoryId": "Mugs"}),
    event("cartUpdated", products=CART, currencyCode="USD", recycleStateId=STATE),
    event("cartUpdated", products=[], recycleStateId=STATE),
    event("cartUpdated", recycleStateId=STATE),
    event(
        "cartUpdated",
        products=[{**CART[0], "name": "Shirt", "category": "Shirts", "discount": "5", "size": ["L"]}],
        recycleStateId=STATE,
    ),
    event("productImpressions", recomVariantId="r963v1317", products=[{"productId": "1"}]),
    event("productAddedToWishlist", product={**PRODUCT, "colour": "green"}, currencyCode="EUR"),
    event("searchRequest", search="phone"),
    event("searchRequest", search="phone", isFound="1"),
    {
        "eventTypeKey": "searchRequest",
        "params": [PHONE, {"name": "search", "value": "x"}, {"name": "isFound", "value": 0}],
    },
    event("my_event", anything="goes"),
    {"eventTypeKey": "x" * 100, "keyValue": "380501234567"},
    *(
        {
            "eventTypeKey": "e",
            "params": [{"name": locator, "value": "1@2" if locator == "email" else "1234567"}],
        }
        for locator in ("contactId", "externalCustomerId", "email", "phone", "pushToken")
    ),
]


@pytest.mark.parametrize("body", GOOD, ids=lambda body: body["eventTypeKey"][:30])
def test_an_event_as_the_page_means_it_is_accepted_without_a_note(post, entries, body):
    answer = post(body)
    assert (answer.status_code, answer.data) == (200, b"")
    assert (entries()[-1]["judgement"], entries()[-1]["notes"]) == ("accepted", [])


BAD = [
    {"keyValue": "x", "params": []},
    {"eventTypeKey": "", "keyValue": "x"},
    {"eventTypeKey": 5, "keyValue": "x"},
    {"eventTypeKey": "x" * 101, "keyValue": "x"},
    *({"eventTypeKey": f"my{char}event", "keyValue": "x"} for char in "<;'\\/|\"`^?!,>"),
    {"eventTypeKey": "my_event"},
    {"eventTypeKey": "my_event", "keyValue": ""},
    {"eventTypeKey": "my_event", "keyValue": 5},
    {"eventTypeKey": "my_event", "params": [{"name": "email", "value": ""}]},
    {"eventTypeKey": "my_event", "keyValue": "x", "params": {"search": "x"}},
    {"eventTypeKey": "my_event", "keyValue": "x", "params": [{"name": "search"}]},
    {"eventTypeKey": "my_event", "keyValue": "x", "params": [{"value": "x"}]},
    {"eventTypeKey": "my_event", "keyValue": "x", "params": [{"name": "", "value": "x"}]},
    {"eventTypeKey": "my_event", "keyValue": "x", "params": [{"name": "a", "value": 5}]},
    {"eventTypeKey": "my_event", "keyValue": "x", "params": [{"name": "a", "value": True}]},
    {"eventTypeKey": "my_event", "keyValue": "x", "params": [{"name": "a", "value": {"b": 1}}]},
    {"eventTypeKey": "my_event", "keyValue": "x", "params": [{"name": "a", "value": None}]},
    event("pageViewed"),
    event("pageViewed", page="https://example.com"),
    event("pageViewed", page='{"location":"https://example.com"}]}'),
    event("pageViewed", page={}),
    event("pageViewed", page={"location": ""}),
    event("productViewed"),
    event("productViewed", product='{"productId":"WS01","price":45.5]}'),
    event("productViewed", product=[PRODUCT]),
    event("productViewed", product={"productId": "1"}),
    event("productViewed", product={"price": 5}),
    event("productViewed", product=PRODUCT | {"productId": 5}),
    event("productViewed", product=PRODUCT | {"price": "45.5"}),
    event("productViewed", product=PRODUCT | {"isInStock": True}),
    event("productViewed", product=PRODUCT | {"isInStock": 2}),
    event("productViewed", product=PRODUCT | {"colour": "green"}),
    event("productViewed", product=PRODUCT, currencyCode="usd"),
    event("productCategoryViewed"),
    event("productCategoryViewed", category={}),
    event("productCategoryViewed", category={"productCategoryId": 5}),
    event("cartUpdated", products=CART),
    event("cartUpdated", products=CART, recycleStateId=""),
    event("cartUpdated", products=CART, recycleStateId="cart 1"),
    event("cartUpdated", products=CART[0], recycleStateId=STATE),
    event("cartUpdated", products=[{"productId": "1", "price": 5}], recycleStateId=STATE),
    event("cartUpdated", products=[{"productId": "1", "quantity": 5}], recycleStateId=STATE),
    event("cartUpdated", products=[CART[0] | {"discount": 5}], recycleStateId=STATE),
    event("cartUpdated", products=[CART[0] | {"size": "L"}], recycleStateId=STATE),
    event("productImpressions", products=[{"productId": "1"}]),
    event("productImpressions", recomVariantId="963v1317", products=[{"productId": "1"}]),
    event("productImpressions", recomVariantId="r963v1317"),
    event("productImpressions", recomVariantId="r963v1317", products=[{}]),
    event("productAddedToWishlist"),
    event("productAddedToWishlist", product={"productId": "1"}),
    event("searchRequest"),
    event("searchRequest", search=""),
    event("searchRequest", search="x", isFound="yes"),
    event("searchRequest", search="x", isFound="2"),
]


@pytest.mark.parametrize("body", BAD, ids=lambda body: json.dumps(body)[:60])
def test_a_wrong_event_is_400_with_words(post, entries, body):
    answer = post(body)
    assert answer.status_code == 400
    assert answer.content_type.startswith("text/plain")
    assert entries()[-1]["judgement"] == f"refused: {answer.text}"


def test_a_missing_parameter_is_refused_in_the_vendors_words(post):
    assert post(event("pageViewed")).text == "The event should have the following params: [page]"


@pytest.mark.parametrize(
    ("params", "note"),
    [
        ([{"name": "email", "value": "nobody"}], "params.email: is no email address"),
        ([{"name": "phone", "value": "(050) 123"}], "params.phone: is not in international form"),
        ([PHONE, PHONE], "params: a name occurs twice"),
    ],
)
def test_what_looks_wrong_is_accepted_and_noted(post, entries, params, note):
    assert post({"eventTypeKey": "e", "params": params}).status_code == 200
    assert entries()[-1]["notes"] == [note]


@pytest.mark.parametrize("header", ["", "Basic", "Basic QVBJLUtFWTo=", "Bearer", "API-KEY"])
def test_a_wrong_credential_is_401(post, header):
    assert post(GOOD[0], headers={"Authorization": header}).status_code == 401


def test_the_user_of_basic_may_be_empty(post, basic):
    assert post(GOOD[0], headers=basic("", "API-KEY")).status_code == 200


def test_a_bearer_token_is_taken_for_events_alone(post):
    headers = {"Authorization": "Bearer token"}
    assert post(GOOD[0], headers=headers).status_code == 200
    assert post({"orders": [ORDER]}, "/v1/orders", headers=headers).status_code == 401


def test_with_a_key_given_every_other_is_401(clock, basic):
    sandbox = create_sandbox(clock, {"esputnik": "right"}).test_client()
    for key, status in (("right", 200), ("wrong", 401)):
        answer = sandbox.post("/esputnik/api/v2/event", json=GOOD[0], headers=basic("u", key))
        assert answer.status_code == status


def test_the_351st_event_of_a_second_is_429(post, clock):
    assert {post(GOOD[0]).status_code for _ in range(350)} == {200}
    assert post(GOOD[0]).status_code == 429
    clock.forward(1)
    assert post(GOOD[0]).status_code == 200


ORDER = {
    "externalOrderId": "N-1",
    "externalCustomerId": "c-42",
    "totalCost": 45.5,
    "status": "INITIALIZED",
    "date": "2017-05-14T10:11:10.7022176+03:00",
    "currency": "EUR",
    "items": [{"externalItemId": "1", "name": "Shirt", "quantity": 1, "cost": 45.5}],
}


@pytest.mark.parametrize(
    "status", ["INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", "ABANDONED_SHOPPING_CART"]
)
def test_an_order_is_accepted_in_each_status_of_the_page(post, entries, status):
    answer = post({"orders": [ORDER | {"status": status}]}, "/v1/orders")
    assert (answer.status_code, answer.get_json()) == (200, {"failedOrders": []})
    assert (entries()[-1]["judgement"], entries()[-1]["notes"]) == ("accepted", [])


def without(*names):
    return {name: value for name, value in ORDER.items() if name not in names}


@pytest.mark.parametrize(
    "order",
    [
        "N-1",
        without("externalOrderId"),
        without("totalCost"),
        without("status"),
        without("date"),
        without("externalCustomerId"),
        ORDER | {"externalOrderId": ""},
        ORDER | {"externalOrderId": 1},
        ORDER | {"externalCustomerId": ""},
        ORDER | {"totalCost": "45.5"},
        ORDER | {"status": "PAID"},
        ORDER | {"date": "yesterday"},
        ORDER | {"date": "2017-05-14"},
        ORDER | {"date": 1494746000},
        ORDER | {"currency": "euro"},
        ORDER | {"shipping": "free"},
        ORDER | {"items": {}},
        ORDER | {"items": [{"quantity": 1}]},
        ORDER | {"items": [{"externalItemId": "1"}]},
        ORDER | {"items": [{"externalItemId": 1, "quantity": 1}]},
        ORDER | {"items": [{"externalItemId": "1", "quantity": "1"}]},
        ORDER | {"items": [{"externalItemId": "1", "quantity": 1, "cost": "5"}]},
    ],
    ids=lambda order: json.dumps(order)[-50:],
)
def test_one_wrong_order_refuses_the_request_and_none_is_kept(post, entries, order):
    assert post({"orders": [ORDER, order]}, "/v1/orders").status_code == 400
    assert post({"orders": [ORDER]}, "/v1/orders").status_code == 200
    assert entries()[-1]["notes"] == []


@pytest.mark.parametrize("who", [{"email": "a@b.example"}, {"phone": "380501234567"}])
def test_an_order_needs_but_one_way_to_its_contact(post, who):
    assert post({"orders": [without("externalCustomerId") | who]}, "/v1/orders").status_code == 200


@pytest.mark.parametrize("body", [{}, {"orders": []}, {"orders": ORDER}, [ORDER]])
def test_orders_of_another_form_are_400(post, body):
    assert post(body, "/v1/orders").status_code == 400


def test_a_thousand_orders_are_taken_and_one_more_is_400(post):
    assert post({"orders": [ORDER] * 1000}, "/v1/orders").status_code == 200
    assert post({"orders": [ORDER] * 1001}, "/v1/orders").status_code == 400


def test_an_order_that_is_known_is_updated(post, entries):
    for status in ("INITIALIZED", "DELIVERED"):
        assert post({"orders": [ORDER | {"status": status}]}, "/v1/orders").status_code == 200
    assert [entry["notes"] for entry in entries()] == [[], ["orders[0]: N-1 was known and is updated"]]


def test_an_order_without_a_currency_is_noted(post, entries):
    assert post({"orders": [without("currency")]}, "/v1/orders").status_code == 200
    assert entries()[-1]["notes"][0].startswith("orders[0].currency: is missing")
