"""Time that stands still until a test moves it."""

from __future__ import annotations

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

START = 1_800_000_000_000
"""Milliseconds since 1970: a moment in January 2027."""


class Clock:
    """Milliseconds since 1970."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def forward(self, milliseconds: int) -> None:
        self.now += milliseconds
