"""What is kept of one visitor, for the visitor: who it is, what was said, which vendors were told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, String, cast, func, or_, select, text, union

from server.consent import Consent
from server.event import User
from server.store import tables
from server.store.database import Database
from server.store.trouble import as_cannot_keep

_deliveries = tables.deliveries.c
_destinations = tables.destinations.c
_events = tables.events.c
_identities = tables.identities.c
_requests = tables.requests.c
_tellings = tables.tellings.c
_visitors = tables.visitors.c

_consent_decoder = msgspec.json.Decoder(Consent)
_user_decoder = msgspec.json.Decoder(User)
_ids_decoder = msgspec.json.Decoder(dict[str, str])

# The index is named, because SQLite would take the table itself, and read all of the destination:
# https://www.sqlite.org/lang_indexedby.html
_WAITING = text(
    "SELECT count(*) FROM deliveries INDEXED BY deliveries_behind"
    " WHERE destination = :destination AND visitor = :visitor AND state = 'waiting'"
)


class Told(msgspec.Struct, frozen=True):
    """A vendor that was told of a visitor, or at least sent a request about them."""

    vendor: str
    first: int
    """Milliseconds since 1970."""
    last: int
    events: int
    """How many it was told of."""


class Profile(msgspec.Struct, frozen=True):
    """What is kept of a visitor beside the events."""

    visitor: str
    first_seen: int
    """Milliseconds since 1970."""
    last_seen: int
    """To the day."""
    consent: Consent
    user: User
    identities: list[tuple[str, str]]
    """Names by which the shop's server means this visitor: kind and value."""


class Rights:
    """Reads the store; never writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def profile(self, shop: str, visitor: str) -> Profile | None:
        """What is kept of this visitor; None when nothing is."""
        with as_cannot_keep(), self._database.reading() as connection:
            row = connection.execute(
                select(tables.visitors).where(_visitors.shop == shop, _visitors.visitor == visitor)
            ).first()
            if row is None:
                return None
            identities = connection.execute(
                select(_identities.kind, _identities.value)
                .where(_identities.shop == shop, _identities.visitor == visitor)
                .order_by(_identities.kind, _identities.value)
            ).all()
            return Profile(
                visitor,
                row.first_seen,
                row.last_seen,
                _consent_decoder.decode(row.consent),
                _user_decoder.decode(row.user),
                [(one.kind, one.value) for one in identities],
            )

    def told(self, shop: str, visitor: str) -> list[Told]:
        """Which vendors were told of this visitor, as far back as anything is kept."""
        found: dict[str, Told] = {}
        with as_cannot_keep(), self._database.reading() as connection:
            for row in [*_told_of_kept(connection, shop, visitor), *_told_before(connection, shop, visitor)]:
                one = Told(*row)
                other = found.get(one.vendor, one)
                found[one.vendor] = (
                    one
                    if other is one
                    else Told(
                        one.vendor,
                        min(one.first, other.first),
                        max(one.last, other.last),
                        one.events + other.events,
                    )
                )
        return list(found.values())

    def vendor_ids(self, shop: str, visitor: str) -> dict[str, dict[str, str]]:
        """Every vendor of the shop, with the ids it gave this visitor itself."""
        ids = tables.vendor_ids
        with as_cannot_keep(), self._database.reading() as connection:
            rows = connection.execute(
                select(_destinations.vendor, ids.c.ids)
                .outerjoin(ids, (ids.c.destination == _destinations.id) & (ids.c.visitor == visitor))
                .where(_destinations.shop == shop)
                .order_by(_destinations.id)
            )
            return {row.vendor: _ids_decoder.decode(row.ids) if row.ids else {} for row in rows}

    def events(self, shop: str, visitor: str) -> int:
        """How many events of this visitor are kept."""
        statement = select(func.count()).where(_events.shop == shop, _events.visitor == visitor)
        with as_cannot_keep(), self._database.reading() as connection:
            return connection.scalar(statement) or 0

    def under_way(self, shop: str, visitor: str) -> dict[str, int]:
        """How many of them each vendor is still to be told of; those that wait for none are left out."""
        with as_cannot_keep(), self._database.reading() as connection:
            places = connection.execute(select(tables.destinations).where(_destinations.shop == shop)).all()
            counts = {place.vendor: _under_way(connection, place, visitor) for place in places}
        return {vendor: number for vendor, number in counts.items() if number}

    def visitor_exists(self, shop: str, visitor: str) -> bool:
        """Whether anything is kept of this visitor."""
        row = select(_visitors.visitor).where(_visitors.shop == shop, _visitors.visitor == visitor).exists()
        event = select(_events.seq).where(_events.shop == shop, _events.visitor == visitor).exists()
        with as_cannot_keep(), self._database.reading() as connection:
            return bool(connection.scalar(select(row | event)))

    def visitors_of_user(self, shop: str, name: str) -> list[str]:
        """Every visitor who was called so, by id, e-mail (in whatever case) or phone.

        Reads all that is kept of the shop: an index of every name would cost each event, for what is asked a
        few times a year.
        """
        with as_cannot_keep(), self._database.reading() as connection:
            as_email = (_identities.kind == "email") & (func.lower(_identities.value) == name.lower())
            statement = union(
                select(_identities.visitor).where(
                    _identities.shop == shop, (_identities.value == name) | as_email
                ),
                select(_visitors.visitor).where(_visitors.shop == shop, _called(_visitors.user, "$.", name)),
                select(_events.visitor).where(_events.shop == shop, _called(_events.body, "$.user.", name)),
            )
            return list(connection.execute(statement).scalars())

    def visitors_of_order(self, shop: str, order: str) -> list[str]:
        """Whose order this was."""
        with as_cannot_keep(), self._database.reading() as connection:
            statement = select(_events.visitor).where(_events.shop == shop, _events.order_id == order)
            return list(connection.execute(statement.distinct()).scalars())

    def erased_at(self, shop: str, visitor: str) -> int | None:
        """When this visitor was erased, in milliseconds since 1970; None: they were not."""
        stones = tables.tombstones.c
        with as_cannot_keep(), self._database.reading() as connection:
            return connection.scalar(select(stones.at).where(stones.shop == shop, stones.visitor == visitor))


def _under_way(connection: Connection, place: Row[*tuple[Any, ...]], visitor: str) -> int:
    """What waits at a destination, and what it has not read yet."""
    row = select(_deliveries.event).where(
        _deliveries.destination == place.id, _deliveries.event == _events.seq
    )
    unread = select(func.count()).where(
        _events.shop == place.shop,
        _events.visitor == visitor,
        _events.seq > place.position,
        ~row.exists(),
    )
    waiting = connection.scalar(_WAITING, {"destination": place.id, "visitor": visitor}) or 0
    return waiting + (connection.scalar(unread) or 0)


def _called(column: ColumnElement[bytes], prefix: str, name: str) -> ColumnElement[bool]:
    body = cast(column, String)  # a blob would be taken for SQLite's binary JSON
    return or_(
        *(func.json_extract(body, f"{prefix}{kind}") == name for kind in ("id", "phone")),
        func.lower(func.json_extract(body, f"{prefix}email")) == name.lower(),
    )


def _told_of_kept(connection: Connection, shop: str, visitor: str) -> Sequence[Row[*tuple[Any, ...]]]:
    return connection.execute(
        select(
            _destinations.vendor,
            func.min(_requests.at),
            func.max(_requests.at),
            func.count(_tellings.event.distinct()),
        )
        .join(tables.tellings, _tellings.event == _events.seq)
        .join(tables.requests, _requests.id == _tellings.request)
        .join(tables.destinations, _destinations.id == _tellings.destination)
        .where(_events.shop == shop, _events.visitor == visitor)
        .group_by(_destinations.vendor)
    ).all()


def _told_before(connection: Connection, shop: str, visitor: str) -> Sequence[Row[*tuple[Any, ...]]]:
    told = tables.told.c
    return connection.execute(
        select(_destinations.vendor, told.first, told.last, told.events)
        .join(tables.destinations, _destinations.id == told.destination)
        .where(_destinations.shop == shop, told.visitor == visitor)
    ).all()
