"""The cookies in a real Chromium over https: on two hosts of one site, and below a path behind nginx."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error

from tests.gateway import DAY, DENIED, GRANTED, HOUR, MINUTE, event
from tests.privacy.https import FLAGS, Shopper, Site, one_host, set_cookies, shopper_in, two_hosts

Shoppers = Callable[[Site], Shopper]

NAMES = {"gp_v", "gp_s", "gp_src"}
CAMPAIGN = "?recommended_by=chain&personaclick_mail_code=letter-3"


@pytest.fixture(scope="module")
def shoppers(launch: Callable[..., Browser]) -> Iterator[Shoppers]:
    browser = launch(*FLAGS)
    yield partial(shopper_in, browser)
    browser.close()


@pytest.fixture
def subdomain(tmp_path: Path) -> Iterator[Site]:
    with two_hosts(tmp_path) as site:
        yield site


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Site]:
    with one_host(tmp_path) as site:
        yield site


@pytest.fixture(params=["subdomain", "path"])
def site(request: pytest.FixtureRequest) -> Site:
    """Both ways, one after the other."""
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


def arrives(shoppers: Shoppers, site: Site) -> Shopper:
    """A shopper who has come by a campaign, and has consented."""
    shopper = shoppers(site)
    answer = shopper.send(
        events=[event("page_view")], consent=GRANTED, page={"url": f"{site.shop}/{CAMPAIGN}"}
    )
    assert answer.status == 200
    return shopper


# Names, attributes, where they go.


def test_on_a_subdomain_they_are_bound_to_that_host_alone(shoppers: Shoppers, subdomain: Site) -> None:
    shopper = arrives(shoppers, subdomain)
    cookies = shopper.context.cookies()
    assert {cookie["name"] for cookie in cookies} == {f"__Host-{name}" for name in NAMES}
    for cookie in cookies:
        assert (cookie["domain"], cookie["path"]) == ("gp.myshop.example", "/")
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    shopper.page.reload()
    assert shopper.page.inner_text("body") == "Shop\nno cookie"


def test_in_path_mode_they_ride_on_no_page_of_the_shop(shoppers: Shoppers, path: Site) -> None:
    shopper = arrives(shoppers, path)
    cookies = shopper.context.cookies()
    assert {cookie["name"] for cookie in cookies} == {f"__Secure-{name}" for name in NAMES}
    for cookie in cookies:
        assert (cookie["domain"], cookie["path"]) == ("www.myshop.example", "/gp")
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    for page in ("/", "/p/100500", "/gpx/e"):
        shopper.page.goto(f"{path.shop}{page}")
        assert shopper.page.inner_text("body") == "Shop\nno cookie"


def test_no_script_can_read_them(shoppers: Shoppers, site: Site) -> None:
    shopper = arrives(shoppers, site)
    assert shopper.page.evaluate("document.cookie") == ""
    shopper.page.goto(site.me.removesuffix("/me") + "/tag.js")
    assert shopper.page.evaluate("document.cookie") == ""


def test_each_lives_as_long_as_it_may(shoppers: Shoppers, site: Site) -> None:
    begun = time.time()
    cookies = arrives(shoppers, site).cookies()
    for name, life in (("gp_v", 390 * DAY), ("gp_s", 30 * MINUTE), ("gp_src", 48 * HOUR)):
        assert abs(cookies[name]["expires"] - begun - life / 1000) < 60


# What comes back.


def test_the_browser_brings_them_back_and_is_known_again(shoppers: Shoppers, site: Site) -> None:
    shopper = arrives(shoppers, site)
    before = shopper.cookies()
    answer = shopper.send(events=[event("page_view")])
    assert answer.json()["accepted"] == 1
    assert set_cookies(answer) == []
    assert shopper.cookies() == before


def test_none_is_set_before_consent(shoppers: Shoppers, site: Site) -> None:
    shopper = shoppers(site)
    assert set_cookies(shopper.send(events=[event("page_view")])) == []
    assert set_cookies(shopper.send(consent=DENIED)) == []
    assert shopper.cookies() == {}


def test_a_session_ends_after_thirty_minutes_without_an_event(shoppers: Shoppers, site: Site) -> None:
    shopper = arrives(shoppers, site)
    first = shopper.value("gp_s")
    site.clock.move(29 * MINUTE)
    shopper.send(events=[event("page_view")])
    assert shopper.value("gp_s") == first
    site.clock.move(31 * MINUTE)
    shopper.send(events=[event("page_view")])
    assert shopper.value("gp_s") != first


def test_the_visitors_cookie_is_never_prolonged(shoppers: Shoppers, site: Site) -> None:
    shopper = arrives(shoppers, site)
    before = shopper.cookies()["gp_v"]
    site.clock.move(389 * DAY)
    answer = shopper.send(events=[event("page_view")])
    assert not any(name.endswith("gp_v") for name in set_cookies(answer))
    assert shopper.cookies()["gp_v"] == before
    site.clock.move(2 * DAY)
    shopper.send(events=[event("page_view")], consent=GRANTED)
    assert shopper.value("gp_v") != before["value"].partition(".")[0]


def test_a_forged_cookie_is_replaced_without_a_word(shoppers: Shoppers, site: Site) -> None:
    shopper = arrives(shoppers, site)
    mine = shopper.cookies()["gp_v"]
    forged = "00000000-0000-4000-8000-000000000000" + mine["value"][36:]
    where = {
        key: mine[key] for key in ("name", "domain", "path", "secure", "httpOnly", "sameSite", "expires")
    }
    shopper.context.clear_cookies()
    shopper.context.add_cookies([{**where, "value": forged}])  # type: ignore[list-item]
    answer = shopper.send(events=[event("page_view")], consent=GRANTED)
    assert answer.status == 200
    assert shopper.value("gp_v") not in forged


def test_cookies_that_a_sibling_host_planted_hide_none_of_ours(shoppers: Shoppers, path: Site) -> None:
    shopper = arrives(shoppers, path)
    mine = shopper.cookies()
    shopper.context.add_cookies(
        [
            {  # as a page of another host of the site can set it
                "name": cookie["name"],
                "value": "00000000-0000-4000-8000-000000000000.1790000000.AAAA",
                "domain": ".myshop.example",
                "path": "/gp/demo",
                "secure": True,
            }
            for cookie in mine.values()
        ]
    )
    answer = shopper.send(events=[event("page_view")])
    assert answer.json()["accepted"] == 1
    assert set_cookies(answer) == []
    assert shopper.ask("GET", path.me).json()["visitor"] == mine["gp_v"]["value"].partition(".")[0]


def test_withdrawal_takes_them_away(shoppers: Shoppers, site: Site) -> None:
    shopper = arrives(shoppers, site)
    assert set(shopper.cookies()) == NAMES
    shopper.send(consent=DENIED)
    assert shopper.cookies() == {}


# The visitor's own data.


def test_a_page_of_the_shop_shows_and_erases_the_visitors_data(shoppers: Shoppers, site: Site) -> None:
    shopper = arrives(shoppers, site)
    export = shopper.ask("GET", site.me)
    assert export.status == 200
    assert export.json()["visitor"] == shopper.value("gp_v")
    assert set_cookies(export) == []
    assert shopper.ask("DELETE", site.me).json()["erased"]["events"] == 1
    assert shopper.cookies() == {}
    assert shopper.ask("GET", site.me).status == 404


def test_the_visitor_can_open_it_as_a_page(shoppers: Shoppers, site: Site) -> None:
    shopper = arrives(shoppers, site)
    with shopper.page.expect_download() as download, pytest.raises(Error, match="Download is starting"):
        shopper.page.goto(site.me)
    assert download.value.suggested_filename == "my-data.json"


def test_a_page_of_another_site_gets_nothing_and_erases_nothing(shoppers: Shoppers, site: Site) -> None:
    shopper = arrives(shoppers, site)
    before = shopper.cookies()
    evil = site.shop.replace("www.myshop.example", "www.evil.example")
    shopper.page.goto(f"{evil}/")
    for method, url in (("GET", site.me), ("DELETE", site.me), ("POST", site.endpoint)):
        with pytest.raises(Error, match="Failed to fetch"):
            shopper.page.evaluate(
                "([method, url]) => fetch(url, {method, credentials: 'include'})", [method, url]
            )
    assert shopper.cookies() == before
    shopper.page.goto(f"{site.shop}/")
    assert shopper.ask("GET", site.me).json()["visitor"] == shopper.value("gp_v")
