"""eSputnik: what its answers mean."""

from __future__ import annotations

import base64
import json

import pytest
from vendor_case import CaseVisitor, make_event, make_vendor, make_visitor

from server.vendors.base import Reply, Request, Verdict

KEY = "es-key-0123456789abcdef0123456789abcdef"
EVENT = Request("POST", "/api/v2/event", {"eventTypeKey": "pageViewed"})
ORDER = Request("POST", "/api/v1/orders", {"orders": [{"externalOrderId": "1"}]})
PARAMS_MISSING = "The event should have the following params: [search, isFound]"


def verdict(request: Request, status: int, body: str, retry_after: float | None = None) -> Verdict:
    return make_vendor("esputnik", {"api_key": KEY}).verdict(
        request, Reply(status, body.encode(), retry_after)
    )


@pytest.mark.parametrize(
    ("status", "body", "outcome", "reason"),
    [
        (200, "", "sent", "HTTP 200"),
        (202, "{}", "sent", "HTTP 202"),
        (400, PARAMS_MISSING, "never", f"HTTP 400: {PARAMS_MISSING}"),
        (400, "Duplicated request", "sent", "HTTP 400: Duplicated request"),
        (
            409,
            '{"message": "Duplicated request, try later"}',
            "sent",
            'HTTP 409: {"message": "Duplicated request, try later"}',
        ),
        (400, "", "never", "HTTP 400"),
        (401, "Wrong\n credentials ", "stop", "HTTP 401: Wrong credentials"),
        (403, "", "stop", "HTTP 403"),
        (404, "no such page", "never", "HTTP 404: no such page"),
        (429, "", "later", "HTTP 429"),
        (500, "oops", "later", "HTTP 500: oops"),
    ],
)
def test_an_answer_to_an_event_is_judged_by_its_status_in_the_vendors_words(
    status: int, body: str, outcome: str, reason: str
) -> None:
    judged = verdict(EVENT, status, body)
    assert (judged.outcome, judged.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        ({"asyncSessionId": "s"}, "sent", "HTTP 200"),
        ({"id": 17, "failedOrders": []}, "sent", "HTTP 200"),
        ({"id": 17, "failedOrders": None}, "sent", "HTTP 200"),
        ([], "sent", "HTTP 200"),
        (
            {"failedOrders": [{"externalOrderId": "1", "error": "bad date"}]},
            "never",
            'HTTP 200: failedOrders [{"externalOrderId":"1","error":"bad date"}]',
        ),
        ({"failedOrders": {"1": "Duplicated request"}}, "sent", None),
        ({"failedOrders": {"1": "bad date"}}, "never", 'HTTP 200: failedOrders {"1":"bad date"}'),
    ],
)
def test_an_order_that_failed_is_not_taken_for_a_success(
    answer: object, outcome: str, reason: str | None
) -> None:
    judged = verdict(ORDER, 200, json.dumps(answer))
    assert judged.outcome == outcome
    assert reason is None or judged.reason == reason


def test_a_long_explanation_is_cut_and_a_repeated_key_blanked_out() -> None:
    judged = verdict(EVENT, 401, f"the key {KEY} is wrong " + "x" * 1000)
    assert judged.reason.startswith("HTTP 401: the key *** is wrong xxx")
    assert len(judged.reason) == len("HTTP 401: ") + 300
    failed = verdict(ORDER, 200, json.dumps({"failedOrders": [KEY + "x" * 1000]}))
    assert failed.reason.startswith('HTTP 200: failedOrders ["***xxx')
    assert len(failed.reason) < 350


def test_the_pause_that_esputnik_asks_for_is_kept() -> None:
    judged = verdict(EVENT, 429, "slow down", retry_after=3)
    assert (judged.outcome, judged.retry_after) == ("later", 3)


def test_the_key_is_the_password_of_basic_authentication_and_nowhere_else() -> None:
    vendor = make_vendor("esputnik", {"api_key": KEY})
    scheme, encoded = vendor.credentials()["Authorization"].split()
    assert scheme == "Basic"
    assert base64.b64decode(encoded).decode().partition(":")[2] == KEY

    event = make_event({"name": "search", "user": {"id": "c-42"}, "params": {"search_term": "mug"}})
    assert KEY not in repr(vendor.request(vendor.messages(event, make_visitor(CaseVisitor()))))


def test_what_is_json_inside_a_string_reads_back_as_what_was_said() -> None:
    """The page's own examples lose their quotes; ours must survive two encoders."""
    awkward = 'a "quoted" \\ back\\slash \u2028 and \n a line, ї, 😀'
    item = {"item_id": awkward, "item_name": awkward, "price": 19.99, "color": [awkward]}
    cart = make_event(
        {"name": "update_cart", "cart": "c", "user": {"id": "c-42"}, "params": {"items": [item, item]}}
    )
    vendor = make_vendor("esputnik", {"api_key": KEY})
    request = vendor.request(vendor.messages(cart, make_visitor(CaseVisitor())))

    received = json.loads(json.dumps(request.body))
    products = next(param["value"] for param in received["params"] if param["name"] == "products")
    line = {"productId": awkward, "quantity": 1, "price": 19.99, "name": awkward, "color": [awkward]}
    assert json.loads(products) == [line, line]
