"""The counts of one database: what was received, and what became of it. They add up:

received = delivered + not wanted + dead + waiting, for each destination since it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Connection, Row, select, text

from server.store import tables
from server.store.database import Database
from server.store.totals import EARLIER

_destinations = tables.destinations.c
_events = tables.events.c

# The index is named, because SQLite would take the table itself, which has the same order, and read it from
# its beginning: https://www.sqlite.org/lang_indexedby.html
_FIRST_WAITING = text(
    "SELECT received FROM events WHERE seq = (SELECT min(event) FROM deliveries INDEXED BY deliveries_waiting"
    " WHERE destination = :destination AND state = 'waiting')"
)

_Ended: TypeAlias = Mapping[tuple[str, str], int]
"""How many deliveries of a destination ended how: by state and reason."""


class DestinationCounts(msgspec.Struct, frozen=True):
    """One destination: how many of its shop's events ended how."""

    shop: str
    vendor: str
    received: int
    """Since the destination is there."""
    delivered: int
    not_wanted: dict[str, int]
    """By reason."""
    dead: int
    waiting: int
    oldest_waiting: int | None
    """When the oldest that waits was received: milliseconds since 1970."""
    held_since: int | None
    held_reason: str
    probe_at: int | None


class Counts(msgspec.Struct, frozen=True):
    """Everything, from one consistent view."""

    received: dict[str, int]
    """By shop, for ever."""
    dropped: dict[tuple[str, str], int]
    """Not taken, by shop and kind of reason, for ever."""
    destinations: list[DestinationCounts]
    heartbeats: dict[str, int]
    """When each process last showed that it is at work: milliseconds since 1970."""


def count(database: Database) -> Counts:
    """Count. Costs a few index look-ups per destination, however much is kept."""
    with database.reading() as connection:
        return counted(connection)


def counted(connection: Connection) -> Counts:
    """The same within a transaction that is under way."""
    received = {row.shop: row.received for row in connection.execute(select(tables.shops))}
    ended: dict[int, dict[tuple[str, str], int]] = {}
    for row in connection.execute(select(tables.totals)):
        ended.setdefault(row.destination, {})[row.state, row.reason] = _count(row)
    destinations = connection.execute(select(tables.destinations).order_by(_destinations.id)).all()
    return Counts(
        received,
        {(row.shop, row.reason): _count(row) for row in connection.execute(select(tables.dropped))},
        [
            _destination(connection, row, received.get(row.shop, 0), ended.get(row.id, {}))
            for row in destinations
        ],
        {row.name: row.at for row in connection.execute(select(tables.heartbeats))},
    )


def _destination(connection: Connection, row: Row[Any], received: int, ended: _Ended) -> DestinationCounts:
    since = received - ended.get((EARLIER, ""), 0)
    delivered, dead = ended.get(("delivered", ""), 0), ended.get(("dead", ""), 0)
    not_wanted = {reason: number for (state, reason), number in ended.items() if state == "not_wanted"}
    return DestinationCounts(
        shop=row.shop,
        vendor=row.vendor,
        received=since,
        delivered=delivered,
        not_wanted=not_wanted,
        dead=dead,
        waiting=since - delivered - dead - sum(not_wanted.values()),
        oldest_waiting=_oldest_waiting(connection, row),
        held_since=row.held_since,
        held_reason=row.held_reason,
        probe_at=row.probe_at,
    )


def _count(row: Row[Any]) -> int:
    """The column of that name; `row.count` is a method of every row."""
    return int(row._mapping["count"])


def _oldest_waiting(connection: Connection, destination: Row[Any]) -> int | None:
    """When the oldest event was received that the destination has not read, or tries again."""
    unread = (
        select(_events.received)
        .where(_events.seq > destination.position, tables.shop_of_event == destination.shop)
        .order_by(_events.seq)
        .limit(1)
    )
    waiting = connection.scalar(_FIRST_WAITING, {"destination": destination.id})
    found = [connection.scalar(unread), waiting]
    return min((moment for moment in found if moment is not None), default=None)
