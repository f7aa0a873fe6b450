"""What cannot be delivered now outlives the page, in the browser's storage, and is delivered once."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.tag.servers import Answer, Gateway, Shop
from tests.tag.visit import START, Visit

DOWN = [Answer(0), Answer(0)]
"""The endpoint closes the connection: the tag tries once more at once, and then pauses."""
LATER = [Answer(503, {"Retry-After": "600"})]
WEEK = 7 * 86_400_000
WITHOUT_LOCKS = "Object.defineProperty(navigator, 'locks', {value: undefined})"
PURCHASE = ["track", "purchase", {"transaction_id": "t-1", "items": [{"item_id": "1"}]}]


def kept(visit: Visit) -> dict[str, str]:
    """What lies in the browser's storage for this origin."""
    found: dict[str, str] = visit.run("({...localStorage})")
    return found


def names_kept(visit: Visit) -> list[str]:
    return [event["name"] for text in kept(visit).values() for event in json.loads("{" + text)["events"]]


def outage(visit: Visit, path: str = "/a", **page: Any) -> None:
    """A page on which nothing could be delivered: its page view and one event are kept."""
    visit.gateway.answers = list(LATER)
    visit.open(path, **page)
    visit.push(["track", "during"])
    visit.pass_time()
    visit.sent(1)
    visit.until("Object.keys(localStorage).length == 1")


@pytest.fixture
def other(context: BrowserContext, shop: Shop, gateway: Gateway) -> Iterator[Visit]:
    """A second tab of the same visitor."""
    visiting = Visit(context.new_page(), shop, gateway)
    yield visiting
    assert visiting.errors == []


@pytest.mark.parametrize("answers", [DOWN, LATER], ids=["no answer", "503"])
def test_what_an_outage_kept_back_is_sent_by_the_next_page_with_its_own_time_and_page(
    visit: Visit, answers: list[Answer]
) -> None:
    visit.gateway.answers = list(answers)
    visit.open("/a?recommended_by=chain")
    visit.push(["track", "during"], ["identify", {"id": "c-42"}])
    visit.pass_time()
    attempts = len(answers)
    failed = visit.sent(attempts)[0]
    visit.until("Object.keys(localStorage).length == 1")
    visit.pass_time(3600)
    visit.open("/b")
    visit.pass_time()
    visit.sent_in_time(attempts + 2)
    late, fresh = visit.gateway.batches[attempts:]
    assert late.events == failed.events
    assert late.events[0]["at"] == START
    assert late.json["page"] == failed.json["page"]
    assert late.json["user"] == {"id": "c-42"}
    assert late.json["sent_at"] >= START + 4000
    assert fresh.json["page"]["url"] == f"{visit.shop.origin}/b"
    visit.until("Object.keys(localStorage).length == 0")


def test_what_was_under_way_when_the_visitor_left_is_sent_by_the_next_page(visit: Visit) -> None:
    """A server that hangs: nobody knows whether it took the events, and it knows their ids."""
    visit.open("/a")
    visit.run("const real = fetch; window.fetch = (url, how) => how ? new Promise(() => {}) : real(url); 0")
    visit.push(["track", "under_way"])
    visit.pass_time()
    visit.open("/b")
    visit.pass_time()
    visit.sent_in_time(2)
    assert visit.gateway.batches[0].names == ["page_view", "under_way"]
    assert visit.gateway.batches[1].json["page"]["url"] == f"{visit.shop.origin}/b"


def test_who_leaves_at_once_while_the_endpoint_is_down_loses_no_purchase(visit: Visit) -> None:
    visit.gateway.answers = [Answer(0)]
    visit.open("/a")
    visit.push(PURCHASE)
    visit.open("/b")
    visit.pass_time()
    visit.sent_in_time(3)
    beacon, late, fresh = visit.gateway.batches
    assert late.events == beacon.events
    assert late.names == ["page_view", "purchase"]
    assert fresh.names == ["page_view"]


def test_who_leaves_before_the_first_answer_is_not_heard_twice(visit: Visit) -> None:
    visit.open("/a")
    visit.push(["track", "left"])
    visit.open("/b")
    visit.gateway.wait_for("left")
    assert kept(visit) == {}
    visit.pass_time()
    visit.sent(2)
    assert visit.gateway.names == ["page_view", "left", "page_view"]


def test_a_visitor_who_was_heard_keeps_nothing_when_leaving(visit: Visit) -> None:
    visit.open("/a")
    visit.pass_time()
    visit.sent(1)
    visit.push(["track", "left"])
    visit.open("/b")
    visit.gateway.wait_for("left")
    assert kept(visit) == {}
    visit.pass_time()
    visit.sent(3)
    assert Counter(event["id"] for event in visit.gateway.events).most_common(1)[0][1] == 1


def two_tabs(visit: Visit, other: Visit, *, locks: bool) -> None:
    """Each keeps an event during an outage; after it both send, until nothing is left."""
    for number, tab in enumerate((visit, other)):
        if not locks:
            tab.page.add_init_script(WITHOUT_LOCKS)
        tab.gateway.answers = list(LATER)
        tab.open(f"/tab-{number}")
        tab.push(["track", f"in_tab_{number}"])
        tab.pass_time()
        tab.sent(number + 1)
    visit.until("Object.keys(localStorage).length == 1")
    for tab in (visit, other):
        tab.run("dispatchEvent(new Event('online'))")
    while visit.gateway.names.count("page_view") < 4:
        for tab in (visit, other):
            tab.settle()
            tab.pass_time(200)
    for tab in (visit, other):
        tab.pass_time(700_000)
        tab.settle()
    assert kept(visit) == {}


def test_two_tabs_send_what_an_outage_kept_back_once(visit: Visit, other: Visit) -> None:
    two_tabs(visit, other, locks=True)
    assert Counter(visit.gateway.names[4:]) == {"page_view": 2, "in_tab_0": 1, "in_tab_1": 1}


def test_a_browser_without_locks_sends_it_too_and_repeats_nothing_under_another_id(
    visit: Visit, other: Visit
) -> None:
    two_tabs(visit, other, locks=False)
    events = visit.gateway.events[4:]
    assert {event["name"] for event in events} == {"page_view", "in_tab_0", "in_tab_1"}
    assert len({event["id"] for event in events}) == 4


def test_another_tab_does_not_send_what_is_being_sent(visit: Visit, other: Visit) -> None:
    outage(visit)
    answered = threading.Event()
    visit.gateway.answers = [Answer(when=answered)]
    visit.run("dispatchEvent(new Event('online'))")
    visit.gateway.wait(2)
    other.open("/b")
    other.pass_time()
    other.sent(3)
    answered.set()
    visit.until("Object.keys(localStorage).length == 0")
    late = [batch for batch in visit.gateway.batches if "during" in batch.names]
    assert len(late) == 2


def test_a_purchase_is_kept_longest_and_little_is_kept_in_all(visit: Visit) -> None:
    visit.gateway.answers = list(LATER)
    visit.open("/thanks")
    visit.push(PURCHASE)
    visit.pass_time()
    visit.sent(1)
    visit.until("Object.keys(localStorage).length == 1")
    for number in range(8):
        visit.gateway.answers = list(LATER)
        visit.run(f"history.pushState(null, '', '/p/{number}')")
        visit.run(f"for (let i = 0; i < 30; i++) gatepost.track('e{number}', {{a: 'x'.repeat(500)}})")
        visit.hide()
    visit.run("dispatchEvent(new PageTransitionEvent('pagehide'))")
    lie = kept(visit)
    assert sum(map(len, lie.values())) <= 64_000
    names = names_kept(visit)
    assert "purchase" in names
    assert "e7" in names
    assert "e0" not in names


def test_what_is_older_than_a_week_is_not_sent_any_more(visit: Visit) -> None:
    outage(visit)
    visit.page.clock.set_system_time((START + WEEK + 10_000) / 1000)
    visit.open("/b")
    visit.pass_time()
    visit.sent(2)
    assert visit.gateway.names == ["page_view", "during", "page_view"]
    assert kept(visit) == {}


def test_what_the_shop_itself_stores_is_left_alone(visit: Visit) -> None:
    visit.page.goto(visit.shop.put("/a", "<p>without the tag"))
    visit.run("localStorage.cart = 'theirs'; localStorage['https://other.example/gp/demo/e 1 2 3 0'] = 'too'")
    theirs = kept(visit)
    visit.gateway.answers = list(LATER)
    visit.open("/b")
    visit.pass_time()
    visit.sent(1)
    visit.until("Object.keys(localStorage).length == 3")
    visit.open("/c")
    visit.pass_time()
    visit.sent_in_time(3)
    visit.until("Object.keys(localStorage).length == 2")
    assert kept(visit) == theirs


@pytest.mark.parametrize(
    "full",
    [
        "localStorage.filler = 'x'.repeat(5 * 1024 * 1024 - 7)",
        "Object.defineProperty(window, 'localStorage', {get() { throw Error('no') }})",
        "Object.defineProperty(window, 'localStorage', {value: null})",
    ],
    ids=["full", "forbidden", "none"],
)
def test_where_nothing_can_be_stored_it_waits_in_the_page(visit: Visit, full: str) -> None:
    visit.page.add_init_script(full)
    visit.gateway.answers = list(LATER)
    visit.open()
    visit.push(["track", "during"])
    visit.pass_time()
    visit.sent(1)
    visit.settle()
    visit.run("dispatchEvent(new Event('online'))")
    first, second = visit.sent_in_time(2)
    assert second.events == first.events


def test_what_somebody_has_tampered_with_is_given_up_once(visit: Visit) -> None:
    outage(visit)
    visit.run("for (const key in localStorage) if (key.startsWith('http')) localStorage[key] = '{rubbish'")
    visit.gateway.answers = [Answer(400)]
    visit.open("/b")
    visit.pass_time()
    visit.sent_in_time(3)
    assert visit.gateway.batches[2].names == ["page_view"]
    assert kept(visit) == {}


def test_before_consent_the_storage_is_not_even_read(visit: Visit) -> None:
    visit.page.add_init_script(
        "const real = localStorage; window.read = 0;"
        "Object.defineProperty(window, 'localStorage', {get() { read++; return real }})"
    )
    visit.open("/b", asks=True)
    visit.push(["track", "waiting"])
    visit.pass_time(60_000)
    visit.run("dispatchEvent(new Event('online')); dispatchEvent(new PageTransitionEvent('pagehide'))")
    visit.pass_time(60_000)
    assert visit.run("read") == 0
    visit.push(["consent", {"marketing": "granted"}])
    visit.pass_time()
    visit.sent(1)
    assert visit.run("read") > 0


def test_a_withdrawal_empties_the_storage_as_well(visit: Visit) -> None:
    visit.gateway.answers = list(LATER)
    visit.open(asks=True)
    visit.push(["consent", {"marketing": "granted"}], ["track", "during"])
    visit.pass_time()
    visit.sent(1)
    visit.until("Object.keys(localStorage).length == 1")
    visit.push(["consent", {"marketing": "denied"}])
    visit.pass_time(5)
    assert kept(visit) == {}
    visit.run("dispatchEvent(new Event('online'))")
    assert visit.sent_in_time(2)[1].events == []


def test_who_declines_on_a_later_page_has_nothing_kept_either(visit: Visit) -> None:
    visit.gateway.answers = list(LATER)
    visit.open("/a", asks=True)
    visit.push(["consent", {"marketing": "granted"}], ["track", "during"])
    visit.pass_time()
    visit.sent(1)
    visit.until("Object.keys(localStorage).length == 1")
    visit.open("/b", asks=True)
    visit.push(["consent", {"marketing": "denied"}])
    visit.pass_time()
    visit.settle()
    assert kept(visit) == {}
    assert len(visit.gateway.batches) == 1
