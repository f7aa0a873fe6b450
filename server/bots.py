"""Is it a bot: one that says so, or a page that is fetched before anybody wants to see it.

Nothing is guessed. A crawler that calls itself a browser is not found, and no shopper is taken for one.
"""

from __future__ import annotations

import re
from functools import lru_cache

from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]

MAX_READ = 512
"""Characters of a user agent that are looked at."""
REASON = "bot"
"""Why nothing of it is taken."""

_LIBRARY = ["http-library"]
"""What programs are written with; it says nothing of who runs them."""
_AUTOMATION = "browser-automation"
"""An automated browser that says so is the shop's own test, which wants to see its events arrive."""
_CHUNK = 25
"""Patterns joined into one: all 1500 in one are slower, and so is each by itself."""


class Bots:
    """Knows bots by the headers of their requests."""

    def __init__(self) -> None:
        patterns = [
            known["pattern"]
            for known in CRAWLER_USER_AGENTS_DATA
            if known["tags"] != _LIBRARY and _AUTOMATION not in known["tags"]
        ]
        joined = [
            re.compile("|".join(patterns[begin : begin + _CHUNK]))
            for begin in range(0, len(patterns), _CHUNK)
        ]
        self._declared = lru_cache(maxsize=4096)(lambda agent: any(known.search(agent) for known in joined))

    def is_bot(self, user_agent: str, purpose: str) -> bool:
        """By the User-Agent header, and by Sec-Purpose or Purpose: https://wicg.github.io/nav-speculation/"""
        return _is_early(purpose) or self._declared(user_agent[:MAX_READ])


def _is_early(purpose: str) -> bool:
    """Whether a page is fetched, rendered or previewed before anybody wants to see it."""
    lower = purpose.lower()
    return bool(lower) and any(word in lower for word in ("prefetch", "prerender", "preview"))
