"""What vendors finally refused: listed, replayed, dropped; beside a relay, which leaves such rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Row,
    String,
    bindparam,
    select,
    text,
    update,
)

from server.consent import Consent
from server.store import tables
from server.store.database import Database
from server.store.totals import add
from server.store.trouble import as_cannot_keep

DROPPED = "dropped by hand"
CHUNK = 500
"""Rows in one transaction: a relay at work must not wait."""

_events = tables.events.c
_deliveries = tables.deliveries.c
_destinations = tables.destinations.c
_visitors = tables.visitors.c
_consent_decoder = msgspec.json.Decoder(Consent)

# The index is named, because SQLite would take the table itself, which has the same order, and read all of
# it: https://www.sqlite.org/lang_indexedby.html
_OF_DESTINATION = (
    text(
        "SELECT event, visitor, reason, attempts, at FROM deliveries INDEXED BY deliveries_dead"
        " WHERE destination = :destination AND state = 'dead' AND event > :after"
    )
    .columns(event=BigInteger, visitor=String, reason=String, attempts=Integer, at=BigInteger)
    .subquery("dead")
)
_dead = _OF_DESTINATION.c
_KINDS = text(
    "SELECT reason, count(*) AS number, min(at) AS first, max(at) AS last, max(event) AS newest FROM ("
    " SELECT reason, at, event FROM deliveries INDEXED BY deliveries_dead"
    " WHERE destination = :destination AND state = 'dead' ORDER BY event DESC LIMIT :looked)"
    " GROUP BY reason ORDER BY number DESC, newest DESC LIMIT :limit"
)
_KEPT = text(
    "SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_dead"
    " WHERE destination = :destination AND state = 'dead' LIMIT :most)"
)


class Filter(msgspec.Struct, frozen=True):
    """Which dead letters are meant; what is empty does not restrict."""

    shop: str = ""
    vendor: str = ""
    reason: str = ""
    """Words that the reason holds, in any case."""
    event: str = ""
    """An event's name, such as purchase, or its id."""
    since: int = 0
    """Given up at this time or later: milliseconds since 1970."""
    until: int = 0
    """Given up before this time: milliseconds since 1970."""
    same_reason: str = ""
    """The reason, to the letter."""
    seqs: tuple[int, ...] = ()
    """Of these events, by their place in the order of keeping."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """What the rows of a destination that is meant must fulfil."""
        wanted: list[ColumnElement[bool]] = []
        if self.reason:
            wanted.append(_dead.reason.icontains(self.reason, autoescape=True))
        if self.same_reason:
            wanted.append(_dead.reason == self.same_reason)
        if self.event:
            wanted.append((_events.name == self.event) | (_events.id == self.event))
        if self.seqs:
            wanted.append(_dead.event.in_(self.seqs))
        if self.since:
            wanted.append(_dead.at >= self.since)
        if self.until:
            wanted.append(_dead.at < self.until)
        return wanted


class DeadLetter(msgspec.Struct, frozen=True):
    """One event that one vendor finally refused."""

    destination: int
    shop: str
    vendor: str
    seq: int
    id: str
    name: str
    visitor: str
    reason: str
    attempts: int
    at: int
    """When it was given up: milliseconds since 1970."""
    received: int
    """When it was taken."""


class Kind(msgspec.Struct, frozen=True):
    """Dead letters of one vendor that were given up for the same reason."""

    vendor: str
    reason: str
    number: int
    first: int
    """When the first of them was given up: milliseconds since 1970."""
    last: int
    newest: int
    """The seq of the newest event among them."""


class DeadLetters:
    """The dead letters of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, which: Filter, limit: int, after: tuple[int, int] = (0, 0)) -> Sequence[DeadLetter]:
        """Those that are meant, by destination and in the order they were kept; `after`: both of the last."""
        found: list[DeadLetter] = []
        with self._database.reading() as connection:
            for place in _places(connection, which):
                if place.id < after[0] or len(found) == limit:
                    continue
                begin = after[1] if place.id == after[0] else 0
                found += _of_destination(connection, which, place, begin, limit - len(found))
        return found

    def kinds(self, shop: str, looked: int, limit: int) -> Sequence[Kind]:
        """Those of a shop by vendor and reason, the most frequent of each vendor first.

        Of each vendor the newest `looked` are looked at, and the `limit` most frequent reasons returned.
        """
        with self._database.reading() as connection:
            return [
                Kind(place.vendor, **row._mapping)
                for place in _places(connection, Filter(shop))
                for row in connection.execute(
                    _KINDS, {"destination": place.id, "looked": looked, "limit": limit}
                )
            ]

    def kept(self, shop: str, most: int) -> int:
        """How many there are of a shop; of each vendor so many are counted at most."""
        with self._database.reading() as connection:
            return sum(
                connection.scalar(_KEPT, {"destination": place.id, "most": most}) or 0
                for place in _places(connection, Filter(shop))
            )

    def consents(self, letters: Sequence[DeadLetter]) -> Mapping[tuple[str, str], Consent]:
        """What the letters' visitors have said by now, by shop and visitor; absent: nothing."""
        of_shop: dict[str, set[str]] = {}
        for letter in letters:
            of_shop.setdefault(letter.shop, set()).add(letter.visitor)
        found: dict[tuple[str, str], Consent] = {}
        with self._database.reading() as connection:
            for shop, several in of_shop.items():
                visitors = sorted(several)
                for begin in range(0, len(visitors), CHUNK):
                    rows = connection.execute(
                        select(_visitors.visitor, _visitors.consent).where(
                            _visitors.shop == shop, _visitors.visitor.in_(visitors[begin : begin + CHUNK])
                        )
                    )
                    found.update(((shop, row.visitor), _consent_decoder.decode(row.consent)) for row in rows)
        return found

    def replay(self, letters: Sequence[DeadLetter], now: int) -> int:
        """Let a relay try these again, where they were refused and nowhere else; how many will be.

        Raises CannotKeep; what is missing then is done by the next try.
        """
        return self._settle_anew(
            letters,
            {"state": "waiting", "reason": "replayed by hand", "next_at": now, "replayed": now, "at": now},
        )

    def drop(self, letters: Sequence[DeadLetter], now: int) -> int:
        """Give these up for good; how many were. Raises CannotKeep as `replay` does."""
        return self._settle_anew(letters, {"state": "not_wanted", "reason": DROPPED, "at": now})

    def _settle_anew(self, letters: Sequence[DeadLetter], values: dict[str, Any]) -> int:
        changed = 0
        for begin in range(0, len(letters), CHUNK):
            with as_cannot_keep(), self._database.writing() as connection:
                changed += _change(connection, letters[begin : begin + CHUNK], values)
        return changed


def _places(connection: Connection, which: Filter) -> Sequence[Row[int, str, str]]:
    """The destinations that are meant, in their order."""
    wanted = [
        column == value
        for column, value in ((_destinations.shop, which.shop), (_destinations.vendor, which.vendor))
        if value
    ]
    statement = select(_destinations.id, _destinations.shop, _destinations.vendor).where(*wanted)
    return connection.execute(statement.order_by(_destinations.id)).all()


def _of_destination(
    connection: Connection, which: Filter, place: Row[int, str, str], after: int, limit: int
) -> Sequence[DeadLetter]:
    rows = connection.execute(
        select(
            _dead.event.label("seq"),
            _events.id,
            _events.name,
            _dead.visitor,
            _dead.reason,
            _dead.attempts,
            _dead.at,
            _events.received,
        )
        .join(tables.events, _events.seq == _dead.event)
        .where(*which.conditions())
        .order_by(_dead.event)
        .limit(limit),
        {"destination": place.id, "after": after},
    )
    return [DeadLetter(place.id, place.shop, place.vendor, **row._mapping) for row in rows]


def _change(connection: Connection, letters: Sequence[DeadLetter], values: dict[str, Any]) -> int:
    """Only what is still dead: somebody else may have been quicker."""
    moved: Counter[int] = Counter()
    statement = (
        update(tables.deliveries)
        .where(
            _deliveries.destination == bindparam("which"),
            _deliveries.event == bindparam("seq"),
            _deliveries.state == "dead",
        )
        .values(attempts=0, **values)
    )
    for letter in letters:
        done = connection.execute(statement, {"which": letter.destination, "seq": letter.seq})
        moved[letter.destination] += done.rowcount
    for destination, count in moved.items():
        add(connection, destination, "dead", "", -count)
        if values["state"] != "waiting":
            add(connection, destination, values["state"], values["reason"], count)
    return moved.total()
