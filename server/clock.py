"""The time, as something that is handed in: tests and `explain` bring their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], int]
"""Milliseconds since 1970."""


def system_clock() -> int:
    """The machine's wall clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
