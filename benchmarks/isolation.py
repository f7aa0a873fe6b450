"""One vendor that hangs: does the other one hear later of what happens?"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from contextlib import closing

from benchmarks.collecting import KEPT
from benchmarks.installation import free_port, installation, until_ready
from benchmarks.load import Load
from benchmarks.relaying import BLUESHIFT, PERSONACLICK
from benchmarks.report import Row, Section, below
from benchmarks.serving import delays, noted
from benchmarks.stub import hang, until_seen
from benchmarks.traffic import Visitors
from server.store.database import Database
from server.store.intake import Intake

VISITORS = 50
RATE = 60
"""Events per second."""
SECONDS = 12.0
"""For each half: longer than the time limit of a request, so that requests hang for all of it."""
UNCHANGED = 1.25
"""What the ratio of two medians of the same thing may come to by chance."""


def measure() -> Section:
    """The same events to two vendors, first with both in order, then with one that answers nothing."""
    port, good, bad = free_port(), free_port(), free_port()
    key = secrets.token_hex(16)
    vendors = PERSONACLICK.format(key=key, port=good) + BLUESHIFT.format(key=key, port=bad)
    with installation(vendors) as made:
        visitors = Visitors(made.settings, VISITORS)
        database = Database(made.settings.data_dir)
        with closing(Intake(database)) as intake:
            visitors.remembered(intake)
        database.close()
        for stub in (good, bad):
            made.start("benchmarks.stub", str(stub))
        made.gatepost("serve", "--port", str(port), "--workers", "1")
        until_ready(port, good, bad)
        _send(port, good, visitors, 1.5)  # PersonaClick gets to know them
        before = _send(port, good, visitors, SECONDS)
        hang(bad)
        during = _send(port, good, visitors, SECONDS)
    return Section(
        f"One vendor hangs for {SECONDS:.0f} seconds, at {RATE} events per second",
        [
            Row("From browser to the other vendor before, p50 and p99", _both(before)),
            Row("… while it hangs", _both(during)),
            below(
                "Ratio of the medians",
                during[len(during) // 2] / before[len(before) // 2],
                UNCHANGED,
                "{:.2f}",
            ),
        ],
        [f"{len(before):,} and {len(during):,} events came."],
    )


def _send(port: int, stub: int, visitors: Visitors, seconds: float) -> list[float]:
    """Milliseconds from browser to vendor, sorted."""
    sent: dict[str, float] = {}
    with closing(Load(port, 8)) as load:
        load.paced(visitors.requests(items=noted(sent)), KEPT, RATE, seconds)
    came = until_seen(stub, lambda now: len(delays(sent, now)) == len(sent), 10)
    time.sleep(0.5)
    return delays(sent, came)


def _both(found: Sequence[float]) -> str:
    return f"{found[len(found) // 2]:.1f} and {found[int(len(found) * 0.99)]:.1f} ms"
