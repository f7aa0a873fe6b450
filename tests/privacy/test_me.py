"""`/gp/{shop}/me`: who comes with a visitor's cookie gets that visitor's data, and can have it erased."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from server.rights import Subjects
from server.store.database import Database
from tests.gateway import (
    GRANTED,
    HOUR,
    ITEM,
    MINUTE,
    ORIGIN,
    PATH_MODE,
    Answer,
    Browser,
    Gateway,
    event,
    gatepost,
)

Gateways = Callable[..., Gateway]

OTHER = "https://evil.example"
VENDORS = {
    "blueshift": {"api_key": "5e0c731de3b111ebba800242ac130004"},
    "personaclick": {"shop_id": "0d42fd8b713d0752776ca589cc0056"},
}


@pytest.fixture
def gateway(gateways: Gateways) -> Gateway:
    return gateways(shop={"vendors": VENDORS})


def ask(
    gateway: Gateway, browser: Browser, method: str, headers: dict[str, str] | None = None, shop: str = "demo"
) -> Answer:
    """What the browser is answered; the cookies it keeps are those it is left with."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    sent = {"Cookie": cookie, **({"Origin": ORIGIN} if headers is None else headers)}
    answer = gateway.request(method, f"{gateway.settings.prefix}/{shop}/me", headers=sent)
    for name, line in answer.set_cookies.items():
        if "Max-Age=0" in line:
            browser.cookies.pop(name, None)
    return answer


def shopper(gateway: Gateway, **user: str) -> Browser:
    browser = gateway.browser()
    browser.send(
        event("view_item", items=[ITEM]),
        event("search", search_term="shirt"),
        consent=GRANTED,
        user=user or {"id": "c-42", "email": "a@b.example"},
        page={"url": f"{ORIGIN}/p/100500?recommended_by=chain&bulk_code=x", "title": "Shirt"},
    )
    return browser


# Export.


def test_the_export_holds_everything_that_is_kept(gateway: Gateway) -> None:
    browser = shopper(gateway)
    gateway.clock.forward(HOUR)
    browser.send(event("page_view"), consent={"marketing": "denied"})
    answer = ask(gateway, browser, "GET")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    me = answer.body
    assert (me["shop"], me["visitor"]) == ("demo", browser.visitor)
    assert (me["first_seen"], me["last_seen"]) == ("2026-09-21T14:13:20Z", "2026-09-21T14:13:20Z")
    assert me["user"] == {"id": "c-42", "email": "a@b.example"}
    assert me["identities"] == [
        {"kind": "email", "value": "a@b.example"},
        {"kind": "id", "value": "c-42"},
    ]
    assert me["consent"]["purposes"] == {"personalization": "granted", "marketing": "denied"}
    assert [(one["at"], one["purposes"]["marketing"]) for one in me["consents"]] == [
        ("2026-09-21T14:13:20Z", "granted"),
        ("2026-09-21T15:13:20Z", "denied"),
    ]
    assert [one["name"] for one in me["events"]] == ["view_item", "search", "page_view"]
    first = me["events"][0]
    assert first["params"] == {"items": [ITEM]}
    assert first["page"] == {"url": f"{ORIGIN}/p/100500?recommended_by=chain&bulk_code=x", "title": "Shirt"}
    assert first["source"]["code"] == "x"
    assert {one["vendor"]: one["state"] for one in first["vendors"]} == {
        "blueshift": "waiting",
        "personaclick": "waiting",
    }


def test_the_export_holds_nothing_of_anybody_else(gateway: Gateway) -> None:
    shopper(gateway, id="c-1", email="other@b.example")
    me = ask(gateway, shopper(gateway, id="c-2", email="me@b.example"), "GET")
    assert "other@b.example" not in json.dumps(me.body)
    assert {one["user"]["id"] for one in me.body["events"]} == {"c-2"}


def test_a_long_export_is_whole(gateway: Gateway) -> None:
    browser = gateway.browser()
    for _ in range(3):
        browser.send(*(event("page_view") for _ in range(80)), consent=GRANTED)
    me = ask(gateway, browser, "GET").body
    assert len({one["id"] for one in me["events"]}) == 240


def test_the_export_is_a_file_that_no_cache_and_no_element_of_a_page_can_hold(gateway: Gateway) -> None:
    headers = ask(gateway, shopper(gateway), "GET").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["content-disposition"].startswith("attachment")


def test_asking_sets_no_cookie(gateway: Gateway) -> None:
    assert ask(gateway, shopper(gateway), "GET").set_cookies == {}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_without_a_valid_cookie_nothing_is_known(gateway: Gateway, method: str) -> None:
    stranger = gateway.browser()
    assert ask(gateway, stranger, method).status == 404
    forger = shopper(gateway)
    forger.cookies = {name: f"{value[:-2]}xx" for name, value in forger.cookies.items()}
    assert ask(gateway, forger, method).status == 404
    assert len(gateway.events()) == 2


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_no_shop_gives_away_the_visitors_of_another(gateways: Gateways, method: str) -> None:
    gateway = gateways(
        shops={"demo": {"origins": [ORIGIN]}, "other": {"origins": [ORIGIN]}},
    )
    browser = gateway.browser()
    browser.send(event("page_view"), consent=GRANTED)
    assert ask(gateway, browser, method, shop="other").status == 404
    assert ask(gateway, browser, method, shop="nowhere").status == 404
    assert ask(gateway, browser, "GET").status == 200


# Whose pages may ask.


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": OTHER},
        {"Origin": "null"},
        {"Origin": f"{ORIGIN}.evil.example"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_page_of_another_site_gets_nothing(gateway: Gateway, method: str, headers: dict[str, str]) -> None:
    answer = ask(gateway, shopper(gateway), method, headers)
    assert answer.status == 403
    assert set(answer.body) == {"error"}
    assert answer.set_cookies == {}
    assert len(gateway.events()) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_the_shops_pages_links_and_the_address_bar_get_the_export(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    assert ask(gateway, shopper(gateway), "GET", headers).status == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": ""}]
)
def test_nothing_is_erased_without_the_origin_of_a_page_of_the_shop(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    assert ask(gateway, shopper(gateway), "DELETE", headers).status == 403
    assert len(gateway.events()) == 2


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_allowed_origin_may_read_the_answer_with_credentials(gateway: Gateway, method: str) -> None:
    headers = ask(gateway, shopper(gateway), method).headers
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["access-control-allow-credentials"] == "true"
    assert "Origin" in headers["vary"]


def test_a_browser_that_asks_beforehand_hears_which_origin_and_method_may(gateway: Gateway) -> None:
    def preflight(origin: str, method: str) -> dict[str, str]:
        headers = {"Origin": origin, "Access-Control-Request-Method": method}
        return gateway.request("OPTIONS", "/gp/demo/me", headers=headers).headers

    allowed = preflight(ORIGIN, "DELETE")
    assert allowed["access-control-allow-origin"] == ORIGIN
    assert "DELETE" in allowed["access-control-allow-methods"]
    assert allowed["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" not in preflight(OTHER, "DELETE")
    posts = gateway.request(
        "OPTIONS", "/gp/demo/e", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    ).headers
    assert posts["access-control-allow-methods"] == "POST"


def test_in_path_mode_it_is_below_the_shops_own_path(gateways: Gateways) -> None:
    gateway = gateways(public_url=PATH_MODE)
    browser = gateway.browser()
    browser.send(event("page_view"), consent=GRANTED)
    assert gateway.settings.prefix == "/gp"
    assert ask(gateway, browser, "GET").body["visitor"] == browser.visitor
    answer = ask(gateway, browser, "DELETE")
    assert answer.status == 200
    assert all("Path=/gp" in line and "Secure" in line for line in answer.set_cookies.values())


def test_one_address_may_not_ask_without_end(gateways: Gateways) -> None:
    gateway = gateways(requests_per_minute=3)
    asked = [
        gateway.request("GET", "/gp/demo/me", headers={"Origin": ORIGIN}, address="203.0.113.7").status
        for _ in range(5)
    ]
    assert asked == [404, 404, 404, 429, 429]


# Erasing.


def test_erasing_leaves_nothing_of_the_visitor_but_the_fact(gateway: Gateway) -> None:
    browser = shopper(gateway)
    stays = shopper(gateway, id="c-7", email="stays@b.example")
    visitor, cookies = browser.visitor, set(browser.cookies)
    gateway.clock.forward(MINUTE)
    answer = ask(gateway, browser, "DELETE")
    assert answer.status == 200
    assert answer.body["erased"] == {"visitor": visitor, "events": 2, "at": "2026-09-21T14:14:20Z"}
    assert answer.body["told"] == []
    assert set(answer.set_cookies) == cookies
    assert all("Max-Age=0" in line for line in answer.set_cookies.values())

    assert [one.visitor for one in gateway.events()] == [stays.visitor] * 2
    assert gateway.rows("SELECT visitor FROM visitors") == [(stays.visitor,)]
    assert gateway.rows("SELECT DISTINCT visitor FROM identities") == [(stays.visitor,)]
    assert gateway.rows("SELECT shop, visitor, at FROM tombstones") == [("demo", visitor, gateway.clock())]
    everything = everything_kept(gateway)
    for trace in ("c-42", "a@b.example", "A@B.EXAMPLE"):
        assert trace.encode() not in everything


def everything_kept(gateway: Gateway) -> bytes:
    tables = [name for (name,) in gateway.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    cells = [cell for name in tables for row in gateway.rows(f"SELECT * FROM {name}") for cell in row]
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)


def test_of_the_consent_ledger_only_remains_that_somebody_was_erased(gateway: Gateway) -> None:
    browser = shopper(gateway)
    visitor = browser.visitor
    browser.send(event("page_view"), consent={"marketing": "denied"})
    gateway.clock.forward(MINUTE)
    ask(gateway, browser, "DELETE")
    ((shop, reference, at, consent),) = gateway.rows("SELECT shop, visitor, at, consent FROM consents")
    assert (shop, at) == ("demo", gateway.clock())
    assert reference != visitor
    assert json.loads(consent) == {"at": gateway.clock(), "by": "erased"}


def test_erasing_again_finds_nothing_and_changes_nothing(gateway: Gateway) -> None:
    browser = shopper(gateway)
    cookies = dict(browser.cookies)
    ask(gateway, browser, "DELETE")
    assert ask(gateway, browser, "DELETE").status == 404  # its cookies are gone
    before = everything_kept(gateway)
    gateway.clock.forward(HOUR)
    browser.cookies = cookies
    answer = ask(gateway, browser, "DELETE")  # a second tab had sent them already
    assert (answer.status, answer.body["erased"]["events"]) == (200, 0)
    assert everything_kept(gateway) == before


def test_what_was_on_its_way_is_not_kept_and_its_cookies_go(gateway: Gateway) -> None:
    browser = shopper(gateway)
    late = dict(browser.cookies)
    ask(gateway, browser, "DELETE")
    browser.cookies = late
    answer = browser.send(event("page_view"), event("page_view"), consent=GRANTED, user={"id": "c-42"})
    assert (answer.status, answer.accepted, answer.reasons) == (200, 0, ["consent", "consent"])
    assert browser.cookies == {}
    assert gateway.events() == []
    assert gateway.rows("SELECT * FROM visitors") == gateway.rows("SELECT * FROM identities") == []


def test_who_comes_back_afterwards_is_somebody_new(gateway: Gateway) -> None:
    browser = shopper(gateway)
    before = browser.visitor
    ask(gateway, browser, "DELETE")
    assert browser.send(event("page_view"), consent=GRANTED).accepted == 1
    assert browser.visitor
    assert browser.visitor != before
    assert ask(gateway, browser, "GET").body["visitor"] == browser.visitor


def test_an_unusable_disk_is_told_and_the_cookies_stay_for_another_try(gateway: Gateway) -> None:
    browser = shopper(gateway)
    with gateway.locked():
        answer = ask(gateway, browser, "DELETE")
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.set_cookies == {}
    assert ask(gateway, browser, "DELETE").body["erased"]["events"] == 2


# The shop's own server.


def server_sends(gateway: Gateway, *events: dict[str, Any]) -> dict[str, Any]:
    key = "b2f0c1d6e7a849f5a3c2d1e0f9b8a7c6"
    answer = gateway.request(
        "POST",
        "/v1/demo/events",
        json.dumps({"events": events}).encode(),
        {"Authorization": f"Bearer {key}"},
    )
    assert answer.status == 200
    return dict(answer.body)


@pytest.fixture
def with_server(gateways: Gateways) -> Gateway:
    return gateways(shop={"api_keys": ["b2f0c1d6e7a849f5a3c2d1e0f9b8a7c6"], "consent": "not_required"})


@pytest.mark.parametrize(
    "user",
    [
        {"id": "c-42"},
        {"email": "a@b.example"},
        {"email": "A@B.Example"},
        {"phone": "380501234567"},
        {"id": "c-43", "email": "a@b.example"},
    ],
)
def test_server_events_of_an_erased_visitor_are_not_stored(
    with_server: Gateway, user: dict[str, str]
) -> None:
    gateway = with_server
    browser = shopper(gateway, id="c-42", email="a@b.example", phone="380501234567")
    visitor = browser.visitor
    ask(gateway, browser, "DELETE")
    answer = server_sends(
        gateway,
        {**event("page_view"), "user": user},
        {**event("page_view"), "visitor": visitor},
        {**event("page_view"), "user": {"id": "somebody-else"}},
    )
    assert answer["stored"] == 1
    assert answer["errors"] == [{"index": 0, "reason": "erased"}, {"index": 1, "reason": "erased"}]
    assert [one.user.id for one in gateway.events()] == ["somebody-else"]


def test_a_person_who_signs_in_again_after_erasure_is_known_again(with_server: Gateway) -> None:
    gateway = with_server
    browser = shopper(gateway)
    ask(gateway, browser, "DELETE")
    browser.send(event("page_view"), user={"id": "c-42"})
    assert server_sends(gateway, {**event("page_view"), "user": {"id": "c-42"}})["stored"] == 1
    assert gateway.events()[-1].visitor == browser.visitor


def test_a_user_whom_only_the_server_named_stays_erased(with_server: Gateway) -> None:
    gateway = with_server
    server_sends(gateway, {**event("page_view"), "user": {"id": "c-9"}})
    ((visitor,),) = gateway.rows("SELECT visitor FROM visitors")
    database = Database(gateway.settings.data_dir)
    Subjects(database).erase("demo", visitor, gateway.clock())
    database.close()
    answer = server_sends(gateway, {**event("page_view"), "user": {"id": "c-9"}})
    assert answer["errors"] == [{"index": 0, "reason": "erased"}]


# Whom a browser only claims to be.


def test_nobody_reads_another_persons_orders_by_calling_themselves_so(with_server: Gateway) -> None:
    """Any page's script can identify with any e-mail address; the cookie proves no more than the browser."""
    gateway = with_server
    stranger = gateway.browser()
    stranger.send(event("page_view", "own"), consent=GRANTED, user={"email": "ann@mail.example"})
    answer = server_sends(
        gateway,
        {
            **event("purchase", "anns", transaction_id="o-77", items=[ITEM], delivery_address="Elm Street 1"),
            "user": {"id": "c-42", "email": "ann@mail.example", "phone": "380501234567"},
        },
    )
    assert answer["stored"] == 1
    stranger.send(event("page_view", "own2"))
    mine = ask(gateway, stranger, "GET")
    assert [one["id"] for one in mine.body["events"]] == ["own", "own2"]
    for secret in ("o-77", "Elm Street", "c-42", "380501234567"):
        assert secret not in str(mine.body)
    found = gatepost("export", "--shop", "demo", "--order", "o-77", folder=gateway.file.parent)
    assert "Elm Street 1" in found.stdout
    assert "380501234567" in found.stdout


def test_what_the_server_told_of_the_visitor_itself_is_the_visitors(with_server: Gateway) -> None:
    gateway = with_server
    browser = gateway.browser()
    browser.send(event("page_view", "own"), consent=GRANTED)
    server_sends(gateway, {**event("page_view", "told"), "visitor": browser.visitor})
    assert [one["id"] for one in ask(gateway, browser, "GET").body["events"]] == ["own", "told"]


def test_a_server_goes_on_finding_a_visitor_by_a_name_that_it_has_added(with_server: Gateway) -> None:
    gateway = with_server
    browser = gateway.browser()
    browser.send(event("page_view"), consent=GRANTED, user={"email": "ann@mail.example"})
    server_sends(gateway, {**event("page_view"), "user": {"id": "c-42", "email": "ann@mail.example"}})
    server_sends(gateway, {**event("page_view", "by-id"), "user": {"id": "c-42"}})
    (visitor,) = gateway.rows("SELECT visitor FROM events WHERE id = 'by-id'")
    assert visitor == (browser.visitor,)
