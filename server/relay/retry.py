"""When to try again."""

from __future__ import annotations

import random
from collections.abc import Callable

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

WAITS = (5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 2 * HOUR)
"""After the first failure, the second, and so on; after that every four hours."""
LATER_WAITS = 4 * HOUR
SPREAD = 0.2
"""Waits differ by this share, so that what failed together does not come back together."""
LONGEST_RETRY_AFTER = HOUR
PROBES = (30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE)
"""Between probes of a held destination; the last one repeats."""
PAUSES = (5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE)
"""Between probes of one that fails or throttles; the last one repeats."""


def wait(failures: int, asked: float | None, chance: Callable[[], float] = random.random) -> int:
    """Milliseconds to wait after so many failures (at least 1).

    `asked` is the vendor's own Retry-After in seconds: honoured up to an hour, never shortened.
    """
    planned = WAITS[failures - 1] if failures <= len(WAITS) else LATER_WAITS
    spread = planned * (1 + SPREAD * (2 * chance() - 1))
    return int(max(spread, min((asked or 0) * SECOND, LONGEST_RETRY_AFTER)))


def step(schedule: tuple[int, ...], times: int) -> int:
    """The schedule's entry for the `times`-th time (from 1); its last one from then on."""
    return schedule[min(times, len(schedule)) - 1]
