"""8SELECT: what its answers mean."""

from __future__ import annotations

import json

import pytest
from vendor_case import make_vendor

from server.vendors.base import Reply, Request

SETTINGS = {"api_id": "db54750f-80fc-4818-9455-30ca233225dc"}
REQUEST = Request("POST", "/analytics/v3/events", {"type": "view"})

# As on 8SELECT's page "Event Validation": Ajv reports one violation several times over.
VIOLATIONS = [
    {
        "instancePath": "/order/lines/0/sku",
        "schemaPath": "#/type",
        "keyword": "type",
        "message": "must be string",
    },
    {
        "instancePath": "/order/lines/0/sku",
        "schemaPath": "#/if",
        "keyword": "if",
        "message": "must be string",
    },
    {"instancePath": "", "schemaPath": "#/required", "keyword": "required", "message": "must have context"},
]


@pytest.mark.parametrize(
    ("status", "body", "outcome", "reason"),
    [
        (200, "", "sent", "HTTP 200"),
        (202, '{"id": "1"}', "sent", "HTTP 202"),
        (204, "", "sent", "HTTP 204"),
        (
            400,
            json.dumps(VIOLATIONS),
            "never",
            "HTTP 400: /order/lines/0/sku must be string; must have context",
        ),
        (400, "[]", "never", "HTTP 400: []"),
        (400, '["odd", {"keyword": "type"}]', "never", 'HTTP 400: ["odd", {"keyword": "type"}]'),
        (422, '{"message": "nope"}', "never", 'HTTP 422: {"message": "nope"}'),
        (401, '{"message": "Unauthorized"}', "stop", 'HTTP 401: {"message": "Unauthorized"}'),
        (403, '{"message": "Forbidden"}', "stop", 'HTTP 403: {"message": "Forbidden"}'),
        (429, "", "later", "HTTP 429"),
        (503, "<html>\n  busy </html>", "later", "HTTP 503: <html> busy </html>"),
    ],
)
def test_an_answer_is_judged_by_its_status_in_the_vendors_words(
    status: int, body: str, outcome: str, reason: str
) -> None:
    verdict = make_vendor("eightselect", SETTINGS).verdict(REQUEST, Reply(status, body.encode()))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_a_long_explanation_is_cut_at_300_characters() -> None:
    verdict = make_vendor("eightselect", SETTINGS).verdict(REQUEST, Reply(400, b"x" * 10_000))
    assert verdict.reason == "HTTP 400: " + "x" * 299 + "…"


def test_an_answer_that_is_not_text_is_still_a_reason() -> None:
    verdict = make_vendor("eightselect", SETTINGS).verdict(REQUEST, Reply(500, b"\xff\xfe bad"))
    assert (verdict.outcome, verdict.reason) == ("later", "HTTP 500: \ufffd\ufffd bad")


def test_the_pause_that_8select_asks_for_is_kept() -> None:
    verdict = make_vendor("eightselect", SETTINGS).verdict(REQUEST, Reply(429, b"", retry_after=17))
    assert (verdict.outcome, verdict.retry_after) == ("later", 17)
