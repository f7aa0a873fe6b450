"""The demo shop on a real socket, with a tag that does nothing and a feed that the test writes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from playwright.sync_api import ConsoleMessage, Page

from server.demo import LiveEvent, create_shop


@dataclass
class StandIn:
    """In place of gateway and sandbox: a tag without content, and a list of what was posted."""

    posts: list[tuple[str, Any]] = field(default_factory=list)
    """Path and JSON body of each POST."""
    status: int = 200
    """What a POST is answered with."""

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                self._answer(200, b"", "text/javascript")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.append((self.path, json.loads(body)))
                self._answer(outer.status, b"{}", "application/json")

            def _answer(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        """End it and free the port."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class ShopServer(ThreadingMixIn, WSGIServer):
    """A thread per request: a browser asks for many things at once."""

    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    """Says nothing, and does not wait for ever for a request that a browser only thought of."""

    timeout = 10

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@dataclass
class Shop:
    """A running shop: its address, and the feed behind its panel."""

    url: str
    feed: list[LiveEvent] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    """The `after` of each question to the feed."""
    broken: Exception | None = None
    """What the feed raises, if anything."""

    def live(self, after: int) -> list[LiveEvent]:
        """What create_shop is given."""
        self.asked.append(after)
        if self.broken:
            raise self.broken
        return [event for event in self.feed if event["seq"] > after]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """Gateway and sandbox in one."""
    running = StandIn()
    yield running
    running.stop()


@pytest.fixture
def serve() -> Iterator[Callable[[str, str], Shop]]:
    """Start a shop with this tag URL and this sandbox URL."""
    stops = []

    def start(tag_url: str, sandbox_url: str) -> Shop:
        shop = Shop("")
        app = create_shop(tag_url=tag_url, live=shop.live, sandbox_url=sandbox_url)
        server = make_server("127.0.0.1", 0, app, ShopServer, QuietHandler)
        shop.url = f"http://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        stops.append((server, thread))
        return shop

    yield start
    for server, thread in stops:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def shop(serve: Callable[[str, str], Shop], stand_in: StandIn) -> Shop:
    """A shop whose tag does nothing, so that `window.gatepost` keeps what is pushed."""
    return serve(f"{stand_in.url}/gp/demo/tag.js", stand_in.url)


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser complains of on the page: errors, warnings, violations of the policy."""
    found: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            found.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found
