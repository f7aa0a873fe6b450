"""What the console looks like to people who see little, use keys, or hold a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.console.operator import Desk
from tests.console.test_overview import send
from tests.gateway import ROOT, event

TOKENS = (ROOT / "static/console/tokens.css").read_text("utf-8")
GROUNDS = ("paper", "sheet", "well")
TEXTS = ("ink", "soft", "delivered", "waiting", "not_wanted", "retrying", "dead", "held")
PAGES = (
    "/console/shops/demo/",
    "/console/shops/demo/live",
    "/console/shops/demo/events/seen",
    "/console/shops/demo/dead",
    "/console/shops/demo/install",
    "/console/shops/demo/try",
    "/console/shops/demo/privacy",
)


def colours(scheme: str) -> dict[str, str]:
    """The colours of a scheme; the dark one changes some of the light one's."""
    light, dark = TOKENS.split("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", dark)) if scheme == "dark" else found


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_whatever_it_stands_on(scheme: str) -> None:
    """Level AA: 4.5 to 1."""
    found = colours(scheme)
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [("press-ink", "press"), ("press-ink", "press-hover"), ("paper", "held"), ("paper", "dead")]
    poor = {pair: contrast(found[pair[0]], found[pair[1]]) for pair in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_and_borders_of_controls_can_be_told_from_what_they_stand_on(scheme: str) -> None:
    """Level AA asks 3 to 1 of what is not text; the bars' numbers are told in words as well."""
    found = colours(scheme)
    for mark in ("bar-received", "bar-delivered", "bar-dead", "ring"):
        assert contrast(found[mark], found["sheet"]) >= 3


def test_everything_can_be_reached_and_done_with_keys_alone(desk: Desk) -> None:
    send(desk.world, event("page_view", "seen"))
    page = desk.page
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url("**/live")
    expect(page.locator("a.event-name")).to_be_visible(timeout=15_000)
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.type("seen")
    page.keyboard.press("Enter")
    page.wait_for_url("**/events/seen")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/shops/demo/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_chart_is_read_with_the_arrow_keys(desk: Desk) -> None:
    send(desk.world, event("page_view", "seen"))
    said = desk.page.locator("#chart-shop .chart-said")
    desk.open("/console/shops/demo/")
    expect(said).to_have_text(re.compile(r"^\d+ received$"))
    desk.page.locator("#chart-shop").focus()
    desk.page.keyboard.press("ArrowLeft")
    expect(said).to_have_text(re.compile(r"^\d\d:\d\d: \d+ received$"))
    last = said.inner_text()
    desk.page.keyboard.press("ArrowLeft")
    expect(said).not_to_have_text(last)
    expect(said).to_have_attribute("aria-live", "polite")
    desk.page.evaluate(
        """() => new Promise((done) => {
            document.body.addEventListener("htmx:afterSettle", done, { once: true });
            document.body.dispatchEvent(new Event("refresh"));
        })"""
    )
    expect(said).to_have_text(re.compile(r"^\d\d:\d\d: "))
    expect(desk.page.locator("#chart-shop")).to_be_focused()
    desk.page.keyboard.press("Tab")
    expect(said).to_have_text(re.compile(r"^\d+ received$"))


def test_a_row_that_has_the_focus_keeps_it_when_the_list_changes(desk: Desk) -> None:
    send(desk.world, event("page_view", "seen"))
    desk.open("/console/shops/demo/live")
    row = desk.page.locator("a.event-name[href$='/seen']")
    row.focus()
    send(desk.world, event("page_view", "next"))
    expect(desk.page.locator("a.event-name[href$='/next']")).to_be_visible(timeout=15_000)
    expect(row).to_be_focused()


def test_on_a_phone_no_page_is_wider_than_the_screen(desk: Desk, context: BrowserContext) -> None:
    send(
        desk.world,
        event("view_item", "seen", items=[{"item_id": "x" * 200, "item_name": "W" * 300}]),
        page={"url": desk.world.shop + "/" + "very-long-" * 30},
    )
    desk.page.set_viewport_size({"width": 390, "height": 844})
    for path in PAGES:
        desk.open(path)
        desk.page.wait_for_load_state("networkidle")
        assert desk.page.evaluate("document.documentElement.scrollWidth") == 390, path


def test_on_a_phone_the_navigation_shows_where_we_are(desk: Desk) -> None:
    desk.page.set_viewport_size({"width": 390, "height": 844})
    desk.open("/console/shops/demo/privacy")
    here = desk.page.locator("#nav [aria-current]")
    expect(here).to_have_text("Privacy")
    expect(here).to_be_in_viewport(ratio=0.95)
    assert desk.page.evaluate("scrollY") == 0


def test_every_page_has_one_heading_of_the_first_order_and_names_its_controls(desk: Desk) -> None:
    send(desk.world, event("page_view", "seen"))
    for path in PAGES:
        desk.open(path)
        expect(desk.page.locator("h1")).to_have_count(1)
        nameless = desk.page.evaluate(
            """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, summary")]
                .filter((each) => !(each.textContent.trim() || each.getAttribute("aria-label")
                    || each.labels?.length || each.title)).map((each) => each.outerHTML)"""
        )
        assert nameless == [], path


def test_open_details_stay_open_while_the_page_renews_itself(desk: Desk) -> None:
    send(desk.world, event("page_view", "a"))
    why = desk.page.locator("#why-personaclick")
    expect(why).to_be_visible(timeout=15_000)
    why.locator("summary").click()
    send(desk.world, event("page_view", "b"))
    expect(desk.page.locator("#to-blueshift .figure.received dd")).to_have_text("2", timeout=15_000)
    expect(why).to_have_attribute("open", "")


def test_without_scripts_everything_can_be_read(desk: Desk, context: BrowserContext) -> None:
    send(desk.world, event("page_view", "seen"))
    browser = context.browser
    assert browser
    plain = browser.new_context(java_script_enabled=False)
    plain.add_cookies(context.cookies())  # type: ignore[arg-type]
    page = plain.new_page()
    page.goto(f"{desk.world.gateway}/console/shops/demo/")
    expect(page.locator("#to-blueshift dd").first).to_have_text("1")
    page.goto(f"{desk.world.gateway}/console/shops/demo/live?name=page_view")
    page.locator("a.event-name").click()
    expect(page.locator("h1")).to_have_text("page_view")
    plain.close()


def test_whoever_is_signed_out_meanwhile_is_asked_to_sign_in_again(desk: Desk) -> None:
    desk.open("/console/shops/demo/live?name=page_view")
    desk.world.clock.move(13 * 3_600_000)
    desk.page.wait_for_url(re.compile(r"/console/sign-in\?next=.*/live"), timeout=15_000)
    assert "401" in desk.complaints.pop(), "the browser itself reports the answer that led here"
