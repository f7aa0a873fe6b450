"""Takes the console's pictures in docs/pictures/, after an hour in the life of a shop.

The hour passes in a minute, because its clock is moved on; all else is as it is: a gateway, a relay, and the
vendors' stand-ins, two of which have a bad time.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, expect
from werkzeug.security import generate_password_hash

from server.store.counts import count
from server.store.database import Database
from server.store.outbox import Outbox
from tests.console.operator import PASSWORD
from tests.world import World, eventually, world

DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
MINUTE = 60_000

MORE = """
[shops.demo.vendors.esputnik]
api_key = "5e0c731de3b111ebba800242ac130004"
base_url = "{sandbox}/esputnik"
[shops.demo.vendors.alana]
api_key = "ak_5e0c731de3b111ebba800242ac130004"
base_url = "{sandbox}/alana"
[shops.demo.vendors.eightselect]
api_id = "5e0c731de3b111ebba800242ac130004"
base_url = "{sandbox}/eightselect"
"""
GOODS = [
    ("100500", "Enamel kettle", 45.5),
    ("300200", "Storm lantern", 79.0),
    ("300410", "Wool blanket", 120.0),
    ("100730", "Cast-iron skillet", 64.0),
    ("200110", "Stoneware carafe", 38.0),
]
PAGES: Sequence[tuple[str, str]] = (
    ("overview", "/console/shops/demo/"),
    ("live", "/console/shops/demo/live"),
    ("event", "/console/shops/demo/events/{bought}"),
    ("dead", "/console/shops/demo/dead"),
    ("install", "/console/shops/demo/install"),
    ("try", "/console/shops/demo/try"),
    ("privacy", "/console/shops/demo/privacy"),
)
"""The name of the picture and where it is taken; {bought}: a purchase."""


class Shopper:
    """Somebody with a browser in the shop."""

    def __init__(self, living: World, number: int, chance: random.Random) -> None:
        self._living = living
        self._chance = chance
        self._number = number
        self._http = httpx.Client(headers={"Origin": living.shop})
        self._bought = 0

    def send(self, path: str, *events: dict[str, Any]) -> None:
        """What the tag sends from a page."""
        answer = self._http.post(
            f"{self._living.gateway}/gp/demo/e",
            json={
                "sent_at": self._living.clock(),
                "page": {"url": self._living.shop + path, "title": "Hob & Tarn", "type": "product"},
                "consent": {"personalization": "granted", "marketing": "granted"},
                "user": {"id": f"c-{self._number}", "email": f"shopper{self._number}@customer.example"},
                "events": list(events),
            },
        )
        assert answer.status_code == 200, answer.text

    def _event(self, name: str, **params: Any) -> dict[str, Any]:
        id = "".join(self._chance.choices("0123456789abcdef", k=24))
        return {"id": f"01a1fd5c{id}", "name": name, "at": self._living.clock(), "params": params}

    def look(self) -> None:
        """Open a product, and sometimes put it into the cart."""
        sku, name, price = self._chance.choice(GOODS)
        item = {"item_id": sku, "item_name": name, "item_brand": "Hob & Tarn", "price": price, "quantity": 1}
        events = [self._event("page_view"), self._event("view_item", currency="EUR", items=[item])]
        if self._chance.random() < 0.3:
            events.append(self._event("add_to_cart", currency="EUR", items=[item]))
            events.append(self._event("update_cart", currency="EUR", items=[item]))
        self.send(f"/p/{sku}", *events)

    def buy(self) -> str:
        """Order something; returns the event's id."""
        sku, name, price = GOODS[0]
        item = {"item_id": sku, "item_name": name, "price": price, "quantity": 1}
        order = self._event(
            "purchase", transaction_id=f"10{self._number}42", currency="EUR", value=price, items=[item]
        )
        self.send("/thanks", order)
        return str(order["id"])

    def leave(self) -> None:
        self._http.close()


def fault(living: World, vendor: str, **how: int) -> None:
    """Have a stand-in misbehave."""
    assert httpx.post(f"{living.sandbox}/_sandbox/faults", json={"vendor": vendor, **how}).status_code < 300


@contextmanager
def an_hour_later(folder: Path) -> Iterator[tuple[World, str]]:
    """The world after an hour, and the id of a purchase."""
    password = generate_password_hash(PASSWORD, "scrypt:1024:8:1")
    with world(folder, console_password=password, more=MORE) as living:
        living.clock.move(-60 * MINUTE)
        chance = random.Random(20)
        shoppers = [Shopper(living, number, chance) for number in range(12)]
        database = Database(living.settings.data_dir)
        relay = Outbox(database)
        bought = ""
        for minute in range(60):
            relay.beat(living.clock())
            if minute == 20:
                fault(living, "alana", status=400, times=2)
            if minute == 31:
                fault(living, "personaclick", status=422, times=3)
            if minute == 51:
                fault(living, "blueshift", status=401)
            busy = 1 + round(3 * (1 + chance.random()) * (0.5 + minute / 60))
            for shopper in chance.sample(shoppers, min(busy, len(shoppers))):
                shopper.look()
            if minute == 49:
                bought = shoppers[0].buy()
            _invalid(living, minute)
            eventually(lambda: _settled(database), 20)
            living.clock.move(MINUTE)
        relay.beat(living.clock())
        yield living, bought
        database.close()
        for shopper in shoppers:
            shopper.leave()


def _invalid(living: World, minute: int) -> None:
    """Now and then something comes that is not taken."""
    if minute % 9 == 0:
        headers = {"Origin": living.shop, "User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}
        body = {"consent": {"marketing": "granted"}, "events": [{"id": f"b{minute}", "name": "page_view"}]}
        httpx.post(f"{living.gateway}/gp/demo/e", json=body, headers=headers)
    if minute % 14 == 0:
        body = {"consent": {"marketing": "denied"}, "events": [{"id": f"c{minute}", "name": "page_view"}]}
        httpx.post(f"{living.gateway}/gp/demo/e", json=body, headers={"Origin": living.shop})


def _settled(database: Database) -> bool:
    """Whether all is done that can be: a vendor that is held keeps its events waiting."""
    return not any(one.waiting for one in count(database).destinations if one.held_since is None)


def console(browser: Browser, folder: Path) -> None:
    """Take every page, wide and on a phone, and the first one in the dark as well."""
    with tempfile.TemporaryDirectory() as data, an_hour_later(Path(data)) as (living, bought):
        for name, path in PAGES:
            for suffix, options in (("", {"viewport": DESKTOP}), ("-phone", {"viewport": PHONE})):
                _take(
                    browser,
                    living,
                    path.format(bought=bought),
                    folder / f"console-{name}{suffix}.png",
                    options,
                )
        dark = {"viewport": DESKTOP, "color_scheme": "dark"}
        _take(browser, living, PAGES[0][1], folder / "console-overview-dark.png", dark)


def _take(browser: Browser, living: World, path: str, file: Path, options: dict[str, Any]) -> None:
    context = browser.new_context(**options, device_scale_factor=1.5)
    page = context.new_page()
    sign_in(page, living)
    page.goto(living.gateway + path)
    expect(page.locator("h1")).to_be_visible()
    page.evaluate("document.fonts.ready")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=file)
    context.close()


def sign_in(page: Page, living: World) -> None:
    page.goto(f"{living.gateway}/console/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/shops/**")
