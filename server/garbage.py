"""How Python collects garbage in a process that serves for long."""

from __future__ import annotations

import gc

THRESHOLD = 20_000
"""Objects after which the youngest are looked through; Python's own 700 is two collections a request."""


def leave_what_is_loaded() -> None:
    """What is loaded by now stays, and need not be looked through ever again. To be called once, then."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD, 10, 10)
