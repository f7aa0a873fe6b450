"""What a visitor has said is kept with its time, shown in words, and asked again before anything is sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime

import msgspec
import pytest

from server.commands import explain_id
from server.consent import Consent, Decision, receipt, updated
from tests.gateway import DENIED, GRANTED, HOUR, ITEM, MINUTE, NOW, Gateway, event
from tests.privacy.installation import Installation

# Global Privacy Control.


def test_the_wellknown_resource_says_that_gpc_is_heeded(gateway: Gateway) -> None:
    answer = gateway.request("GET", "/.well-known/gpc.json")
    assert answer.status == 200
    assert answer.body["gpc"] is True
    assert date.fromisoformat(answer.body["lastUpdate"]) <= datetime.now(UTC).date()
    assert set(answer.body) == {"gpc", "lastUpdate"}


def test_gpc_is_kept_with_the_visitor_and_closes_marketing_for_server_events(
    installation: Installation,
) -> None:
    browser = installation.browser()
    browser.send(
        event("view_item", "seen", items=[ITEM]),
        consent=GRANTED,
        user={"id": "c-42"},
        headers={"Sec-GPC": "1"},
    )
    answer = installation.server_sends(
        {**event("purchase", "bought", transaction_id="o-1", items=[ITEM]), "user": {"id": "c-42"}}
    )
    assert answer["stored"] == 1
    refused = "consent: closed by Global Privacy Control"
    assert installation.until_settled("blueshift", 2) == [
        ("seen", "not_wanted", refused),
        ("bought", "not_wanted", refused),
    ]
    assert [state for _, state, _ in installation.until_settled("personaclick", 2)] == ["delivered"] * 2
    assert installation.requests("blueshift") == []


# Receipts.


def test_a_receipt_says_when_and_by_whom_the_purpose_was_granted() -> None:
    consent = updated(Consent(), {"personalization": "granted"}, False, 1_795_269_780_000, "browser")
    assert (
        receipt(consent, "required", "personalization")
        == "personalization was granted on 2026-11-21 14:03 UTC, told by the browser"
    )


def test_each_purpose_keeps_its_own_time_and_teller() -> None:
    consent = updated(Consent(), {"personalization": "granted"}, False, NOW, "browser")
    consent = updated(consent, {"marketing": "granted"}, False, NOW + HOUR, "server")
    consent = updated(consent, {"personalization": "granted"}, True, NOW + 2 * HOUR, "browser")
    assert consent.decided == {
        "personalization": Decision(NOW, "browser"),
        "marketing": Decision(NOW + HOUR, "server"),
    }
    consent = updated(consent, {"personalization": "denied"}, True, NOW + 3 * HOUR, "browser")
    consent = updated(consent, {"personalization": "granted"}, True, NOW + 4 * HOUR, "browser")
    assert consent.decision("personalization") == Decision(NOW + 4 * HOUR, "browser")


def test_a_decision_that_was_kept_without_its_time_has_that_of_the_record() -> None:
    old = msgspec.json.decode(
        b'{"purposes":{"marketing":"granted"},"at":1795269780000,"by":"browser"}', type=Consent
    )
    assert "on 2026-11-21 14:03 UTC" in receipt(old, "required", "marketing")
    later = updated(old, {"personalization": "granted"}, False, old.at + HOUR, "browser")
    assert later.decision("marketing") == Decision(old.at, "browser")


def test_explain_tells_in_words_why_an_event_was_sent(installation: Installation) -> None:
    installation.browser().send(event("view_item", "seen", items=[ITEM]), consent=GRANTED)
    installation.until_settled("blueshift", 1)
    ((said,),) = installation.rows("SELECT at FROM consents")
    text = explain_id(installation.settings.file, "seen")
    with closing(sqlite3.connect(":memory:")) as any_database:
        ((minute,),) = any_database.execute(
            "SELECT strftime('%Y-%m-%d %H:%M', ? / 1000, 'unixepoch')", (said,)
        ).fetchall()
    assert f"allowed because marketing was granted on {minute} UTC, told by the browser" in text


# The ledger.


def test_the_ledger_only_grows_and_holds_every_change(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(event("page_view"), consent=GRANTED)
    visitor = browser.visitor
    gateway.clock.forward(MINUTE)
    browser.send(event("page_view"), consent={"marketing": "denied"})
    gateway.clock.forward(MINUTE)
    browser.send(event("page_view"), consent={"marketing": "denied"})  # nothing new
    gateway.clock.forward(MINUTE)
    browser.send(consent=DENIED)
    rows = gateway.rows("SELECT visitor, at, consent FROM consents ORDER BY seq")
    assert [(row[0], row[1]) for row in rows] == [
        (visitor, NOW),
        (visitor, NOW + MINUTE),
        (visitor, NOW + 3 * MINUTE),
    ]
    assert [msgspec.json.decode(row[2])["purposes"] for row in rows] == [
        GRANTED,
        {**GRANTED, "marketing": "denied"},
        DENIED,
    ]


# Withdrawal.


def test_withdrawal_drops_what_waits_and_says_so(installation: Installation) -> None:
    browser = installation.browser()
    installation.fault("blueshift", status=503)
    browser.send(event("purchase", "bought", transaction_id="o-1", items=[ITEM]), consent=GRANTED)
    installation.until_settled("personaclick", 1)
    installation.until_tried("blueshift", 1)
    tried = len(installation.requests("blueshift"))

    browser.send(consent={"marketing": "denied"})
    installation.mend("blueshift")
    installation.later(HOUR)

    assert installation.until_settled("blueshift", 2)[0] == (
        *("bought", "not_wanted"),
        "consent: marketing was denied",
    )
    assert len(installation.requests("blueshift")) == tried
    text = explain_id(installation.settings.file, "bought")
    assert "because consent: marketing was denied" in text
    assert installation.fates("personaclick")[0][1] == "delivered"


@pytest.mark.parametrize("rule", ["required", "not_required"])
def test_withdrawing_everything_clears_the_cookies_in_the_answer(
    rule: str, gateways: Callable[..., Gateway]
) -> None:
    gateway = gateways(shop={"consent": rule})
    browser = gateway.browser()
    browser.send(
        event("page_view"),
        consent=GRANTED,
        page={"url": "https://www.myshop.example/?recommended_by=chain&bulk_code=x"},
    )
    assert len(browser.cookies) == 3
    answer = browser.send(event("page_view"), consent=DENIED)
    assert answer.reasons == ["consent"]
    cleared = {name for name, cookie in answer.set_cookies.items() if "Max-Age=0" in cookie}
    assert {name.removeprefix("__Host-") for name in cleared} == {"gp_v", "gp_s", "gp_src"}
    kept = {"required": [], "not_required": ["__Host-gp_no"]}
    assert list(browser.cookies) == kept[rule]
