"""A million events that wait: how fast they are delivered, beside few; how much memory that takes."""

from __future__ import annotations

import secrets
import time
from typing import NamedTuple

from benchmarks.installation import family, free_port, installation, program, resident, until_ready
from benchmarks.relaying import BLUESHIFT, fill
from benchmarks.report import Row, Section, at_least, below
from benchmarks.stub import seen

FEW, MANY = 20_000, 1_000_000
SECONDS = 10.0
MEGABYTES = 150.0
UNCHANGED = 0.9
"""What the rate may fall to, as a share."""


class Drain(NamedTuple):
    """What became of a backlog in the first seconds."""

    rate: float
    """Events per second while there was a backlog."""
    delivered: int
    filled: float
    """Seconds that it took to put the backlog there."""
    memory: dict[str, float]
    """The most that each process held, in MB."""


def measure() -> Section:
    """The same relay, once with few waiting and once with a million."""
    few, many = _drain(FEW), _drain(MANY)
    memory = [
        below(f"Resident memory of the {name} with a million waiting", most, MEGABYTES, "{:.0f} MB")
        for name, most in many.memory.items()
    ]
    return Section(
        "A backlog of a million events, for a vendor of batches without a rate limit",
        [
            Row(f"Delivered per second with {FEW:,} waiting", f"{few.rate:,.0f}"),
            Row(f"Delivered per second with {MANY:,} waiting", f"{many.rate:,.0f}"),
            at_least("Ratio of the two", many.rate / few.rate, UNCHANGED, "{:.2f}"),
            *memory,
        ],
        [
            f"{few.delivered:,} and {many.delivered:,} events were delivered meanwhile; the million was put "
            f"there in {many.filled:.0f} seconds, at {MANY / many.filled:,.0f} events per second."
        ],
    )


def _drain(events: int) -> Drain:
    port, web = free_port(), free_port()
    with installation(BLUESHIFT.format(key=secrets.token_hex(16), port=port)) as made:
        begun = time.monotonic()
        fill(made, events)
        filled = time.monotonic() - begun
        made.start("benchmarks.stub", str(port))
        processes = [made.gatepost("web", "--port", str(web), "--workers", "1")]
        until_ready(port, web)
        processes.append(made.start("benchmarks.unthrottled", str(made.config)))
        memory: dict[str, float] = {}
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and seen(port).events < events:
            time.sleep(0.5)
            for pid in (one for process in processes for one in family(process)):
                memory[program(pid)] = max(memory.get(program(pid), 0.0), resident(pid))
        came = seen(port)
        return Drain(came.rate, came.events, filled, memory)
