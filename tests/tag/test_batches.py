"""When events leave and together with which, and how they look on the wire."""

from __future__ import annotations

import threading
import uuid

import pytest

from server.batch import MAX_EVENTS
from tests.tag.servers import Answer, Shop
from tests.tag.visit import START, Visit

LIMIT = 48 * 1024


def test_events_of_a_moment_travel_together(visit: Visit) -> None:
    visit.open()
    visit.push(["track", "one"])
    visit.pass_time(150)
    visit.push(["track", "two"])
    visit.pass_time(151)
    assert visit.sent(1)[0].names == ["page_view", "one", "two"]


def test_a_call_only_queues(visit: Visit) -> None:
    visit.open()
    visit.run(
        "window.fetches = 0; const real = fetch; window.fetch = (...all) => (fetches++, real(...all)); 0"
    )
    assert visit.run("gatepost.track('one'); fetches") == 0
    visit.pass_time()
    assert visit.run("fetches") == 1


def test_the_request_is_as_agreed(visit: Visit) -> None:
    visit.open("/p/100500?recommended_by=chain&personaclick_mail_code=abc#top")
    visit.pass_time(100)
    visit.push(["track", "view_item", {"currency": "EUR", "items": [{"item_id": "100500", "price": 45.5}]}])
    visit.pass_time(300)
    batch = visit.sent(1)[0]
    assert batch.path == "/gp/open/e"
    assert batch.headers["Content-Type"] == "text/plain;charset=UTF-8"
    view, item = batch.events
    assert batch.json == {
        "sent_at": batch.json["sent_at"],
        "page": {
            "url": f"{visit.shop.origin}/p/100500?recommended_by=chain&personaclick_mail_code=abc#top",
            "referrer": "",
            "title": "Shirts",
        },
        "gpc": False,
        "events": [
            {"id": view["id"], "name": "page_view", "at": START, "params": {}},
            {
                "id": item["id"],
                "name": "view_item",
                "at": START + 100,
                "params": {"currency": "EUR", "items": [{"item_id": "100500", "price": 45.5}]},
            },
        ],
    }
    assert START + 250 <= batch.json["sent_at"] <= START + 400


def test_it_asks_for_no_preflight_and_carries_the_cookies(visit: Visit) -> None:
    visit.open()
    visit.pass_time()
    assert visit.sent(1)[0].headers["Cookie"] is None
    visit.push(["track", "by_fetch"])
    visit.pass_time()
    assert visit.sent(2)[1].headers["Cookie"] == "gp_v=somebody"
    visit.push(["track", "by_beacon"])
    visit.hide()
    assert visit.sent(3)[2].headers["Cookie"] == "gp_v=somebody"
    assert {request.split()[0] for request in visit.gateway.asked} == {"GET", "POST"}


def test_every_event_has_an_id_of_its_own_that_begins_with_its_time(visit: Visit) -> None:
    visit.open()
    visit.pass_time(17)
    visit.run("for (let i = 0; i < 50; i++) gatepost.track('one')")
    visit.pass_time()
    events = visit.sent(1)[0].events
    assert len({event["id"] for event in events}) == 51
    for event in events:
        found = uuid.UUID(event["id"])
        assert str(found) == event["id"]
        assert (found.version, found.variant) == (7, uuid.RFC_4122)
        assert found.int >> 80 == event["at"]


def test_a_hundred_events_leave_together_and_more_in_further_requests(visit: Visit) -> None:
    visit.open()
    visit.run("for (let i = 0; i < 149; i++) gatepost.track('e' + i)")
    visit.pass_time()
    first, second = visit.sent(2)
    assert first.names + second.names == ["page_view", *(f"e{number}" for number in range(149))]
    assert len(first.events) == 100


@pytest.mark.parametrize(("letter", "requests"), [("a", 2), ("й", 2), ("💶", 3)])
def test_large_events_are_split_so_that_no_request_is_too_large(
    visit: Visit, letter: str, requests: int
) -> None:
    """Six events of 3,600 letters are 22, 43 and 86 kB in UTF-8."""
    visit.open()
    large = f"{{number: i, texts: Array(4).fill('{letter}'.repeat(900))}}"
    visit.run(f"for (let i = 0; i < 6; i++) gatepost.track('large', {large})")
    visit.sent_in_time(requests)
    events = visit.gateway.events
    assert [event["params"]["number"] for event in events[1:]] == [*range(6)]
    assert events[6]["params"]["texts"] == [letter * 900] * 4
    assert max(len(batch.body) for batch in visit.gateway.batches) < LIMIT


def test_one_batch_is_of_one_page_and_the_old_page_goes_first(visit: Visit) -> None:
    visit.open("/a")
    visit.pass_time(100)
    visit.push(["track", "on_a"])
    visit.run("history.pushState(null, '', '/b')")
    visit.push(["track", "on_b"], ["page", {"type": "cart"}])
    visit.pass_time()
    first, second = visit.sent(2)
    assert first.names == ["page_view", "on_a"]
    assert first.json["page"]["url"] == f"{visit.shop.origin}/a"
    assert second.names == ["page_view", "on_b"]
    assert second.json["page"]["url"] == f"{visit.shop.origin}/b"
    assert second.json["page"]["type"] == "cart"


def test_what_waits_is_sent_once_when_the_page_is_hidden(visit: Visit) -> None:
    visit.open()
    visit.push(["track", "seen"])
    visit.hide()
    visit.run("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert visit.sent(1)[0].names == ["page_view", "seen"]
    visit.pass_time(10_000)
    visit.push(["track", "later"])
    visit.pass_time()
    assert visit.sent(2)[1].names == ["later"]


def test_what_the_page_says_while_it_is_hidden_and_left_is_sent_too(visit: Visit, shop: Shop) -> None:
    visit.open()
    visit.pass_time()
    visit.sent(1)
    visit.run("document.addEventListener('visibilitychange', () => gatepost.track('late'))")
    visit.run("addEventListener('pagehide', () => gatepost.track('later'))")
    visit.page.goto(shop.put("/next", "<p>next"))
    assert [event["name"] for event in visit.gateway.wait_for("late", "later")] == [
        "page_view",
        "later",
        "late",
    ]


@pytest.mark.parametrize("attempt", range(5))
def test_leaving_for_another_site_delivers_what_the_click_said(
    visit: Visit, shop: Shop, attempt: int
) -> None:
    elsewhere = shop.put("/elsewhere", "<p>elsewhere").replace("localhost", "127.0.0.1")
    visit.open(body=f"<a href='{elsewhere}' onclick=\"gatepost.push(['track', 'left'])\">leave</a>")
    if attempt % 2:
        visit.pass_time()
        visit.sent(1)
    visit.page.click("a")
    visit.page.wait_for_url(elsewhere)
    assert [event["name"] for event in visit.gateway.wait_for("left")] == ["page_view", "left"]


@pytest.mark.parametrize("beacon", ["() => false", "() => { throw Error('no') }", "undefined"])
def test_a_refused_beacon_is_sent_by_another_way(visit: Visit, beacon: str) -> None:
    visit.open()
    visit.run(f"Object.defineProperty(navigator, 'sendBeacon', {{value: {beacon}}})")
    visit.push(["track", "seen"])
    visit.hide()
    assert visit.sent(1)[0].names == ["page_view", "seen"]


def test_a_request_the_browser_has_no_keepalive_room_for_is_sent_without(visit: Visit, shop: Shop) -> None:
    shop.held["/other"] = threading.Event()
    visit.open()
    visit.run("void fetch('/other', {method: 'POST', keepalive: true, body: 'x'.repeat(60 * 1024)})")
    visit.run(
        "window.asked = []; const real = fetch; window.fetch = (url, how) =>"
        "(how && asked.push(how.keepalive), real(url, how)); 0"
    )
    visit.push(["track", "squeezed", {"texts": ["x" * 4000, "y" * 4000]}])
    visit.pass_time(305)
    batch = visit.sent_in_time(1)[0]
    assert batch.names == ["page_view", "squeezed"]
    assert batch.json["sent_at"] < START + 2000
    assert visit.run("asked") == [True, False]
    shop.held["/other"].set()


def test_only_one_request_is_under_way_at_a_time(visit: Visit) -> None:
    answered = threading.Event()
    visit.gateway.answers = [Answer(when=answered)]
    visit.open()
    visit.pass_time()
    visit.gateway.wait(1)
    visit.push(["track", "meanwhile"])
    visit.pass_time(5000)
    visit.settle()
    assert len(visit.gateway.batches) == 1
    answered.set()
    assert visit.sent(2)[1].names == ["meanwhile"]


def test_a_purchase_that_waits_behind_another_request_is_kept_when_the_page_is_hidden(visit: Visit) -> None:
    answered = threading.Event()
    visit.gateway.answers = [Answer(when=answered)]
    visit.open()
    visit.pass_time()
    visit.gateway.wait(1)
    visit.push(["track", "purchase", {"transaction_id": "T-1", "items": [{"item_id": "1"}]}])
    visit.hide()
    assert visit.run("Object.values(localStorage).join().includes('T-1')")
    answered.set()
    visit.gateway.wait_for("purchase")


def test_a_decision_takes_no_event_beyond_what_one_request_may_hold(visit: Visit) -> None:
    visit.open(asks=True)
    visit.run("for (let i = 0; i < 99; i++) gatepost.track('early')")
    visit.push(["consent", {"marketing": "granted"}])
    visit.run("for (let i = 0; i < 30; i++) gatepost.track('late')")
    visit.sent_in_time(2)
    assert max(len(batch.events) for batch in visit.gateway.batches) <= MAX_EVENTS
    assert visit.gateway.names == ["page_view"] + ["early"] * 99 + ["late"] * 30


def test_what_happens_within_a_quarter_of_a_second_is_one_request(visit: Visit) -> None:
    visit.open()
    visit.pass_time(1240)
    visit.sent(1)
    visit.push(["track", "first"])
    visit.pass_time(20)
    visit.push(["track", "second"])
    visit.pass_time()
    assert visit.sent(2)[1].names == ["first", "second"]


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (
            "Object.defineProperty(window, 'navigation', {value: undefined})",
            "history.pushState(null, '', '/a')",
        ),
        ("", "gatepost = [['track', 'last']]"),
        ("", "dataLayer = [{event: 'last', ecommerce: {items: [{item_id: '1'}]}}]"),
    ],
    ids=["an address", "another array", "another data layer"],
)
def test_what_has_not_been_noticed_yet_is_when_the_page_is_left(visit: Visit, before: str, says: str) -> None:
    visit.page.add_init_script(before)
    visit.shop.put("/next", "<p>next")
    visit.open()
    visit.pass_time()
    visit.sent(1)
    visit.run(f"{says}; location.href = '/next'")
    assert visit.sent(2)[1].names in (["page_view"], ["last"])


def test_a_title_that_is_set_just_before_the_address_is_not_that_of_the_page_before(visit: Visit) -> None:
    visit.open("/old")
    visit.pass_time()
    visit.sent(1)
    visit.push(["track", "on_old"])
    visit.run("document.title = 'New'; history.pushState(null, '', '/new')")
    visit.pass_time()
    _, old, new = visit.sent(3)
    assert (old.names, old.json["page"]["title"]) == (["on_old"], "Shirts")
    assert (new.names, new.json["page"]["title"]) == (["page_view"], "New")


def test_an_answer_that_never_comes_is_waited_for_half_a_minute(visit: Visit) -> None:
    """By the browser's own clock, which no test can move: so the browser is asked what it was told."""
    visit.page.add_init_script(
        "window.waits = []; const real = AbortSignal.timeout;"
        "AbortSignal.timeout = (time) => { waits.push(time); return real.call(AbortSignal, time) }"
    )
    visit.open()
    visit.pass_time()
    visit.sent(1)
    assert visit.run("waits") == [30_000]
