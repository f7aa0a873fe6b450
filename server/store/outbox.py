"""The relay side of the store: what is to be delivered, and what became of it.

For each destination `position` says how far the events were read. Everything up to it has a row in
`deliveries`, settled or waiting; what lies beyond is new. So accepting an event costs one row however many
vendors there are, and a crash loses nothing: reading goes on from `position`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, select, true, update
from sqlalchemy.dialects.sqlite import insert

from server.consent import ERASED, NOTHING_SAID, Consent
from server.event import Event
from server.settings import Settings
from server.store import tables
from server.store.database import Database
from server.store.outcomes import Report, write
from server.store.readings import MINUTE, take
from server.store.totals import EARLIER
from server.store.trouble import as_cannot_keep


class Destination(msgspec.Struct, frozen=True):
    """One vendor of one shop, as the store knows it."""

    id: int
    shop: str
    vendor: str
    position: int
    held_since: int | None
    held_reason: str


class Due(msgspec.Struct, frozen=True):
    """An event that a destination has not settled yet."""

    seq: int
    event: Event
    attempts: int = 0
    told: int = 0
    """How many of its messages the vendor has already."""
    replayed: int | None = None
    """When somebody asked for another try: its lifetime counts from then."""
    next_at: int | None = 0
    """When it is to be tried again; 0: at once; None: after the earlier ones of its visitor."""


class Unreadable(msgspec.Struct, frozen=True):
    """An event whose record cannot be decoded."""

    seq: int
    visitor: str


_CONSENT = (
    "SELECT (SELECT consent FROM visitors WHERE shop = ?1 AND visitor = ?2),"
    " EXISTS (SELECT 1 FROM tombstones WHERE shop = ?1 AND visitor = ?2)"
)

_event_decoder = msgspec.json.Decoder(Event)
_consent_decoder = msgspec.json.Decoder(Consent)
_ids_decoder = msgspec.json.Decoder(dict[str, str])

_events = tables.events.c
_deliveries = tables.deliveries.c
_destinations = tables.destinations.c


def register(database: Database, settings: Settings) -> None:
    """Make sure every destination of the configuration exists; a new one gets the events from now on.

    Web and relay both do this at their start, so that events are waited for whichever of them comes first.
    Raises CannotKeep when the database cannot be written to.
    """
    newest = select(func.coalesce(func.max(_events.seq), 0)).scalar_subquery()
    with as_cannot_keep(), database.writing() as connection:
        for name, shop in settings.shops.items():
            for vendor in shop.vendors:
                added = connection.execute(
                    insert(tables.destinations)
                    .values(shop=name, vendor=vendor, position=newest, held_reason="")
                    .on_conflict_do_nothing()
                    .returning(_destinations.id)
                ).scalar()
                if added is not None:
                    _remember_earlier(connection, added, name)


RELAY = "relay"
"""The name of its heartbeat."""


def _remember_earlier(connection: Connection, destination: int, shop: str) -> None:
    received = connection.scalar(select(tables.shops.c.received).where(tables.shops.c.shop == shop)) or 0
    connection.execute(
        insert(tables.totals).values(destination=destination, state=EARLIER, reason="", count=received)
    )


class Outbox:
    """One relay's view of the store; only one relay at a time may write through it."""

    def __init__(self, database: Database) -> None:
        """Raises CannotKeep when the database cannot be written to."""
        self._database = database
        self._last_reading = -1
        with as_cannot_keep(), database.writing() as connection:
            self._last_request = connection.scalar(select(func.max(tables.requests.c.id))) or 0
            _release_heads(connection)

    # Reading. Quick enough to be done between two requests.

    def version(self) -> int:
        """A number that changes with every commit of anybody else. Costs microseconds.

        Raises CannotKeep when the database cannot be read. https://sqlite.org/pragma.html#pragma_data_version
        """
        with as_cannot_keep():
            row = self._database.reader().execute("PRAGMA data_version").fetchone()
        return int(row[0])

    def destination(self, shop: str, vendor: str) -> Destination:
        """The state of a destination that `register` knows."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(tables.destinations).where(_destinations.shop == shop, _destinations.vendor == vendor)
            ).one()
        return Destination(row.id, row.shop, row.vendor, row.position, row.held_since, row.held_reason)

    def unread(self, destination: Destination, after: int, limit: int) -> tuple[list[Due | Unreadable], int]:
        """New events after a seq in the order they were kept, and the seq up to which they were looked for.

        Those that already have a row are left out: they were settled before a crash, ahead of the position.
        """
        known = select(_deliveries.event).where(
            _deliveries.destination == destination.id, _deliveries.event == _events.seq
        )
        with self._database.reading() as connection:
            newest = connection.scalar(select(func.max(_events.seq))) or 0
            rows = connection.execute(
                select(_events.seq, _events.visitor, _events.body, known.exists().label("known"))
                .where(_events.seq > after, tables.shop_of_event == destination.shop)
                .order_by(_events.seq)
                .limit(limit)
            ).all()
        upto = rows[-1].seq if len(rows) == limit else max(newest, after)
        return [_due(row) for row in rows if not row.known], upto

    def due(self, destination: int, now: int, limit: int) -> list[str]:
        """Visitors of whom something is to be tried again by now, longest overdue first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(_deliveries.visitor)
                .where(
                    _deliveries.destination == destination,
                    _deliveries.state == "waiting",
                    _deliveries.next_at <= now,
                )
                .order_by(_deliveries.next_at)
                .limit(limit)
            )
            return list(dict.fromkeys(row.visitor for row in rows))

    def head_due(self, destination: int, visitor: str, now: int) -> bool:
        """Whether the first of a visitor's waiting events is to be tried again by now.

        One without a time waited for others that are settled, and its time is now.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                select(_deliveries.next_at)
                .where(
                    _deliveries.destination == destination,
                    _deliveries.state == "waiting",
                    _deliveries.visitor == visitor,
                )
                .order_by(_deliveries.event)
                .limit(1)
            ).first()
        return row is not None and (row.next_at is None or row.next_at <= now)

    def waiting_of(
        self, destination: int, visitor: str, after: int, limit: int, due_by: int | None = None
    ) -> list[Due | Unreadable]:
        """What waits of one visitor after a seq, in the order it was kept; with `due_by`: and is due."""
        due = _deliveries.next_at <= due_by if due_by is not None else true()
        with self._database.reading() as connection:
            rows = connection.execute(
                select(
                    _events.seq,
                    _events.visitor,
                    _events.body,
                    _deliveries.attempts,
                    _deliveries.told,
                    _deliveries.replayed,
                    _deliveries.next_at,
                )
                .join(tables.events, _events.seq == _deliveries.event)
                .where(
                    _deliveries.destination == destination,
                    _deliveries.state == "waiting",
                    _deliveries.visitor == visitor,
                    _deliveries.event > after,
                    due,
                )
                .order_by(_deliveries.event)
                .limit(limit)
            ).all()
        return [_due(row, row.attempts, row.told, row.replayed, row.next_at) for row in rows]

    def next_due(self, destination: int) -> int | None:
        """When the next one is to be tried again; None when none waits."""
        with self._database.reading() as connection:
            earliest: int | None = connection.scalar(
                select(func.min(_deliveries.next_at)).where(
                    _deliveries.destination == destination, _deliveries.state == "waiting"
                )
            )
            return earliest

    def blocked(self, destination: int, visitors: Iterable[str]) -> set[str]:
        """Those of the visitors for whom something waits."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(_deliveries.visitor)
                .where(
                    _deliveries.destination == destination,
                    _deliveries.state == "waiting",
                    _deliveries.visitor.in_(list(visitors)),
                )
                .distinct()
            )
            return {row.visitor for row in rows}

    def consent(self, shop: str, visitor: str) -> Consent:
        """What the visitor has said by now; ERASED once they are."""
        consent, erased = self._database.reader().execute(_CONSENT, (shop, visitor)).fetchone()
        if erased:
            return ERASED
        return _consent_decoder.decode(consent) if consent else NOTHING_SAID

    def ids(self, destination: int, visitor: str) -> dict[str, str]:
        """What the vendor gave us for this visitor."""
        row = (
            self._database.reader()
            .execute(
                "SELECT ids FROM vendor_ids WHERE destination = ? AND visitor = ?", (destination, visitor)
            )
            .fetchone()
        )
        return _ids_decoder.decode(row[0]) if row else {}

    # Writing.

    def beat(self, now: int) -> None:
        """Show that a relay is at work, and once a minute how the counts stand.

        Raises CannotKeep when that cannot be written.
        """
        statement = insert(tables.heartbeats).values(name=RELAY, at=now)
        with as_cannot_keep(), self._database.writing() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"at": statement.excluded.at})
            )
            if now // MINUTE != self._last_reading:
                take(connection, now)
        self._last_reading = now // MINUTE

    def rest(self) -> None:
        """Show that the relay ended in order. Raises CannotKeep when that cannot be written."""
        with as_cannot_keep(), self._database.writing() as connection:
            connection.execute(delete(tables.heartbeats).where(tables.heartbeats.c.name == RELAY))

    def record(self, reports: Sequence[Report]) -> None:
        """Write all of it down in one transaction. Raises CannotKeep when that fails; then none of it is."""
        with as_cannot_keep(), self._database.writing() as connection:
            for report in reports:
                self._last_request = write(connection, report, self._last_request)


def _due(
    row: Row[*tuple[Any, ...]],
    attempts: int = 0,
    told: int = 0,
    replayed: int | None = None,
    next_at: int | None = 0,
) -> Due | Unreadable:
    try:
        return Due(row.seq, _event_decoder.decode(row.body), attempts, told, replayed, next_at)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unreadable(row.seq, row.visitor)


def _release_heads(connection: Connection) -> None:
    """Make due whatever waited behind an event that was settled just before a crash."""
    earlier = tables.deliveries.alias("earlier")
    first = ~(
        select(earlier.c.event)
        .where(
            earlier.c.destination == _deliveries.destination,
            earlier.c.visitor == _deliveries.visitor,
            earlier.c.state == "waiting",
            earlier.c.event < _deliveries.event,
        )
        .exists()
    )
    connection.execute(
        update(tables.deliveries)
        .where(_deliveries.state == "waiting", _deliveries.next_at.is_(None), first)
        .values(next_at=0)
    )
