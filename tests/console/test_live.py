"""Events as they come: all of them, those that somebody looks for, and one by its id."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.console.conftest import HASH, hostile
from tests.console.operator import Desk, Operator
from tests.console.test_overview import fault, send
from tests.gateway import GRANTED, ITEM, ORIGIN, Gateway, event

LIVE = "/console/shops/demo/live"


def shown(operator: Operator, **query: str) -> list[str]:
    """The ids of the events that the page lists, newest first."""
    text = operator.get(f"{LIVE}?{urlencode(query)}").text
    return re.findall(r'<a class="event-name"[^>]* href="/console/shops/demo/events/([^"]+)"', text)


def test_an_event_appears_by_itself_and_its_marks_follow_what_becomes_of_it(desk: Desk) -> None:
    desk.open(LIVE)
    expect(desk.page.locator("h1")).to_have_text("Nothing has come yet")
    send(desk.world, event("page_view", "first"))
    row = desk.page.locator(".event-row", has=desk.page.locator("a[href$='/first']"))
    expect(row).to_be_visible(timeout=15_000)
    expect(row.locator(".standing", has_text="Blueshift")).to_contain_text("delivered", timeout=15_000)
    expect(row.locator(".standing", has_text="PersonaClick")).to_contain_text("not sent", timeout=15_000)


def test_paused_the_page_stands_still_until_it_goes_on(desk: Desk) -> None:
    desk.open(LIVE)
    desk.page.keyboard.press("p")
    expect(desk.page.locator("#pause")).to_have_attribute("aria-pressed", "true")
    send(desk.world, event("page_view", "unseen"))
    # When it is seen again it looks at once, if it may.
    asked = """() => {
        let asked = 0;
        document.body.addEventListener("htmx:beforeRequest", () => { asked++; }, { once: true });
        document.dispatchEvent(new Event("visibilitychange"));
        return asked;
    }"""
    assert desk.page.evaluate(asked) == 0
    desk.page.keyboard.press("p")
    assert desk.page.evaluate(asked) == 1
    expect(desk.page.locator("a[href$='/unseen']")).to_be_visible(timeout=15_000)


def test_narrowing_down_asks_at_once_and_can_be_shared_as_an_address(desk: Desk) -> None:
    send(desk.world, event("page_view", "a"), event("attack_at_dawn", "b"))
    desk.open(LIVE)
    expect(desk.page.locator("a.event-name")).to_have_count(2)
    desk.page.get_by_label("Event", exact=True).fill("attack_at_dawn")
    expect(desk.page.locator("a.event-name")).to_have_text(["attack_at_dawn"])
    assert "name=attack_at_dawn" in desk.page.url
    desk.page.reload()
    expect(desk.page.locator("a.event-name")).to_have_text(["attack_at_dawn"])


def test_events_are_narrowed_down_by_name_page_and_visitor(gateway: Gateway, operator: Operator) -> None:
    ann, bob = gateway.browser(), gateway.browser()
    here = {"url": "https://www.myshop.example/p/100500"}
    ann.send(event("page_view", "a"), event("view_item", "b", items=[ITEM]), consent=GRANTED, page=here)
    bob.send(event("page_view", "c"), consent=GRANTED, page={"url": "https://www.myshop.example/about"})
    assert shown(operator) == ["c", "b", "a"]
    assert shown(operator, name="page_view") == ["c", "a"]
    assert shown(operator, visitor=ann.visitor) == ["b", "a"]
    assert shown(operator, page="/p/100500") == ["b", "a"]
    assert shown(operator, page="/p/100500", name="page_view") == ["a"]
    assert shown(operator, page="%") == shown(operator, name="nothing") == []


def test_events_are_narrowed_down_by_what_became_of_them(desk: Desk) -> None:
    fault(desk.world, "blueshift", 401)
    send(desk.world, event("page_view", "a"), event("view_item", "b", items=[ITEM]))
    page = desk.page

    def shows(expected: list[str], **query: str) -> None:
        desk.open(LIVE + "?" + "&".join(f"{name}={value}" for name, value in query.items()))
        expect(page.locator("a.event-name")).to_have_text(expected, timeout=15_000)

    shows(["view_item", "page_view"], vendor="blueshift", outcome="waiting")
    shows(["view_item"], vendor="personaclick", outcome="delivered")
    shows(["page_view"], vendor="personaclick", outcome="not_wanted")
    shows(["view_item"], outcome="delivered")
    shows([], outcome="dead")
    shows(["view_item", "page_view"], outcome="nonsense")


def test_earlier_events_are_on_further_pages_each_of_them_once(gateway: Gateway, operator: Operator) -> None:
    browser = gateway.browser()
    for start in (0, 60):
        browser.send(*(event("page_view", f"e{start + n}") for n in range(60)), consent=GRANTED)
    seen: list[str] = []
    address = LIVE
    while True:
        text = operator.get(address).text
        seen += re.findall(r'href="/console/shops/demo/events/(e\d+)"', text)
        further = re.search(r'href="([^"]+before=\d+)"', text)
        if not further:
            break
        address = further[1]
    assert seen == [f"e{n}" for n in reversed(range(120))]


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "١٢"])
def test_an_address_that_makes_no_sense_shows_the_newest(
    gateway: Gateway, operator: Operator, before: str
) -> None:
    gateway.browser().send(event("page_view", "a"), consent=GRANTED)
    assert shown(operator, before=before) == ["a"]


# Finding one.


def found(operator: Operator, q: str) -> str:
    """Where looking for this leads."""
    answer = operator.get("/console/shops/demo/find?q=" + q)
    return answer.location if answer.status_code == 302 else f"{answer.status_code}"


def test_an_event_is_found_by_its_id_its_order_and_its_visitor(gateway: Gateway, operator: Operator) -> None:
    browser = gateway.browser()
    bought = event("purchase", "p-1", transaction_id="1042", items=[ITEM])
    browser.send(event("page_view", "a"), bought, consent=GRANTED)
    assert found(operator, "a") == "/console/shops/demo/events/a"
    assert found(operator, "1042") == "/console/shops/demo/events/p-1"
    assert found(operator, browser.visitor) == f"{LIVE}?visitor={browser.visitor}"
    assert found(operator, "nobody") == "200"
    assert "Nothing is kept under this id" in operator.get("/console/shops/demo/find?q=nobody").text
    assert "Find an event" in operator.get("/console/shops/demo/find?q=+").text


def test_an_event_of_another_shop_is_not_found(gateways: Callable[..., Gateway]) -> None:
    shops = {name: {"origins": [ORIGIN]} for name in ("demo", "other")}
    gateway = gateways(console_password=HASH, shops=shops)
    gateway.browser("other").send(event("page_view", "theirs"), consent=GRANTED)
    operator = Operator(gateway)
    operator.sign_in()
    assert found(operator, "theirs") == "200"
    assert operator.get("/console/shops/demo/events/theirs").status_code == 404
    assert operator.get("/console/shops/other/events/theirs").status_code == 200


# What an event brings is text.


def test_nothing_that_an_event_holds_becomes_part_of_a_page(desk: Desk) -> None:
    bad = '"><img src=x onerror=window.hurt=1>'
    send(
        desk.world,
        hostile(id="bad-1"),
        event(
            "view_item", "bad-2", items=[{"item_id": bad}], coupon="</script><script>window.hurt=1</script>"
        ),
        page={
            "url": f"{desk.world.shop}/p/{bad}?q=%3Cscript%3E",
            "title": bad,
            "referrer": "javascript:alert(1)",
        },
        user={"id": bad},
    )
    for path in (LIVE, f"{LIVE}?name={bad}&page={bad}&visitor={bad}", "/console/shops/demo/"):
        desk.open(path)
        desk.page.wait_for_load_state("networkidle")
    for id in ("bad-1", "bad-2"):
        desk.open(f"/console/shops/demo/events/{id}")
        expect(desk.page.get_by_label("What was kept of the event")).to_contain_text("onerror")
        assert desk.page.locator("main img").count() == 0
        for details in desk.page.locator("details").all():
            details.evaluate("each => { each.open = true }")
    desk.open(f"/console/shops/demo/find?q={bad}")
    expect(desk.page.locator("main code").first).to_have_text(bad)
    desk.check()
