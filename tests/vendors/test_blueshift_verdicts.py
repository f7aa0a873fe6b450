"""What Blueshift's answers mean, by its API reference."""

from __future__ import annotations

import pytest
from vendor_case import make_vendor

from server.vendors.base import Outcome, Reply, Request

KEY = "0123456789abcdef0123456789abcdef"
CALL = Request("POST", "/api/v1/bulkevents", {"events": [{"event": "view"}]})

VERDICTS: list[tuple[int, bytes, Outcome, str]] = [
    (200, b'{"status":"ok","count":1}', "sent", ""),
    (200, b'{"status":"OK"}', "sent", ""),
    (204, b"", "sent", ""),
    (200, b'{"success":false,"error":"events is missing"}', "never", "events is missing"),
    (200, b'{"errors":[{"customer_id":"can\'t be blank"}]}', "never", "can't be blank"),
    (400, b'{"errors":[{"customer_id":"can\'t be blank"}]}', "never", "can't be blank"),
    (400, b'{"errors":{"event":["is missing"]}}', "never", "is missing"),
    (400, b"Bad Request", "never", "Bad Request"),
    (404, b'{"success":false,"error":"not found"}', "never", "not found"),
    (413, b'{"message":"too large"}', "never", "too large"),
    (422, b'{"message":"event is invalid"}', "never", "event is invalid"),
    (401, b'{"message":"Not authorized"}', "stop", "Not authorized"),
    (403, b'{"message":"Forbidden"}', "stop", "Forbidden"),
    (302, b"", "stop", "base_url"),
    (409, b'{"message":"Conflict"}', "later", "Conflict"),
    (429, b'{"message":"Rate limit exceeded"}', "later", "Rate limit exceeded"),
    (500, b"", "later", ""),
    (502, b"<html>", "later", ""),
    (503, b"", "later", ""),
    (504, b"", "later", ""),
]


@pytest.mark.parametrize(("status", "body", "outcome", "words"), VERDICTS)
def test_an_answer_means(status: int, body: bytes, outcome: Outcome, words: str) -> None:
    verdict = make_vendor("blueshift", {"api_key": KEY}).verdict(CALL, Reply(status, body))
    assert verdict.outcome == outcome
    assert str(status) in verdict.reason
    assert words in verdict.reason


def test_a_key_that_blueshift_repeats_stays_out_of_the_reason() -> None:
    vendor = make_vendor("blueshift", {"api_key": KEY})
    for status in (200, 400, 401, 409):
        reply = Reply(status, b'{"success":false,"error":"unknown key %s"}' % KEY.encode())
        assert KEY not in vendor.verdict(CALL, reply).reason


@pytest.mark.parametrize("status", [409, 429, 503])
def test_when_to_try_again_is_passed_on(status: int) -> None:
    reply = Reply(status, retry_after=17)
    assert make_vendor("blueshift", {"api_key": KEY}).verdict(CALL, reply).retry_after == 17
