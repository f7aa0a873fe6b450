"""8SELECT's stand-in takes the events of the "API Tracking" pages and names what is wrong as Ajv does.

Which objects are closed: the JSON Schema of 2021 that those pages once carried.
"""

from __future__ import annotations

import copy

import pytest

from server.sandbox import create_sandbox

ID = {"x-api-id": "db54750f-80fc-4818-9455-30ca233225dc"}
USER = {"type": "user", "user": {"id": "c57a43f7-eefc-462b-b5a8-0ef421e90f67"}}
SET = {"type": "customSet", "customSet": {"id": "1b3de0bd-95c6-435a-8bb9-f4cae0160388"}}
VIEW = {"type": "view", "view": SET, "context": [USER]}
INTERACT = {
    "type": "interact",
    "interact": {"action": "click", "type": "product", "product": {"sku": "654321-7890"}},
    "context": [USER, {"type": "content", "content": SET}],
}
ORDER = {
    "type": "order",
    "order": {
        "id": "0987654321",
        "lines": [
            {"sku": "654321-7890", "grossPrice": {"amount": 0.99, "currency": "EUR"}, "quantity": 5},
            {"sku": "567890-4321", "grossPrice": {"amount": 49.95, "currency": "EUR"}, "quantity": 1},
        ],
    },
    "context": [USER],
}
GOOD = [
    VIEW,
    VIEW | {"view": {"type": "similarProducts", "similarProducts": {"id": "1"}}},
    VIEW | {"view": {"type": "matchingProductClusters", "matchingProductClusters": {"id": "1"}}},
    INTERACT,
    INTERACT | {"interact": {"type": "product", "product": {"sku": "1"}}},
    ORDER,
    ORDER | {"order": {"id": "1", "lines": []}},
    VIEW | {"beside": "the payload"},
]


def changed(event, path, value):
    """A copy of the event with another value at a path such as view/customSet/id; ... takes it away."""
    event = copy.deepcopy(event)
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place = event
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return event


@pytest.fixture
def post(sandbox):
    return lambda event, path="/events", headers=ID: sandbox.post(
        f"/eightselect/analytics/v3{path}", json=event, headers=headers
    )


@pytest.mark.parametrize("event", GOOD)
def test_an_event_as_the_pages_have_it_is_accepted(post, entries, event):
    assert post(event).status_code == 200
    assert (entries()[-1]["judgement"], entries()[-1]["notes"]) == ("accepted", [])
    answer = post(event, "/events/validate")
    assert (answer.status_code, answer.get_json()) == (200, [])


REFUSALS = [
    (VIEW, "type", ..., "discriminator"),
    (VIEW, "type", "purchase", "discriminator"),
    (VIEW, "type", 5, "discriminator"),
    (VIEW, "view", ..., "required"),
    (VIEW, "view", "customSet", "type"),
    (VIEW, "view/type", "sysSet", "discriminator"),
    (VIEW, "view/customSet", ..., "required"),
    (VIEW, "view/customSet/id", ..., "required"),
    (VIEW, "view/customSet/id", 5, "type"),
    (VIEW, "view/customSet/name", "x", "additionalProperties"),
    (VIEW, "view/extra", "x", "additionalProperties"),
    (VIEW, "context", ..., "required"),
    (VIEW, "context", {}, "type"),
    (VIEW, "context", [], "contains"),
    (VIEW, "context", [{"type": "content", "content": SET}], "contains"),
    (VIEW, "context", [USER, USER], "uniqueItems"),
    (VIEW, "context", [USER, {"type": "page", "page": {"url": "https://a.example"}}], "discriminator"),
    (VIEW, "context/0/user/id", 5, "type"),
    (VIEW, "context/0/user/email", "a@b.example", "additionalProperties"),
    (VIEW, "context/0/session", "x", "additionalProperties"),
    (INTERACT, "context/1/content/customSet/id", ..., "required"),
    (INTERACT, "context/1/content/type", "setCompose", "discriminator"),
    (INTERACT, "interact/type", "set", "enum"),
    (INTERACT, "interact/action", 5, "type"),
    (INTERACT, "interact/product", ..., "required"),
    (INTERACT, "interact/product/sku", 654321, "type"),
    (INTERACT, "interact/product/price", 5, "additionalProperties"),
    (INTERACT, "interact/quantity", 1, "additionalProperties"),
    (ORDER, "order/id", ..., "required"),
    (ORDER, "order/id", 987654321, "type"),
    (ORDER, "order/lines", ..., "required"),
    (ORDER, "order/lines", {}, "type"),
    (ORDER, "order/total", 54.9, "additionalProperties"),
    (ORDER, "order/lines/0/sku", ..., "required"),
    (ORDER, "order/lines/0/sku", 1, "type"),
    (ORDER, "order/lines/0/quantity", "5", "type"),
    (ORDER, "order/lines/0/quantity", True, "type"),
    (ORDER, "order/lines/0/name", "Shirt", "additionalProperties"),
    (ORDER, "order/lines/0/grossPrice", 0.99, "type"),
    (ORDER, "order/lines/0/grossPrice/amount", "0.99", "type"),
    (ORDER, "order/lines/0/grossPrice/currency", "euro", "pattern"),
    (ORDER, "order/lines/0/grossPrice/currency", ..., "required"),
    (ORDER, "order/lines/0/grossPrice/net", 0.8, "additionalProperties"),
]


@pytest.mark.parametrize(("event", "path", "value", "keyword"), REFUSALS)
def test_a_wrong_event_is_400_and_named_by_validate(post, entries, event, path, value, keyword):
    wrong = changed(event, path, value)
    assert post(wrong).status_code == 400
    assert entries()[-1]["judgement"].startswith("refused: /")
    answer = post(wrong, "/events/validate")
    assert answer.status_code == 200
    assert keyword in [finding["keyword"] for finding in answer.get_json()]
    for finding in answer.get_json():
        assert finding.keys() == {"instancePath", "schemaPath", "keyword", "params", "message"}


def test_a_missing_field_is_reported_in_the_words_of_the_page(post):
    answer = post(changed(VIEW, "view/customSet", ...), "/events/validate")
    (finding,) = answer.get_json()
    assert finding["instancePath"] == "/view"
    assert finding["keyword"] == "required"
    assert finding["params"] == {"missingProperty": "customSet"}
    assert finding["message"] == "must have required property 'customSet'"
    assert finding["schemaPath"].startswith("#/definitions/")


def test_every_mistake_of_an_event_is_named(post):
    wrong = changed(changed(ORDER, "order/lines/1/sku", 1), "order/lines/0/grossPrice/amount", "1")
    found = post(wrong, "/events/validate").get_json()
    assert [finding["instancePath"] for finding in found] == [
        "/order/lines/0/grossPrice/amount",
        "/order/lines/1/sku",
    ]


def test_a_repeated_order_is_answered_as_before_and_noted(post, entries):
    assert [post(ORDER).status_code for _ in range(2)] == [200, 200]
    assert [entry["notes"] for entry in entries()] == [
        [],
        ["order.id: 0987654321 came before; the duplicate is filtered"],
    ]


def test_the_same_order_id_of_another_shop_is_no_duplicate(post, entries):
    post(ORDER)
    post(ORDER, headers={"x-api-id": "other"})
    assert entries()[-1]["notes"] == []


def test_a_user_id_that_is_no_uuid_is_noted(post, entries):
    assert post(changed(VIEW, "context/0/user/id", "c-42")).status_code == 200
    assert entries()[-1]["notes"] == ["context.user.id: is no UUID"]


@pytest.mark.parametrize("headers", [{}, {"x-api-id": ""}, {"x-api-key": "db54750f"}])
@pytest.mark.parametrize("path", ["/events", "/events/validate"])
def test_without_an_api_id_it_is_401(post, path, headers):
    assert post(VIEW, path, headers).status_code == 401


def test_with_an_api_id_given_every_other_is_401(clock):
    sandbox = create_sandbox(clock, {"eightselect": "right"}).test_client()
    for api_id, status in (("right", 200), ("wrong", 401)):
        answer = sandbox.post("/eightselect/analytics/v3/events", json=VIEW, headers={"x-api-id": api_id})
        assert answer.status_code == status


@pytest.mark.parametrize("path", ["/events", "/events/validate"])
def test_a_body_that_is_no_json_object_is_400(sandbox, path):
    for body in (b"", b"{", b"[]", b"5"):
        answer = sandbox.post(f"/eightselect/analytics/v3{path}", data=body, headers=ID)
        assert answer.status_code == 400
