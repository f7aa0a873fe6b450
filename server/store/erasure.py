"""Erasing a visitor: what is kept of them goes, and a tombstone stays.

The tombstone comes first, in the same transaction as everything that makes the visitor known. From then on
nothing of them is kept or relayed, by whichever process; so their events can go after it in small steps, and
what a relay still has to say of one that is gone is not written down.

The counts go on adding up: what was still to be delivered was, for each destination, "not wanted: erased".
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from server.consent import ERASED
from server.event import User
from server.pseudonyms import Pseudonyms
from server.store import tables
from server.store.database import Database
from server.store.exchanges import forget
from server.store.totals import add
from server.store.trouble import as_cannot_keep

log = logging.getLogger(__name__)

STEP = 200
"""Events erased in one transaction: the collector and the relay must not wait."""

_deliveries = tables.deliveries.c
_destinations = tables.destinations.c
_events = tables.events.c

_encode = msgspec.json.Encoder().encode
_user_decoder = msgspec.json.Decoder(User)


class Erasure:
    """Erases visitors of one database."""

    def __init__(self, database: Database, pseudonyms: Pseudonyms) -> None:
        self._database = database
        self._pseudonyms = pseudonyms

    def erase(self, shop: str, visitor: str, now: int) -> int:
        """Erase a visitor; returns how many events went. Erasing again what is erased does no harm.

        Raises CannotKeep when the database refuses; what is missing then is erased by the next try.
        """
        with as_cannot_keep(), self._database.writing() as connection:
            was_known = self._bury(connection, shop, visitor, now)
        events = 0
        while step := self._step(shop, visitor):
            events += step
        if was_known or events:
            self._empty_log()
        return events

    def _empty_log(self) -> None:
        with as_cannot_keep():
            if not self._database.empty_log():
                log.info("the database is being read; what was erased leaves its log with the next sweep")

    def _step(self, shop: str, visitor: str) -> int:
        with as_cannot_keep(), self._database.writing() as connection:
            seqs = (
                connection.execute(
                    select(_events.seq).where(_events.shop == shop, _events.visitor == visitor).limit(STEP)
                )
                .scalars()
                .all()
            )
            if seqs:
                _erase_events(connection, shop, seqs)
            return len(seqs)

    def _bury(self, connection: Connection, shop: str, visitor: str, now: int) -> bool:
        """Set the tombstone, remember by what names the visitor was known, and forget the visitor.

        Whether there was anything to forget.
        """
        for table, row in [
            (tables.tombstones, {"shop": shop, "visitor": visitor, "at": now}),
            *((tables.erased_names, row) for row in self._names(connection, shop, visitor, now)),
        ]:
            connection.execute(insert(table).values(row).on_conflict_do_nothing())
        forgotten = forget_visitor(connection, shop, visitor)
        ledger = tables.consents
        gone = connection.execute(
            delete(ledger).where(ledger.c.shop == shop, ledger.c.visitor == visitor)
        ).rowcount
        reference = self._pseudonyms.reference(shop, visitor)
        known = connection.scalar(
            select(func.count()).where(ledger.c.shop == shop, ledger.c.visitor == reference)
        )
        if gone or not known:
            connection.execute(
                insert(ledger).values(
                    shop=shop,
                    visitor=reference,
                    at=now,
                    consent=_encode(msgspec.structs.replace(ERASED, at=now)),
                )
            )
        return bool(forgotten or gone)

    def _names(self, connection: Connection, shop: str, visitor: str, now: int) -> list[dict[str, object]]:
        """The hashes of everything that the visitor was called by."""
        identities, visitors = tables.identities.c, tables.visitors.c
        names = {
            (row.kind, row.value)
            for row in connection.execute(
                select(identities.kind, identities.value).where(
                    identities.shop == shop, identities.visitor == visitor
                )
            )
        }
        user = connection.scalar(
            select(visitors.user).where(visitors.shop == shop, visitors.visitor == visitor)
        )
        if user:
            names |= {
                (kind, name)
                for kind, name in msgspec.structs.asdict(_user_decoder.decode(user)).items()
                if name
            }
        return [
            {"shop": shop, "name": self._pseudonyms.name(shop, kind, value), "at": now}
            for kind, value in names
        ]


def forget_visitor(connection: Connection, shop: str, visitor: str) -> int:
    """Delete all that is kept of a visitor beside the events and the consent ledger; how many rows."""
    of_shop = select(_destinations.id).where(_destinations.shop == shop)
    conditions = [
        *((table, table.c.shop == shop) for table in (tables.visitors, tables.identities)),
        *((table, table.c.destination.in_(of_shop)) for table in (tables.vendor_ids, tables.told)),
    ]
    return sum(
        connection.execute(delete(table).where(condition, table.c.visitor == visitor)).rowcount
        for table, condition in conditions
    )


def _erase_events(connection: Connection, shop: str, seqs: Sequence[int]) -> None:
    for destination in connection.execute(
        select(_destinations.id, _destinations.position).where(_destinations.shop == shop)
    ).all():
        _erase_deliveries(connection, destination.id, destination.position, seqs)
    forget(connection, seqs, whole=True)
    connection.execute(delete(tables.events).where(_events.seq.in_(seqs)))


def _erase_deliveries(connection: Connection, destination: int, position: int, seqs: Sequence[int]) -> None:
    mine = (_deliveries.destination == destination, _deliveries.event.in_(seqs))
    rows = connection.execute(select(_deliveries.event, _deliveries.state).where(*mine))
    states = {row.event: row.state for row in rows}
    by_state = Counter(states.values())
    unread = sum(seq > position for seq in seqs if seq not in states)
    add(connection, destination, "dead", "", -by_state["dead"])
    add(connection, destination, "not_wanted", "erased", by_state["dead"] + by_state["waiting"] + unread)
    connection.execute(delete(tables.deliveries).where(*mine))
