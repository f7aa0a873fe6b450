"""The relay side of the store: what is to be delivered, and what became of it.

For each destination `position` says how far the events were read. Everything up to it has a row in
`deliveries`, settled or waiting; what lies beyond is new. So accepting an event costs one row however many
vendors there are, and a crash loses nothing: reading goes on from `position`.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from server.consent import NOTHING_SAID, Consent
from server.errors import CannotKeep
from server.event import Event
from server.settings import Settings
from server.store import tables
from server.store.database import Database

State: TypeAlias = Literal["waiting", "delivered", "not_wanted", "dead"]


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
    next_at: int = 0
    """When it is to be tried again; 0: never tried yet."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of an event at a destination."""

    event: int
    visitor: str
    state: State
    reason: str
    at: int
    receipt: str = ""
    attempts: int = 0
    told: int = 0
    next_at: int | None = None
    """When to try again; of one that waits, and of no other."""


class Telling(msgspec.Struct, frozen=True):
    """What a request said of one event."""

    event: int
    body: bytes
    """The messages, or the query of an introduction, as a JSON list."""


class Attempt(msgspec.Struct, frozen=True):
    """One request that was made, and what came of it."""

    at: int
    took: int
    """Milliseconds."""
    method: str
    path: str
    status: int | None
    reply: str
    outcome: str
    reason: str
    tellings: Sequence[Telling] = ()


class Hold(msgspec.Struct, frozen=True):
    """Since when and why a destination is held, and when it is tried next."""

    since: int
    reason: str
    probe_at: int


class Report(msgspec.Struct):
    """What a relay has to write down of one destination, all at once."""

    destination: int
    outcomes: list[Outcome]
    attempts: list[Attempt]
    ids: dict[str, dict[str, str]]
    """What the vendor gave us, by visitor."""
    position: int
    hold: Hold | None


_event_decoder = msgspec.json.Decoder(Event)
_consent_decoder = msgspec.json.Decoder(Consent)
_ids_decoder = msgspec.json.Decoder(dict[str, str])
_encode = msgspec.json.Encoder().encode

_events = tables.events.c
_deliveries = tables.deliveries.c
_destinations = tables.destinations.c


def register(database: Database, settings: Settings) -> None:
    """Make sure every destination of the configuration exists; a new one gets the events from now on.

    Web and relay both do this at their start, so that events are waited for whichever of them comes first.
    """
    newest = select(func.coalesce(func.max(_events.seq), 0)).scalar_subquery()
    with database.writing() as connection:
        for name, shop in settings.shops.items():
            for vendor in shop.vendors:
                connection.execute(
                    insert(tables.destinations)
                    .values(shop=name, vendor=vendor, position=newest, held_reason="")
                    .on_conflict_do_nothing()
                )


class Outbox:
    """One relay's view of the store; only one relay at a time may write through it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.reading() as connection:
            self._last_request = connection.scalar(select(func.max(tables.requests.c.id))) or 0

    # Reading. Quick enough to be done between two requests.

    def newest(self) -> int:
        """The seq of the newest event; 0 when there was never one.

        Raises CannotKeep when the database cannot be read.
        """
        try:
            row = self._database.reader().execute("SELECT max(seq) FROM events").fetchone()
        except sqlite3.Error as error:
            raise CannotKeep(f"the database cannot be read: {error}") from None
        return row[0] or 0

    def destination(self, shop: str, vendor: str) -> Destination:
        """The state of a destination that `register` knows."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(tables.destinations).where(_destinations.shop == shop, _destinations.vendor == vendor)
            ).one()
        return Destination(row.id, row.shop, row.vendor, row.position, row.held_since, row.held_reason)

    def unread(self, destination: Destination, after: int, limit: int) -> tuple[list[Due], int]:
        """New events after a seq in the order they were kept, and the seq up to which they were looked for.

        Those that already have a row are left out: they were settled before a crash, ahead of the position.
        """
        known = select(_deliveries.event).where(
            _deliveries.destination == destination.id, _deliveries.event == _events.seq
        )
        with self._database.reading() as connection:
            newest = connection.scalar(select(func.max(_events.seq))) or 0
            rows = connection.execute(
                select(_events.seq, _events.body, known.exists().label("known"))
                .where(_events.seq > after, _events.shop == destination.shop)
                .order_by(_events.seq)
                .limit(limit)
            ).all()
        upto = rows[-1].seq if len(rows) == limit else max(newest, after)
        return [Due(row.seq, _event_decoder.decode(row.body)) for row in rows if not row.known], upto

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

    def waiting_of(self, destination: int, visitor: str, after: int, limit: int) -> list[Due]:
        """What waits of one visitor after a seq, in the order it was kept."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(_events.seq, _events.body, _deliveries.attempts, _deliveries.told, _deliveries.next_at)
                .join(tables.events, _events.seq == _deliveries.event)
                .where(
                    _deliveries.destination == destination,
                    _deliveries.state == "waiting",
                    _deliveries.visitor == visitor,
                    _deliveries.event > after,
                )
                .order_by(_deliveries.event)
                .limit(limit)
            ).all()
        return [
            Due(row.seq, _event_decoder.decode(row.body), row.attempts, row.told, row.next_at) for row in rows
        ]

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
        """What the visitor has said by now."""
        row = (
            self._database.reader()
            .execute("SELECT consent FROM visitors WHERE shop = ? AND visitor = ?", (shop, visitor))
            .fetchone()
        )
        return _consent_decoder.decode(row[0]) if row else NOTHING_SAID

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

    def record(self, reports: Sequence[Report]) -> None:
        """Write all of it down in one transaction. Raises CannotKeep when that fails; then none of it is."""
        try:
            with self._database.writing() as connection:
                for report in reports:
                    self._record_attempts(connection, report)
                    _record_outcomes(connection, report)
                    _record_ids(connection, report)
                    _record_destination(connection, report)
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise CannotKeep(f"the database cannot be written to: {error}") from error

    def _record_attempts(self, connection: Connection, report: Report) -> None:
        rows: list[dict[str, Any]] = []
        tellings: list[dict[str, Any]] = []
        for attempt in report.attempts:
            self._last_request += 1
            rows.append(
                {
                    "id": self._last_request,
                    "destination": report.destination,
                    "at": attempt.at,
                    "took": attempt.took,
                    "method": attempt.method,
                    "path": attempt.path,
                    "events": len(attempt.tellings),
                    "status": attempt.status,
                    "reply": attempt.reply,
                    "outcome": attempt.outcome,
                    "reason": attempt.reason,
                }
            )
            tellings += [
                {
                    "event": telling.event,
                    "destination": report.destination,
                    "request": self._last_request,
                    "body": telling.body,
                }
                for telling in attempt.tellings
            ]
        if rows:
            connection.execute(insert(tables.requests), rows)
        if tellings:
            connection.execute(insert(tables.tellings), tellings)


def _record_destination(connection: Connection, report: Report) -> None:
    hold = report.hold
    connection.execute(
        update(tables.destinations)
        .where(_destinations.id == report.destination)
        .values(
            position=report.position,
            held_since=hold.since if hold else None,
            held_reason=hold.reason if hold else "",
            probe_at=hold.probe_at if hold else None,
        )
    )


def _record_outcomes(connection: Connection, report: Report) -> None:
    if not report.outcomes:
        return
    statement = insert(tables.deliveries)
    statement = statement.on_conflict_do_update(
        index_elements=["destination", "event"],
        set_={
            column.name: column
            for column in statement.excluded
            if column.name not in ("destination", "event", "visitor")
        },
    )
    connection.execute(
        statement,
        [{"destination": report.destination, **_row(outcome)} for outcome in report.outcomes],
    )
    settled = Counter(
        (outcome.state, outcome.reason if outcome.state == "not_wanted" else "")
        for outcome in report.outcomes
        if outcome.state != "waiting"
    )
    if settled:
        total = insert(tables.totals)
        connection.execute(
            total.on_conflict_do_update(
                index_elements=["destination", "state", "reason"],
                set_={"count": tables.totals.c.count + total.excluded.count},
            ),
            [
                {"destination": report.destination, "state": state, "reason": reason, "count": count}
                for (state, reason), count in settled.items()
            ],
        )


def _record_ids(connection: Connection, report: Report) -> None:
    if not report.ids:
        return
    statement = insert(tables.vendor_ids)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["destination", "visitor"], set_={"ids": statement.excluded.ids}
        ),
        [
            {"destination": report.destination, "visitor": visitor, "ids": _encode(ids)}
            for visitor, ids in report.ids.items()
        ],
    )


def _row(outcome: Outcome) -> dict[str, Any]:
    return {field: getattr(outcome, field) for field in Outcome.__struct_fields__}
