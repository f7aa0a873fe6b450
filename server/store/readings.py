"""How the counts stood, once a minute: what happened in between is the difference of two readings.

A reading costs a row per destination and minute, whatever the traffic, and none of the relay's commits waits
for it. The counts move with the outcomes in one transaction and a reading is one view of all of them, so what
charts show adds up as the counts do. Where none was taken, because no relay was at work, what came meanwhile
is spread evenly over the gap.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import msgspec
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from server.store import tables
from server.store.counts import Counts, counted
from server.store.database import Database

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EVERY_MINUTE = 26 * HOUR
"""How long every reading is kept."""
COARSE = 15 * MINUTE
"""After that one of so many milliseconds is."""
LIFE = 9 * DAY
"""And after that none: the longest chart is of a week."""

_readings = tables.readings.c

Levels: TypeAlias = tuple[int, int, int, int]
"""Received, delivered, not wanted and dead, each since the beginning."""


class Span(msgspec.Struct, frozen=True):
    """What a chart covers."""

    steps: int
    step: int
    """Milliseconds."""


SPANS: Mapping[str, Span] = {
    "hour": Span(60, MINUTE),
    "day": Span(96, COARSE),
    "week": Span(84, 2 * HOUR),
}


class Course(msgspec.Struct, frozen=True):
    """What happened in each step of time; the last one is not over."""

    begins: list[int]
    """When each step begins: milliseconds since 1970."""
    received: list[int]
    delivered: list[int]
    not_wanted: list[int]
    dead: list[int]


def take(connection: Connection, now: int) -> None:
    """Write down how all counts stand now."""
    rows = [
        {
            "shop": shop,
            "vendor": vendor,
            "at": now,
            "received": levels[0],
            "delivered": levels[1],
            "not_wanted": levels[2],
            "dead": levels[3],
        }
        for (shop, vendor), levels in _levels(counted(connection)).items()
    ]
    if rows:
        connection.execute(insert(tables.readings).on_conflict_do_nothing(), rows)


def thin(connection: Connection, now: int) -> int:
    """Delete the readings that no chart needs any more; how many."""
    gone = connection.execute(delete(tables.readings).where(_readings.at < now - LIFE)).rowcount
    earlier = tables.readings.alias("earlier")
    not_first = (
        select(earlier.c.at)
        .where(
            earlier.c.shop == _readings.shop,
            earlier.c.vendor == _readings.vendor,
            earlier.c.at < _readings.at,
            earlier.c.at >= _readings.at - _readings.at % COARSE,
        )
        .exists()
    )
    old = delete(tables.readings).where(_readings.at < now - EVERY_MINUTE, not_first)
    return gone + connection.execute(old).rowcount


def courses(database: Database, counts: Counts, shop: str, span: Span, now: int) -> dict[str, Course]:
    """The course of each destination of a shop up to now, by vendor, and by "" that of the shop itself.

    Of the shop itself "not wanted" is what was not taken at the door. `counts` are those of now.
    """
    begins = [(now // span.step - back) * span.step for back in range(span.steps - 1, -1, -1)]
    present = {vendor: levels for (name, vendor), levels in _levels(counts).items() if name == shop}
    with database.reading() as connection:
        return {
            vendor: _course([*_read(connection, shop, vendor, begins[0], span.step), (now, levels)], begins)
            for vendor, levels in present.items()
        }


def _levels(counts: Counts) -> dict[tuple[str, str], Levels]:
    found: dict[tuple[str, str], Levels] = {}
    shops = (
        *counts.received,
        *(one[0] for one in counts.dropped),
        *(one.shop for one in counts.destinations),
    )
    for shop in set(shops):
        not_taken = sum(number for (name, _), number in counts.dropped.items() if name == shop)
        found[shop, ""] = (counts.received.get(shop, 0), 0, not_taken, 0)
    for one in counts.destinations:
        not_wanted = sum(one.not_wanted.values())
        found[one.shop, one.vendor] = (one.received, one.delivered, not_wanted, one.dead)
    return found


def _read(
    connection: Connection, shop: str, vendor: str, since: int, step: int
) -> Iterator[tuple[int, Levels]]:
    """The last reading before `since`, and from then on the first of each step."""
    columns = (_readings.received, _readings.delivered, _readings.not_wanted, _readings.dead)
    mine = (_readings.shop == shop, _readings.vendor == vendor)
    before = connection.execute(
        select(_readings.at, *columns)
        .where(*mine, _readings.at < since)
        .order_by(_readings.at.desc())
        .limit(1)
    )
    # The columns beside a min() are of the row that has it: https://sqlite.org/lang_select.html#bareagg
    first = connection.execute(
        select(func.min(_readings.at), *columns)
        .where(*mine, _readings.at >= since)
        .group_by(_readings.at.op("/")(step))
        .order_by(_readings.at)
    )
    for row in [*before, *first]:
        yield row[0], (row[1], row[2], row[3], row[4])


def _course(readings: Sequence[tuple[int, Levels]], begins: Sequence[int]) -> Course:
    readings = [*_in_order(readings)]
    edges = [_at(readings, edge) for edge in begins] + [readings[-1][1]]
    kinds = [[max(0, after[kind] - before[kind]) for before, after in pairwise(edges)] for kind in range(4)]
    return Course(list(begins), *kinds)


def _in_order(readings: Sequence[tuple[int, Levels]]) -> Iterator[tuple[int, Levels]]:
    """Without those of a time that, by a clock that was set back, is still to come; the last one is now."""
    yield from (reading for reading in readings[:-1] if reading[0] < readings[-1][0])
    yield readings[-1]


def _at(readings: Sequence[tuple[int, Levels]], moment: int) -> Levels:
    """How the counts stood at a moment, as far as the readings before and after it tell."""
    after = bisect_right(readings, moment, key=lambda reading: reading[0])
    if after == 0:
        return readings[0][1]
    if after == len(readings):
        return readings[-1][1]
    (begin, low), (end, high) = readings[after - 1], readings[after]
    part = (moment - begin) / (end - begin)
    received, delivered, not_wanted, dead = (
        a + round((b - a) * part) for a, b in zip(low, high, strict=True)
    )
    return received, delivered, not_wanted, dead
