"""Several shops, several ways in, and a console that cannot do what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from server.store.database import Database
from server.store.outbox import Outbox
from tests.console.conftest import HASH
from tests.console.operator import Desk, Operator
from tests.gateway import BLUESHIFT_KEY, GRANTED, ORIGIN, Gateway, event

SHOPS = {
    "boots": {"origins": [ORIGIN], "vendors": {"blueshift": {"api_key": BLUESHIFT_KEY}}},
    "hats": {"origins": [ORIGIN]},
}


@pytest.fixture
def two_shops(gateways: Callable[..., Gateway]) -> Operator:
    gateway = gateways(console_password=HASH, shops=SHOPS)
    gateway.browser("boots").send(event("page_view"), event("page_view"), consent=GRANTED)
    gateway.browser("hats").send(event("page_view"), consent=GRANTED)
    operator = Operator(gateway)
    operator.sign_in()
    return operator


def test_several_shops_are_listed_and_each_page_is_of_one(two_shops: Operator) -> None:
    front = " ".join(two_shops.get("/console/").text.split())
    assert '<a href="/console/shops/boots/">boots</a>' in front
    assert "no vendor yet" in front
    boots = two_shops.get("/console/shops/boots/").text
    assert "<dt>received</dt><dd>2</dd>" in boots
    hats = two_shops.get("/console/shops/hats/").text
    assert "<dt>received</dt><dd>1</dd>" in hats
    assert "to-blueshift" not in hats
    assert "[shops.hats.vendors.blueshift]" in hats, "it says how to name a vendor"


def test_a_vendor_that_one_shop_is_held_at_is_not_held_for_another(
    gateways: Callable[..., Gateway],
) -> None:
    shops = {name: {**SHOPS["boots"]} for name in ("boots", "hats")}
    gateway = gateways(console_password=HASH, shops=shops)
    for shop in shops:
        gateway.browser(shop).send(event("page_view"), consent=GRANTED)
    database = Database(gateway.settings.data_dir)
    with database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE destinations SET held_since = 1, held_reason = 'held: HTTP 401' WHERE shop = 'hats'"
        )
    database.close()
    operator = Operator(gateway)
    operator.sign_in()
    assert 'title="Blueshift: held"' in operator.get("/console/shops/hats/live").text
    assert 'title="Blueshift: waiting"' in operator.get("/console/shops/boots/live").text


def test_one_shop_needs_no_list(operator: Operator) -> None:
    assert operator.get("/console/").location == "/console/shops/demo/"
    assert operator.get("/console").location.endswith("/console/")


def test_a_vendor_that_left_the_configuration_is_shown_with_what_waits_for_it(
    gateways: Callable[..., Gateway], tmp_path: object
) -> None:
    data = str(tmp_path) + "/shared"
    vendors = {"blueshift": {"api_key": BLUESHIFT_KEY}}
    before = gateways(console_password=HASH, data_dir=data, shop={"vendors": vendors})
    before.browser().send(event("page_view"), consent=GRANTED)
    operator = Operator(gateways(console_password=HASH, data_dir=data))
    operator.sign_in()
    text = " ".join(operator.get("/console/shops/demo/").text.split())
    assert "<b>Blueshift was taken out of gatepost.toml</b>, 1 event waits" in text


def test_a_destination_that_keeps_events_waiting_is_slow(gateway: Gateway, operator: Operator) -> None:
    gateway.browser().send(event("page_view"), event("page_view"), consent=GRANTED)
    gateway.clock.forward(5 * 60_000)
    database = Database(gateway.settings.data_dir)
    Outbox(database).beat(gateway.clock())
    database.close()
    text = " ".join(operator.get("/console/shops/demo/").text.split())
    assert "<b>2 events wait</b>, the oldest for 5 min." in text
    assert "2 of 2 destinations are not well" in text


def test_when_the_database_cannot_be_written_to_nobody_can_sign_in_and_the_page_says_so(
    gateway: Gateway, stranger: Operator
) -> None:
    with gateway.locked():
        answer = stranger.sign_in()
    assert answer.status_code == 503
    assert "Try again in a moment" in answer.text
    assert "Traceback" not in answer.text


def test_a_link_on_another_site_leads_into_the_console_where_one_is_signed_in(desk: Desk) -> None:
    """127.0.0.1 and localhost are different sites: the cookie does not come with the click itself."""
    elsewhere = f"http://127.0.0.1:{urlsplit(desk.world.shop).port}/"
    page = desk.page.context.new_page()
    page.route(elsewhere, lambda route: route.fulfill(body="<a>Go</a>", content_type="text/html"))
    page.goto(elsewhere)
    page.evaluate(f"document.querySelector('a').href = '{desk.world.gateway}/console/shops/demo/live'")
    page.get_by_text("Go").click()
    expect(page.locator("h1")).to_have_text("Nothing has come yet")
