"""How many events one relay delivers per second, from a database that holds them already."""

from __future__ import annotations

import secrets
from contextlib import closing
from typing import NamedTuple

from benchmarks.installation import Installation, free_port, installation, until_ready
from benchmarks.report import Row, Section, at_least
from benchmarks.stub import Seen, until_seen
from benchmarks.traffic import Visitors, keep
from server.store.database import Database
from server.store.intake import Intake
from server.store.outbox import register

VISITORS = 300
SINGLE, BATCHED = 6_000, 40_000
"""Events that wait."""
PER_SECOND, BATCHED_PER_SECOND = 600, 8_000
PATIENCE = 20.0
"""Seconds after which what was delivered by then is what counts."""

PERSONACLICK = """
[shops.bench.vendors.personaclick]
shop_id = "{key}"
base_url = "http://127.0.0.1:{port}"
"""
BLUESHIFT = """
[shops.bench.vendors.blueshift]
api_key = "{key}"
base_url = "http://127.0.0.1:{port}"
"""


class Drained(NamedTuple):
    """What became of a backlog."""

    seen: Seen
    on_disk: float
    """Bytes per event, its delivery included."""


def measure() -> Section:
    """A backlog for a vendor of single requests, then one for a vendor of batches."""
    single = _drain(PERSONACLICK, SINGLE)
    batched = _drain(BLUESHIFT, BATCHED)
    return Section(
        "Delivering a backlog: one relay, a vendor that answers at once, no rate limit",
        [
            at_least("PersonaClick, one event a request, events per second", single.seen.rate, PER_SECOND),
            at_least(
                "Blueshift, 30 events a request, events per second", batched.seen.rate, BATCHED_PER_SECOND
            ),
            Row("Bytes on disk per event and delivery, single", f"{single.on_disk:,.0f}"),
            Row("Bytes on disk per event and delivery, batched", f"{batched.on_disk:,.0f}"),
        ],
        [
            f"{single.seen.events:,} of {SINGLE:,} and {batched.seen.events:,} of {BATCHED:,} events came. "
            f"PersonaClick was first asked to introduce each of {VISITORS} visitors."
        ],
    )


def _drain(vendor: str, events: int) -> Drained:
    port = free_port()
    with installation(vendor.format(key=secrets.token_hex(16), port=port)) as made:
        empty = fill(made, events)
        made.start("benchmarks.stub", str(port))
        until_ready(port)
        made.start("benchmarks.unthrottled", str(made.config))
        seen = until_seen(port, lambda now: now.events >= events, PATIENCE)
        made.stop()
        return Drained(seen, (made.bytes_in_use() - empty) / events)


def fill(made: Installation, events: int) -> int:
    """Keep so many events; returns the bytes of the database before."""
    visitors = Visitors(made.settings, VISITORS)
    database = Database(made.settings.data_dir)
    register(database, made.settings)
    with closing(Intake(database)) as intake:
        visitors.remembered(intake)
        empty = made.bytes_in_use()
        keep(intake, visitors.arrivals(events))
    database.close()
    return empty
