"""The tag to paste, and the list that turns green by itself, or says what is wrong and how to mend it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.console.conftest import HASH, VENDORS
from tests.console.operator import Desk, Operator
from tests.console.test_overview import fault, send
from tests.demo.browsing import hook
from tests.gateway import DAY, DENIED, GRANTED, ORIGIN, Gateway, event

INSTALL = "/console/shops/demo/install"
ALL = ("tag", "origin", "consent", "event", "cookies", "to-blueshift", "to-personaclick")


def states(operator: Operator) -> dict[str, str]:
    """How each check stands: ok, waiting or look."""
    return dict(re.findall(r'id="check-([\w-]+)" data-state="(\w+)"', operator.get(INSTALL).text))


def says(operator: Operator, key: str) -> str:
    """What the list says of one check, as people read it."""
    found = re.search(rf'id="check-{key}".*?</li>', operator.get(INSTALL).text, re.DOTALL)
    assert found
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


def signed_in(gateway: Gateway) -> Operator:
    one = Operator(gateway)
    one.sign_in()
    return one


def test_the_tag_is_copied_and_works_in_the_shop_while_the_list_turns_green_by_itself(
    desk: Desk, browser: Browser
) -> None:
    desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.open(INSTALL)
    page = desk.page
    expect(page.locator("h1")).to_have_text("Paste one line into the shop")
    expect(page.locator(".check.ok")).to_have_count(0)
    page.locator(".code", has=page.get_by_label("The tag to paste")).get_by_role(
        "button", name="Copy"
    ).click()
    expect(page.locator("#toast")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f'<script async src="{desk.world.gateway}/gp/demo/tag.js"></script>'

    shopper = browser.new_context()
    shop = shopper.new_page()
    shop.goto(desk.world.shop)
    assert copied in shopper.request.get(desk.world.shop).text(), "it is the tag of this very shop"
    expect(page.locator("#check-tag")).to_have_attribute("data-state", "ok", timeout=15_000)
    expect(page.locator("#check-event")).to_have_attribute("data-state", "waiting")
    hook(shop, "accept-all").click()
    shop.goto(f"{desk.world.shop}/p/100500")
    for key in ALL:
        expect(page.locator(f"#check-{key}")).to_have_attribute("data-state", "ok", timeout=20_000)
    expect(page.locator("h1")).to_have_text("Everything works")
    expect(page.locator("#check-event a")).to_have_text(re.compile("page_view|view_item"))
    shopper.close()


def test_the_version_that_never_changes_is_what_is_served_under_its_name(operator: Operator) -> None:
    page = unescape(operator.get(INSTALL).text)
    found = re.search(
        r'<script async src="https://gp\.myshop\.example(/\S+)"\s+integrity="sha384-(\S+)" crossorigin=',
        page,
    )
    assert found
    answer = operator.get(found[1])
    assert "immutable" in answer.headers["Cache-Control"]
    assert base64.b64encode(hashlib.sha384(answer.data).digest()).decode() == found[2]
    assert "script-src https://gp.myshop.example; connect-src https://gp.myshop.example" in page


def test_a_page_that_is_refused_is_named_with_the_line_that_mends_it(
    gateways: Callable[..., Gateway],
) -> None:
    gateway = gateways(console_password=HASH, shop={"vendors": VENDORS})
    operator = signed_in(gateway)
    gateway.browser(origin="https://myshop.example").send(event("page_view"), consent=GRANTED)
    assert states(operator)["origin"] == "look"
    text = says(operator, "origin")
    assert "Refused: events from https://myshop.example" in text
    line = re.search(r"origins = (\[.*?\])", text)
    assert line
    mended = json.loads(line[1])
    assert mended == [ORIGIN, "https://myshop.example"]

    again = gateways(
        console_password=HASH,
        data_dir=str(gateway.settings.data_dir),
        shop={"origins": mended, "vendors": VENDORS},
    )
    operator = signed_in(again)
    assert states(operator)["origin"] == "waiting"
    again.browser(origin="https://myshop.example").send(event("page_view"), consent=GRANTED)
    assert states(operator)["origin"] == "ok"


def test_a_page_that_only_loads_the_tag_is_told_beforehand_that_it_may_not_send(
    gateway: Gateway, operator: Operator
) -> None:
    headers = {"Referer": "https://staging.myshop.example/", "Sec-Fetch-Dest": "script"}
    gateway.request("GET", "/gp/demo/tag.js", headers=headers)
    assert states(operator)["tag"] == "waiting"
    assert "https://staging.myshop.example , whose events will be refused" in says(operator, "origin")


def test_a_sandbox_that_is_refused_is_told_of_null_origin(gateway: Gateway, operator: Operator) -> None:
    gateway.browser(origin="null").send(event("page_view"), consent=GRANTED)
    text = says(operator, "origin")
    assert "null_origin = true" in text
    assert "origins =" not in text


def test_who_was_refused_leaves_the_list_after_three_days(gateway: Gateway, operator: Operator) -> None:
    gateway.browser(origin="https://copied.example").send(event("page_view"), consent=GRANTED)
    gateway.browser().send(event("page_view"), consent=GRANTED)
    gateway.clock.forward(3 * DAY)
    operator.sign_in()
    assert states(operator)["origin"] == "look"
    gateway.clock.forward(1)
    assert states(operator)["origin"] == "ok"


def test_cookies_that_do_not_come_back_are_told_apart_from_visitors_who_did_not(
    gateway: Gateway, operator: Operator
) -> None:
    for _ in range(4):
        gateway.browser().send(event("page_view"), event("search", search_term="x"), consent=GRANTED)
    assert states(operator)["cookies"] == "waiting"
    gateway.browser().send(event("page_view"), consent=GRANTED)
    assert states(operator)["cookies"] == "look"
    assert "5 visitors of late, and none has come a second time" in says(operator, "cookies")
    kept = gateway.browser()
    kept.send(event("page_view"), consent=GRANTED)
    gateway.clock.forward(1000)
    kept.send(event("page_view"))
    assert states(operator)["cookies"] == "ok"
    assert "1 of the last 6 visitors" in says(operator, "cookies")


def test_a_gateway_on_another_site_is_named_as_the_reason_why_no_cookie_comes(
    gateways: Callable[..., Gateway],
) -> None:
    gateway = gateways(
        console_password=HASH,
        public_url="https://gp.hosting.example",
        shop={"vendors": VENDORS, "origins": [ORIGIN, "https://gp.hosting.example"]},
    )
    text = says(signed_in(gateway), "cookies")
    assert (
        f"https://gp.hosting.example is of another site than {ORIGIN} , so browsers send no cookies" in text
    )


@pytest.mark.parametrize(
    ("rule", "said", "state", "words"),
    [
        ("required", None, "waiting", "1 event came without consent and was not kept"),
        ("required", DENIED, "waiting", "1 event came without consent"),
        ("required", GRANTED, "ok", "Granted of late: marketing, personalization"),
        ("required", {"personalization": "granted"}, "look", "Blueshift needs marketing : none of the last"),
        ("not_required", None, "ok", "This shop sends until a visitor declines"),
    ],
)
def test_what_visitors_decided_is_told_and_which_vendor_it_closes(
    gateways: Callable[..., Gateway], rule: str, said: Any, state: str, words: str
) -> None:
    gateway = gateways(console_password=HASH, shop={"vendors": VENDORS, "consent": rule})
    operator = signed_in(gateway)
    gateway.browser().send(event("page_view"), **({"consent": said} if said else {}))
    assert states(operator)["consent"] == state
    assert words in says(operator, "consent")


def test_events_of_the_shops_server_are_no_sign_of_the_tag(gateways: Callable[..., Gateway]) -> None:
    key = "b2f0c1d6e7a849f5a3c2d1e0f9b8a7c6"
    gateway = gateways(console_password=HASH, shop={"vendors": VENDORS, "api_keys": [key]})
    posted = {"events": [{**event("page_view"), "user": {"id": "c-1"}, "consent": GRANTED}]}
    answer = gateway.request(
        "POST", "/v1/demo/events", json.dumps(posted).encode(), {"Authorization": f"Bearer {key}"}
    )
    assert answer.body["stored"] == 1
    found = states(signed_in(gateway))
    assert {found[key] for key in ("tag", "origin", "event", "cookies")} == {"waiting"}


def test_a_vendor_that_refuses_the_key_is_told_with_its_words(desk: Desk) -> None:
    fault(desk.world, "blueshift", 401)
    send(desk.world, event("page_view"))
    desk.open(INSTALL)
    check = desk.page.locator("#check-to-blueshift")
    expect(check).to_have_attribute("data-state", "look", timeout=15_000)
    expect(check).to_contain_text("Blueshift refuses the key")
    expect(check.locator(".quote")).to_contain_text("HTTP 401")
    never = desk.page.locator("#check-to-personaclick")
    expect(never).to_contain_text("Nothing that came was for it", timeout=15_000)


def test_a_vendor_that_took_events_and_refuses_them_now_is_not_green(desk: Desk) -> None:
    send(desk.world, event("page_view"))
    desk.open(INSTALL)
    check = desk.page.locator("#check-to-blueshift")
    expect(check).to_have_attribute("data-state", "ok", timeout=15_000)
    fault(desk.world, "blueshift", 401)
    send(desk.world, event("page_view"))
    expect(check).to_have_attribute("data-state", "look", timeout=15_000)
    expect(check).to_contain_text("1 event delivered, but by now that has changed")


def test_help_that_was_opened_stays_open_while_the_list_renews_itself(desk: Desk) -> None:
    desk.open(INSTALL)
    help = desk.page.locator("#help-event")
    help.locator("summary").focus()
    desk.page.keyboard.press("Enter")
    with desk.page.expect_response(lambda answer: answer.url.endswith("/install")):
        pass
    expect(help).to_have_attribute("open", "")


def test_a_shop_without_a_vendor_is_told_so(gateways: Callable[..., Gateway]) -> None:
    operator = signed_in(gateways(console_password=HASH))
    assert states(operator)["to-nobody"] == "look"
