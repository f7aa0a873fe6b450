"""One event: what was kept, what had been consented to, what each vendor was sent, or why it was not."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.console.operator import Desk, Operator
from tests.console.test_overview import fault, send
from tests.gateway import DENIED, GRANTED, HOUR, ITEM, Gateway, event
from tests.world import BLUESHIFT_KEY


def test_an_events_page_shows_each_vendors_request_and_reply_or_why_there_is_none(desk: Desk) -> None:
    send(desk.world, event("page_view", "seen"))
    desk.open("/console/shops/demo/events/seen")
    sent = desk.page.locator("#to-blueshift")
    expect(sent).to_have_attribute("data-state", "delivered", timeout=15_000)
    expect(sent.locator("summary").first).to_contain_text("POST /api/v1/bulkevents")
    expect(sent.locator("summary").first).to_contain_text("HTTP 200")
    expect(sent.get_by_label("What was sent")).to_contain_text('"event": "pageload"')
    expect(sent.get_by_label("The reply")).to_contain_text('"status": "ok"')
    expect(sent).to_contain_text("Allowed because marketing was granted on")
    not_sent = desk.page.locator("#to-personaclick")
    expect(not_sent).to_have_attribute("data-state", "not_wanted")
    expect(not_sent).to_contain_text("because ")
    expect(not_sent.locator(".exchange")).to_have_count(0)


def test_an_event_that_waits_says_when_it_is_tried_again_and_what_was_answered(desk: Desk) -> None:
    fault(desk.world, "blueshift", 503, retry_after=1800)
    send(desk.world, event("page_view", "late"))
    desk.open("/console/shops/demo/events/late")
    card = desk.page.locator("#to-blueshift")
    expect(card).to_contain_text("HTTP 503", timeout=15_000)
    expect(card).to_contain_text(re.compile("Tried again in (30|29) min"))
    expect(card).to_have_attribute("data-state", "waiting")


def test_an_event_that_was_tried_twice_shows_both_answers(desk: Desk) -> None:
    fault(desk.world, "blueshift", 503, times=1)
    send(desk.world, event("page_view", "late"))
    desk.open("/console/shops/demo/events/late")
    card = desk.page.locator("#to-blueshift")
    expect(card).to_have_attribute("data-state", "delivered", timeout=30_000)
    expect(card.locator(".reply")).to_have_text(["HTTP 503", "HTTP 200"])
    expect(card).to_contain_text("after 2 tries")


def test_no_credential_is_on_the_page(desk: Desk) -> None:
    send(desk.world, event("page_view", "seen"))
    desk.open("/console/shops/demo/events/seen")
    expect(desk.page.locator("#to-blueshift")).to_have_attribute("data-state", "delivered", timeout=15_000)
    assert BLUESHIFT_KEY not in desk.page.content()


def test_consent_is_shown_as_it_was_and_as_it_is_by_now(gateway: Gateway, operator: Operator) -> None:
    browser = gateway.browser()
    browser.send(event("page_view", "seen"), consent=GRANTED)
    text = operator.get("/console/shops/demo/events/seen").text
    assert "Personalization granted, marketing granted" in text
    assert "By now" not in text
    gateway.clock.forward(HOUR)
    browser.send(consent={**GRANTED, "marketing": "denied"})
    text = operator.get("/console/shops/demo/events/seen").text
    assert "Personalization granted, marketing granted" in text
    assert "personalization granted, marketing denied" in text


def test_the_page_shows_what_was_kept_and_the_text_that_explain_prints(
    gateway: Gateway, operator: Operator
) -> None:
    gateway.browser().send(
        event("view_item", "seen", items=[ITEM]),
        consent=GRANTED,
        page={"url": "https://www.myshop.example/p/100500?token=abcdef&utm_source=mail", "title": "Kettle"},
    )
    text = operator.get("/console/shops/demo/events/seen").text
    assert "utm_source" in text
    assert "abcdef" not in text
    assert "100500" in text
    assert "  shop      demo" in text


def test_an_event_that_was_never_kept_is_not_there(gateway: Gateway, operator: Operator) -> None:
    gateway.browser().send(event("page_view", "refused"), consent=DENIED)
    answer = operator.get("/console/shops/demo/events/refused")
    assert answer.status_code == 404
    assert "is kept" in answer.text
