"""A visitor's tab on the shop, with a clock that moves only when the test says so."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page

from tests.tag.servers import DEADLINE, Batch, Gateway, Shop

START = 1_790_000_000_000
"""What the browser's clock shows when the tab opens: milliseconds since 1970."""


class Visit:
    """Opens pages that carry the tag, and says things to it."""

    def __init__(self, page: Page, shop: Shop, gateway: Gateway) -> None:
        self.page = page
        self.shop = shop
        self.gateway = gateway
        self.errors: list[str] = []
        """What reached the page as an error, thrown or as a promise that nobody caught."""
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.clock.install(time=START / 1000 - 1)
        page.clock.pause_at(START / 1000)

    def put(
        self, path: str = "/", *, asks: bool = False, head: str = "", body: str = "", **headers: str
    ) -> str:
        """Make a page of the shop with the tag in it; `asks` is the shop that needs consent first."""
        tag = self.gateway.tag("asks" if asks else "open")
        return self.shop.put(
            path,
            f"<!doctype html><html><head><title>Shirts</title>{head}{tag}</head><body>{body}</body></html>",
            **headers,
        )

    def open(self, path: str = "/", **page: Any) -> None:
        """Make such a page and go there; the path may have a query. The tag begins in the next task."""
        self.put(path.partition("?")[0], **page)
        self.page.goto(self.shop.origin + path)
        self.pass_time(0)

    def push(self, *commands: list[Any]) -> None:
        """Push commands, as a page would."""
        self.page.evaluate("commands => gatepost.push(...commands)", [*commands])

    def run(self, script: str) -> Any:
        """Run a script in the page."""
        return self.page.evaluate(script)

    def until(self, script: str) -> None:
        """Return when the script gives something true; Playwright's own waiting stands with the clock."""
        end = time.monotonic() + DEADLINE
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}"

    def pass_time(self, milliseconds: int = 600) -> None:
        """Let time pass in the browser; by default long enough for what has gathered to be sent."""
        self.page.clock.run_for(milliseconds)

    def sent(self, count: int) -> list[Batch]:
        """The first `count` batches, once they are here and the tag has seen the answers."""
        batches = self.gateway.wait(count)
        self.settle()
        return batches

    def sent_in_time(self, count: int) -> list[Batch]:
        """Like `sent`, while time passes: for what takes several answers or refusals of the browser."""
        end = time.monotonic() + DEADLINE
        while len(self.gateway.batches) < count and time.monotonic() < end:
            self.settle()
            self.pass_time(20)
        return self.sent(count)

    def settle(self) -> None:
        """Return when the answers given so far are known to the page."""
        self.page.evaluate("url => fetch(url)", f"{self.shop.origin}/settle")

    def hide(self) -> None:
        """Another tab comes to the front."""
        self.run(
            "Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))"
        )
