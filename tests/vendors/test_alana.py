"""Alana: batches of a hundred, and what its answers mean."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from vendor_case import CaseVisitor, make_event, make_vendor, make_visitor, requests

from server.vendors.base import Reply, Request, Verdict

KEY = "ak_0123456789abcdef0123456789abcdef"


def request_of(count: int) -> Request:
    return Request("POST", "/api/v1/events", {"events": [{"eventType": "home-page-view"}] * count})


def verdict(status: int, body: str, events: int = 1, retry_after: float | None = None) -> Verdict:
    reply = Reply(status, body.encode(), retry_after)
    return make_vendor("alana", {"api_key": KEY}).verdict(request_of(events), reply)


def test_more_than_a_hundred_events_go_in_several_requests_in_order() -> None:
    added = make_event(
        {"name": "add_to_cart", "params": {"items": [{"item_id": str(n)} for n in range(201)]}}
    )
    nothing: Iterator[Reply] = iter(())
    vendor = make_vendor("alana", {"api_key": KEY})
    sent = list(requests(vendor, [added], make_visitor(CaseVisitor()), nothing))

    batches = [request.body["events"] for request in sent]
    assert [len(batch) for batch in batches] == [100, 100, 1]
    assert [event["productId"] for batch in batches for event in batch] == [str(n) for n in range(201)]


def test_requests_keep_to_a_hundred_a_minute() -> None:
    assert make_vendor("alana", {"api_key": KEY}).limits.window == (100, 60_000)


@pytest.mark.parametrize(
    ("status", "body", "events", "outcome", "reason"),
    [
        # Response Format on the page "Events".
        (200, '{"status": "ok", "stored": 2, "errors": 0}', 2, "sent", "HTTP 200"),
        (
            200,
            '{"status": "ok", "stored": 28, "errors": 2}',
            30,
            "sent",
            "HTTP 200: stored 28, 2 refused by Alana without naming them",
        ),
        (
            200,
            '{"status": "ok", "stored": 0, "errors": 3}',
            3,
            "never",
            "HTTP 200: stored 0, 3 refused by Alana without saying why",
        ),
        (
            200,
            '{"status": "ok", "stored": 1, "errors": 1}',
            1,
            "sent",
            "HTTP 200: stored 1, 1 refused by Alana without naming them",
        ),
        # Not the counts the page promises: accepted all the same, for what else is a 2xx to mean.
        (200, "", 1, "sent", "HTTP 200"),
        (204, "", 1, "sent", "HTTP 204"),
        (200, "<html>", 1, "later", "HTTP 200: a page in place of an answer; is base_url right?"),
        (200, '{"status": "ok", "stored": "2", "errors": null}', 2, "sent", "HTTP 200"),
        (200, '[{"errors": 1}]', 1, "sent", "HTTP 200"),
        # The page "Errors".
        (
            401,
            '{"error": {"code": "AUTH_002", "message": "Invalid API key", "request_id": "r-1"}}',
            1,
            "stop",
            "HTTP 401: AUTH_002; Invalid API key",
        ),
        (
            403,
            '{"error": {"code": "AUTH_004", "message": "Workspace"}}',
            1,
            "stop",
            "HTTP 403: AUTH_004; Workspace",
        ),
        (
            400,
            '{"error": {"code": "AUTH_001", "message": "Missing API key"}}',
            1,
            "stop",
            "HTTP 400: AUTH_001; Missing API key",
        ),
        (
            400,
            '{"error": {"code": "RATE_002", "message": "Concurrency"}}',
            1,
            "later",
            "HTTP 400: RATE_002; Concurrency",
        ),
        (
            400,
            '{"error": {"code": "VALIDATION_ERROR", "message": "Invalid request",'
            ' "details": [{"field": "events[0].productId", "message": "is required"}]}}',
            1,
            "never",
            "HTTP 400: VALIDATION_ERROR; Invalid request; events[0].productId: is required",
        ),
        (400, '{"error": "bad"}', 1, "never", 'HTTP 400: {"error": "bad"}'),
        (400, '{"error": {"details": ["odd"]}}', 1, "never", 'HTTP 400: {"error": {"details": ["odd"]}}'),
        (413, "", 100, "never", "HTTP 413"),
        (429, '{"error": {"code": "RATE_001", "message": "Slow"}}', 1, "later", "HTTP 429: RATE_001; Slow"),
        (502, "<html>bad gateway</html>", 1, "later", "HTTP 502: <html>bad gateway</html>"),
    ],
)
def test_an_answer_is_judged_by_status_counts_and_code(
    status: int, body: str, events: int, outcome: str, reason: str
) -> None:
    judged = verdict(status, body, events)
    assert (judged.outcome, judged.reason) == (outcome, reason)


@pytest.mark.parametrize("code", ["RATE_001", "OTHER"])
def test_the_pause_that_alana_asks_for_is_kept(code: str) -> None:
    judged = verdict(429, f'{{"error": {{"code": "{code}"}}}}', retry_after=42)
    assert (judged.outcome, judged.retry_after) == ("later", 42)


def test_a_key_that_alana_repeats_is_blanked_out() -> None:
    judged = verdict(401, f'{{"error": {{"code": "AUTH_002", "message": "Unknown key {KEY}"}}}}')
    assert judged.reason == "HTTP 401: AUTH_002; Unknown key ***"


def test_the_key_is_in_no_part_of_a_request() -> None:
    vendor = make_vendor("alana", {"api_key": KEY})
    event = make_event({"name": "search", "params": {"search_term": "mug"}})
    request = vendor.request(vendor.messages(event, make_visitor(CaseVisitor())))
    assert KEY not in repr(request)
    assert KEY not in repr(vendor)
