"""What a shopper does and what the page has told by then."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

Command = list[Any]


def hook(page: Page, name: str) -> Locator:
    """What the shop's pages mark with `data-test` for tests to find."""
    return page.locator(f'[data-test="{name}"]')


def pushed(page: Page) -> list[Command]:
    """Every command pushed on this page, oldest first; the tag of these tests leaves them where they are."""
    page.locator("html.js").wait_for(state="attached")  # shop.js has run
    found: list[Command] = page.evaluate("window.gatepost.map((command) => [...command])")
    return found


def tracked(page: Page) -> dict[str, dict[str, Any]]:
    """The events pushed on this page, by name; an event pushed twice fails the test."""
    events = [(command[1], command[2]) for command in pushed(page) if command[0] == "track"]
    assert len({name for name, _ in events}) == len(events), events
    return dict(events)


def put_in_cart(page: Page, url: str, item_id: str, quantity: int = 1) -> None:
    """Open a product's page and put it in the cart."""
    page.goto(f"{url}/p/{item_id}")
    page.get_by_label("How many").fill(str(quantity))
    hook(page, "add-to-cart").click()
    expect(page.locator("#said")).to_contain_text("in your cart")


def order(page: Page, url: str) -> str:
    """Place an order of what is in the cart; returns its number."""
    page.goto(f"{url}/cart")
    hook(page, "checkout").click()
    hook(page, "place-order").click()
    return hook(page, "order-number").inner_text()
