"""The one place that speaks to vendors: timeouts, size limits, one try/except."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType

import httpx
import msgspec

from server import __version__
from server.vendors.base import Reply, Request

TIME_LIMIT = 10.0
"""Seconds for a whole exchange, however slowly a vendor drips its answer."""
MAX_REPLY = 10 * 1024
"""Bytes of an answer that are read."""

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode


WITH_BODY = {"Content-Type": "application/json"}
"""Headers of a request that has a body, beside those of every request."""


def headers_of(credentials: Mapping[str, str]) -> dict[str, str]:
    """The headers of every request to a vendor with these credentials."""
    return {"User-Agent": f"gatepost/{__version__}", "Accept": "application/json", **credentials}


class NoReply(msgspec.Struct, frozen=True):
    """There was no answer; the reason in words. Whether the vendor has the request is not known."""

    reason: str


class Delivery:
    """Sends requests to one base URL, each over a connection of its own that is kept for the next one.

    By httpx's transports, one for each connection. Its client would add cookies, redirects and environment
    variables, none of which a vendor may have, and half as much again to the cost of a request; and a pool
    that is shared costs twice as much once a few requests are under way.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Mapping[str, str],
        tls: ssl.SSLContext,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = headers_of(credentials)
        self._tls = tls
        self._time_limit = time_limit
        self._timeout = httpx.Timeout(time_limit).as_dict()
        self._all: list[httpx.AsyncHTTPTransport] = []
        self._idle: list[httpx.AsyncHTTPTransport] = []

    async def send(self, request: Request) -> Reply | NoReply:
        """Make the request. Never raises: whatever goes wrong on the way is a NoReply."""
        transport: httpx.AsyncHTTPTransport | None = None
        try:
            transport = self._idle.pop() if self._idle else self._transport()
            async with asyncio.timeout(self._time_limit):
                return await self._exchange(transport, request)
        except TimeoutError:
            return NoReply(f"no answer within {self._time_limit:g} seconds")
        except httpx.HTTPError as error:
            return NoReply(_in_words(error))
        except Exception as error:  # a credential or a URL that no request can hold, for instance
            log.exception("a request to %s could not be made", self._base_url)
            return NoReply(f"the request could not be made: {type(error).__name__}; the log tells more")
        finally:
            if transport is not None:
                self._idle.append(transport)

    async def _exchange(self, transport: httpx.AsyncHTTPTransport, request: Request) -> Reply:
        content = None if request.body is None else _encode(request.body)
        prepared = httpx.Request(
            request.method,
            self._base_url + request.path,
            params=dict(request.query) or None,
            content=content,
            headers=self._headers if content is None else {**self._headers, **WITH_BODY},
            extensions={"timeout": self._timeout},
        )
        response = await transport.handle_async_request(prepared)
        try:
            body = await _read(response)
        finally:
            await response.aclose()
        return Reply(response.status_code, body, _seconds(response.headers.get("Retry-After")))

    def _transport(self) -> httpx.AsyncHTTPTransport:
        transport = httpx.AsyncHTTPTransport(
            verify=self._tls,
            trust_env=False,  # where a vendor is reached stands in gatepost.toml alone
            limits=httpx.Limits(max_connections=1, keepalive_expiry=30),
        )
        self._all.append(transport)
        return transport

    async def close(self) -> None:
        """Close the connections, those under way too."""
        self._idle.clear()
        while self._all:
            await self._all.pop().aclose()

    async def __aenter__(self) -> Delivery:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _read(response: httpx.Response) -> bytes:
    """The beginning of the answer."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= MAX_REPLY:
            break
    return bytes(body[:MAX_REPLY])


def _in_words(error: httpx.HTTPError) -> str:
    """What went wrong, without the URL, which may hold a credential of the shop."""
    words: dict[type[httpx.HTTPError], str] = {
        httpx.ConnectTimeout: "the connection was not answered in time",
        httpx.ReadTimeout: "the answer did not come in time",
        httpx.WriteTimeout: "the request could not be sent in time",
        httpx.RemoteProtocolError: "the connection was closed in the middle of an answer",
        httpx.ReadError: "the connection broke before the answer",
        httpx.WriteError: "the connection broke while sending",
        httpx.ConnectError: "could not connect",
        httpx.DecodingError: "the answer cannot be decoded",
    }
    kind = words.get(type(error), type(error).__name__)
    detail = str(error) if isinstance(error, httpx.ConnectError) else ""
    return f"{kind}: {detail[:200]}" if detail else kind


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds: a number, or a date. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after

    None when it is neither.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
