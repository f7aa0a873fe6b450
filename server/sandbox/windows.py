"""Rate windows: how many requests a vendor takes in one calendar window."""

from __future__ import annotations

import threading

import msgspec


class Rate(msgspec.Struct, frozen=True):
    """Where a sender stands after one more request."""

    allowed: bool
    limit: int
    remaining: int
    resets_at: int
    """Seconds since 1970 at which the window ends."""


class Window:
    """At most `limit` requests per key in each window of `seconds`.

    Windows are those of the calendar (each second, each minute): the most lenient reading of "n per minute"
    that still is one, so a sender refused here would be refused by every stricter one too.
    """

    def __init__(self, limit: int, seconds: int) -> None:
        self.limit = limit
        self.seconds = seconds
        self._lock = threading.Lock()
        self._window = 0
        self._counts: dict[str, int] = {}

    def count(self, key: str, now: float) -> Rate:
        """Count one request of `key` at `now`, in seconds since 1970."""
        window = int(now // self.seconds)
        with self._lock:
            if window != self._window:
                self._window = window
                self._counts.clear()
            count = self._counts.get(key, 0) + 1
            self._counts[key] = count
        return Rate(count <= self.limit, self.limit, max(0, self.limit - count), (window + 1) * self.seconds)

    def forget(self) -> None:
        """Begin anew for every key."""
        with self._lock:
            self._counts.clear()
