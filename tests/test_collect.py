"""POST …/e: what is answered to whom, and that nothing a browser sends can break it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.gateway import (
    DENIED,
    GRANTED,
    HOUR,
    ITEM,
    MINUTE,
    NOW,
    ORIGIN,
    PATH_MODE,
    WEB,
    Gateway,
    Process,
    configuration,
    event,
)

Gateways = Callable[..., Gateway]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for the many requests of a property."""
    made = Gateway(tmp_path_factory.mktemp("gateway"))
    yield made
    made.close()


# 200: accepted and dropped.


def test_accepted_events_are_counted_and_kept(gateway: Gateway) -> None:
    answer = gateway.browser().send(event("page_view"), event("view_item", items=[ITEM]), consent=GRANTED)
    assert (answer.status, answer.body) == (200, {"accepted": 2, "dropped": []})
    assert [one.name for one in gateway.events()] == ["page_view", "view_item"]


def test_an_event_sent_again_is_dropped_as_a_duplicate(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(event("page_view", id="first"), consent=GRANTED)
    answer = browser.send(event("page_view", id="first"), event("page_view", id="second"))
    assert answer.body == {"accepted": 1, "dropped": [{"index": 0, "reason": "duplicate"}]}
    assert [one.id for one in gateway.events()] == ["first", "second"]


def test_an_order_is_taken_once_however_often_its_page_of_thanks_is_loaded(gateway: Gateway) -> None:
    def bought(id: str, order: str) -> dict[str, Any]:
        return event("purchase", id, transaction_id=order, items=[ITEM])

    browser, other = gateway.browser(), gateway.browser()
    again = {"accepted": 0, "dropped": [{"index": 0, "reason": "duplicate"}]}
    assert browser.send(bought("a", "o-1"), consent=GRANTED).body["accepted"] == 1
    assert browser.send(bought("b", "o-1")).body == again
    both = browser.send(bought("c", "o-2"), bought("d", "o-2"), event("page_view"))
    assert both.body == {"accepted": 2, "dropped": [{"index": 1, "reason": "duplicate"}]}
    assert other.send(bought("e", "o-1"), consent=GRANTED).body["accepted"] == 1, "nobody else's is touched"
    assert [one.id for one in gateway.events() if one.name == "purchase"] == ["a", "c", "e"]


def test_an_id_twice_in_one_batch_is_kept_once(gateway: Gateway) -> None:
    same = event("page_view")
    answer = gateway.browser().send(same, same, consent=GRANTED)
    assert answer.body == {"accepted": 1, "dropped": [{"index": 1, "reason": "duplicate"}]}
    assert len(gateway.events()) == 1


def test_the_same_event_id_at_two_shops_is_two_events(gateways: Gateways) -> None:
    table = configuration()
    gateway = gateways(shops={"one": table["shops"]["demo"], "two": table["shops"]["demo"]})
    same = event("page_view")
    assert gateway.browser("one").send(same, consent=GRANTED).accepted == 1
    assert gateway.browser("two").send(same, consent=GRANTED).accepted == 1


def test_a_batch_of_duplicates_alone_is_a_success(gateway: Gateway) -> None:
    browser = gateway.browser()
    same = event("page_view")
    browser.send(same, consent=GRANTED)
    answer = browser.send(same)
    assert (answer.status, answer.accepted, answer.reasons) == (200, 0, ["duplicate"])


def test_events_of_a_visitor_who_has_not_consented_are_dropped(gateway: Gateway) -> None:
    answer = gateway.browser().send(event("page_view"), event("page_view"))
    assert answer.status == 200
    assert answer.body == {
        "accepted": 0,
        "dropped": [{"index": 0, "reason": "consent"}, {"index": 1, "reason": "consent"}],
    }


def test_an_invalid_event_is_dropped_with_its_field_and_the_others_stand(gateway: Gateway) -> None:
    answer = gateway.browser().send(
        event("page_view"),
        event("purchase", items=[ITEM]),
        event("view_item", items=[{"price": 1}]),
        {"name": "page_view"},
        event("Page View"),
        consent=GRANTED,
    )
    assert (answer.status, answer.accepted) == (200, 1)
    assert [one["index"] for one in answer.body["dropped"]] == [1, 2, 3, 4]
    starts = ["transaction_id", "items[0].item_id", "id", "name"]
    for reason, field in zip(answer.reasons, starts, strict=True):
        assert reason.startswith(f"invalid: {field}: ")
        assert len(reason) > len(f"invalid: {field}: ")


def test_what_is_dropped_is_told_in_the_order_of_the_batch(gateway: Gateway) -> None:
    browser = gateway.browser()
    same = event("page_view")
    browser.send(same, consent=GRANTED)
    answer = browser.send(event("Wrong"), same, event("page_view"), event("Wrong"), same)
    assert [one["index"] for one in answer.body["dropped"]] == [0, 1, 3, 4]
    assert [reason.partition(":")[0] for reason in answer.reasons] == ["invalid", "duplicate"] * 2


@pytest.mark.parametrize("batch", [{}, {"consent": GRANTED}, {"page": {"url": "https://x.example/"}}])
def test_a_batch_may_hold_no_events(gateway: Gateway, batch: dict[str, Any]) -> None:
    answer = gateway.browser().send(**batch)
    assert (answer.status, answer.body) == (200, {"accepted": 0, "dropped": []})
    assert gateway.events() == []


def test_a_batch_may_be_empty(gateway: Gateway) -> None:
    assert gateway.browser().send_raw(b"{}").body == {"accepted": 0, "dropped": []}


def test_a_hundred_events_are_taken_in_their_order(gateway: Gateway) -> None:
    sent = [event("page_view", id=f"e{i}") for i in range(100)]
    assert gateway.browser().send(*sent, consent=GRANTED).accepted == 100
    assert [one.id for one in gateway.events()] == [f"e{i}" for i in range(100)]


def test_every_missing_part_may_also_be_null(gateway: Gateway) -> None:
    """JSON.stringify writes null where a page's script put it."""
    answer = gateway.browser().send(event("page_view"), page=None, sent_at=None, consent=GRANTED)
    assert answer.accepted == 1
    assert gateway.browser().send(consent=None).status == 200


def test_an_answer_is_never_cached(gateway: Gateway) -> None:
    assert gateway.browser().send(event("page_view"), consent=GRANTED).headers["cache-control"] == "no-store"


# What is kept of a batch.


def test_an_event_keeps_the_page_of_its_batch_unless_it_has_its_own(gateway: Gateway) -> None:
    own = {**event("page_view"), "page": {"url": "https://www.myshop.example/b", "type": "cart"}}
    gateway.browser().send(
        event("page_view"),
        own,
        consent=GRANTED,
        page={"url": "https://www.myshop.example/a", "referrer": "", "title": "Shirt", "type": "product"},
    )
    first, second = gateway.events()
    assert (first.page.url, first.page.title, first.page.type) == (
        "https://www.myshop.example/a",
        "Shirt",
        "product",
    )
    assert (second.page.url, second.page.title, second.page.type) == (
        "https://www.myshop.example/b",
        "",
        "cart",
    )


def test_a_page_type_of_the_shops_own_counts_as_other(gateway: Gateway) -> None:
    gateway.browser().send(event("page_view"), consent=GRANTED, page={"type": "landing"})
    assert gateway.events()[0].page.type == "other"


def test_secrets_in_the_address_are_gone_before_anything_is_kept(gateway: Gateway) -> None:
    gateway.browser().send(
        event("page_view"),
        consent=GRANTED,
        page={
            "url": "https://u:p@www.myshop.example/order?key=wc_order_Zx81&email=a%40b.c&utm_source=x#token=y",
            "referrer": "https://www.myshop.example/reset?token=sesame",
        },
    )
    (kept,) = gateway.rows("SELECT body FROM events")
    for secret in (b"wc_order", b"a%40b", b"a@b", b"token", b"sesame", b"u:p"):
        assert secret not in kept[0]
    assert gateway.events()[0].page.url == "https://www.myshop.example/order?utm_source=x"


def test_no_address_of_the_browser_is_kept(gateway: Gateway) -> None:
    browser = gateway.browser(address="203.0.113.77")
    browser.send(
        {**event("page_view"), "ip": "198.51.100.9", "user_agent": "Curl/1"},
        consent=GRANTED,
        headers={"User-Agent": "Mozilla/5.0 Test"},
    )
    (kept,) = gateway.rows("SELECT body FROM events")
    for trace in (b"203.0.113.77", b"198.51.100.9", b"Curl", b"Mozilla"):
        assert trace not in kept[0]


def test_names_in_any_script_come_through_unharmed(gateway: Gateway) -> None:
    name = "Футболка 👕 – größe “XL” 日本語 \u200d"
    gateway.browser().send(event("view_item", items=[{**ITEM, "item_name": name}]), consent=GRANTED)
    assert gateway.events()[0].params["items"][0]["item_name"] == name.strip()


def test_half_an_emoji_does_not_cost_the_batch(gateway: Gateway) -> None:
    """Shops cut names to a length, and JavaScript cuts between the two halves of a character."""
    body = json.dumps(
        {
            "consent": GRANTED,
            "page": {"url": "https://www.myshop.example/p", "title": "Shirt \ud83d"},
            "events": [
                event("view_item", id="cut", items=[{**ITEM, "item_name": "Shirt \ud83d"}]),
                event("view_item", id="whole", items=[{**ITEM, "item_name": "Shirt \U0001f455 \\ud83d"}]),
            ],
        }
    ).encode()
    assert b"\\ud83d" in body
    answer = gateway.browser().send_raw(body)
    assert (answer.status, answer.body) == (200, {"accepted": 2, "dropped": []})
    cut, whole = gateway.events()
    assert cut.params["items"][0]["item_name"] == "Shirt \ufffd"
    assert cut.page.title == "Shirt \ufffd"
    assert whole.params["items"][0]["item_name"] == "Shirt \U0001f455 \\ud83d"


def test_a_very_long_address_does_not_cost_the_batch(gateway: Gateway) -> None:
    address = "https://www.myshop.example/list?utm_source=letter&filter=" + "a" * 20_000
    answer = gateway.browser().send(
        event("page_view"), consent=GRANTED, page={"url": address, "referrer": address, "title": "t" * 9000}
    )
    assert answer.accepted == 1
    (kept,) = gateway.events()
    assert kept.page.url == kept.page.referrer == "https://www.myshop.example/list?utm_source=letter"
    assert 0 < len(kept.page.title) <= 500


# Times.


def at(milliseconds: Any) -> dict[str, Any]:
    return {**event("page_view"), "at": milliseconds}


def times(gateway: Gateway, *sent: Any, **batch: Any) -> list[int]:
    assert gateway.browser().send(*[at(one) for one in sent], consent=GRANTED, **batch).accepted == len(sent)
    return [one.at for one in gateway.events()]


def test_a_right_clock_is_believed(gateway: Gateway) -> None:
    assert times(gateway, NOW - 700, NOW - 20, sent_at=NOW - 10) == [NOW - 700, NOW - 20]


@pytest.mark.parametrize("skew", [-400 * 24 * HOUR, -HOUR, HOUR, 400 * 24 * HOUR])
def test_a_wrong_clock_is_corrected_by_when_it_says_it_sent(gateway: Gateway, skew: int) -> None:
    browser_now = NOW + skew
    sent = (browser_now - 2 * MINUTE, browser_now - MINUTE, browser_now)
    assert times(gateway, *sent, sent_at=browser_now) == [NOW - 2 * MINUTE, NOW - MINUTE, NOW]


def test_an_event_that_waited_for_the_network_keeps_its_age(gateway: Gateway) -> None:
    browser_now = NOW - 3 * HOUR
    assert times(gateway, browser_now - 2 * HOUR, sent_at=browser_now) == [NOW - 2 * HOUR]


def test_no_event_happened_in_the_future(gateway: Gateway) -> None:
    assert times(gateway, NOW + HOUR, 1e300, sent_at=NOW) == [NOW, NOW]


def test_no_event_happened_before_the_time_that_events_are_kept(gateways: Gateways) -> None:
    gateway = gateways(retention_days=3)
    oldest = NOW - 3 * 24 * HOUR
    assert times(gateway, 0, -1e300, oldest - 1, oldest + 1, sent_at=NOW) == [oldest] * 3 + [oldest + 1]


def test_without_sent_at_the_event_times_are_taken_within_reason(gateway: Gateway) -> None:
    assert times(gateway, NOW - HOUR, NOW + HOUR) == [NOW - HOUR, NOW]


def test_without_a_time_an_event_happened_now(gateway: Gateway) -> None:
    gateway.browser().send(event("page_view"), consent=GRANTED, sent_at=NOW - HOUR)
    assert gateway.events()[0].at == NOW


def test_fractions_of_a_millisecond_are_fine(gateway: Gateway) -> None:
    """performance.timeOrigin + performance.now() has them."""
    assert times(gateway, NOW - 0.75, sent_at=NOW - 0.25) == [NOW - 1]


@given(
    skew=st.integers(-(10**13), 10**13),
    ages=st.lists(st.integers(0, 6 * 24 * HOUR), min_size=2, max_size=5),
)
@settings(max_examples=40, deadline=None)
def test_the_order_within_a_batch_survives_any_clock(shared: Gateway, skew: int, ages: list[int]) -> None:
    browser_now = NOW + skew
    sent = [browser_now - age for age in sorted(ages, reverse=True)]
    before = len(shared.events())
    answer = shared.browser().send(*[at(one) for one in sent], consent=GRANTED, sent_at=browser_now)
    assert answer.accepted == len(sent)
    kept = [one.at for one in shared.events()[before:]]
    assert kept == sorted(kept)
    assert all(one <= NOW for one in kept)


# 400, 413, 422.


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"true",
        b"17",
        b'"text"',
        b"[]",
        b'[{"events": []}]',
        b"{",
        b'{"events": []} and more',
        b'{"events": [],}',
        b'{"events": NaN}',
        b'{"sent_at": NaN}',
        b'{"sent_at": Infinity}',
        b'{"sent_at": 1e999}',
        b'{"sent_at": "yesterday"}',
        b'{"sent_at": true}',
        b'{"events": {}}',
        b'{"events": "all"}',
        b'{"page": []}',
        b'{"page": {"url": 7}}',
        b'{"consent": "granted"}',
        b'{"consent": {"marketing": true}}',
        b'{"consent": {"marketing": "maybe"}}',
        b'{"consent": {"Marketing!": "granted"}}',
        b'{"consent": {"marketing\\n": "granted"}}',
        b'{"user": "c-42"}',
        b'{"user": {"id": {}}}',
        b'{"gpc": "1"}',
        b"\xff\xfe{}",
        b'{"page": {"title": "\xc3\x28"}}',
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        b'{"a":' * 10_000,
        b'{"events": [' + b"[" * 30_000 + b"]" * 30_000 + b"]}",
    ],
)
def test_what_is_no_batch_is_refused_with_a_reason_and_without_cookies(gateway: Gateway, body: bytes) -> None:
    answer = gateway.browser().send_raw(body)
    assert answer.status == 400
    assert list(answer.body) == ["error"]
    assert len(answer.body["error"]) > 5
    assert answer.set_cookies == {}
    assert gateway.rows("SELECT * FROM visitors") == []


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        [],
        "page_view",
        7,
        {},
        {"name": "page_view"},
        {"id": "a"},
        {"id": 5, "name": "page_view"},
        {"id": "", "name": "page_view"},
        {"id": "a" * 65, "name": "page_view"},
        {"id": "a b", "name": "page_view"},
        {"id": "ä", "name": "page_view"},
        {"id": "a\n", "name": "page_view"},
        {"id": "a", "name": "page_view", "params": []},
        {"id": "a", "name": "page_view", "params": "x"},
        {"id": "a", "name": "page_view", "params": {"a": {"b": 1}}},
        {"id": "a", "name": "page_view", "params": {"": 1}},
        {"id": "a", "name": "page_view", "params": {"a": [[[[1]]]]}},
        {"id": "a", "name": "page_view", "at": "now"},
        {"id": "a", "name": "page_view", "at": [1]},
        {"id": "a", "name": "page_view", "page": "https://www.myshop.example/"},
        {"id": "a", "name": None},
        {"id": "a", "name": ""},
        {"id": "a", "name": "x" * 65},
        {"id": "a", "name": "page_view\n"},
    ],
)
def test_a_batch_whose_every_event_is_invalid_is_unprocessable(gateway: Gateway, nonsense: Any) -> None:
    answer = gateway.browser().send(nonsense, consent=GRANTED)
    assert answer.status == 422
    assert list(answer.body) == ["error"]
    assert gateway.events() == []
    beside = gateway.browser().send(nonsense, event("page_view"), consent=GRANTED)
    assert (beside.status, beside.accepted) == (200, 1)
    assert beside.reasons[0].startswith("invalid: ")


def test_a_number_too_large_to_be_one_spoils_only_its_event(gateway: Gateway) -> None:
    huge = "1" * 400
    for params in (
        f'{{"value": {huge}}}',
        f'{{"items": [{{"item_id": "1", "price": {huge}}}]}}',
        f'{{"items": [{{"item_id": {huge}}}]}}',
        f'{{"any": [{huge}]}}',
        '{"value": 1e999}',
        f'{{"value": {"1" * 5000}}}',
    ):
        wrong = f'{{"id": "w", "name": "view_cart", "params": {params}}}'
        right = json.dumps(event("page_view"))
        body = f'{{"consent": {json.dumps(GRANTED)}, "events": [{wrong}, {right}]}}'
        answer = gateway.browser().send_raw(body.encode())
        assert (answer.status, answer.accepted) == (200, 1), params[:40]
        assert answer.reasons[0].startswith("invalid: ")


def test_an_event_with_invalid_utf8_spoils_only_itself(gateway: Gateway) -> None:
    right = json.dumps(event("page_view")).encode()
    wrong = b'{"id": "w", "name": "page_view", "params": {"a": "\xc3\x28"}}'
    body = b'{"consent": {"marketing": "granted"}, "events": [' + wrong + b"," + right + b"]}"
    answer = gateway.browser().send_raw(body)
    assert (answer.status, answer.accepted) == (200, 1)
    assert answer.reasons[0].startswith("invalid: ")


def test_nesting_of_any_depth_is_refused_and_never_an_error_of_ours(gateway: Gateway) -> None:
    browser = gateway.browser()
    for depth in (1, 10, 100, *range(900, 1010), 5000):
        wrong = b'{"id": "w", "name": "page_view", "params": {"a": ' + b"[" * depth + b"]" * depth + b"}}"
        answer = browser.send_raw(b'{"consent": {"marketing": "granted"}, "events": [' + wrong + b"]}")
        assert answer.status in (200, 400, 422), depth


def test_the_last_of_two_equal_keys_counts(gateway: Gateway) -> None:
    """As JSON.parse and every other reader that a proxy may use does it."""
    body = b'{"consent": {"marketing": "granted"}, "consent": {"marketing": "denied"}, "events": []}'
    answer = gateway.browser().send_raw(body)
    assert answer.status == 200
    assert gateway.rows("SELECT * FROM visitors") == []


def test_a_body_of_64_kib_is_taken_and_one_byte_more_is_not(gateway: Gateway) -> None:
    batch = json.dumps({"consent": GRANTED, "events": [event("page_view")]}).encode()
    assert gateway.browser().send_raw(batch + b" " * (65536 - len(batch))).accepted == 1
    answer = gateway.browser().send_raw(batch + b" " * (65537 - len(batch)))
    assert answer.status == 413
    assert "65536 bytes" in answer.body["error"]


def test_a_hundred_and_one_events_are_too_many(gateway: Gateway) -> None:
    answer = gateway.browser().send(*[event("page_view") for _ in range(101)], consent=GRANTED)
    assert answer.status == 413
    assert "100 events" in answer.body["error"]
    assert answer.set_cookies == {}
    assert gateway.events() == []


# 403, 404.


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "https://www.other.example",
        "http://www.myshop.example",
        "https://www.myshop.example.evil.example",
        "https://myshop.example",
        "https://www.myshop.example:8443",
        "https://wwwxmyshop.example",
        "HTTPS://WWW.MYSHOP.EXAMPLE",
        "https://www.myshop.example/",
        "https://www.myshop.example https://www.other.example",
    ],
)
def test_another_origin_is_refused_without_cookies_and_without_leave_to_read(
    gateway: Gateway, origin: str
) -> None:
    headers = {"Origin": origin} if origin else {}
    body = json.dumps({"consent": GRANTED, "events": [event("page_view")]}).encode()
    answer = gateway.request("POST", "/gp/demo/e", body, headers)
    assert answer.status == 403
    assert answer.set_cookies == {}
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert gateway.rows("SELECT * FROM visitors") == []

    preflight = {**headers, "Access-Control-Request-Method": "POST"}
    asked = gateway.request("OPTIONS", "/gp/demo/e", headers=preflight)
    assert not [name for name in asked.headers if name.startswith("access-control-")]


def test_an_unknown_shop_is_not_found(gateway: Gateway) -> None:
    answer = gateway.browser("nobody").send(event("page_view"), consent=GRANTED)
    assert answer.status == 404
    assert "shop" in answer.body["error"]
    assert answer.set_cookies == {}


def test_the_origin_of_one_shop_is_a_stranger_to_another(gateways: Gateways) -> None:
    one, two = "https://one.example", "https://two.example"
    gateway = gateways(shops={"one": {"origins": [one]}, "two": {"origins": [two]}})
    assert gateway.browser("one", one).send(consent=GRANTED).status == 200
    answer = gateway.browser("one", two).send(consent=GRANTED)
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers


# CORS.


def test_an_allowed_origin_may_read_the_answer_and_send_cookies(gateway: Gateway) -> None:
    answer = gateway.browser().send(event("page_view"), consent=GRANTED)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-expose-headers"] == "Retry-After"
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("body", [b"nonsense", b'{"events": [7], "consent": {"marketing": "granted"}}'])
def test_a_refusal_may_be_read_by_the_page_too(gateway: Gateway, body: bytes) -> None:
    """Otherwise the tag could not tell it from a network that is down, and would try for ever."""
    answer = gateway.browser().send_raw(body)
    assert answer.status in (400, 422)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("origin", [ORIGIN, "http://[::1]:8080", "http://localhost:8080"])
def test_each_configured_origin_is_echoed_exactly(gateways: Gateways, origin: str) -> None:
    gateway = gateways(shop={"origins": [ORIGIN, "http://[::1]:8080", "http://localhost:8080"]})
    answer = gateway.browser(origin=origin).send(consent=GRANTED)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == origin


def test_a_preflight_is_answered_for_an_allowed_origin(gateway: Gateway) -> None:
    answer = gateway.request(
        "OPTIONS",
        "/gp/demo/e",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert answer.status in (200, 204)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"].lower() == "content-type"
    assert int(answer.headers["access-control-max-age"]) > 0
    assert answer.set_cookies == {}


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain;charset=UTF-8",
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ],
)
def test_the_content_type_does_not_matter(gateway: Gateway, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = gateway.browser().send(event("page_view"), consent=GRANTED, headers=headers)
    assert (answer.status, answer.accepted) == (200, 1)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_answered(gateway: Gateway, method: str) -> None:
    answer = gateway.request(method, "/gp/demo/e", headers={"Origin": ORIGIN})
    assert answer.status == 405
    assert list(answer.body) == ["error"]


def test_in_path_mode_the_path_of_public_url_takes_the_place_of_gp(gateways: Gateways) -> None:
    gateway = gateways(public_url="https://www.myshop.example/shop/gate")
    body = json.dumps({"consent": GRANTED}).encode()
    assert gateway.request("POST", "/shop/gate/demo/e", body, {"Origin": ORIGIN}).status == 200
    assert gateway.request("POST", "/gp/demo/e", body, {"Origin": ORIGIN}).status == 404
    assert gateways(public_url=PATH_MODE).browser().send(consent=GRANTED).status == 200


# 429.


def test_too_many_requests_from_one_address_are_told_to_come_back(gateways: Gateways) -> None:
    gateway = gateways(requests_per_minute=3)
    flood = gateway.browser(address="203.0.113.5")
    # The window may turn over once meanwhile: seven requests fill two windows of three.
    answers = [flood.send(event("page_view"), consent=GRANTED) for _ in range(7)]
    assert answers[0].status == 200
    refused = next(answer for answer in answers if answer.status != 200)
    assert refused.status == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    assert refused.headers["access-control-expose-headers"] == "Retry-After"
    assert list(refused.body) == ["error"]
    assert gateway.browser(address="203.0.113.6").send(consent=GRANTED).status == 200


def statuses(gateway: Gateway, peer: str, *forwarded_for: str) -> list[int]:
    return [
        gateway.browser(address=peer).send(consent=GRANTED, headers={"X-Forwarded-For": one}).status
        for one in forwarded_for
    ]


def test_behind_a_trusted_proxy_each_shopper_is_counted(gateways: Gateways) -> None:
    gateway = gateways(requests_per_minute=1, trusted_proxies=["10.0.0.0/8"])
    shoppers = [f"203.0.113.{n}" for n in range(5)]
    assert statuses(gateway, "10.1.2.3", *shoppers) == [200] * 5
    assert 429 in statuses(gateway, "10.1.2.3", *["203.0.113.9"] * 3)


def test_a_shopper_cannot_hide_behind_a_header_of_their_own(gateways: Gateways) -> None:
    gateway = gateways(requests_per_minute=1, trusted_proxies=["10.0.0.0/8"])
    # Straight from the internet: the header is nothing.
    assert 429 in statuses(gateway, "203.0.113.5", *[f"198.51.100.{n}" for n in range(3)])
    # Through the proxy, which appends whom it saw: what stands left of that is the shopper's own writing.
    assert 429 in statuses(gateway, "10.1.2.3", *[f"198.51.100.{n}, 203.0.113.6" for n in range(3)])


def test_a_shopper_cannot_hide_among_the_addresses_of_their_own_line(gateways: Gateways) -> None:
    gateway = gateways(requests_per_minute=1)
    answers = [gateway.browser(address=f"2001:db8:1:2::{n}").send(consent=GRANTED) for n in range(3)]
    assert 429 in [answer.status for answer in answers]
    assert gateway.browser(address="2001:db8:1:3::1").send(consent=GRANTED).status == 200


def test_requests_from_the_machine_itself_are_not_counted(gateways: Gateways) -> None:
    """There it is the address of a proxy that is not configured, and stands for every shopper."""
    gateway = gateways(requests_per_minute=1)
    assert statuses(gateway, "127.0.0.1", *["198.51.100.1"] * 4) == [200] * 4


# 503.


def test_while_the_database_cannot_be_written_the_browser_is_told_to_come_back(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.store.database.BUSY_SECONDS", 0.05)
    browser = gateway.browser()
    with gateway.locked():
        answer = browser.send(event("page_view", id="patient"), consent=GRANTED)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert list(answer.body) == ["error"]
    assert answer.set_cookies == {}
    assert gateway.events() == []

    assert browser.send(event("page_view", id="patient"), consent=GRANTED).accepted == 1
    assert [one.id for one in gateway.events()] == ["patient"]


# Nothing breaks it.

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_words = st.sampled_from(["page_view", "purchase", "identify", "view_item", "x_1", "", "é"]) | st.text(
    max_size=6
)
_events = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text("abc09-_", max_size=8) | _json,
        "name": _words | _json,
        "at": st.floats() | st.integers() | _json,
        "params": st.fixed_dictionaries(
            {}, optional={"items": _json, "value": _json, "transaction_id": _json, "content": _json}
        )
        | _json,
        "page": _json,
    },
)
_batches = st.fixed_dictionaries(
    {},
    optional={
        "sent_at": st.floats() | st.integers() | _json,
        "page": st.fixed_dictionaries({}, optional={"url": st.text(), "title": st.text()}) | _json,
        "consent": st.sampled_from([GRANTED, DENIED, {}]) | _json,
        "gpc": _json,
        "user": st.fixed_dictionaries({}, optional={"id": _json, "email": _json, "phone": _json}) | _json,
        "events": st.lists(_events | _json, max_size=4) | _json,
    },
)


@given(body=st.binary(max_size=300))
@example(body=b"\x00")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_bytes_are_ever_an_error_of_ours(shared: Gateway, body: bytes) -> None:
    assert shared.browser().send_raw(body).status in (200, 400)


@given(batch=_batches, known=st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_json_is_ever_an_error_of_ours(shared: Gateway, batch: dict[str, Any], known: bool) -> None:
    browser = shared.browser()
    if known:
        browser.send(consent=GRANTED)
    answer = browser.send_raw(json.dumps(batch).encode())
    assert answer.status in (200, 400, 422)
    if answer.status == 200:
        assert answer.accepted + len(answer.reasons) == len(batch.get("events") or [])
    else:
        assert list(answer.body) == ["error"]


@given(cookie=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60))
@settings(max_examples=100, deadline=None)
def test_no_cookie_is_ever_an_error_of_ours(shared: Gateway, cookie: str) -> None:
    for name in ("__Host-gp_v", "__Host-gp_s", "__Host-gp_src"):
        answer = shared.browser().send(consent=GRANTED, headers={"Cookie": f"{name}={cookie}"})
        assert answer.status == 200


def test_the_fuzz_reaches_what_it_is_meant_to(shared: Gateway) -> None:
    """Floats that JSON does not have are written all the same, as careless senders do."""
    assert "NaN" in json.dumps({"sent_at": math.nan})
    assert shared.browser().send(event("x_1"), consent=GRANTED).accepted == 1


# The same over a real socket, where the body has a length of its own or none.


@pytest.mark.chaos
def test_the_real_server_limits_bodies_however_they_come(
    processes: Callable[..., Process], tmp_path: Path
) -> None:
    process = processes(configuration(), *WEB)
    batch = json.dumps({"consent": GRANTED, "events": [event("page_view")]}).encode()
    url, headers = "/gp/demo/e", {"Origin": ORIGIN}

    assert process.browser().send_raw(batch).accepted == 1
    # Time and again: an answer given too early breaks the connection once in a while, and is not heard.
    for _ in range(20):
        assert process.http.post(url, content=batch + b" " * 300_000, headers=headers).status_code == 413
        # In chunks, without a Content-Length.
        assert process.http.post(url, content=iter([b" " * 40_000] * 4), headers=headers).status_code == 413
    chunked = json.dumps({"consent": GRANTED, "events": [event("page_view")]}).encode()
    answer = process.http.post(url, content=iter([chunked[:20], chunked[20:]]), headers=headers)
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)


def test_a_visitor_of_whom_nothing_is_kept_gets_no_cookie(gateways: Callable[..., Gateway]) -> None:
    gateway = gateways(shop={"consent": "not_required"})
    assert gateway.browser().send(event("purchase")).set_cookies == {}
    assert gateway.browser().send().set_cookies == {}
    assert gateway.browser().send(event("page_view")).set_cookies
