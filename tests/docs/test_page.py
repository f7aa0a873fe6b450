"""The HTML in the README, pasted into a page of a shop and opened in a real Chromium."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.gateway import API_KEY, ROOT, Process, configuration, eventually, free_port, write_configuration
from tests.markdown import blocks

pytestmark = pytest.mark.browser


@pytest.fixture
def shop() -> Iterator[tuple[str, list[str]]]:
    """A shop with one page: its address, and what the page holds once the test has put it there."""
    content: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            found = self.path == "/p/100500"
            body = f"<!doctype html><title>Kettle</title>{''.join(content)}".encode() if found else b""
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://localhost:{server.server_address[1]}", content
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    """Start a gateway for a shop at this address, reached as it says it is."""
    started: list[Process] = []

    def start(origin: str) -> Process:
        port = free_port()
        table = configuration(
            shop={"origins": [origin], "api_keys": [API_KEY]}, public_url=f"http://localhost:{port}"
        )
        started.append(Process(write_configuration(tmp_path, table), port=port))
        return started[-1]

    yield start
    for process in started:
        process.end()


def test_what_the_readme_tells_to_paste_is_all_that_a_page_needs(
    gateway: Callable[[str], Process], shop: tuple[str, list[str]], page: Page
) -> None:
    address, content = shop
    process = gateway(address)
    here = f"http://localhost:{process.port}"
    content += [
        block.text.replace("https://gp.myshop.example", here) for block in blocks(ROOT / "README.md", "html")
    ]
    page.goto(f"{address}/p/100500")

    def kept() -> dict[str, Any]:
        answer = process.http.get("/v1/demo/events/debug", headers={"Authorization": f"Bearer {API_KEY}"})
        found = {record["name"]: record for record in answer.json()["events"]}
        return found if {"page_view", "view_item", "identify"} <= found.keys() else {}

    events = eventually(kept)
    assert events["page_view"]["event"]["page"]["type"] == "product"
    assert events["view_item"]["event"]["params"] == {
        "currency": "EUR",
        "items": [{"item_id": "100500", "price": 45.5}],
    }
    assert events["identify"]["event"]["user"] == {"id": "c-42", "email": "ada@customer.example"}
    assert events["identify"]["event"]["params"] == {"first_name": "Ada"}
    assert events["view_item"]["consent"]["purposes"] == {"personalization": "granted", "marketing": "denied"}


def test_a_visitor_is_shown_and_erased_by_what_the_privacy_page_tells_to_ask(
    gateway: Callable[[str], Process], shop: tuple[str, list[str]], page: Page
) -> None:
    address, content = shop
    process = gateway(address)
    here = f"http://localhost:{process.port}"
    content += [
        block.text.replace("https://gp.myshop.example", here) for block in blocks(ROOT / "README.md", "html")
    ]
    with page.expect_response(f"{here}/gp/demo/e"):
        page.goto(f"{address}/p/100500")
    export, erase = (
        block.text.replace("https://gp.myshop.example", here)
        for block in blocks(ROOT / "docs" / "privacy.md", "js")
    )

    mine = page.evaluate(f"async () => {{ {export}\n return mine }}")
    assert {"page_view", "view_item"} <= {event["name"] for event in mine["events"]}
    assert mine["visitor"] in [cookie["value"].partition(".")[0] for cookie in page.context.cookies()]

    page.evaluate(f"async () => {{ {erase} }}")
    assert not [cookie for cookie in page.context.cookies() if cookie["name"].startswith("gp_")]
    asked = process.http.get("/v1/demo/events/debug", headers={"Authorization": f"Bearer {API_KEY}"})
    assert asked.json() == {"events": []}
