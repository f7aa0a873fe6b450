"""Cookies of our names that another host of the shop's site has planted, below a path that it can reach too.

https://www.usenix.org/conference/usenixsecurity15/technical-sessions/presentation/zheng
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.gateway import DENIED, GRANTED, HOUR, MINUTE, ORIGIN, PATH_MODE, Browser, Gateway, event

Gateways = Callable[..., Gateway]

FORGED = "00000000-0000-4000-8000-000000000000.1790000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def gateway(gateways: Gateways) -> Gateway:
    return gateways(public_url=PATH_MODE)


def visitor(gateway: Gateway, code: str = "x") -> Browser:
    browser = gateway.browser()
    url = f"{ORIGIN}/?recommended_by=chain&bulk_code={code}"
    browser.send(event("page_view"), consent=GRANTED, page={"url": url})
    return browser


def both(planted: dict[str, str], own: dict[str, str]) -> str:
    """A Cookie header: what was set for the longer path comes first. RFC 6265, 5.4."""
    return "; ".join(f"{name}={value}" for jar in (planted, own) for name, value in jar.items())


@pytest.mark.parametrize("planted", [FORGED, "", "x", '"', "a" * 5000])
def test_what_is_not_valid_does_not_hide_what_is(gateway: Gateway, planted: str) -> None:
    browser = visitor(gateway)
    names = dict.fromkeys(browser.cookies, planted)
    answer = browser.send(event("page_view"), headers={"Cookie": both(names, browser.cookies)})
    assert (answer.accepted, answer.set_cookies) == (1, {})
    first, second = gateway.events()
    assert (second.visitor, second.session, second.source) == (first.visitor, first.session, first.source)


def test_a_visitor_is_not_made_another_one_by_that_ones_own_cookies(gateway: Gateway) -> None:
    browser = visitor(gateway)
    gateway.clock.forward(MINUTE)
    evil = visitor(gateway, code="evil")
    browser.send(event("page_view", "mine"), headers={"Cookie": both(evil.cookies, browser.cookies)})
    kept = {one.id: one for one in gateway.events()}["mine"]
    assert kept.visitor == browser.visitor != evil.visitor


def test_of_several_sessions_the_one_last_used_goes_on(gateway: Gateway) -> None:
    browser = visitor(gateway)
    old = {name: value for name, value in browser.cookies.items() if name.endswith("gp_s")}
    gateway.clock.forward(HOUR)
    browser.send(event("page_view"), consent=GRANTED)
    session = browser.session
    browser.send(event("page_view"), headers={"Cookie": both(old, browser.cookies)})
    assert gateway.events()[-1].session == session


def test_withdrawal_clears_them_all_the_same(gateway: Gateway) -> None:
    browser = visitor(gateway)
    header = both(dict.fromkeys(browser.cookies, FORGED), browser.cookies)
    answer = browser.send(consent=DENIED, headers={"Cookie": header})
    assert set(answer.set_cookies) == {"__Secure-gp_v", "__Secure-gp_s", "__Secure-gp_src"}
    assert browser.cookies == {}


def test_the_right_visitors_data_is_shown_and_erased(gateway: Gateway) -> None:
    browser = visitor(gateway)
    header = {"Origin": ORIGIN, "Cookie": both(dict.fromkeys(browser.cookies, FORGED), browser.cookies)}
    path = f"{gateway.settings.prefix}/demo/me"
    assert gateway.request("GET", path, headers=header).body["visitor"] == browser.visitor
    assert gateway.request("DELETE", path, headers=header).body["erased"]["visitor"] == browser.visitor
