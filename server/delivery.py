"""The one place that speaks to vendors: timeouts, size limits, one try/except."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
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


class NoReply(msgspec.Struct, frozen=True):
    """There was no answer; the reason in words. Whether the vendor has the request is not known."""

    reason: str


class Delivery:
    """Sends requests to one base URL, each over a connection of its own that is kept for the next one.

    One client per connection: a shared httpx pool costs twice as much once a few requests are under way.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Mapping[str, str],
        tls: ssl.SSLContext,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"User-Agent": f"gatepost/{__version__}", "Accept": "application/json", **credentials}
        self._tls = tls
        self._time_limit = time_limit
        self._clients: list[httpx.AsyncClient] = []
        self._idle: list[httpx.AsyncClient] = []

    async def send(self, request: Request) -> Reply | NoReply:
        """Make the request. Never raises: whatever goes wrong on the way is a NoReply."""
        client: httpx.AsyncClient | None = None
        try:
            client = self._idle.pop() if self._idle else self._client()
            async with asyncio.timeout(self._time_limit):
                return await self._exchange(client, request)
        except TimeoutError:
            return NoReply(f"no answer within {self._time_limit:g} seconds")
        except httpx.HTTPError as error:
            return NoReply(_in_words(error))
        except Exception as error:  # a credential or a URL that no request can hold, for instance
            log.exception("a request to %s could not be made", self._base_url)
            return NoReply(f"the request could not be made: {type(error).__name__}; the log tells more")
        finally:
            if client is not None:
                self._idle.append(client)

    async def _exchange(self, client: httpx.AsyncClient, request: Request) -> Reply:
        content = None if request.body is None else _encode(request.body)
        prepared = client.build_request(
            request.method,
            self._base_url + request.path,
            params=dict(request.query) or None,
            content=content,
            headers=None if content is None else {"Content-Type": "application/json"},
        )
        response = await client.send(prepared, stream=True)
        try:
            body = await _read(response)
        finally:
            await response.aclose()
        return Reply(response.status_code, body, _seconds(response.headers.get("Retry-After")))

    def _client(self) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            headers=self._headers,
            timeout=self._time_limit,
            verify=self._tls,
            # A vendor's cookie, sent back with another visitor's events, would tie the two together.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,  # where a vendor is reached stands in gatepost.toml alone
            limits=httpx.Limits(max_connections=1, keepalive_expiry=30),
        )
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """Close the connections, those under way too."""
        self._idle.clear()
        while self._clients:
            await self._clients.pop().aclose()

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
