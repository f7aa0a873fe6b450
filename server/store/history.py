"""What was kept and what became of it, for people: `gatepost explain`, the console, the demo's panel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, select, text

from server.consent import Consent
from server.event import Event
from server.store import tables
from server.store.database import Database

_events = tables.events.c
_deliveries = tables.deliveries.c
_destinations = tables.destinations.c
_requests = tables.requests.c
_tellings = tables.tellings.c
_visitors = tables.visitors.c
_consents = tables.consents.c

_event_decoder = msgspec.json.Decoder(Event)
_consent_decoder = msgspec.json.Decoder(Consent)
_messages_decoder = msgspec.json.Decoder(list[dict[str, Any]])


class Exchange(msgspec.Struct, frozen=True):
    """One request that carried an event, and its answer."""

    at: int
    took: int
    method: str
    path: str
    events: int
    """How many events the request carried in all."""
    messages: list[dict[str, Any]]
    """What it said of this one."""
    status: int | None
    reply: str
    outcome: str
    reason: str


class Fate(msgspec.Struct, frozen=True):
    """What became of an event at one destination."""

    vendor: str
    state: str
    """waiting, delivered, not_wanted or dead."""
    reason: str
    receipt: str
    attempts: int
    next_at: int | None
    at: int | None
    held: str
    """Why the destination is held; empty when it flows."""
    exchanges: list[Exchange]


class Record(msgspec.Struct, frozen=True):
    """An event with everything known of it."""

    seq: int
    event: Event
    consent: Consent | None
    """What the visitor has said by now."""
    fates: list[Fate]


class ConsentChange(msgspec.Struct, frozen=True):
    """One line of the consent ledger."""

    at: int
    consent: Consent


class History:
    """Reads the store; never writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(self, shop: str, seq: int, limit: int) -> list[Record]:
        """The newest events of a shop after a seq, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(_events.seq, _events.body)
                .where(tables.shop_of_event == shop, _events.seq > seq)
                .order_by(_events.seq.desc())
                .limit(limit)
            ).all()
            return _records(connection, rows[::-1])

    def find(self, id: str, limit: int = 100, shop: str = "") -> list[Record]:
        """The events that this id names: an event's own, an order's, or a visitor's newest, oldest first.

        Of one shop, or of all.
        """
        for condition in (
            _events.id == id,
            _events.order_id == id,
            _events.visitor == id,
        ):
            with self._database.reading() as connection:
                rows = self._matching(connection, shop, condition, limit)
                if rows:
                    return _records(connection, rows[::-1])
        return []

    def of_visitor(self, shop: str, visitor: str, after: int, limit: int) -> list[Record]:
        """A visitor's events after a seq, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(_events.seq, _events.body)
                .where(_events.shop == shop, _events.visitor == visitor, _events.seq > after)
                .order_by(_events.seq)
                .limit(limit)
            ).all()
            return _records(connection, rows)

    def of_seqs(self, seqs: Collection[int]) -> dict[int, Record]:
        """The events of these seqs, as far as they are kept."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(_events.seq, _events.body).where(_events.seq.in_(seqs)).order_by(_events.seq)
            ).all()
            return {record.seq: record for record in _records(connection, rows)}

    def newest_of_each_name(self, shop: str, limit: int = 200) -> list[Record]:
        """The newest event of each name of a shop, by name."""
        # One step along the index per name: https://www.sqlite.org/lang_with.html#recursive_query_examples
        names = text(
            "WITH RECURSIVE names (name) AS ("
            " SELECT min(name) FROM events WHERE shop = :shop UNION ALL"
            " SELECT (SELECT min(name) FROM events WHERE shop = :shop AND name > names.name)"
            " FROM names WHERE names.name IS NOT NULL"
            ") SELECT (SELECT max(seq) FROM events WHERE shop = :shop AND name = names.name) AS seq"
            " FROM names WHERE name IS NOT NULL LIMIT :limit"
        )
        with self._database.reading() as connection:
            seqs = connection.execute(names, {"shop": shop, "limit": limit}).scalars().all()
            rows = connection.execute(
                select(_events.seq, _events.body).where(_events.seq.in_(seqs)).order_by(_events.name)
            ).all()
            return _records(connection, rows)

    def consents(self, shop: str, visitor: str) -> list[ConsentChange]:
        """What a visitor has said, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(_consents.at, _consents.consent)
                .where(_consents.shop == shop, _consents.visitor == visitor)
                .order_by(_consents.seq)
            )
            return [ConsentChange(row.at, _consent_decoder.decode(row.consent)) for row in rows]

    def _matching(
        self, connection: Connection, shop: str, condition: ColumnElement[bool], limit: int
    ) -> Sequence[Row[Any, Any]]:
        # The indexes begin with the shop, so each shop is asked for.
        shops = [shop] if shop else connection.execute(select(tables.shops.c.shop)).scalars().all()
        return connection.execute(
            select(_events.seq, _events.body)
            .where(_events.shop.in_(shops), condition)
            .order_by(_events.seq.desc())
            .limit(limit)
        ).all()


def _records(connection: Connection, rows: Sequence[Row[Any, Any]]) -> list[Record]:
    if not rows:
        return []
    events = {row.seq: _event_decoder.decode(row.body) for row in rows}
    exchanges = _exchanges(connection, list(events))
    fates = _fates(connection, events, exchanges)
    consents = _present_consents(connection, {(event.shop, event.visitor) for event in events.values()})
    return [
        Record(seq, event, consents.get((event.shop, event.visitor)), fates[seq])
        for seq, event in events.items()
    ]


def _fates(
    connection: Connection, events: dict[int, Event], exchanges: dict[tuple[int, int], list[Exchange]]
) -> dict[int, list[Fate]]:
    """For each event a fate at each destination of its shop that was there when it came."""
    destinations = connection.execute(select(tables.destinations).order_by(_destinations.id)).all()
    settled = {
        (row.event, row.destination): row
        for row in connection.execute(
            select(tables.deliveries).where(
                # Named, because the index begins with them.
                _deliveries.destination.in_([destination.id for destination in destinations]),
                _deliveries.event.in_(list(events)),
            )
        )
    }
    fates: dict[int, list[Fate]] = {seq: [] for seq in events}
    for seq, event in events.items():
        for destination in destinations:
            row = settled.get((seq, destination.id))
            if destination.shop != event.shop or (row is None and seq <= destination.position):
                continue
            fates[seq].append(
                Fate(
                    vendor=destination.vendor,
                    state=row.state if row else "waiting",
                    reason=row.reason if row else "",
                    receipt=row.receipt if row else "",
                    attempts=row.attempts if row else 0,
                    next_at=row.next_at if row else None,
                    at=row.at if row else None,
                    held=destination.held_reason,
                    exchanges=exchanges.get((seq, destination.id), []),
                )
            )
    return fates


def _exchanges(connection: Connection, seqs: list[int]) -> dict[tuple[int, int], list[Exchange]]:
    rows = connection.execute(
        select(_tellings.event, _tellings.destination, _tellings.body, tables.requests)
        .join(tables.requests, _requests.id == _tellings.request)
        .where(_tellings.event.in_(seqs))
        .order_by(_requests.id)
    )
    found: dict[tuple[int, int], list[Exchange]] = {}
    for row in rows:
        found.setdefault((row.event, row.destination), []).append(
            Exchange(
                at=row.at,
                took=row.took,
                method=row.method,
                path=row.path,
                events=row.events,
                messages=_messages_decoder.decode(row.body),
                status=row.status,
                reply=row.reply,
                outcome=row.outcome,
                reason=row.reason,
            )
        )
    return found


def _present_consents(
    connection: Connection, visitors: set[tuple[str, str]]
) -> dict[tuple[str, str], Consent]:
    found = {}
    for shop, visitor in visitors:
        body = connection.scalar(
            select(_visitors.consent).where(_visitors.shop == shop, _visitors.visitor == visitor)
        )
        if body is not None:
            found[shop, visitor] = _consent_decoder.decode(body)
    return found
