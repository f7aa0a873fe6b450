"""What PersonaClick's answers mean, by its page and by REES46's list of errors."""

from __future__ import annotations

import pytest
from vendor_case import make_vendor

from server.vendors.base import Outcome, Reply, Request

SETTINGS = {"shop_id": "0d42fd8b713d0752776ca589cc0056"}

INIT = Request("GET", "/init", query={"shop_id": SETTINGS["shop_id"], "stream": "web"})
INIT_AGAIN = Request("GET", "/init", query={**INIT.query, "did": "7rjVGhMykT"})
VIEW = Request("POST", "/push", {"event": "view"})
CATEGORY = Request("POST", "/push", {"event": "category"})
CUSTOM = Request("POST", "/push/custom", {"event": "my_event"})
TRACK = Request("POST", "/track/clicked", {"code": "c"})

NAMES = {id(INIT): "init", id(INIT_AGAIN): "init with did", id(VIEW): "view", id(CATEGORY): "category"}
NAMES |= {id(CUSTOM): "custom", id(TRACK): "track"}


def error(message: str, *, inside: bool = False) -> bytes:
    if inside:
        return b'{"status":"error","payload":{"message":"%s"}}' % message.encode()
    return b'{"status":"error","message":"%s"}' % message.encode()


IDS = b'{"did":"7rjVGhMykT","seance":"R5eQXkrKCf"}'

VERDICTS: list[tuple[Request, int, bytes, Outcome]] = [
    # Taken.
    (VIEW, 200, b'{"status":"success"}', "sent"),
    (VIEW, 200, b'{"status":"success","payload":{"event":"view"}}', "sent"),
    (VIEW, 200, b"", "sent"),
    (CUSTOM, 204, b"", "sent"),
    (CUSTOM, 200, b'{"status":"success"}', "sent"),
    (TRACK, 200, b"", "sent"),
    (INIT, 200, IDS, "sent"),
    (INIT, 200, b'{"did":"7rjVGhMykT"}', "later"),
    (INIT, 200, b'{"did":"","seance":"x"}', "later"),
    (INIT, 200, b"<html>", "later"),
    # The event's own fault.
    (VIEW, 200, error("items is not valid"), "never"),
    (VIEW, 200, error("items is not valid", inside=True), "never"),
    (VIEW, 400, error("recommended_by is not valid"), "never"),
    (VIEW, 422, error("recommended_by is not valid", inside=True), "never"),
    (VIEW, 422, error("the product is not sold in this shop"), "never"),
    (CATEGORY, 400, error("unknown category"), "never"),
    (CATEGORY, 404, b"", "never"),
    (CATEGORY, 404, error("Category not found"), "never"),
    (CUSTOM, 404, b"", "never"),
    (CUSTOM, 400, error("custom event is not created"), "never"),
    (TRACK, 404, b"", "never"),
    # The device id is worth nothing any more: the event is.
    (VIEW, 401, error("did is required"), "later"),
    (VIEW, 422, error("Device ID is not valid", inside=True), "later"),
    (VIEW, 200, error("Device ID is not valid", inside=True), "later"),
    (VIEW, 404, error("Device not found"), "later"),
    (CUSTOM, 404, error("Device not found"), "later"),
    (CATEGORY, 404, error("Device not found"), "later"),
    (VIEW, 404, b"", "later"),
    (VIEW, 404, b"<html>Not Found</html>", "later"),
    (INIT_AGAIN, 404, b"", "later"),
    (INIT_AGAIN, 422, error("Device ID is not valid"), "later"),
    # The settings, or the account: only the shop can mend it.
    (VIEW, 401, b"", "stop"),
    (VIEW, 403, b"", "stop"),
    (VIEW, 403, error("device"), "stop"),
    (VIEW, 404, error("Shop not found"), "stop"),
    (VIEW, 422, error("shop_id is not valid", inside=True), "stop"),
    (VIEW, 200, error("shop_id is not valid"), "stop"),
    (TRACK, 403, b"", "stop"),
    (INIT, 400, b"", "stop"),
    (INIT, 403, b"", "stop"),
    (INIT, 404, b"", "stop"),
    (INIT, 422, error("shop_id is not valid"), "stop"),
    (INIT_AGAIN, 403, b"", "stop"),
    (VIEW, 301, b"", "stop"),
    # Not now.
    (VIEW, 408, b"", "later"),
    (VIEW, 429, b"", "later"),
    (VIEW, 500, b"", "later"),
    (VIEW, 503, error("Device service is down"), "later"),
    (INIT, 502, b"<html>", "later"),
]


@pytest.mark.parametrize(
    ("request_", "status", "body", "outcome"),
    VERDICTS,
    ids=[f"{NAMES[id(r)]}-{status}-{body.decode() or 'empty'}" for r, status, body, _ in VERDICTS],
)
def test_an_answer_means(request_: Request, status: int, body: bytes, outcome: Outcome) -> None:
    verdict = make_vendor("personaclick", SETTINGS).verdict(request_, Reply(status, body))
    assert verdict.outcome == outcome
    assert str(status) in verdict.reason


def test_the_reason_carries_personaclicks_own_words() -> None:
    vendor = make_vendor("personaclick", SETTINGS)
    for body in (error("items is not valid"), error("items is not valid", inside=True)):
        assert "items is not valid" in vendor.verdict(VIEW, Reply(422, body)).reason


def test_a_worthless_device_id_asks_for_another_introduction() -> None:
    verdict = make_vendor("personaclick", SETTINGS).verdict(VIEW, Reply(404))
    assert "introduced again" in verdict.reason
    assert verdict.forget


def test_when_to_try_again_is_passed_on() -> None:
    reply = Reply(429, retry_after=17)
    assert make_vendor("personaclick", SETTINGS).verdict(VIEW, reply).retry_after == 17
