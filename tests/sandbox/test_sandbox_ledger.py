"""The ledger says what came, in order, without secrets, within bounds."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.sandbox import create_sandbox
from server.sandbox.ledger import Entry, Ledger
from server.sandbox.standin import NOT_JSON, Received

VIEW = {"eventType": "home-page-view", "visitorId": "v"}


def test_an_entry_has_the_request_the_answer_and_the_judgement(sandbox, clock, entries):
    clock.forward(1.5)
    sandbox.post(
        "/alana/api/v1/events?a=1",
        data='{"events": [{"eventType": "home-page-view", "visitorId": "ж"}]}',
        headers={"x-api-key": "ak_1", "User-Agent": "relay", "Content-Type": "application/json"},
    )
    (entry,) = entries()
    headers = entry.pop("headers")
    assert entry == {
        "n": 1,
        "vendor": "alana",
        "method": "POST",
        "path": "/api/v1/events",
        "query": {"a": "1"},
        "body": {"events": [{"eventType": "home-page-view", "visitorId": "ж"}]},
        "at": 1_800_000_001_500,
        "status": 200,
        "answer": {"status": "ok", "stored": 1, "errors": 0},
        "judgement": "accepted",
        "notes": [],
    }
    assert headers["x-api-key"] == "*** (right)"
    assert headers["user-agent"] == "relay"
    assert all(name == name.lower() for name in headers)


@pytest.mark.parametrize(
    ("sent", "listed"),
    [
        (b"", None),
        (b"null", None),
        (b"not json", "not json"),
        (b"\xff", "\ufffd"),
        (b"[1, 2]", [1, 2]),
        (b'"\\u00e9"', "é"),
        (b"NaN", "NaN"),
        (b"[" * 100_000, "[" * 100_000),
    ],
)
def test_any_body_is_listed(sandbox, entries, sent, listed):
    sandbox.post("/alana/api/v1/events", data=sent)
    assert entries()[0]["body"] == listed


def test_a_credential_is_masked_and_said_to_be_right_or_wrong(clock, basic):
    sandbox = create_sandbox(clock, {"blueshift": "RIGHT"}).test_client(use_cookies=False)
    for headers in (
        basic("RIGHT", ""),
        basic("WRONG", ""),
        basic("RIGHT", "") | {"x-api-key": "ak_1", "Cookie": "session=1"},
    ):
        sandbox.post("/blueshift/api/v1/event", json={"event": "a", "email": "b"}, headers=headers)
    listing = sandbox.get("/_sandbox/requests")
    shown = [entry["headers"] for entry in listing.get_json()]
    assert [headers["authorization"] for headers in shown] == ["*** (right)", "*** (wrong)", "*** (right)"]
    assert shown[2]["x-api-key"] == shown[2]["cookie"] == "*** (not asked for)"
    for secret in ("RIGHT", basic("RIGHT", "")["Authorization"], "ak_1", "session=1"):
        assert secret not in listing.text


def test_the_list_is_oldest_first_and_can_be_narrowed(sandbox, entries):
    for path in ("/alana/a", "/blueshift/b", "/alana/c", "/esputnik/d/e", "/alana/"):
        sandbox.get(path)
    assert [entry["path"] for entry in entries()] == ["/a", "/b", "/c", "/d/e", "/"]
    assert [entry["n"] for entry in entries(vendor="alana")] == [1, 3, 5]
    assert [entry["n"] for entry in entries(after=3)] == [4, 5]
    assert [entry["n"] for entry in entries(vendor="alana", after=3)] == [5]
    assert [entry["n"] for entry in entries(vendor="")] == [1, 2, 3, 4, 5]
    assert {entry["status"] for entry in entries()} == {404}


@pytest.mark.parametrize("query", ["vendor=amazon", "after=x", "after=-1", "after=1e3"])
@pytest.mark.parametrize("path", ["/_sandbox/requests"])
def test_a_wrong_question_gets_a_sentence(sandbox, path, query):
    answer = sandbox.get(f"{path}?{query}")
    assert answer.status_code == 400
    assert answer.get_json()["error"].endswith(".")


def test_reset_empties_everything_and_numbers_go_on(sandbox, entries):
    sandbox.post("/alana/api/v1/events", json={"events": [VIEW]}, headers={"x-api-key": "ak_1"})
    sandbox.post("/_sandbox/faults", json={"vendor": "alana", "status": 500})
    assert sandbox.post("/_sandbox/reset").get_json() == {"emptied": 1}
    assert entries() == []
    assert sandbox.get("/_sandbox/faults").get_json() == []
    assert sandbox.get("/alana/x").status_code == 404
    assert entries()[0]["n"] == 2


def test_reset_forgets_rates_orders_devices_and_newest_events(sandbox, basic):
    shop = {"shop_id": "0" * 30}
    did = sandbox.get("/personaclick/init", query_string=shop).get_json()["did"]
    view = {**shop, "did": did, "seance": "s", "event": "view", "items": [{"id": "1"}]}
    bulk = {"events": [{"event": "a", "email": "b"}]}
    for _ in range(5):
        sandbox.post("/blueshift/api/v1/bulkevents", json=bulk, headers=basic("K", ""))
    sandbox.post("/_sandbox/reset")
    assert sandbox.post("/personaclick/push", json=view).status_code == 404
    assert sandbox.get("/blueshift/api/v1/event/debug", headers=basic("K", "")).get_json() == {}
    assert sandbox.post("/blueshift/api/v1/bulkevents", json=bulk, headers=basic("K", "")).status_code == 200


def entry(body: bytes = b"") -> Entry:
    return Entry("alana", Received("POST", "/", {}, {}, body, NOT_JSON, ""), {}, {}, 0)


def test_the_oldest_go_when_there_are_too_many_and_are_counted():
    ledger = Ledger(kept=3)
    for _ in range(5):
        ledger.add(entry())
    assert [one.n for one in ledger.entries()] == [3, 4, 5]
    assert ledger.let_go == 2
    assert ledger.forget() == 3
    assert ledger.let_go == 0


def test_the_oldest_go_when_their_bodies_are_too_large():
    ledger = Ledger(kept_bytes=25)
    for _ in range(3):
        ledger.add(entry(b"8 bytes."))  # ten, as a JSON string
    assert [one.n for one in ledger.entries()] == [2, 3]
    ledger.add(entry(b"x" * 100))
    assert [one.n for one in ledger.entries()] == [4]


def test_the_list_says_how_many_are_no_more_in_it(sandbox):
    assert sandbox.get("/_sandbox/requests").headers["X-Sandbox-Let-Go"] == "0"


def test_a_body_beyond_all_reason_is_413_and_listed(sandbox, entries):
    answer = sandbox.post("/alana/api/v1/events", data=b" " * (8 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert entries()[0]["judgement"].startswith("refused: the body is larger")


def test_an_unknown_vendor_gets_a_sentence(sandbox, entries):
    answer = sandbox.post("/amazon/api/v1/events")
    assert answer.status_code == 404
    assert "/personaclick" in answer.get_json()["error"]
    assert entries() == []


@pytest.mark.parametrize("path", ["//alana/api/v1/events", "/alana//api/v1/events", "/alana/api/v1/events/"])
def test_a_path_that_is_only_almost_right_is_404(sandbox, path):
    headers = {"x-api-key": "ak_1"}
    assert sandbox.post(path, json={"events": []}, headers=headers).status_code == 404


def test_credentials_of_a_vendor_that_is_none_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="amazon"):
        create_sandbox(credentials={"amazon": "key"})


ENDPOINTS = [
    "/personaclick/push",
    "/personaclick/push/custom",
    "/personaclick/track/received",
    "/blueshift/api/v1/event",
    "/blueshift/api/v1/bulkevents",
    "/esputnik/api/v2/event",
    "/esputnik/api/v1/orders",
    "/alana/api/v1/events",
    "/eightselect/analytics/v3/events",
    "/eightselect/analytics/v3/events/validate",
]
SHOP = "0" * 30
FIELDS = """
    event events items id type view order context user eventTypeKey keyValue params name value product
    products cartUpdated productViewed pageViewed recycleStateId eventType visitorId purchase
    purchase-complete orders lines content customSet shop_id did seance source custom full_cart
"""
WORDS = st.sampled_from(FIELDS.split())
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JSON)
def test_whatever_is_sent_is_judged(basic, body):
    sandbox = create_sandbox(lambda: 0.0).test_client()
    did = sandbox.get("/personaclick/init", query_string={"shop_id": SHOP}).get_json()["did"]
    if isinstance(body, dict):
        body = {"shop_id": SHOP, "did": did, "seance": "s", "keyValue": "k"} | body
    for path in ENDPOINTS:
        user, password = ("KEY", "") if path.startswith("/blueshift") else ("", "KEY")
        headers = basic(user, password) | {"x-api-key": "ak_1", "x-api-id": "1"}
        assert sandbox.post(path, json=body, headers=headers).status_code in (
            200,
            204,
            400,
            403,
            404,
            413,
            422,
            401,
        )
    for entry in sandbox.get("/_sandbox/requests").get_json():
        assert entry["judgement"] == "accepted" or entry["judgement"].startswith("refused: ")
