"""How often one subscriber may ask."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from server.client import subscriber


class RateLimit:
    """Requests per minute from one address (IPv6: from one /64), counted in this process's memory."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def wait(self, address: str) -> int:
        """0 when one more request is allowed, which this counts; else in how many seconds it will be."""
        who = subscriber(address)
        if self._limiter.hit(self._item, who):
            return 0
        window = self._limiter.get_window_stats(self._item, who)
        return max(1, math.ceil(window.reset_time - time.time()))
