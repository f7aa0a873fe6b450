"""The ledger: every request that came, and how it was judged."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from server.sandbox.standin import NOT_JSON, Received

KEPT = 50_000
"""Requests."""
KEPT_BYTES = 256 * 1024 * 1024
"""Bytes of their bodies together."""

_NULL = msgspec.Raw(b"null")


class Outcome(msgspec.Struct, frozen=True):
    """How a request ended."""

    judgement: str
    status: int | None = None
    """None: no answer was given, or not yet."""
    answer: msgspec.Raw = _NULL
    """JSON."""
    notes: tuple[str, ...] = ()


WAITING = Outcome("waiting")


class Entry:
    """One request in the ledger. Its outcome comes later than itself, and is set whole."""

    __slots__ = ("at", "body", "headers", "method", "n", "outcome", "path", "query", "size", "vendor")

    def __init__(
        self,
        vendor: str,
        request: Received,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        at: int,
    ) -> None:
        """`headers` and `query`: the request's own, without its secrets. `at`: ms since 1970."""
        self.n = 0
        self.vendor = vendor
        self.method = request.method
        self.path = request.path
        self.query = query
        self.headers = headers
        body = _as_json(request)
        self.body = msgspec.Raw(body)
        self.size = len(body)
        self.at = at
        self.outcome = WAITING

    def shown(self) -> dict[str, Any]:
        """As the listing gives it."""
        outcome = self.outcome
        return {
            "n": self.n,
            "vendor": self.vendor,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "body": self.body,
            "at": self.at,
            "status": outcome.status,
            "answer": outcome.answer,
            "judgement": outcome.judgement,
            "notes": outcome.notes,
        }


def _as_json(request: Received) -> bytes:
    """The body as JSON, kept as it came where it is that; other text as a string; nothing as null."""
    if not request.raw:
        return b"null"
    if request.body is not NOT_JSON:
        return request.raw
    return msgspec.json.encode(request.raw.decode("utf-8", "replace"))


class Ledger:
    """The newest requests, for many threads. Numbers run on for ever, over a reset too."""

    def __init__(self, kept: int = KEPT, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept = kept
        self._kept_bytes = kept_bytes
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._last = 0
        self._let_go = 0

    def add(self, entry: Entry) -> None:
        """Give the entry its number and keep it, letting the oldest go where there is no room."""
        with self._lock:
            self._last += 1
            entry.n = self._last
            self._entries.append(entry)
            self._bytes += entry.size
            while len(self._entries) > self._kept or (
                self._bytes > self._kept_bytes and len(self._entries) > 1
            ):
                self._bytes -= self._entries.popleft().size
                self._let_go += 1

    def entries(self, vendor: str | None = None, after: int = 0) -> list[Entry]:
        """Those of `vendor` (None: of all) with a number above `after`, oldest first."""
        with self._lock:
            entries = list(self._entries)
        return [e for e in entries if e.n > after and vendor in (None, e.vendor)]

    @property
    def let_go(self) -> int:
        """How many were kept once and are no more, since the last reset."""
        return self._let_go

    def forget(self) -> int:
        """Empty it; how many there were."""
        with self._lock:
            count = len(self._entries)
            self._entries.clear()
            self._bytes = self._let_go = 0
        return count
