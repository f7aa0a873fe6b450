"""The two sides of the tag, as real servers on this machine: a shop's pages, and a gateway that records."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from server.tag import Tag, build_tag, tag_response

DEADLINE = 20.0
"""Seconds to wait for something that must come."""


class Server:
    """A threaded HTTP server on a free port of `localhost`."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = DEADLINE

            def log_message(self, *_: Any) -> None:
                """Say nothing: the tests read what was asked."""

            def do_GET(self) -> None:
                with suppress(ConnectionError):  # the browser may be gone by now
                    outer.answer(self)

            do_POST = do_OPTIONS = do_GET  # noqa: N815

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.origin = f"http://localhost:{self.port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        raise NotImplementedError

    def stop(self) -> None:
        """End it and free the port."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def reply(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
    """Answer one request in full."""
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


class Shop(Server):
    """Pages by path; a path that is not there is answered 404."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[dict[str, str], bytes]] = {}
        self.held: dict[str, threading.Event] = {}
        """Paths that are answered only once their event is set."""
        self.asked: list[str] = []
        """The path of every request."""
        self._came = threading.Condition()
        super().__init__()

    def put(self, path: str, html: str, **headers: str) -> str:
        """Serve a page, and give its address. Header names are given with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = ({"Content-Type": "text/html; charset=utf-8", **named}, html.encode())
        return self.origin + path

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        handler.rfile.read(int(handler.headers["Content-Length"] or 0))
        with self._came:
            self.asked.append(path)
            self._came.notify_all()
        if path in self.held:
            self.held[path].wait(DEADLINE)
        if path in self.pages:
            reply(handler, 200, *self.pages[path])
        else:
            reply(handler, 404, {}, b"")

    def wait_for(self, path: str) -> None:
        """Return when that path has been asked for."""
        with self._came:
            assert self._came.wait_for(lambda: path in self.asked, DEADLINE), (
                f"only {self.asked} were asked for"
            )


@dataclass
class Answer:
    """How the gateway answers one batch: a status, or with status 0 by closing the connection."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    when: threading.Event | None = None
    """The answer waits for this."""
    body: dict[str, Any] = field(default_factory=lambda: {"accepted": 1, "dropped": []})


@dataclass
class Batch:
    """One request to `/e` as it arrived."""

    path: str
    headers: Message
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json["events"]
        return found

    @property
    def names(self) -> list[str]:
        return [event["name"] for event in self.events]


class Gateway(Server):
    """Two shops, one that `asks` for consent and one that is `open` without, and all they were sent."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.asked: list[str] = []
        """Every request as `METHOD /path`."""
        self.answers: list[Answer] = []
        """How the next batches are answered; once used up, with 200."""
        self._came = threading.Condition()
        super().__init__()
        self.tags: dict[str, Tag] = {
            "asks": build_tag(f"{self.origin}/gp/asks/e", "required"),
            "open": build_tag(f"{self.origin}/gp/open/e", "not_required"),
        }

    def tag(self, shop: str = "open") -> str:
        """The element that a shop pastes."""
        return f'<script async="" src="{self.origin}/gp/{shop}/tag.js"></script>'

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        _, _, shop, file = handler.path.partition("?")[0].split("/")
        with self._came:
            self.asked.append(f"{handler.command} {handler.path}")
            self._came.notify_all()
        if file == "tag.js":
            found = tag_response(self.tags[shop], handler.headers["Accept-Encoding"], None)
            reply(handler, found.status_code, dict(found.headers), found.get_data())
        elif handler.command == "POST":
            self._take(handler)
        else:
            reply(handler, 405, {}, b"")

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        with self._came:
            self.batches.append(Batch(handler.path, handler.headers, body))
            answer = self.answers.pop(0) if self.answers else Answer()
            self._came.notify_all()
        if answer.when:
            answer.when.wait(DEADLINE)
        if not answer.status:
            return
        origin = handler.headers["Origin"]
        headers = {
            "Access-Control-Allow-Origin": origin,
            # A sandbox may be let in, but never with credentials.
            **({} if origin == "null" else {"Access-Control-Allow-Credentials": "true"}),
            "Access-Control-Expose-Headers": "Retry-After",
            "Content-Type": "application/json",
            "Set-Cookie": "gp_v=somebody; HttpOnly; SameSite=Lax",
            **answer.headers,
        }
        reply(handler, answer.status, headers, json.dumps(answer.body).encode())

    def wait(self, count: int) -> list[Batch]:
        """The first `count` batches, as soon as they are here."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.batches) >= count, DEADLINE), (
                f"{len(self.batches)} of {count} batches came: {[batch.names for batch in self.batches]}"
            )
            return self.batches[:count]

    def wait_for(self, *names: str) -> list[dict[str, Any]]:
        """All events so far, as soon as each of these names is among them."""
        with self._came:
            assert self._came.wait_for(lambda: {*names} <= {*self.names}, DEADLINE), f"{self.names} came"
            return self.events

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches for event in batch.events]

    @property
    def names(self) -> list[str]:
        return [event["name"] for event in self.events]
