"""A console to look at: in this process without a browser, and in a real Chromium over a real relay.

def test_something(operator: Operator) -> None:             # no browser, `gateway` beside it
    assert operator.get("/console/").status_code == 302

def test_something(desk: Desk) -> None:                     # signed in, in Chromium
    desk.open("/console/shops/demo/")
    expect(desk.page.locator("h1")).to_have_text("…")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext
from werkzeug.security import generate_password_hash

from tests.console.operator import PASSWORD, Desk, Operator
from tests.gateway import BLUESHIFT_KEY, Gateway
from tests.world import World, world

HASH = generate_password_hash(PASSWORD, "scrypt:1024:8:1")
"""Quick to check: how long that takes is not what these tests are about."""
VENDORS = {
    "blueshift": {"api_key": BLUESHIFT_KEY},
    "personaclick": {"shop_id": "0d42fd8b713d0752776ca589cc0056"},
}


@pytest.fixture
def gateway(gateways: Callable[..., Gateway]) -> Gateway:
    """A gateway with a console and two vendors, to whom nobody delivers."""
    return gateways(console_password=HASH, shop={"vendors": VENDORS})


@pytest.fixture
def stranger(gateway: Gateway) -> Operator:
    """Somebody who has not signed in."""
    return Operator(gateway)


@pytest.fixture
def operator(gateway: Gateway) -> Operator:
    """Somebody who has."""
    one = Operator(gateway)
    assert one.sign_in().status_code == 303
    return one


@pytest.fixture
def living(tmp_path: Path) -> Iterator[World]:
    """Shop, gateway with a console, relay and sandbox on real sockets."""
    with world(tmp_path, console_password=HASH) as one:
        yield one


@pytest.fixture
def desk(living: World, context: BrowserContext) -> Iterator[Desk]:
    """A browser that has signed in to that gateway's console; whatever breaks its policy fails the test."""
    one = Desk(living, context)
    one.sign_in()
    yield one
    one.check()


def hostile(**changes: Any) -> dict[str, Any]:
    """An event in which every text tries to become part of a page."""
    bad = '"><script>window.hurt=1</script><img src=x onerror="window.hurt=1">'
    return {
        "name": "add_to_cart",
        "params": {
            "items": [{"item_id": bad, "item_name": f"{{{{7*7}}}} {bad}", "item_category": "</pre>" + bad}],
            "note": f"javascript:alert(1) {bad}",
        },
        **changes,
    }
