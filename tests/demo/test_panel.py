"""The panel: what it says of each event and vendor, and that nothing in an event can harm it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from server.demo import LiveDelivery, LiveEvent
from tests.demo.browsing import hook
from tests.demo.conftest import Shop, StandIn

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="window.harmed = true"><script>window.harmed = true</script>&amp;"\'\u202e'


def now() -> int:
    return time.time_ns() // 1_000_000


def delivery(vendor: str, state: Any, **more: Any) -> LiveDelivery:
    blank = {"reason": "", "attempts": 1, "next_at": None, "requests": []}
    return {"vendor": vendor, "state": state, **blank, **more}  # type: ignore[typeddict-item]


def event(seq: int, name: str, *deliveries: LiveDelivery, **more: Any) -> LiveEvent:
    said: dict[str, Any] = {
        "seq": seq,
        "id": f"event-{seq}",
        "name": name,
        "at": now(),
        "page": "http://localhost/p/100500",
        "params": {},
        "consent": {"personalization": "granted"},
        "deliveries": list(deliveries),
    }
    return {**said, **more}  # type: ignore[typeddict-item]


@pytest.fixture
def wide(page: Page) -> Page:
    page.set_viewport_size({"width": 1280, "height": 800})
    return page


def seconds(said: str) -> int:
    """The number in `in 30 s`."""
    return int(said.split()[1])


def line(page: Page, vendor: str) -> Any:
    return page.locator(f'[data-test="panel-delivery"][data-vendor="{vendor}"]')


def test_before_anything_happened_it_says_what_to_do(shop: Shop, wide: Page) -> None:
    wide.goto(shop.url)
    expect(wide.locator("#panel-empty")).to_contain_text("Accept the banner")
    expect(wide.locator("#panel-live")).to_have_text("live")


@pytest.mark.parametrize(
    ("state", "more", "words"),
    [
        ("waiting", {}, "Blueshift waiting"),
        ("delivered", {}, "Blueshift delivered"),
        ("delivered", {"attempts": 3}, "Blueshift delivered at attempt 3"),
        ("not_wanted", {"reason": "no contact"}, "Blueshift not wanted no contact"),
        ("not_wanted", {"reason": "Blueshift has no such event"}, "Blueshift not wanted has no such event"),
        ("retrying", {"reason": "HTTP 503"}, "Blueshift retrying HTTP 503"),
        ("dead", {"reason": "HTTP 400: no such field"}, "Blueshift refused HTTP 400: no such field"),
        ("held", {"reason": "HTTP 401"}, "Blueshift held HTTP 401"),
    ],
)
def test_a_vendor_s_state_is_said_in_words(
    shop: Shop, wide: Page, state: str, more: dict[str, Any], words: str
) -> None:
    shop.feed.append(event(1, "view_item", delivery("blueshift", state, **more)))
    wide.goto(shop.url)
    expect(line(wide, "blueshift")).to_have_attribute("data-state", state)
    said = " ".join(line(wide, "blueshift").locator("summary > span").all_inner_texts())
    assert said.strip() == words


def test_a_retry_is_counted_down_until_it_is_delivered(shop: Shop, wide: Page) -> None:
    tried = delivery("personaclick", "retrying", reason="HTTP 503", next_at=now() + 30_000)
    shop.feed.append(event(1, "view_item", tried))
    wide.goto(shop.url)
    why = line(wide, "personaclick").locator(".why")
    expect(why).to_have_text(re.compile(r"^in \d+ s · HTTP 503$"))
    first = why.inner_text()
    wait_until(lambda: seconds(why.inner_text()) < seconds(first))
    shop.feed[0] = event(1, "view_item", delivery("personaclick", "delivered", attempts=2))
    expect(line(wide, "personaclick")).to_have_attribute("data-state", "delivered")
    expect(hook(wide, "panel-event")).to_have_count(1)


def test_events_are_listed_newest_first_as_they_happen(shop: Shop, wide: Page) -> None:
    shop.feed.append(event(1, "page_view", delivery("alana", "delivered")))
    wide.goto(shop.url)
    expect(hook(wide, "panel-event")).to_have_count(1)
    shop.feed.append(event(2, "add_to_cart", delivery("a_new_vendor", "delivered")))
    shop.feed.append(event(3, "purchase", params={"transaction_id": "HT-1"}))
    expect(hook(wide, "panel-event")).to_have_count(3)
    names = hook(wide, "panel-event").evaluate_all("(all) => all.map((one) => one.dataset.eventName)")
    assert names == ["purchase", "add_to_cart", "page_view"]
    expect(line(wide, "a_new_vendor")).to_contain_text("a_new_vendor")


def test_only_what_may_still_change_is_asked_for_again(shop: Shop, wide: Page) -> None:
    shop.feed += [event(seq, "view_item", delivery("alana", "delivered")) for seq in (1, 2, 3)]
    shop.feed.append(event(4, "view_item", delivery("alana", "waiting")))
    shop.feed.append(event(5, "view_item", delivery("alana", "delivered")))
    wide.goto(shop.url)
    expect(hook(wide, "panel-event")).to_have_count(5)
    wait_until(lambda: shop.asked[-1:] == [3])
    shop.feed[3] = event(4, "view_item", delivery("alana", "delivered"))
    wait_until(lambda: shop.asked[-1:] == [5])


def test_a_line_unfolds_to_the_requests_and_the_replies(shop: Shop, wide: Page) -> None:
    request = {
        "at": now(),
        "method": "POST",
        "path": "/push",
        "body": {"shop_id": "1", "event": "view", "items": [{"id": "100500", "price": 45.5}]},
        "status": 200,
        "reply": '{"status":"success"}',
    }
    shop.feed.append(event(1, "view_item", delivery("personaclick", "delivered", requests=[request])))
    wide.goto(shop.url)
    line(wide, "personaclick").locator("summary").click()
    inside = line(wide, "personaclick").locator(".inside")
    expect(inside).to_contain_text("POST /push")
    sent, answered = inside.locator("pre").all()
    expect(sent).to_contain_text('"price": 45.5')
    assert len(sent.inner_text().splitlines()) > 5
    assert sent.inner_text().index("shop_id") < sent.inner_text().index("event")  # in the order of sending
    expect(answered).to_contain_text('"status": "success"')
    expect(inside).to_contain_text("answered 200")


def test_a_line_stays_unfolded_when_news_comes(shop: Shop, wide: Page) -> None:
    shop.feed.append(event(1, "view_item", delivery("alana", "waiting")))
    wide.goto(shop.url)
    line(wide, "alana").locator("summary").click()
    expect(line(wide, "alana").locator(".inside")).to_contain_text("Not sent yet")
    shop.feed[0] = event(1, "view_item", delivery("alana", "dead", reason="HTTP 400: no currency"))
    expect(line(wide, "alana").locator(".inside")).to_contain_text("no currency")
    expect(line(wide, "alana").locator(".inside")).to_be_visible()


def test_an_answer_that_never_came_is_said(shop: Shop, wide: Page) -> None:
    request = {"at": now(), "method": "GET", "path": "/init", "body": None, "status": None, "reply": ""}
    shop.feed.append(event(1, "view_item", delivery("personaclick", "retrying", requests=[request])))
    wide.goto(shop.url)
    line(wide, "personaclick").locator("summary").click()
    expect(line(wide, "personaclick").locator(".inside")).to_contain_text("no answer")


def test_whatever_an_event_holds_is_shown_as_text(shop: Shop, wide: Page, complaints: list[str]) -> None:
    request = {
        "at": now(),
        "method": HOSTILE,
        "path": HOSTILE,
        "body": {HOSTILE: [HOSTILE, {"a": HOSTILE}]},
        "status": 500,
        "reply": HOSTILE,
    }
    hostile = delivery(HOSTILE, "retrying", reason=HOSTILE, requests=[request])
    params = {"items": [{"item_id": HOSTILE, "item_name": HOSTILE}], HOSTILE: HOSTILE}
    shop.feed.append(event(1, HOSTILE, hostile, params=params, page=HOSTILE, consent={HOSTILE: HOSTILE}))
    wide.goto(shop.url)
    entry = hook(wide, "panel-event")
    for summary in entry.locator("summary").all():
        summary.click()
    expect(entry.locator(".event-name")).to_have_text(HOSTILE)
    expect(entry.locator(".inside").last).to_contain_text("<script>window.harmed")
    assert entry.locator("img, script").count() == 0
    assert wide.evaluate("window.harmed") is None
    assert complaints == []


def test_a_long_demo_keeps_the_newest_hundred(shop: Shop, wide: Page) -> None:
    shop.feed += [event(seq, "page_view", delivery("alana", "delivered")) for seq in range(1, 151)]
    wide.goto(shop.url)
    expect(hook(wide, "panel-event")).to_have_count(100)
    shop.feed.append(event(151, "purchase", delivery("alana", "delivered")))
    expect(hook(wide, "panel-event").first).to_have_attribute("data-event-name", "purchase")
    expect(hook(wide, "panel-event")).to_have_count(100)


def test_a_feed_that_fails_is_said_and_comes_back(shop: Shop, wide: Page) -> None:
    shop.broken = OSError("disk gone: /secret/path")
    wide.goto(shop.url)
    expect(wide.locator("#panel-live")).to_have_text("Gatepost's record cannot be read at the moment.")
    shop.broken = None
    expect(wide.locator("#panel-live")).to_have_text("live")


def test_it_opens_and_closes_and_stays_so_on_the_next_page(shop: Shop, wide: Page) -> None:
    wide.goto(shop.url)
    expect(hook(wide, "panel")).to_be_visible()
    hook(wide, "panel-close").click()
    expect(hook(wide, "panel")).to_be_hidden()
    expect(hook(wide, "panel-open")).to_be_focused()
    wide.goto(f"{shop.url}/cart")
    expect(hook(wide, "panel")).to_be_hidden()
    hook(wide, "panel-open").click()
    expect(hook(wide, "panel-close")).to_be_focused()


def test_on_a_phone_it_waits_behind_a_button_that_counts(shop: Shop, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    shop.feed += [event(seq, "page_view", delivery("alana", "delivered")) for seq in (1, 2)]
    page.goto(shop.url)
    expect(hook(page, "panel")).to_be_hidden()
    expect(hook(page, "panel-open")).to_have_text("Gatepost sees 2")
    hook(page, "panel-open").click()
    expect(hook(page, "panel-event").first).to_be_visible()
    hook(page, "accept-all").click()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (768, 1024), (1280, 800)])
def test_no_page_is_wider_than_the_screen(shop: Shop, page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    for path in ("/", "/c/kitchen", "/p/100500", "/cart", "/sign-in"):
        page.goto(shop.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("switch", "faults"),
    [
        ("blueshift-fails", [{"vendor": "blueshift", "status": 503, "times": 5}]),
        ("personaclick-down", [{"vendor": "personaclick", "status": 503}]),
        ("all-well", [{"vendor": "blueshift", "times": 0}, {"vendor": "personaclick", "times": 0}]),
    ],
)
def test_a_switch_reaches_the_sandbox_and_says_what_to_expect(
    shop: Shop, stand_in: StandIn, wide: Page, switch: str, faults: list[dict[str, Any]]
) -> None:
    wide.goto(shop.url)
    hook(wide, f"switch-{switch}").click()
    expect(wide.locator("#panel-said")).not_to_be_empty()
    assert stand_in.posts == [("/_sandbox/faults", fault) for fault in faults]


def test_a_sandbox_that_refuses_is_said(shop: Shop, stand_in: StandIn, wide: Page) -> None:
    stand_in.status = 404
    wide.goto(shop.url)
    hook(wide, "switch-all-well").click()
    expect(wide.locator("#panel-said")).to_contain_text("it answered 404")


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something the browser does on its own."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
