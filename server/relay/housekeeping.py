"""Deleting what has been kept long enough, beside the relay's own work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator

from server.errors import CannotKeep
from server.store.retention import Retention

log = logging.getLogger(__name__)

EVERY = 600.0
"""Seconds from one sweep to the next."""
FIRST = 60.0
"""Seconds from the start to the first: a start has other things to do."""
REST = 4
"""How many times as long as a step took is left to everybody else before the next."""


async def keep_house(
    retention: Retention, stopping: asyncio.Event, first: float = FIRST, every: float = EVERY
) -> None:
    """Sweep, and sweep again, until told to stop; a sweep that is under way ends after its step."""
    pause = first
    while not await _waited(stopping, pause):
        pause = every
        try:
            deleted = await _sweep(retention, stopping)
        except CannotKeep as error:
            log.error("what is old cannot be deleted now: %s", error)
        except Exception:  # whatever it is, it must not stop the relay
            log.exception("what is old cannot be deleted now")
        else:
            if deleted:
                log.info("deleted %d events and visitors that were kept long enough", deleted)


async def _sweep(retention: Retention, stopping: asyncio.Event) -> int:
    sweep: Iterator[int] = retention.sweep()
    deleted = 0
    while True:
        begun = time.monotonic()
        step = await asyncio.to_thread(next, sweep, None)
        if step is None or await _waited(stopping, REST * (time.monotonic() - begun)):
            return deleted
        deleted += step


async def _waited(stopping: asyncio.Event, seconds: float) -> bool:
    """Wait so long; True when told to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
    return stopping.is_set()
