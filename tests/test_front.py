"""The front answers exactly as Flask would, whatever is sent, and however slowly."""

from __future__ import annotations

import asyncio
import json
import select
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from granian.rsgi import ProtocolClosed
from werkzeug.test import Client, EnvironBuilder

from server import front as front_module
from server.app import close, create_app, create_front
from server.batch import MAX_BODY
from server.collect import MAX_DISCARDED
from server.configure import read_settings
from server.front import Front
from tests.gateway import API_KEY, DENIED, GRANTED, NOW, ORIGIN, Process, configuration, event, toml

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
OTHER = "https://shop.myshop.example"

Make = Callable[..., Any]
Heard = tuple[int, list[tuple[str, str]], bytes]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes a front, or the Flask application alone, each on a folder of its own."""
    made: list[Flask] = []

    def one(kind: str, **top: Any) -> Front | Flask:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        file = folder / "gatepost.toml"
        shop = {"origins": [ORIGIN, OTHER], "api_keys": [API_KEY]}
        file.write_text(toml(configuration(shop, **top)), "utf-8")
        settings = read_settings(file)
        if kind == "flask":
            made.append(create_app(settings, lambda: NOW))
            return made[-1]
        front = create_front(settings, lambda: NOW)
        made.append(front.flask)
        return front

    yield one
    for app in made:
        close(app)


class Headers:
    """A request's headers, as granian shows them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs

    def items(self) -> list[tuple[str, str]]:
        return self.pairs

    def get_all(self, name: str) -> list[str]:
        return [value for known, value in self.pairs if known == name]

    def get(self, name: str) -> str | None:
        return next(iter(self.get_all(name)), None)


@dataclass
class Scope:
    """A request, as granian shows it."""

    path: str
    method: str
    headers: Headers
    client: str
    proto: str = "http"
    http_version: str = "1.1"
    scheme: str = "http"
    query_string: str = ""
    server: str = "127.0.0.1:8000"
    authority: str | None = None


def scope_of(path: str, method: str, headers: Mapping[str, str], client: str) -> Scope:
    return Scope(
        path, method, Headers([(name.lower(), value) for name, value in headers.items()]), f"{client}:1"
    )


GONE = b"GONE"


class Exchange:
    """One request and its answer, from granian's side."""

    def __init__(self, parts: Sequence[bytes], ends: bool) -> None:
        self._parts = list(parts)
        self._ends = ends
        self.heard: Heard | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            if part == GONE:
                raise ProtocolClosed
            yield part
        if not self._ends:
            await asyncio.Event().wait()

    async def __call__(self) -> bytes:
        return b"".join([part async for part in self])

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        assert self.heard is None
        self.heard = status, headers, body

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> Exchange:
        self.response_bytes(status, headers, b"")
        return self

    async def send_bytes(self, body: bytes) -> None:
        assert self.heard
        status, headers, before = self.heard
        self.heard = status, headers, before + body


def ask(front: Front, scope: Scope, *parts: bytes, ends: bool = True) -> Heard | None:
    """Send a body in these parts, then nothing more; what is answered, None when nothing is.

    `ends`: the last part is told to be the last. `GONE` is no part: the sender went away.
    """
    exchange = Exchange(parts, ends)
    asyncio.run(front.__rsgi__(scope, exchange))
    return exchange.heard


def shown(status: int, headers: list[tuple[str, str]], body: bytes) -> tuple[Any, ...]:
    """An answer without what is random: ids and signatures."""
    said = sorted(
        (name.lower(), value.partition("=")[0] + value.partition(";")[2] if "ookie" in name else value)
        for name, value in headers
    )
    return status, said, body


def from_flask(
    app: Flask, path: str, method: str, headers: Mapping[str, str], body: bytes
) -> tuple[Any, ...]:
    answer = Client(app).open(EnvironBuilder(path=path, method=method, data=body, headers=dict(headers)))
    return shown(answer.status_code, list(answer.headers), answer.data)


def from_front(
    front: Front, path: str, method: str, headers: Mapping[str, str], body: bytes
) -> tuple[Any, ...]:
    heard = ask(
        front, scope_of(path, method, {**headers, "Content-Length": str(len(body))}, "127.0.0.1"), body
    )
    assert heard is not None
    return shown(*heard)


@pytest.mark.parametrize("origin", [ORIGIN, OTHER, "https://evil.example", "null", ""])
@pytest.mark.parametrize("path", ["/gp/demo/e", "/gp/nobody/e", "/gp/demo/e/", "/gp/demo"])
@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
def test_every_request_is_answered_as_flask_answers_it(
    make: Make, origin: str, path: str, method: str
) -> None:
    headers = {"User-Agent": CHROME} | ({"Origin": origin} if origin else {})
    if method == "OPTIONS":
        headers["Access-Control-Request-Method"] = "POST"
    body = json.dumps({"consent": GRANTED, "events": [event("page_view"), event("view_item")]}).encode()
    request = (path, method, headers, body)
    assert from_front(make("front"), *request) == from_flask(make("flask"), *request)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"consent": GRANTED, "events": [event("page_view")]}, 200),
        ({"consent": DENIED, "events": [event("page_view")]}, 200),
        ({"events": [event("page_view")]}, 200),
        ({"consent": GRANTED, "events": [event("view_item")]}, 422),
        ("no batch", 400),
        ("x" * MAX_BODY, 413),
    ],
)
def test_every_answer_is_the_one_that_flask_gives(make: Make, body: object, status: int) -> None:
    headers = {"Origin": ORIGIN, "User-Agent": CHROME}
    request = ("/gp/demo/e", "POST", headers, json.dumps(body).encode())
    answer = from_front(make("front"), *request)
    assert answer == from_flask(make("flask"), *request)
    assert answer[0] == status


def test_a_sender_who_asks_too_often_is_told_so_with_the_headers_that_let_the_page_read_it(
    make: Make,
) -> None:
    front = make("front", requests_per_minute=1)
    scope = scope_of("/gp/demo/e", "POST", {"Origin": ORIGIN}, "203.0.113.7")
    first, second = ask(front, scope, b"{}"), ask(front, scope, b"{}")
    assert first
    assert second
    assert (first[0], second[0]) == (200, 429)
    headers = dict(second[1])
    assert headers["access-control-allow-origin"] == ORIGIN
    assert 0 < int(headers["Retry-After"]) <= 60


def test_a_body_in_many_parts_is_one_body(make: Make) -> None:
    body = json.dumps({"consent": GRANTED, "events": [event("page_view")]}).encode()
    scope = scope_of("/gp/demo/e", "POST", {"Origin": ORIGIN, "User-Agent": CHROME}, "127.0.0.1")
    heard = ask(make("front"), scope, *(body[i : i + 7] for i in range(0, len(body), 7)))
    assert heard
    assert json.loads(heard[2]) == {"accepted": 1, "dropped": []}


def test_a_server_body_without_a_length_reaches_flask_whole(make: Make) -> None:
    body = json.dumps(
        {"events": [event("page_view") | {"user": {"id": "c-42"}, "consent": GRANTED}]}
    ).encode()
    headers = {"Authorization": f"Bearer {API_KEY}", "Transfer-Encoding": "chunked"}
    heard = ask(make("front"), scope_of("/v1/demo/events", "POST", headers, "127.0.0.1"), body[:9], body[9:])
    assert heard
    assert json.loads(heard[2])["stored"] == 1


def test_of_a_body_that_does_not_end_only_so_much_is_read(make: Make) -> None:
    part = b"x" * 60_000
    parts = [part] * (2 + (MAX_BODY + MAX_DISCARDED) // len(part))
    scope = scope_of("/gp/demo/e", "POST", {"Origin": ORIGIN}, "127.0.0.1")
    heard = ask(make("front"), scope, *parts, ends=False)
    assert heard
    assert heard[0] == 413


def test_a_sender_who_goes_away_in_the_middle_is_not_answered(make: Make) -> None:
    front = make("front")
    for path in ("/gp/demo/e", "/gp/demo/me"):
        scope = scope_of(path, "POST", {"Origin": ORIGIN, "Content-Length": "9"}, "127.0.0.1")
        assert ask(front, scope, b'{"ev', GONE) is None


@pytest.mark.parametrize("path", ["/gp/demo/e", "/v1/demo/events"])
def test_a_body_that_takes_too_long_is_to_be_sent_again(
    make: Make, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_module, "BODY_SECONDS", 0.05)
    scope = scope_of(path, "POST", {"Origin": ORIGIN, "Content-Length": "99"}, "127.0.0.1")
    heard = ask(make("front"), scope, b'{"ev', b"ents", ends=False)
    assert heard
    assert heard[0] == 503
    assert int(dict(heard[1])["Retry-After"]) > 0


def test_memory_for_bodies_is_bounded(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_module, "MAX_BUFFERED", 500_000)
    front = make("front")
    for length, status in (("600000", 503), ("400000", 401)):
        scope = scope_of("/v1/demo/events", "POST", {"Content-Length": length}, "127.0.0.1")
        heard = ask(front, scope, b"{}")
        assert heard
        assert heard[0] == status, "and what one request took is given back"


def test_cookies_that_come_one_by_one_are_one_header(make: Make) -> None:
    """As browsers send them over HTTP/2."""
    front = make("front")
    body = json.dumps({"consent": GRANTED, "events": [event("page_view")]}).encode()
    heard = ask(
        front, scope_of("/gp/demo/e", "POST", {"Origin": ORIGIN, "User-Agent": CHROME}, "127.0.0.1"), body
    )
    assert heard
    cookies = [value.partition(";")[0] for name, value in heard[1] if name.lower() == "set-cookie"]
    assert len(cookies) == 2
    scope = scope_of("/gp/demo/me", "GET", {"Origin": ORIGIN}, "127.0.0.1")
    scope.headers.pairs += [("cookie", cookie) for cookie in cookies]
    export = ask(front, scope, b"")
    assert export
    assert export[0] == 200
    assert len(json.loads(export[2])["events"]) == 1


def test_a_header_with_an_underscore_is_not_taken_for_what_a_proxy_says(make: Make) -> None:
    """For Flask as for events: a sender who asks too often cannot make itself another one."""
    front = make("front", requests_per_minute=1, trusted_proxies=["10.0.0.0/8"])
    answers = []
    for forged in ("198.51.100.1", "198.51.100.2"):
        scope = scope_of("/gp/demo/me", "GET", {"X-Forwarded-For": "203.0.113.7"}, "10.0.0.1")
        scope.headers.pairs.append(("x_forwarded_for", forged))
        heard = ask(front, scope, b"")
        assert heard
        answers.append(heard[0])
    assert answers[1] == 429


def test_what_goes_wrong_inside_is_answered_in_one_sentence(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    front = make("front")

    async def fail(*_: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(front._collector, "take_soon", fail)
    heard = ask(front, scope_of("/gp/demo/e", "POST", {"Origin": ORIGIN}, "127.0.0.1"), b"{}")
    assert heard
    assert heard[0] == 500
    assert b"the inside" not in heard[2]
    assert "could not be answered" in caplog.text


def test_two_hundred_senders_who_never_finish_hold_up_nobody(tmp_path: Path) -> None:
    file = tmp_path / "gatepost.toml"
    file.write_text(toml(configuration({"api_keys": [API_KEY]})), "utf-8")
    process = Process(file)
    with ExitStack() as stack:
        stack.callback(process.end)
        unfinished = []
        for path in (b"/gp/demo/e", b"/v1/demo/events") * 100:
            sender = stack.enter_context(socket.create_connection(("127.0.0.1", process.port)))
            sender.sendall(
                b"POST %b HTTP/1.1\r\nHost: x\r\nOrigin: %b\r\nContent-Length: 5000\r\n\r\n{"
                % (path, ORIGIN.encode())
            )
            unfinished.append(sender)
        answer = process.browser().send(event("page_view"), consent=GRANTED)
        assert answer.body == {"accepted": 1, "dropped": []}
        assert select.select(unfinished, [], [], 0)[0] == [], "none of them had to be given up for it"
