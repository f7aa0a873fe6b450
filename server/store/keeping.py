"""The writing of a group: what is decided, remembered and inserted within one transaction."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import islice
from typing import Protocol

import msgspec

from server.consent import ERASED, NOTHING_SAID, Consent
from server.event import Event, User


class KnownVisitor(msgspec.Struct, frozen=True):
    """What is remembered of a visitor between requests."""

    first_seen: int
    consent: Consent = NOTHING_SAID
    user: User = User()
    purchases: int = 0
    """How many are kept; what the cart's id is made of."""
    last_seen: int = 0
    """To the day: milliseconds since 1970."""


class Arrival(msgspec.Struct, frozen=True):
    """What is to be kept of one visitor."""

    shop: str
    visitor: str
    first_seen: int
    events: tuple[Event, ...] = ()
    consent: Consent | None = None
    """None when it did not change: then another tab's newer choice is not overwritten."""
    user: User | None = None
    """None when it did not change."""
    is_new: bool = False
    """A stranger until now, so there is something to remember even where nothing was said."""
    seen: int = 0
    """When this was, where that is worth writing down; see `seen`."""
    names: User | None = None
    """By what the shop's server knows the visitor beside, without its being the visitor's own word."""
    withdraws: bool = False
    """Something was declined by it that was open."""


CartOf = Callable[[str], str | None]
"""Knows the cart that a visitor's order ended; None for an order that is not kept."""


class Taking(Protocol):
    """What a request brings, where what of it is kept depends on what is known of its visitor."""

    shop: str
    visitor: str

    def decide(self, known: KnownVisitor | None, cart_of: CartOf) -> Arrival:
        """What to keep, given what is remembered of the visitor at this moment; None: of a stranger.

        A visitor who was erased has the consent `ERASED`. Called within the transaction that keeps the
        arrival, so no other request of the visitor comes in between; called again where the disk failed.
        """


DAY = 86_400_000


def seen(known: KnownVisitor | None, now: int) -> int:
    """The time to write down of a visitor who is here: once a day is enough; 0: none."""
    return now if known is None or now - known.last_seen >= DAY else 0


_consent_decoder = msgspec.json.Decoder(Consent)
_event_decoder = msgspec.json.Decoder(Event)
_user_decoder = msgspec.json.Decoder(User)
_encode = msgspec.json.Encoder().encode


PROBE = Arrival("", "", 0)
"""Something of no meaning, to see whether it can be written."""
ROWS = 100
"""Events in one statement at most."""
_ORDER = "SELECT body FROM events WHERE shop = ? AND order_id = ? AND visitor = ? ORDER BY seq LIMIT 1"


def keep_group(connection: sqlite3.Connection, group: Sequence[Arrival | Taking]) -> list[list[bool]]:
    """Keep all of these within the transaction under way; for each, which of its events are new."""
    return [result for wave in _waves(group) for result in _keep(connection, wave)]


def _waves(group: Sequence[Arrival | Taking]) -> Iterator[list[Arrival | Taking]]:
    """The group in parts, in each of which what is still to be decided is all of different visitors.

    Nearly always that is one: a visitor's second request must see what the first has changed.
    """
    wave: list[Arrival | Taking] = []
    met: set[tuple[str, str]] = set()
    for work in group:
        who = (work.shop, work.visitor)
        if who in met and not isinstance(work, Arrival):
            yield wave
            wave, met = [], set()
        wave.append(work)
        met.add(who)
    yield wave


def _keep(connection: sqlite3.Connection, wave: Sequence[Arrival | Taking]) -> list[list[bool]]:
    """Keep what has come; for each, which of its events are new.

    In as few statements as can be: after each of them this thread waits for its turn at the interpreter,
    behind the very requests that wait for it.
    """
    if any(work is PROBE for work in wave):
        connection.execute(
            "INSERT INTO keys (name, value) VALUES ('probe', randomblob(8))"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        )
    erased = _erased(connection, wave)
    arrivals = _decided(connection, wave, erased)
    welcome = [arrival for arrival in arrivals if (arrival.shop, arrival.visitor) not in erased]
    for arrival in welcome:
        if arrival.is_new or arrival.consent or arrival.user is not None or arrival.names or arrival.seen:
            _remember(connection, arrival)
    bought = _kept_orders(connection, welcome)
    kept = iter(_insert(connection, [event for arrival in welcome for event in arrival.events]))
    results = [
        list(islice(kept, len(arrival.events)))
        if (arrival.shop, arrival.visitor) not in erased
        else [False] * len(arrival.events)
        for arrival in arrivals
    ]
    new = [
        event
        for arrival, result in zip(arrivals, results, strict=True)
        for event, is_new in zip(arrival.events, result, strict=True)
        if is_new
    ]
    _count_purchases(connection, new, bought)
    _count_received(connection, new)
    return results


def _decided(
    connection: sqlite3.Connection, wave: Sequence[Arrival | Taking], erased: set[tuple[str, str]]
) -> list[Arrival]:
    """What of all this is to be kept."""
    takings = [work for work in wave if not isinstance(work, Arrival)]
    known = _known(connection, takings) if takings else {}
    known |= dict.fromkeys(erased, _ERASED_VISITOR)
    return [
        work
        if isinstance(work, Arrival)
        else work.decide(
            known.get((work.shop, work.visitor)),
            partial(cart_of_order, connection, work.shop, work.visitor),
        )
        for work in wave
    ]


_ERASED_VISITOR = KnownVisitor(0, ERASED)


def _pairs(wave: Sequence[Arrival | Taking]) -> tuple[str]:
    """Their shops and visitors as one parameter, which a statement for any number of them takes."""
    return (_encode({(work.shop, work.visitor) for work in wave}).decode(),)


def _known(connection: sqlite3.Connection, takings: Sequence[Taking]) -> dict[tuple[str, str], KnownVisitor]:
    """What is remembered of the visitors of these; strangers are missing."""
    rows = connection.execute(
        "SELECT shop, visitor, first_seen, consent, user, purchases, last_seen"
        " FROM json_each(?) AS one CROSS JOIN visitors"
        " ON shop = json_extract(one.value, '$[0]') AND visitor = json_extract(one.value, '$[1]')",
        _pairs(takings),
    )
    return {(shop, visitor): _visitor(*row) for shop, visitor, *row in rows}


def find_visitor(connection: sqlite3.Connection, shop: str, visitor: str) -> KnownVisitor | None:
    """What is remembered of this visitor; None for a stranger."""
    row = connection.execute(
        "SELECT first_seen, consent, user, purchases, last_seen FROM visitors WHERE shop = ? AND visitor = ?",
        (shop, visitor),
    ).fetchone()
    return None if row is None else _visitor(*row)


def _visitor(first_seen: int, consent: bytes, user: bytes, purchases: int, last_seen: int) -> KnownVisitor:
    return KnownVisitor(
        first_seen, _consent_decoder.decode(consent), _user_decoder.decode(user), purchases, last_seen
    )


def _erased(connection: sqlite3.Connection, wave: Sequence[Arrival | Taking]) -> set[tuple[str, str]]:
    """The shops and visitors among them that were erased, maybe while this was on its way."""
    return set(
        connection.execute(
            "SELECT shop, visitor FROM json_each(?) AS one CROSS JOIN tombstones"
            " ON shop = json_extract(one.value, '$[0]') AND visitor = json_extract(one.value, '$[1]')",
            _pairs(wave),
        )
    )


def cart_of_order(connection: sqlite3.Connection, shop: str, visitor: str, order: str) -> str | None:
    """The cart that this visitor's order ended; None when the order is not kept."""
    row = connection.execute(_ORDER, (shop, order, visitor)).fetchone()
    return None if row is None else _event_decoder.decode(row[0]).cart


def _insert(connection: sqlite3.Connection, events: Sequence[Event]) -> list[bool]:
    """Keep events; for each, whether it is new."""
    new: list[bool] = []
    for start in range(0, len(events), ROWS):
        rows = events[start : start + ROWS]
        cursor = connection.execute(_insertion(len(rows)), [value for event in rows for value in _row(event)])
        new += [True] * len(rows) if cursor.rowcount == len(rows) else _news(connection, cursor, rows)
    return new


@cache
def _insertion(rows: int) -> str:
    """OR ROLLBACK, because the whole group is given up anyway when a row is refused: else SQLite would set
    aside what each page held before the statement."""
    values = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * rows)
    return (
        "INSERT OR ROLLBACK INTO events (shop, id, visitor, name, received, order_id, body)"  # noqa: S608
        f" VALUES {values} ON CONFLICT (shop, id) DO NOTHING"
    )


def _row(event: Event) -> tuple[object, ...]:
    order = event.params["transaction_id"] if event.name == "purchase" else None
    return event.shop, event.id, event.visitor, event.name, event.received, order, _encode(event)


def _news(connection: sqlite3.Connection, cursor: sqlite3.Cursor, events: Sequence[Event]) -> list[bool]:
    """Which of them the last statement kept, where it was not all; of two with one id it was the first."""
    newest = "SELECT shop, id FROM events ORDER BY seq DESC LIMIT ?"
    kept = set(connection.execute(newest, (cursor.rowcount,)))
    new = []
    for event in events:
        new.append((event.shop, event.id) in kept)
        kept.discard((event.shop, event.id))
    return new


def _remember(connection: sqlite3.Connection, arrival: Arrival) -> None:
    consent = _encode(arrival.consent) if arrival.consent else None
    user = _encode(arrival.user) if arrival.user is not None else None
    connection.execute(
        "INSERT INTO visitors (shop, visitor, first_seen, last_seen, consent, user, purchases)"
        " VALUES (:shop, :visitor, :first_seen, max(:seen, :first_seen),"
        " coalesce(:consent, :nothing), coalesce(:user, :nothing), 0)"
        " ON CONFLICT (shop, visitor) DO UPDATE"
        " SET last_seen = max(:seen, last_seen), consent = coalesce(:consent, consent),"
        " user = coalesce(:user, user)",
        {
            "shop": arrival.shop,
            "visitor": arrival.visitor,
            "first_seen": arrival.first_seen,
            "seen": arrival.seen,
            "consent": consent,
            "user": user,
            "nothing": b"{}",
        },
    )
    if called := arrival.user or arrival.names:
        connection.executemany(
            "INSERT INTO identities (shop, kind, value, visitor) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (shop, kind, value) DO UPDATE SET visitor = excluded.visitor",
            [(arrival.shop, kind, value, arrival.visitor) for kind, value in names(called)],
        )
    if arrival.consent:
        connection.execute(
            "INSERT INTO consents (shop, visitor, at, consent) VALUES (?, ?, ?, ?)",
            (arrival.shop, arrival.visitor, arrival.consent.at, consent),
        )
    if arrival.withdraws:
        # What waits for another try is looked at now, and given up where it may not go any more.
        connection.execute(
            "UPDATE deliveries SET next_at = 0 WHERE state = 'waiting' AND next_at > 0 AND visitor = ?"
            " AND destination IN (SELECT id FROM destinations WHERE shop = ?)",
            (arrival.visitor, arrival.shop),
        )


def names(user: User) -> list[tuple[str, str]]:
    """What a user is known by, the surest first."""
    names = (("id", user.id), ("email", user.email), ("phone", user.phone))
    return [(kind, value) for kind, value in names if value]


def _kept_orders(connection: sqlite3.Connection, arrivals: Sequence[Arrival]) -> set[tuple[str, str, str]]:
    """Shop, visitor and id of those orders in the arrivals that are kept already."""
    orders = {
        (event.shop, event.visitor, event.params["transaction_id"])
        for arrival in arrivals
        for event in arrival.events
        if event.name == "purchase"
    }
    return {
        (shop, visitor, order)
        for shop, visitor, order in orders
        if connection.execute(_ORDER, (shop, order, visitor)).fetchone()
    }


def _count_purchases(
    connection: sqlite3.Connection, new: Sequence[Event], bought: set[tuple[str, str, str]]
) -> None:
    """Only new orders: one that is told again must not end the next cart."""
    orders = {
        (event.shop, event.visitor, event.params["transaction_id"])
        for event in new
        if event.name == "purchase"
    }
    connection.executemany(
        "UPDATE visitors SET purchases = purchases + 1 WHERE shop = ? AND visitor = ?",
        [(shop, visitor) for shop, visitor, _ in orders - bought],
    )


def _count_received(connection: sqlite3.Connection, new: Sequence[Event]) -> None:
    connection.executemany(
        "INSERT INTO shops (shop, received) VALUES (?, ?)"
        " ON CONFLICT (shop) DO UPDATE SET received = received + excluded.received",
        list(Counter(event.shop for event in new).items()),
    )
