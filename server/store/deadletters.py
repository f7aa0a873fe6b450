"""What vendors finally refused: listed, replayed, dropped; beside a relay, which leaves such rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from server.consent import NOTHING_SAID, Consent
from server.store import tables
from server.store.database import Database
from server.store.totals import add

DROPPED = "dropped by hand"
CHUNK = 500
"""Rows in one transaction: a relay at work must not wait."""

_events = tables.events.c
_deliveries = tables.deliveries.c
_destinations = tables.destinations.c
_visitors = tables.visitors.c
_consent_decoder = msgspec.json.Decoder(Consent)


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

    def conditions(self) -> list[ColumnElement[bool]]:
        """What the rows must fulfil."""
        wanted: list[ColumnElement[bool]] = [_deliveries.state == "dead"]
        if self.shop:
            wanted.append(_destinations.shop == self.shop)
        if self.vendor:
            wanted.append(_destinations.vendor == self.vendor)
        if self.reason:
            wanted.append(_deliveries.reason.icontains(self.reason, autoescape=True))
        if self.event:
            wanted.append((_events.name == self.event) | (_events.id == self.event))
        if self.since:
            wanted.append(_deliveries.at >= self.since)
        if self.until:
            wanted.append(_deliveries.at < self.until)
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


class DeadLetters:
    """The dead letters of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, which: Filter, limit: int, after: tuple[int, int] = (0, 0)) -> Sequence[DeadLetter]:
        """Those that are meant, by destination and in the order they were kept; `after`: both of the last."""
        destination, seq = after
        later = (_deliveries.destination > destination) | (
            (_deliveries.destination == destination) & (_deliveries.event > seq)
        )
        with self._database.reading() as connection:
            rows = connection.execute(
                select(
                    _deliveries.destination,
                    _destinations.shop,
                    _destinations.vendor,
                    _deliveries.event.label("seq"),
                    _events.id,
                    _events.name,
                    _deliveries.visitor,
                    _deliveries.reason,
                    _deliveries.attempts,
                    _deliveries.at,
                    _events.received,
                )
                .join(tables.destinations, _destinations.id == _deliveries.destination)
                .join(tables.events, _events.seq == _deliveries.event)
                .where(later, *which.conditions())
                .order_by(_deliveries.destination, _deliveries.event)
                .limit(limit)
            )
            return [DeadLetter(**row._mapping) for row in rows]

    def consent(self, letter: DeadLetter) -> Consent:
        """What the letter's visitor has said by now."""
        with self._database.reading() as connection:
            body = connection.scalar(
                select(_visitors.consent).where(
                    _visitors.shop == letter.shop, _visitors.visitor == letter.visitor
                )
            )
        return _consent_decoder.decode(body) if body else NOTHING_SAID

    def replay(self, letters: Sequence[DeadLetter], now: int) -> int:
        """Let a relay try these again, where they were refused and nowhere else; how many will be."""
        return self._settle_anew(
            letters,
            {"state": "waiting", "reason": "replayed by hand", "next_at": now, "replayed": now, "at": now},
        )

    def drop(self, letters: Sequence[DeadLetter], now: int) -> int:
        """Give these up for good; how many were."""
        return self._settle_anew(letters, {"state": "not_wanted", "reason": DROPPED, "at": now})

    def _settle_anew(self, letters: Sequence[DeadLetter], values: dict[str, Any]) -> int:
        changed = 0
        for begin in range(0, len(letters), CHUNK):
            with self._database.writing() as connection:
                changed += _change(connection, letters[begin : begin + CHUNK], values)
        return changed


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
