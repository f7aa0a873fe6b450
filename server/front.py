"""The front of the web side: takes events itself, in an event loop, and has Flask do all else.

Taking an event is waiting: for the rest of a body, for the disk. Here that costs no thread, so a sender who
is slow holds up nobody, and the interpreter need not be handed from thread to thread. So the usual case, a
page of a shop's own origin sending to that shop, is answered here, with the very headers that Flask and
Flask-CORS would give it, which a test compares; what that saves stands in benchmarks/RESULTS.md. Everything
else goes to Flask as soon as its body is here.

By RSGI, granian's own interface, since ASGI's messages cost a fifth of the whole request:
https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask
from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined]

from server import api
from server.batch import MAX_BODY
from server.collect import MAX_DISCARDED, Answer, Collector, Gate, Sent, body_of, headers_of
from server.cookies import jar_of
from server.settings import Settings

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

THREADS = 16
"""Requests that Flask works on at once."""
BODY_SECONDS = 20.0
"""In which a body must be here."""
LONGEST = api.MAX_BODY
"""Bytes of the longest body that anything here takes."""
MAX_BUFFERED = 32_000_000
"""Bytes of bodies for Flask that are held in memory at once."""

_NOBODY: tuple[str, frozenset[str]] = ("", frozenset())
_CORS = [("access-control-allow-credentials", "true"), ("access-control-expose-headers", "Retry-After")]
_LATE = Answer(503, {"error": "the request took too long to arrive"}, retry_after=5)
_FULL = Answer(503, {"error": "too many large requests at once"}, retry_after=5)
_BROKEN = Answer(500, {"error": "this went wrong here; the log tells more"})


class Front:
    """The whole gateway as one RSGI application."""

    def __init__(self, settings: Settings, collector: Collector, gate: Gate, app: Flask) -> None:
        self.flask = app
        self._collector = collector
        self._gate = gate
        self._middleware = WSGIMiddleware(app, workers=THREADS)  # type: ignore[arg-type]
        self._buffered = 0
        self._shops = {
            f"{settings.prefix}/{name}/e": (name, frozenset(shop.origins))
            for name, shop in settings.shops.items()
        }

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        shop, origins = self._shops.get(scope.path, _NOBODY)
        origin = scope.headers.get("origin")
        try:
            if origin in origins and scope.method == "POST":
                answer = await self._collect(shop, scope, protocol)
                _respond(protocol, answer, [("access-control-allow-origin", origin), *_CORS])
            else:
                await self._pass_on(scope, protocol)
        except (ProtocolClosed, ProtocolError):
            return  # the sender went away

    async def _collect(self, shop: str, scope: Any, protocol: Any) -> Answer:
        headers = scope.headers
        said = headers.get
        try:
            answer = self._gate.refusal(
                _address(scope.client)[0], ",".join(headers.get_all("x-forwarded-for"))
            )
            body = await _body(scope, protocol, MAX_BODY)
            if answer is not None:
                return answer
            sent = Sent(
                shop=shop,
                origin=said("origin"),
                body=body,
                # One by one over HTTP/2: https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3
                cookies=jar_of(";".join(headers.get_all("cookie"))),
                gpc=",".join(headers.get_all("sec-gpc")),
                user_agent=said("user-agent") or "",
                purpose=said("sec-purpose") or said("purpose") or "",
            )
            return await self._collector.take_soon(sent)
        except TimeoutError:
            return _LATE
        except (ProtocolClosed, ProtocolError):
            raise
        except Exception:
            log.exception("a request could not be answered")
            return _BROKEN

    async def _pass_on(self, scope: Any, protocol: Any) -> None:
        """To Flask, with the whole body, so that no thread waits for a sender."""
        expected = _expected(scope)
        if self._buffered + expected > MAX_BUFFERED:
            _respond(protocol, _FULL, [])
            return
        self._buffered += expected
        try:
            try:
                body = await _body(scope, protocol, LONGEST)
            except TimeoutError:
                _respond(protocol, _LATE, [])
                return
            await self._middleware(_asgi(scope, body), _once(body), _sender(protocol))  # type: ignore[arg-type]
        finally:
            self._buffered -= expected


def _respond(protocol: Any, answer: Answer, cors: list[tuple[str, str]]) -> None:
    body = body_of(answer)
    headers = headers_of(answer)
    headers.append(("content-length", str(len(body))))
    headers += cors
    protocol.response_bytes(answer.status, headers, body)


async def _body(scope: Any, protocol: Any, limit: int) -> bytes:
    """A request's body; of one that is longer than the limit, the limit and a little more.

    What is too much is read all the same, within reason: a sender who is answered while it still sends sees a
    connection that broke, not the answer, and would try again for ever. Raises TimeoutError.
    """
    async with asyncio.timeout(BODY_SECONDS):
        length = scope.headers.get("content-length") or ""
        if length.isdigit() and int(length) <= limit:
            return bytes(await protocol())
        parts = []
        size = 0
        async for part in protocol:
            if size <= limit:
                parts.append(part)
            size += len(part)
            if size > limit + MAX_DISCARDED:
                break
        return b"".join(parts)


def _expected(scope: Any) -> int:
    """How many bytes of a body may have to be held: what is announced, within what is read at all."""
    length = scope.headers.get("content-length") or ""
    if length.isdigit():
        return min(int(length), LONGEST)
    return LONGEST if scope.headers.get("transfer-encoding") else 0


# Flask, as a2wsgi wants to be asked: https://asgi.readthedocs.io/en/stable/specs/www.html


def _asgi(scope: Any, body: bytes) -> Message:
    """The request as if it had come in one piece: Flask takes a body only of a length that it is told.

    Headers with an underscore are left out. For WSGI they have the names of those with a hyphen, and so
    anybody could add to what a proxy says in X-Forwarded-For.
    """
    headers: dict[str, str] = {}
    for name, value in scope.headers.items():
        joint = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{joint}{value}" if name in headers else value
    if headers.pop("transfer-encoding", None) or "content-length" in headers:
        headers["content-length"] = str(len(body))
    if scope.authority:
        headers.setdefault("host", scope.authority)
    return {
        "type": "http",
        "http_version": scope.http_version,
        "method": scope.method,
        "scheme": scope.scheme,
        "path": scope.path,
        "query_string": scope.query_string.encode("latin-1"),
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
            if "_" not in name
        ],
        "client": _address(scope.client),
        "server": _address(scope.server),
    }


def _address(text: str) -> tuple[str, int]:
    """Host and port of what the server calls an address: "127.0.0.1:5000", "[::1]:5000"."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port) if port.isdigit() else 0


def _once(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _sender(protocol: Any) -> Send:
    """Passes an answer on, piece by piece."""
    stream: Any = None

    async def send(message: Message) -> None:
        nonlocal stream
        if message["type"] == "http.response.start":
            headers = [
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]
            ]
            stream = protocol.response_stream(message["status"], headers)
        elif body := message.get("body"):
            await stream.send_bytes(body)

    return send
