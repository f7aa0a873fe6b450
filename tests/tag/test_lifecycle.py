"""The two things only a browser itself can do: bring a page back, and prepare one before it is visited."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

from playwright.sync_api import Browser

from tests.chromium import FLAGS
from tests.tag.servers import Gateway, Shop


def test_a_page_from_the_back_forward_cache_is_viewed_again(
    browser: Browser, shop: Shop, gateway: Gateway
) -> None:
    start = shop.put("/a", f"<title>A</title>{gateway.tag()}<a href='/b'>b</a>")
    shop.put("/b", "<title>B</title>")
    with_cache = browser.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=FLAGS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    try:
        page = with_cache.new_page()
        page.goto(start)
        gateway.wait(1)
        page.evaluate("window.kept = true")
        page.click("a")
        page.wait_for_url("**/b")
        page.evaluate("void setTimeout(() => history.back())")
        first, second = gateway.wait(2)
        assert page.evaluate("window.kept"), "the browser loaded the page anew: this shows nothing"
        assert first.names == second.names == ["page_view"]
        assert second.json["page"] == first.json["page"]
    finally:
        with_cache.close()


def test_a_page_the_browser_prepares_is_counted_when_it_is_visited(
    browser: Browser, shop: Shop, gateway: Gateway, tmp_path: Path
) -> None:
    """Without Playwright: developer tools being attached would keep the browser from preparing any page."""
    shop.held["/visit-now"] = threading.Event()
    shop.put("/visit-now", "")
    shop.put(
        "/prepared",
        f"{gateway.tag()}<script>gatepost = window.gatepost || []; gatepost.push(['track', 'early']);"
        "if (document.prerendering) setTimeout(() => fetch('/waited'), 1000)</script>",
    )
    start = shop.put(
        "/",
        '<script type="speculationrules">{"prerender": [{"urls": ["/prepared"], "eagerness": "immediate"}]}'
        "</script>"
        "<script>fetch('/visit-now').then(() => { location.href = '/prepared' })</script>",
    )
    chromium = shutil.which("chromium") or browser.browser_type.executable_path
    command = [chromium, *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={tmp_path}", start]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            shop.wait_for("/waited")
            assert gateway.asked == ["GET /gp/open/tag.js"]
            shop.held["/visit-now"].set()
            assert [event["name"] for event in gateway.wait_for("early")] == ["page_view", "early"]
        finally:
            running.terminate()
