"""Takes the pictures in docs/pictures/ of the demo as it runs: `python -m tests.screenshots`.

Every event on them went from a real browser through a real gateway to the stand-in vendors.
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.chromium import FLAGS
from tests.console.pictures import console
from tests.demo.browsing import hook, order, put_in_cart
from tests.gateway import ROOT, free_port
from tests.serving import serving

PICTURES = ROOT / "docs" / "pictures"
DESKTOP = {"width": 1400, "height": 875}
PHONE = {"width": 390, "height": 844}
SHARPNESS = 1.5
"""Pixels of a picture for each of the page's, along one side."""


@dataclass
class Demo:
    """A running demo: where its shop and its stand-in vendors are."""

    shop: str
    sandbox: str


@contextlib.contextmanager
def demo() -> Iterator[Demo]:
    """`gatepost demo` on ports that are free."""
    gateway, shop, sandbox = free_port(), free_port(), free_port()
    command = [sys.executable, "-m", "server", "demo", "--port", str(gateway)]
    command += ["--shop-port", str(shop), "--sandbox-port", str(sandbox)]
    ready = (
        f"http://127.0.0.1:{gateway}/readyz",
        f"http://127.0.0.1:{shop}/",
        f"http://127.0.0.1:{sandbox}/_sandbox/",
    )
    with tempfile.TemporaryDirectory() as folder, serving(command, *ready, folder=Path(folder)):
        yield Demo(f"http://localhost:{shop}", f"http://localhost:{sandbox}")


def delivery(page: Page, event: str, vendor: str) -> str:
    """The panel's line of a vendor in the newest event of that name."""
    return f'[data-event-name="{event}"] [data-vendor="{vendor}"]'


def settled(page: Page, event: str, vendor: str, state: str = "delivered") -> None:
    """Wait until the panel says so of the newest event of that name."""
    line = page.locator(delivery(page, event, vendor)).first
    expect(line).to_have_attribute("data-state", state, timeout=15_000)


def sign_in(page: Page, demo: Demo) -> None:
    page.goto(demo.shop)
    hook(page, "accept-all").click()
    page.goto(f"{demo.shop}/sign-in")
    hook(page, "sign-in-submit").click()
    settled(page, "identify", "blueshift")


def shop_and_panel(browser: Browser, demo: Demo, name: str, scheme: str) -> None:
    """A product that was put into the cart while Blueshift does not answer."""
    context = browser.new_context(viewport=DESKTOP, device_scale_factor=SHARPNESS, color_scheme=scheme)
    page = context.new_page()
    sign_in(page, demo)
    page.goto(f"{demo.shop}/p/100500")
    settled(page, "view_item", "alana")
    settled(page, "view_item", "blueshift")
    hook(page, "switch-blueshift-fails").click()
    hook(page, "add-to-cart").click()
    settled(page, "update_cart", "esputnik")
    settled(page, "add_to_cart", "blueshift", "retrying")
    page.locator(delivery(page, "add_to_cart", "alana")).first.locator("summary").click()
    expect(page.locator("#said")).to_be_empty(timeout=15_000)
    page.mouse.move(700, 840)
    page.screenshot(path=PICTURES / name)
    context.close()


def phone(browser: Browser, demo: Demo) -> None:
    """The question, the shop and the panel, side by side."""
    context = browser.new_context(
        viewport=PHONE, device_scale_factor=SHARPNESS, is_mobile=True, has_touch=True
    )
    page = context.new_page()
    page.goto(demo.shop)
    expect(hook(page, "consent")).to_be_visible()
    shots = [page.screenshot()]
    hook(page, "accept-all").click()
    put_in_cart(page, demo.shop, "300200")
    expect(page.locator("#said")).to_be_empty(timeout=15_000)
    page.evaluate("scrollTo(0, 0)")
    shots.append(page.screenshot())
    order(page, demo.shop)
    hook(page, "panel-open").click()
    settled(page, "purchase", "eightselect")
    settled(page, "purchase", "blueshift")
    page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
    shots.append(page.screenshot())
    context.close()
    side_by_side(browser, shots, PICTURES / "demo-phone.png")


def side_by_side(browser: Browser, shots: list[bytes], file: Path) -> None:
    pictures = "".join(
        f'<img src="data:image/png;base64,{base64.b64encode(shot).decode()}" width="{PHONE["width"]}">'
        for shot in shots
    )
    style = "body{margin:0;display:flex;gap:28px;padding:28px;width:max-content;background:#e4e7e6}"
    style += "img{border-radius:28px;box-shadow:0 6px 24px #0003}"
    context = browser.new_context(viewport={"width": 1400, "height": 900}, device_scale_factor=SHARPNESS)
    page = context.new_page()
    page.set_content(f"<style>{style}</style><body>{pictures}</body>")
    page.locator("body").screenshot(path=file)
    context.close()


def ledger(browser: Browser, demo: Demo) -> None:
    """What the stand-in vendors received, one request unfolded."""
    context = browser.new_context(viewport={"width": 1100, "height": 700}, device_scale_factor=SHARPNESS)
    page = context.new_page()
    page.goto(f"{demo.sandbox}/_sandbox/?vendor=esputnik")
    page.locator("summary").first.click()
    page.screenshot(path=PICTURES / "sandbox.png")
    context.close()


def main() -> None:
    """Take all of them, each of a demo of its own: what one visitor did is not to be on the next picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        except Error as error:
            sys.exit(f"no Chromium could be started: {error.message.splitlines()[0]}")
        with demo() as running:
            shop_and_panel(browser, running, "demo.png", "light")
        with demo() as running:
            shop_and_panel(browser, running, "demo-dark.png", "dark")
        with demo() as running:
            phone(browser, running)
            ledger(browser, running)
        console(browser, PICTURES)
        browser.close()
    print(f"docs/pictures: {', '.join(sorted(file.name for file in PICTURES.glob('*.png')))}")


if __name__ == "__main__":
    main()
