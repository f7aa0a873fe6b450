"""PersonaClick's stand-in takes what its pages show and refuses what they forbid.

Statuses: "User Activity Tracking (REST API)" for 200, 204 and 403, and the error list of REES46, whose white
label it is, for 401, 404, 405 and 422.
"""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient

from server.sandbox import create_sandbox

SHOP = "0d42fd8b713d0752776ca589cc0056"
SOURCE = json.dumps({"from": "chain", "code": "abcdef-0123-4567-9810-012345abcdef"})
RECOMMENDED = {"recommended_by": "dynamic", "recommended_code": "3d045e1b39c321ff695604587597231c"}
ONE = [{"id": "100500"}]
ORDER = {
    "order_id": "N100500",
    "order_price": 750,
    "order_cash": 650,
    "order_bonuses": 100,
    "order_discount": 50,
    "promocode": "BIRTHDAY",
    "delivery_type": "delivery",
    "payment_type": "cart",
    "items": [{"id": "100500", "amount": 3, "price": 100}, {"id": 100123, "amount": 1, "price": 500}],
    "custom": {"order_comment": "after 15:00", "boxes": 2, "refund_date": "2021-09-21"},
}
GONE = object()
"""A field that is left out."""


@pytest.fixture
def did(sandbox: FlaskClient) -> str:
    return sandbox.get("/personaclick/init", query_string={"shop_id": SHOP}).get_json()["did"]


@pytest.fixture
def push(sandbox: FlaskClient, did: str):
    """Send a view as the page has it, with these fields instead; GONE leaves one out."""

    def send(path: str = "/push", **fields):
        body = {
            "event": "view",
            "shop_id": SHOP,
            "did": did,
            "seance": "R5eQXkrKCf",
            "stream": "ios",
            "segment": "A",
            "referer": "https://mystore.com/product/100500",
            "items": ONE,
        } | fields
        body = {name: value for name, value in body.items() if value is not GONE}
        return sandbox.post(f"/personaclick{path}", json=body)

    return send


EXAMPLES = [
    {"event": "view", **RECOMMENDED},
    {"event": "view", **RECOMMENDED, "source": SOURCE},
    {"event": "category", "items": GONE, "category_id": 146},
    {"event": "category", "items": GONE, "category_id": "146"},
    {"event": "cart", "items": [{"id": "100500", "amount": 2}], **RECOMMENDED},
    {"event": "cart", "items": [{"id": "100500", "amount": 3}], **RECOMMENDED, "source": SOURCE},
    {"event": "remove_from_cart"},
    {
        "event": "cart",
        "full_cart": True,
        "items": [{"id": "100500", "quantity": 3}, {"id": "100123", "quantity": 1}],
    },
    {"event": "cart", "full_cart": True, "items": GONE},
    {"event": "cart", "full_cart": True, "items": []},
    {"event": "purchase", **ORDER},
    {"event": "purchase", **ORDER, "source": SOURCE},
    {"event": "search", "items": GONE, "search_query": "apple", "recommended_code": "apple"},
    {"event": "wish"},
    {"event": "wish", "full_wish": True, "items": [{"id": "100500"}, {"id": "100123"}]},
    {"event": "wish", "full_wish": True, "items": GONE},
    {"event": "remove_wish", "source": SOURCE},
    {"event": "view", "stream": GONE, "segment": GONE, "referer": GONE},
]


@pytest.mark.parametrize("fields", EXAMPLES, ids=lambda fields: fields["event"])
def test_an_event_as_the_page_has_it_is_accepted_without_a_note(push, entries, fields):
    answer = push(**fields)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "success"})
    assert entries()[-1]["judgement"] == "accepted"
    assert entries()[-1]["notes"] == []


REFUSALS = [
    ("shop_id", GONE, 401),
    ("shop_id", "", 422),
    ("shop_id", SHOP[:-1], 422),
    ("shop_id", "g" * 30, 422),
    ("shop_id", 42, 422),
    ("did", GONE, 401),
    ("did", "", 401),
    ("did", None, 401),
    ("did", "INVALID_ID", 422),
    ("did", "7rjVGhMyk", 422),
    ("did", 1234567890, 422),
    ("did", "0000000000", 404),
    ("seance", GONE, 422),
    ("seance", "", 422),
    ("seance", 1, 422),
    ("event", GONE, 422),
    ("event", "", 422),
    ("event", "my_event", 422),
    ("event", ["view"], 422),
    ("stream", "", 422),
    ("stream", "a" * 17, 422),
    ("stream", "my_app", 422),
    ("stream", "web\n", 422),
    ("stream", ["web"], 422),
    ("segment", "", 422),
    ("segment", "C", 422),
    ("segment", None, 422),
    ("referer", "", 422),
    ("referer", ["https://mystore.com"], 422),
    ("source", "", 422),
    ("source", "not-json", 422),
    ("source", '"chain"', 422),
    ("source", {"from": "chain", "code": "abc"}, 422),
    ("source", '{"from": "chain"}', 422),
    ("source", '{"code": "abc"}', 422),
    ("source", '{"from": "chain", "code": ""}', 422),
    ("recommended_by", "", 422),
    ("recommended_by", "INVALID", 422),
    ("recommended_code", "", 422),
    ("items", GONE, 422),
    ("items", "", 422),
    ("items", [], 422),
    ("items", {"id": "100500"}, 422),
    ("items", ["100500"], 422),
    ("items", [{"id": "1"}, {"id": "2"}], 422),
    ("items", [{}], 422),
    ("items", [{"id": ""}], 422),
    ("items", [{"id": "a" * 256}], 422),
    ("items", [{"id": "Hello\\World"}], 422),
    ("items", [{"id": True}], 422),
]


@pytest.mark.parametrize(("field", "value", "status"), REFUSALS)
def test_a_view_with_a_wrong_field_is_refused(push, entries, field, value, status):
    answer = push(**{field: value})
    assert answer.status_code == status
    assert answer.get_json()["status"] == "error"
    assert answer.get_json()["message"] == answer.get_json()["payload"]["message"]
    assert entries()[-1]["judgement"] == f"refused: {answer.get_json()['message']}"
    assert answer.get_json()["message"].startswith(field)


@pytest.mark.parametrize(
    "fields",
    [
        {"event": "cart", "items": [{"id": "1"}, {"id": "2"}]},
        {"event": "cart", "items": []},
        {"event": "cart", "items": GONE},
        {"event": "cart", "items": GONE, "full_cart": False},
        {"event": "cart", "full_cart": "yes"},
        {"event": "cart", "full_cart": True, "items": [{"id": ""}]},
        {"event": "remove_from_cart", "items": [{"id": "1"}, {"id": "2"}]},
        {"event": "wish", "items": [{"id": "1"}, {"id": "2"}]},
        {"event": "wish", "full_wish": 1},
        {"event": "remove_wish", "items": []},
        {"event": "category"},
        {"event": "category", "category_id": ""},
        {"event": "category", "category_id": True},
        {"event": "category", "category_id": ["146"]},
        {"event": "search"},
        {"event": "search", "search_query": ""},
        {"event": "search", "search_query": 5},
        {"event": "purchase", **ORDER, "items": GONE},
        {"event": "purchase", **ORDER, "items": []},
        {"event": "purchase", **ORDER, "order_id": "a" * 256},
        {"event": "purchase", **ORDER, "order_id": ["N1"]},
        {"event": "purchase", **ORDER, "order_price": "750"},
        {"event": "purchase", **ORDER, "order_cash": True},
        {"event": "purchase", **ORDER, "order_bonuses": None},
        {"event": "purchase", **ORDER, "order_delivery": "free"},
        {"event": "purchase", **ORDER, "order_discount": []},
        {"event": "purchase", **ORDER, "promocode": 5},
        {"event": "purchase", **ORDER, "delivery_address": {"city": "Kyiv"}},
        {"event": "purchase", **ORDER, "delivery_type": 1},
        {"event": "purchase", **ORDER, "payment_type": False},
        {"event": "purchase", **ORDER, "tax_free": "no"},
        {"event": "purchase", **ORDER, "custom": ["gift"]},
        {"event": "purchase", **ORDER, "custom": {"weight": 1.5}},
        {"event": "purchase", **ORDER, "custom": {"gift": True}},
    ],
    ids=lambda fields: ", ".join(f"{k}={v!r}"[:40] for k, v in fields.items() if v != ORDER.get(k)),
)
def test_an_event_of_the_wrong_form_is_422(push, fields):
    assert push(**fields).status_code == 422


@pytest.mark.parametrize(
    ("item", "note"),
    [
        ({"id": "1", "amount": 0}, "items[0].amount"),
        ({"id": "1", "quantity": 1001}, "items[0].quantity"),
        ({"id": "1", "price": -1}, "items[0].price"),
        ({"id": "1", "price": "asdasd"}, "items[0].price"),
        ({"id": "1", "line_id": ""}, "items[0].line_id"),
        ({"id": "1", "fashion_size": ""}, "items[0].fashion_size"),
    ],
)
def test_what_the_vendor_would_silently_correct_is_accepted_and_noted(push, entries, item, note):
    assert push(event="cart", items=[item]).status_code == 200
    (said,) = entries()[-1]["notes"]
    assert said.startswith(note)


def test_one_bad_id_of_several_is_dropped_silently_and_noted(push, entries):
    assert push(event="purchase", items=[{"id": ""}, {"id": "2"}]).status_code == 200
    assert entries()[-1]["notes"] == ["items[0]: dropped for its id"]


def test_an_order_id_that_is_a_uuid_is_noted(push, entries):
    push(event="purchase", order_id="d59c6e6d-4123-4b0e-8c32-15f0656a8c60")
    assert entries()[-1]["notes"][0].startswith("order_id: a UUID")


def test_a_field_the_page_does_not_name_is_noted(push, entries):
    assert push(recomended_by="chain").status_code == 200
    assert entries()[-1]["notes"] == ["recomended_by: not a field the page names"]


def test_a_campaign_type_nobody_knows_is_noted(push, entries):
    assert push(source='{"from": "pigeon", "code": "1"}').status_code == 200
    assert entries()[-1]["notes"][0].startswith("source.from: 'pigeon'")


def test_a_body_that_is_no_json_object_is_400(sandbox):
    for body in (b"", b"{", b"[]", b"\xff", b"[" * 100_000):
        assert sandbox.post("/personaclick/push", data=body).status_code == 400


@pytest.mark.parametrize("path", ["/push", "/push/custom", "/track/received"])
def test_only_post_is_taken(sandbox, path):
    answer = sandbox.get(f"/personaclick{path}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_init_gives_ten_letters_and_digits_each_and_a_did_of_its_own_to_everybody(sandbox):
    first, second = (
        sandbox.get("/personaclick/init", query_string={"shop_id": SHOP}).get_json() for _ in range(2)
    )
    for name in ("did", "seance"):
        assert len(first[name]) == 10
        assert first[name].isalnum()
    assert first["did"] != second["did"]


def test_init_keeps_a_did_and_a_seance_that_are_held(sandbox, did):
    query = {"shop_id": SHOP, "did": did, "seance": "R5eQXkrKCf", "tz": "3", "stream": "web"}
    answer = sandbox.get("/personaclick/init", query_string=query).get_json()
    assert (answer["did"], answer["seance"]) == (did, "R5eQXkrKCf")


def test_init_gives_a_new_did_for_one_it_never_gave(sandbox, push, entries):
    answer = sandbox.get("/personaclick/init", query_string={"shop_id": SHOP, "did": "7rjVGhMykT"})
    assert answer.get_json()["did"] != "7rjVGhMykT"
    assert entries()[-1]["notes"][0].startswith("did: 7rjVGhMykT is not known")
    assert push(did="7rjVGhMykT").status_code == 404
    assert push(did=answer.get_json()["did"]).status_code == 200


def test_a_did_of_another_shop_is_unknown(push):
    assert push(shop_id="f" * 30).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"shop_id": "short"},
        {"shop_id": SHOP, "did": "INVALID_ID"},
        {"shop_id": SHOP, "stream": ""},
        {"shop_id": SHOP, "stream": "a" * 17},
        {"shop_id": SHOP, "tz": "Kyiv"},
        {"shop_id": SHOP, "testmode": "perhaps"},
    ],
)
def test_init_refuses_with_403(sandbox, query):
    assert sandbox.get("/personaclick/init", query_string=query).status_code == 403


CUSTOM = {
    "event": "my_event",
    "items": GONE,
    "category": "my_category",
    "label": "my_label",
    "value": 100500,
}


@pytest.mark.parametrize("more", [{}, {"source": SOURCE}, {"plan_price": 50000, "time": 1652648400}])
def test_a_custom_event_as_the_page_has_it_is_204_without_a_body(push, more):
    answer = push("/push/custom", **CUSTOM, **more)
    assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("value", 45.5, 422),
        ("value", "100500", 422),
        ("value", True, 422),
        ("event", "", 422),
        ("event", GONE, 422),
        ("category", 5, 422),
        ("label", ["a"], 422),
        ("time", "2022-05-16", 422),
        ("payload", "x", 422),
        ("Plan", "pro", 422),
        ("from", "chain", 422),
        ("code", "abc", 422),
        ("seance", GONE, 422),
        ("segment", "a", 422),
        ("source", "not-json", 422),
        ("did", GONE, 401),
        ("did", "0000000000", 404),
        ("shop_id", GONE, 401),
    ],
)
def test_a_custom_event_with_a_wrong_field_is_refused(push, field, value, status):
    assert push("/push/custom", **(CUSTOM | {field: value})).status_code == status


TRACK = {
    "shop_id": SHOP,
    "code": "731d5e0c-e3b1-11eb-ba80-0242ac130004",
    "type": "chain",
    "stream": "android",
}


@pytest.mark.parametrize("what", ["received", "clicked", "closed"])
def test_what_became_of_a_message_is_200_without_a_body(sandbox, what):
    answer = sandbox.post(f"/personaclick/track/{what}", json=TRACK)
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize(
    "fields",
    [{"shop_id": ""}, {"code": ""}, {"code": 5}, {"type": "sms"}, {"stream": "my app"}, {"stream": ""}],
)
def test_a_wrong_track_call_is_403(sandbox, fields):
    assert sandbox.post("/personaclick/track/received", json=TRACK | fields).status_code == 403


@pytest.mark.parametrize("field", ["shop_id", "code", "type"])
def test_a_track_call_without_a_required_field_is_403(sandbox, field):
    body = {name: value for name, value in TRACK.items() if name != field}
    assert sandbox.post("/personaclick/track/clicked", json=body).status_code == 403


def test_with_a_shop_given_every_other_is_unknown(clock):
    sandbox = create_sandbox(clock, {"personaclick": SHOP}).test_client()
    body = {"shop_id": "f" * 30, "did": "7rjVGhMykT", "seance": "x", "event": "view", "items": ONE}
    assert sandbox.post("/personaclick/push", json=body).status_code == 404
    assert sandbox.get("/personaclick/init", query_string={"shop_id": "f" * 30}).status_code == 403
    assert sandbox.get("/personaclick/init", query_string={"shop_id": SHOP}).status_code == 200
