"""A campaign is seen wherever the page it led to is named: with the batch, or with one event of it."""

from __future__ import annotations

from typing import Any

from tests.gateway import GRANTED, ORIGIN, Gateway, event


def on(code: str, id: str) -> dict[str, Any]:
    """A page view that names its own page."""
    query = f"?recommended_by=chain&bulk_code={code}" if code else ""
    return {**event("page_view", id), "page": {"url": f"{ORIGIN}/p/1{query}"}}


def test_an_events_own_page_brings_its_campaign_from_then_on(gateway: Gateway) -> None:
    browser = gateway.browser()
    answer = browser.send(
        on("", "before"), on("letter", "there"), on("", "after"), consent=GRANTED, page={"url": f"{ORIGIN}/"}
    )
    assert answer.accepted == 3
    before, there, after = gateway.events()
    assert before.source is None
    assert there.source is not None
    assert (there.source.from_, there.source.code) == ("chain", "letter")
    assert after.source == there.source
    assert before.session != there.session == after.session == browser.session
    assert browser.cookie("gp_src")


def test_of_several_the_last_is_kept(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(on("first", "a"), on("second", "b"), consent=GRANTED)
    browser.send(event("page_view", "c"))
    codes = [one.source.code for one in gateway.events() if one.source]
    assert codes == ["first", "second", "second"]


def test_an_email_address_there_is_no_campaign_either(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(on("ann%40mail.example", "a"), consent=GRANTED)
    assert browser.cookie("gp_src") is None
    assert gateway.events()[0].source is None
