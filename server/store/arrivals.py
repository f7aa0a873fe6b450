"""What has come from browsers of late, as far as it shows whether the tag is built in well.

However many events are kept, a few of each name are looked at: the newest.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, String, cast, func, select

from server.consent import Consent
from server.store import tables
from server.store.database import Database
from server.store.feed import Feed

OF_EACH_NAME = 30
"""Events that are looked at: the newest."""
VISITORS = 60
"""Of their visitors, the newest."""
OF_EACH_VISITOR = 50
"""Events of a visitor that are looked through for a second request."""

_events = tables.events.c
_visitors = tables.visitors.c
_consent_decoder = msgspec.json.Decoder(Consent)


class Newest(msgspec.Struct, frozen=True):
    """The newest event that a browser sent."""

    id: str
    name: str
    received: int
    """Milliseconds since 1970."""


class Arrivals(msgspec.Struct, frozen=True):
    """What browsers sent of late."""

    newest: Newest | None
    visitors: int
    """Whose events were looked at."""
    returned: int
    """How many of them brought the cookie that they had been given: they sent more than one request."""
    consents: list[Consent]
    """What these visitors have said."""


def arrivals(database: Database, shop: str) -> Arrivals:
    """Look."""
    names = Feed(database).names(shop)
    with database.reading() as connection:
        rows = [row for name in names for row in _newest(connection, shop, name)]
        rows.sort(key=lambda row: -row.seq)
        visitors = list(dict.fromkeys(row.visitor for row in rows))[:VISITORS]
        return Arrivals(
            Newest(rows[0].id, rows[0].name, rows[0].received) if rows else None,
            len(visitors),
            sum(_returned(connection, shop, visitor) for visitor in visitors),
            _consents(connection, shop, visitors),
        )


def _is_from_browser(body: ColumnElement[bytes]) -> ColumnElement[bool]:
    """Left out of the record is the usual case, and that is the browser."""
    return func.json_extract(cast(body, String), "$.origin").is_(None)


def _newest(connection: Connection, shop: str, name: str) -> Sequence[Row[int, str, str, str, int]]:
    newest = (
        select(_events.seq, _events.id, _events.name, _events.visitor, _events.received, _events.body)
        .where(_events.shop == shop, _events.name == name)
        .order_by(_events.seq.desc())
        .limit(OF_EACH_NAME)
        .subquery()
    )
    return connection.execute(
        select(newest.c.seq, newest.c.id, newest.c.name, newest.c.visitor, newest.c.received).where(
            _is_from_browser(newest.c.body)
        )
    ).all()


def _returned(connection: Connection, shop: str, visitor: str) -> bool:
    """Whether a visitor sent more than one request: all events of one were received at the same moment."""
    newest = (
        select(_events.received, _events.body)
        .where(_events.shop == shop, _events.visitor == visitor)
        .order_by(_events.seq.desc())
        .limit(OF_EACH_VISITOR)
        .subquery()
    )
    requests = select(func.count(newest.c.received.distinct())).where(_is_from_browser(newest.c.body))
    return (connection.scalar(requests) or 0) > 1


def _consents(connection: Connection, shop: str, visitors: Sequence[str]) -> list[Consent]:
    rows = connection.execute(
        select(_visitors.consent).where(_visitors.shop == shop, _visitors.visitor.in_(visitors))
    ).scalars()
    return [_consent_decoder.decode(body) for body in rows]
