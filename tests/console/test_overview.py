"""The first page: what came, what became of it, how every destination is."""

from __future__ import annotations

from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.console.operator import Desk, Operator
from tests.gateway import GRANTED, Gateway, event
from tests.world import World

OVERVIEW = "/console/shops/demo/"


def figures(page: Page, vendor: str) -> dict[str, int]:
    """The numbers of a destination's sum, by their names."""
    names = page.locator(f"#to-{vendor} [data-sum] dt").all_inner_texts()
    values = page.locator(f"#to-{vendor} [data-sum] dd").all_inner_texts()
    return {name: int(value.replace(",", "")) for name, value in zip(names, values, strict=True)}


def send(living: World, *events: dict[str, Any], **batch: Any) -> None:
    """What a browser on the shop's page sends."""
    answer = httpx.post(
        f"{living.gateway}/gp/demo/e",
        json={"events": list(events), "consent": GRANTED, **batch},
        headers={"Origin": living.shop},
    )
    assert answer.status_code == 200, answer.text


def fault(living: World, vendor: str, status: int, **more: int) -> None:
    """Let a vendor's stand-in answer with this status: `times` so often, with `retry_after` in seconds."""
    fault = {"vendor": vendor, "status": status, **more}
    assert httpx.post(f"{living.sandbox}/_sandbox/faults", json=fault).status_code < 300


def test_the_numbers_of_each_destination_add_up_on_the_page_as_events_come(desk: Desk) -> None:
    page = desk.page
    expect(page.locator("h1")).to_have_text("Ready for the first event")
    send(desk.world, *(event("page_view") for _ in range(3)), event("attack_at_dawn"))
    for vendor in ("personaclick", "blueshift"):
        expect(page.locator(f"#to-{vendor} .figure.waiting dd")).to_have_text("0", timeout=15_000)
        expect(page.locator(f"#to-{vendor} .figure.received dd")).to_have_text("4", timeout=15_000)
        found = figures(page, vendor)
        assert found["received"] == sum(found.values()) - found["received"] == 4
    expect(page.locator("h1")).to_have_text("Everything flows")
    not_wanted = figures(page, "personaclick")["not wanted"]
    page.locator("#to-personaclick .figure.not_wanted a").click()
    expect(page.locator("a.event-name")).to_have_count(not_wanted)


def test_a_destination_that_refuses_the_key_says_since_when_what_waits_and_what_to_do(desk: Desk) -> None:
    fault(desk.world, "blueshift", 401)
    send(desk.world, event("page_view"), event("page_view"))
    card = desk.page.locator("#to-blueshift")
    expect(card).to_have_attribute("data-kind", "held", timeout=15_000)
    says = card.locator(".says").inner_text()
    assert says.startswith("Blueshift refuses the key since ")
    assert "2 events wait" in says
    assert "next try in " in says
    expect(card.locator(".quote")).to_contain_text("HTTP 401")
    expect(card.locator(".mend")).to_contain_text("gatepost.toml")
    expect(desk.page.locator("h1")).to_have_text("Blueshift is held")
    expect(desk.page.locator("nav .badge.held")).to_be_visible()
    expect(desk.page.locator("#to-personaclick")).to_have_attribute("data-kind", "flowing")


def test_what_was_not_taken_is_told_by_reason(gateway: Gateway, operator: Operator) -> None:
    gateway.browser().send(event("page_view"), event("view_item"), consent=GRANTED)
    text = " ".join(operator.get(OVERVIEW).text.split())
    assert "<dt>received</dt><dd>1</dd>" in text
    assert "<dt>not taken</dt><dd>1</dd>" in text
    assert "<span>not valid</span><b>1</b>" in text


def test_without_a_relay_the_page_says_that_nothing_is_delivered(
    gateway: Gateway, operator: Operator
) -> None:
    gateway.browser().send(event("page_view"), consent=GRANTED)
    text = operator.get(OVERVIEW).text
    assert "no relay is running" in text
    assert "gatepost relay" in text
