"""The whole story: a shopper comes by a campaign e-mail, consents, looks, buys, and comes back.

A real Chromium, the demo shop, the gateway, the relay and the vendors' sandbox; only the time is ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.world import HOUR, SHOP_ID, World, eventually, world

pytestmark = pytest.mark.browser

KETTLE = "100500"
MUG = "200100"
CAMPAIGN = "recommended_by=chain&personaclick_mail_code=kettle-letter-3"
SOURCE = {"from": "chain", "code": "kettle-letter-3"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def test_a_shopper_buys_and_both_vendors_are_told_exactly_that(shop: World, page: Page) -> None:
    sent_to_gateway: list[str] = []
    page.on("request", lambda r: r.url.startswith(shop.gateway) and sent_to_gateway.append(r.method))

    # By the campaign's link to the kettle. The banner is open: the tag is loaded, and that is all.
    page.goto(f"{shop.shop}/")
    page.locator("[data-test=campaign-link]").click()
    page.wait_for_url(f"**/p/{KETTLE}?{CAMPAIGN}")
    page.wait_for_load_state()
    assert set(sent_to_gateway) == {"GET"}
    assert page.context.cookies(shop.gateway) == []

    # Yes to everything. What happened on this page was kept in memory, and goes out now.
    page.locator("[data-test=accept-all]").click()
    eventually(lambda: len(shop.pushes()) == 1)
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies(shop.gateway)}
    assert {"gp_v", "gp_s", "gp_src"} <= set(cookies)
    assert all(cookies[name]["httpOnly"] for name in ("gp_v", "gp_s", "gp_src"))

    # Into the cart, to the cart, to the checkout, bought.
    page.locator("[data-test=add-to-cart]").click()
    eventually(lambda: len(shop.pushes()) == 3)
    page.locator("[data-test=cart]").click()
    page.locator("[data-test=checkout]").click()
    page.locator("[data-test=place-order]").click()
    order = page.locator("[data-test=order-number]").inner_text()
    eventually(lambda: shop.pushes()[-1]["event"] == "purchase")
    eventually(lambda: shop.bulk_events()[-1]["event"] == "purchase")

    _personaclick_was_told(shop, order)
    _blueshift_was_told(shop, order)
    for vendor in ("personaclick", "blueshift"):
        for request in shop.requests(vendor):
            assert (request["judgement"], request["notes"]) == ("accepted", [])


def _personaclick_was_told(shop: World, order: str) -> None:
    introduction, *rest = shop.requests("personaclick")
    assert (introduction["method"], introduction["path"]) == ("GET", "/init")
    assert introduction["query"] == {"shop_id": SHOP_ID, "stream": "web"}
    assert [(one["method"], one["path"]) for one in rest] == [("POST", "/push")] * 5

    ids = {key: introduction["answer"][key] for key in ("did", "seance")}
    product = f"{shop.shop}/p/{KETTLE}?{CAMPAIGN}"
    common = {"shop_id": SHOP_ID, **ids, "stream": "web"}
    whole_cart = {"event": "cart", "full_cart": True, "items": [{"id": KETTLE, "quantity": 1}]}
    assert [_with_source_read(one["body"]) for one in rest] == [
        {**common, "source": SOURCE, "referer": referer, **what}
        for referer, what in (
            (product, {"event": "view", "items": [{"id": KETTLE}]}),
            (product, {"event": "cart", "items": [{"id": KETTLE, "amount": 1}]}),
            (product, whole_cart),
            (f"{shop.shop}/cart", whole_cart),
            (
                f"{shop.shop}/order/{order}",
                {
                    "event": "purchase",
                    "order_id": order,
                    "order_price": 45.5,
                    "order_delivery": 4.9,
                    "delivery_type": "parcel",
                    "payment_type": "card",
                    "items": [{"id": KETTLE, "amount": 1, "price": 45.5}],
                },
            ),
        )
    ]


def _with_source_read(body: dict[str, Any]) -> dict[str, Any]:
    """PersonaClick wants `source` as a string that holds JSON."""
    return {**body, "source": json.loads(body["source"])}


def _blueshift_was_told(shop: World, order: str) -> None:
    told = shop.bulk_events()
    assert [one["event"] for one in told] == [
        *("pageload", "view", "add_to_cart", "update_cart"),
        *("pageload", "view_cart"),
        *("pageload", "checkout"),
        *("pageload", "identify", "purchase"),
    ]
    assert len({one["event_uuid"] for one in told}) == len(told)
    assert len({one["cookie"] for one in told}) == 1
    assert sorted(one["timestamp"] for one in told) == [one["timestamp"] for one in told]
    assert told[1]["products"] == [{"sku": KETTLE}]
    assert told[2]["product_id"] == KETTLE
    assert (told[7]["total"], told[7]["currency"]) == (45.5, "EUR")

    identify, purchase = told[-2:]
    assert (identify["firstname"], identify["lastname"]) == ("Ada", "Sommer")
    assert identify["email"] == purchase["email"] == "ada@customer.example"
    assert purchase["order_id"] == order
    assert purchase["products"] == [{"sku": KETTLE, "price": 45.5, "quantity": 1}]
    assert {key: purchase[key] for key in ("total", "shipping", "currency")} == {
        "total": 45.5,
        "shipping": 4.9,
        "currency": "EUR",
    }


def test_the_campaign_is_remembered_for_48_hours_and_not_an_hour_longer(shop: World, page: Page) -> None:
    page.goto(f"{shop.shop}/p/{KETTLE}?{CAMPAIGN}")
    page.locator("[data-test=accept-all]").click()
    eventually(lambda: len(shop.pushes()) == 1)

    shop.clock.move(47 * HOUR)
    page.goto(f"{shop.shop}/p/{MUG}")
    eventually(lambda: len(shop.pushes()) == 2)

    shop.clock.move(2 * HOUR)
    page.goto(f"{shop.shop}/p/{KETTLE}")
    eventually(lambda: len(shop.pushes()) == 3)

    first, after_47_hours, after_49_hours = shop.pushes()
    assert json.loads(first["source"]) == SOURCE
    assert json.loads(after_47_hours["source"]) == SOURCE
    assert "source" not in after_49_hours
    # The same device all along, and each visit a session of its own.
    assert first["did"] == after_47_hours["did"] == after_49_hours["did"]
    assert len({body["seance"] for body in shop.pushes()}) == 3


def test_who_declines_is_told_to_nobody_and_leaves_no_trace(shop: World, page: Page) -> None:
    sent_to_gateway: list[str] = []
    page.on("request", lambda r: r.url.startswith(shop.gateway) and sent_to_gateway.append(r.method))
    page.goto(f"{shop.shop}/p/{KETTLE}?{CAMPAIGN}")
    page.locator("[data-test=only-necessary]").click()
    page.locator("[data-test=add-to-cart]").click()
    page.locator("[data-test=cart]").click()
    page.wait_for_load_state()

    assert set(sent_to_gateway) == {"GET"}
    assert [one["name"] for one in page.context.cookies(shop.gateway) if one["name"].startswith("gp_")] == []
    assert shop.requests("personaclick") == shop.requests("blueshift") == []
