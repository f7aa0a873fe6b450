"""Deletes what has been kept long enough, in steps so small that nobody waits for them.

An event goes `retention_days` after it was settled at every destination, with everything that was said of it.
What waits stays, and so does what was finally refused while it could still be worth another try. A visitor
goes when neither seen for as long as the cookie lives nor named by any event. Which vendors were told of whom
outlives the events, the totals and the consent ledger outlive both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, delete, func, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from server.clock import Clock
from server.cookies import DAY, VISITOR_LIFE
from server.pseudonyms import Pseudonyms
from server.settings import Settings
from server.store import tables
from server.store.database import Database
from server.store.erasure import Erasure, forget_visitor
from server.store.exchanges import forget
from server.store.readings import thin
from server.store.totals import add
from server.store.trouble import as_cannot_keep
from server.vendors.base import lifetime

STEP = 100
"""Events deleted in one transaction."""
VISITORS = 500
"""Visitors looked at in one step."""
PAGES = 200
"""Pages of the file (4 KB each) given back in one step."""
SPARE = 256
"""Free pages that stay: what is deleted today is needed tomorrow."""
GONE = "the vendor was taken out of the configuration"

_Found: TypeAlias = Row[*tuple[Any, ...]]

_deliveries = tables.deliveries.c
_destinations = tables.destinations.c
_events = tables.events.c
_requests = tables.requests.c
_tellings = tables.tellings.c
_visitors = tables.visitors.c


class Retention:
    """Deletes from one database what its configuration says."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._erasure = Erasure(database, Pseudonyms(database.key("pseudonyms")))
        self._next_look_at_visitors = 0

    def sweep(self) -> Iterator[int]:
        """Once over everything; after each step, how many rows it deleted. Stop or pause wherever it yields.

        Raises CannotKeep when the database refuses; the next sweep begins anew.
        """
        now = self._clock()
        yield from self._erasures(now)
        yield from self._old_events(now)
        yield self._old_readings(now)
        if now >= self._next_look_at_visitors:
            yield from self._old_visitors(now)
            self._next_look_at_visitors = now + DAY
        yield from self._space()

    def _erasures(self, now: int) -> Iterator[int]:
        """Finish those that a crash or a full disk interrupted."""
        stones = tables.tombstones.c
        left = (
            select(_events.seq).where(_events.shop == stones.shop, _events.visitor == stones.visitor).exists()
        )
        with as_cannot_keep(), self._database.reading() as connection:
            unfinished = connection.execute(select(stones.shop, stones.visitor).where(left)).all()
        for row in unfinished:
            yield self._erasure.erase(row.shop, row.visitor, now)

    # Events.

    def _old_events(self, now: int) -> Iterator[int]:
        cutoff = now - self._settings.retention_days * DAY
        after = 0
        while True:
            with as_cannot_keep(), self._database.writing() as connection:
                rows = connection.execute(
                    select(_events.seq, _events.shop, _events.visitor, _events.name, _events.received)
                    .where(_events.seq > after)
                    .order_by(_events.seq)
                    .limit(STEP)
                ).all()
                old = [row for row in rows if row.received < cutoff]
                deleted = self._delete_settled(connection, old, cutoff, now) if old else 0
            yield deleted
            if len(old) < STEP:
                return
            after = rows[-1].seq

    def _delete_settled(self, connection: Connection, events: Sequence[_Found], cutoff: int, now: int) -> int:
        places = connection.execute(select(tables.destinations)).all()
        found = connection.execute(
            select(
                _deliveries.destination,
                _deliveries.event,
                _deliveries.state,
                _deliveries.at,
                _deliveries.replayed,
            ).where(
                _deliveries.destination.in_([place.id for place in places]),
                _deliveries.event.in_([event.seq for event in events]),
            )
        )
        rows = {(row.destination, row.event): row for row in found}
        gone = []
        for event in events:
            mine = [(place, rows.get((place.id, event.seq))) for place in places if place.shop == event.shop]
            if all(self._is_over(event, place, row, cutoff, now) for place, row in mine):
                gone.append(event.seq)
                for place, row in mine:
                    if _is_open(event, place, row):
                        add(connection, place.id, "not_wanted", GONE, 1)
        if gone:
            _delete(connection, gone, [place.id for place in places])
        return len(gone)

    def _is_over(self, event: _Found, place: _Found, row: _Found | None, cutoff: int, now: int) -> bool:
        """Whether this destination has been done with the event for long enough."""
        worth = lifetime(event.name)
        if _is_open(event, place, row):
            shop = self._settings.shops.get(place.shop)
            is_configured = shop is not None and place.vendor in shop.vendors
            return not is_configured and event.received + worth < cutoff
        if row is None:
            return True  # it came before the destination was there
        if row.state == "dead" and now <= max(event.received, row.replayed or 0) + worth:
            return False
        return bool(row.at < cutoff)

    def _old_readings(self, now: int) -> int:
        with as_cannot_keep(), self._database.writing() as connection:
            thin(connection, now)
        return 0

    # Visitors.

    def _old_visitors(self, now: int) -> Iterator[int]:
        cutoff = now - VISITOR_LIFE
        after = ("", "")
        while True:
            key = tuple_(_visitors.shop, _visitors.visitor)
            with as_cannot_keep(), self._database.reading() as connection:
                rows = connection.execute(
                    select(_visitors.shop, _visitors.visitor, _visitors.last_seen)
                    .where(key > after)
                    .order_by(_visitors.shop, _visitors.visitor)
                    .limit(VISITORS)
                ).all()
            old = [(row.shop, row.visitor) for row in rows if row.last_seen < cutoff]
            yield self._forget_visitors(old, cutoff) if old else 0
            if len(rows) < VISITORS:
                break
            after = (rows[-1].shop, rows[-1].visitor)
        stones = tables.tombstones
        with as_cannot_keep(), self._database.writing() as connection:
            yield connection.execute(delete(stones).where(stones.c.at < cutoff)).rowcount

    def _forget_visitors(self, visitors: Sequence[tuple[str, str]], cutoff: int) -> int:
        """Those of them who were not seen meanwhile, and whom no event names."""
        deleted = 0
        with as_cannot_keep(), self._database.writing() as connection:
            for shop, visitor in visitors:
                event = select(_events.seq).where(_events.shop == shop, _events.visitor == visitor).exists()
                still = select(_visitors.visitor).where(
                    _visitors.shop == shop, _visitors.visitor == visitor, _visitors.last_seen < cutoff, ~event
                )
                if connection.execute(still).first():
                    forget_visitor(connection, shop, visitor)
                    deleted += 1
        return deleted

    # Space.

    def _space(self) -> Iterator[int]:
        """Give the disk back what nothing is kept in any more."""
        with as_cannot_keep(), closing(self._database.connect()) as connection:
            free = _free_pages(connection)
            while free > SPARE:
                # Fetched, because every page is a row of it.
                connection.execute(f"PRAGMA incremental_vacuum({PAGES})").fetchall()
                yield 0
                before, free = free, _free_pages(connection)
                if free >= before:  # others delete at the same time
                    break
        # The file itself shrinks when the log is written back into it.
        with as_cannot_keep():
            self._database.empty_log()


def _free_pages(connection: sqlite3.Connection) -> int:
    (vacuums,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(free) if vacuums else 0


def _is_open(event: _Found, place: _Found, row: _Found | None) -> bool:
    """Whether something is still to be done about the event at this destination."""
    return bool(event.seq > place.position) if row is None else row.state == "waiting"


def _delete(connection: Connection, seqs: Sequence[int], destinations: Sequence[int]) -> None:
    _remember_told(connection, seqs)
    forget(connection, seqs, whole=False)
    connection.execute(
        delete(tables.deliveries).where(
            _deliveries.destination.in_(destinations), _deliveries.event.in_(seqs)
        )
    )
    connection.execute(delete(tables.events).where(_events.seq.in_(seqs)))


def _remember_told(connection: Connection, seqs: Sequence[int]) -> None:
    """Which vendors were told of whom by these events: it is asked for long after."""
    rows = connection.execute(
        select(
            _tellings.destination,
            _events.visitor,
            func.min(_requests.at),
            func.max(_requests.at),
            func.count(_tellings.event.distinct()),
        )
        .join(tables.events, _events.seq == _tellings.event)
        .join(tables.requests, _requests.id == _tellings.request)
        .where(_tellings.event.in_(seqs))
        .group_by(_tellings.destination, _events.visitor)
    ).all()
    if not rows:
        return
    told = tables.told.c
    statement = insert(tables.told)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["destination", "visitor"],
            set_={
                "first": func.min(told.first, statement.excluded.first),
                "last": func.max(told.last, statement.excluded.last),
                "events": told.events + statement.excluded.events,
            },
        ),
        [
            {"destination": row[0], "visitor": row[1], "first": row[2], "last": row[3], "events": row[4]}
            for row in rows
        ],
    )
