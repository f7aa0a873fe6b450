"""`gatepost serve` as a whole: how soon a vendor has what a browser sends; memory; its cost when idle."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count

from benchmarks.collecting import KEPT
from benchmarks.installation import (
    cpu_seconds,
    family,
    free_port,
    installation,
    program,
    resident,
    until_ready,
)
from benchmarks.load import Load
from benchmarks.relaying import PERSONACLICK
from benchmarks.report import Row, Section, below
from benchmarks.stub import Seen, until_seen
from benchmarks.traffic import Visitors
from server.store.database import Database
from server.store.intake import Intake

VISITORS = 50
RATE = 100
"""Events per second."""
SOON = 100.0
"""Milliseconds from browser to vendor."""
IDLE = 10.0
"""Seconds over which nothing is sent."""
IDLE_SHARE = 1.0
"""Percent of a core."""


def measure(workers: int, seconds: float) -> Section:
    """Send at a steady rate for so long, then nothing."""
    port, stub = free_port(), free_port()
    with installation(PERSONACLICK.format(key=secrets.token_hex(16), port=stub)) as made:
        visitors = Visitors(made.settings, VISITORS)
        database = Database(made.settings.data_dir)
        with closing(Intake(database)) as intake:
            visitors.remembered(intake)
        database.close()
        made.start("benchmarks.stub", str(stub))
        process = made.gatepost("serve", "--port", str(port), "--workers", str(workers))
        until_ready(port, stub)
        sent: dict[str, float] = {}
        with closing(Load(port, 8)) as load:
            load.paced(visitors.requests(items=noted({})), KEPT, RATE, 1.5)  # PersonaClick gets to know them
            result = load.paced(visitors.requests(items=noted(sent)), KEPT, RATE, seconds)
        seen = until_seen(stub, lambda now: len(delays(sent, now)) == len(sent), 5)
        found = delays(sent, seen)
        memory = [(program(pid), resident(pid)) for pid in family(process)]
        time.sleep(1)  # what was delivered last is being written down
        used = cpu_seconds(family(process))
        time.sleep(IDLE)
        idle = (cpu_seconds(family(process)) - used) / IDLE
    return Section(
        f"`gatepost serve`: {workers} worker{'s' if workers > 1 else ''} and the relay",
        [
            below(f"From browser to vendor at {RATE} events per second, p50", found[len(found) // 2], SOON),
            Row("… p99", f"{found[int(len(found) * 0.99)]:.1f} ms"),
            Row("Answer to the browser meanwhile, p50", f"{result.quantile(0.5):.1f} ms"),
            Row("… p99", f"{result.quantile(0.99):.1f} ms"),
            *(Row(f"Resident memory, {name}", f"{megabytes:.0f} MB") for name, megabytes in memory),
            below(
                "Processor when idle, all processes together", idle * 100, IDLE_SHARE, "{:.1f} % of a core"
            ),
        ],
        [f"{len(found)} of {len(sent)} events came. Every visitor was known to the vendor before."],
    )


def noted(sent: dict[str, float]) -> Iterator[str]:
    """Products of a number each, noting when they were asked for: when their event was sent."""
    for number in count(1):
        item = f"{id(sent)}-{number}"
        sent[item] = time.monotonic()
        yield item


def delays(sent: dict[str, float], seen: Seen) -> list[float]:
    """Milliseconds from browser to vendor, sorted."""
    return sorted(
        (arrival.at - sent[item]) * 1000
        for arrival in seen.arrivals
        for item in arrival.items
        if item in sent
    )
