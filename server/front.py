"""The front of the web side: an ASGI application that takes events itself, and has Flask do all else.

Taking an event is waiting: for the rest of a body, for the disk. Here that costs no thread, so a sender who
is slow holds up nobody, and the interpreter need not be handed from thread to thread. So the usual case, a
page of a shop's own origin sending to that shop, is answered here, with the very headers that Flask and
Flask-CORS would give it, which a test compares; what that saves stands in benchmarks/RESULTS.md. Everything
else goes to Flask as soon as its body is here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask

from server import api
from server.batch import MAX_BODY
from server.collect import MAX_DISCARDED, Answer, Collector, Gate, Sent, body_of, headers_of
from server.cookies import jar_of
from server.settings import Settings

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

THREADS = 16
"""Requests that Flask works on at once."""
BODY_SECONDS = 20.0
"""In which a body must be here."""
LONGEST = api.MAX_BODY
"""Bytes of the longest body that anything here takes."""
MAX_BUFFERED = 32_000_000
"""Bytes of bodies for Flask that are held in memory at once."""

_CORS = [
    (b"access-control-allow-credentials", b"true"),
    (b"access-control-expose-headers", b"Retry-After"),
]
_LATE = Answer(503, {"error": "the request took too long to arrive"}, retry_after=5)
_FULL = Answer(503, {"error": "too many large requests at once"}, retry_after=5)
_BROKEN = Answer(500, {"error": "this went wrong here; the log tells more"})


class _Gone(Exception):
    """The sender went away before all of its body was here."""


class Front:
    """The whole gateway as one ASGI application: https://asgi.readthedocs.io/en/stable/specs/www.html"""

    def __init__(self, settings: Settings, collector: Collector, gate: Gate, app: Flask) -> None:
        self.flask = app
        self._collector = collector
        self._gate = gate
        self._middleware = WSGIMiddleware(app, workers=THREADS)  # type: ignore[arg-type]
        self._buffered = 0
        self._shops = {
            f"{settings.prefix}/{name}/e": (name, {origin.encode() for origin in shop.origins})
            for name, shop in settings.shops.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._middleware(scope, receive, send)  # type: ignore[arg-type]
            return
        headers = _headers(scope)
        shop, origins = self._shops.get(scope["path"], ("", ()))
        origin = headers.get(b"origin", b"")
        try:
            if origin in origins and scope["method"] == "POST":
                answer = await self._collect(shop, scope, headers, receive)
                await _respond(send, answer, [(b"access-control-allow-origin", origin), *_CORS])
            else:
                await self._pass_on(scope, headers, receive, send)
        except _Gone:
            return

    async def _collect(
        self, shop: str, scope: Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> Answer:
        def said(name: bytes) -> str:
            return headers.get(name, b"").decode("latin-1")

        try:
            peer = scope["client"]
            answer = self._gate.refusal(peer[0] if peer else "", said(b"x-forwarded-for"))
            body = await _body(receive, MAX_BODY)
            if answer is not None:
                return answer
            sent = Sent(
                shop=shop,
                origin=said(b"origin"),
                body=body,
                cookies=jar_of(said(b"cookie")),
                gpc=said(b"sec-gpc"),
                user_agent=said(b"user-agent"),
                purpose=said(b"sec-purpose") or said(b"purpose"),
            )
            return await self._collector.take_soon(sent)
        except TimeoutError:
            return _LATE
        except _Gone:
            raise
        except Exception:
            log.exception("a request could not be answered")
            return _BROKEN

    async def _pass_on(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        """To Flask, with the whole body, so that no thread waits for a sender."""
        expected = _expected(headers)
        if self._buffered + expected > MAX_BUFFERED:
            await _respond(send, _FULL, [])
            return
        self._buffered += expected
        try:
            try:
                body = await _body(receive, LONGEST)
            except TimeoutError:
                await _respond(send, _LATE, [])
                return
            await self._middleware(_with_body(scope, headers, body), _once(body), send)  # type: ignore[arg-type]
        finally:
            self._buffered -= expected


def _expected(headers: Mapping[bytes, bytes]) -> int:
    """How many bytes of a body may have to be held: what is announced, within what is read at all."""
    length = headers.get(b"content-length", b"")
    if length.isdigit():
        return min(int(length), LONGEST)
    return LONGEST if b"transfer-encoding" in headers else 0


def _with_body(scope: Scope, headers: dict[bytes, bytes], body: bytes) -> Scope:
    """The request as if it had come in one piece: Flask takes a body only of a length that it is told.

    Headers with an underscore are left out. For WSGI they have the names of those with a hyphen, and so
    anybody could add to what a proxy says in X-Forwarded-For.
    """
    if headers.pop(b"transfer-encoding", None) or b"content-length" in headers:
        headers[b"content-length"] = str(len(body)).encode()
    return {**scope, "headers": [header for header in headers.items() if b"_" not in header[0]]}


def _once(body: bytes) -> Receive:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers by their names in small letters; one that comes several times, as one.

    HTTP/2 lets a browser send its cookies one by one: https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3
    """
    headers = dict(scope["headers"])
    if len(headers) != len(scope["headers"]):
        headers.clear()
        for name, value in scope["headers"]:
            joint = b"; " if name == b"cookie" else b", "
            headers[name] = headers[name] + joint + value if name in headers else value
    return headers


async def _body(receive: Receive, limit: int) -> bytes:
    """A request's body; of one that is longer than the limit, the limit and a little more.

    What is too much is read all the same, within reason: a sender who is answered while it still sends sees a
    connection that broke, not the answer, and would try again for ever. Raises TimeoutError, _Gone.
    """
    async with asyncio.timeout(BODY_SECONDS):
        parts = []
        size = 0
        more = True
        while more and size <= limit + MAX_DISCARDED:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            part = message.get("body", b"")
            more = message.get("more_body", False)
            if size <= limit:
                parts.append(part)
            size += len(part)
    return b"".join(parts)


async def _respond(send: Send, answer: Answer, cors: list[tuple[bytes, bytes]]) -> None:
    body = body_of(answer)
    headers = [(name.lower().encode(), value.encode()) for name, value in headers_of(answer)]
    headers += [(b"content-length", str(len(body)).encode()), *cors]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
