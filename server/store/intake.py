"""The web side of the store: keep events, know visitors."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, partial
from itertools import islice

import msgspec

from server.consent import NOTHING_SAID, Consent
from server.errors import CannotKeep
from server.event import Event, User
from server.locks import exclusive
from server.store.database import Database
from server.store.writer import Writer


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
    """What one request brings of one visitor."""

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


DAY = 86_400_000


def seen(known: KnownVisitor | None, now: int) -> int:
    """The time to write down of a visitor who is here: once a day is enough; 0: none."""
    return now if known is None or now - known.last_seen >= DAY else 0


_consent_decoder = msgspec.json.Decoder(Consent)
_event_decoder = msgspec.json.Decoder(Event)
_user_decoder = msgspec.json.Decoder(User)
_encode = msgspec.json.Encoder().encode


class Intake:
    """Keeps what requests bring, durably, and looks up who sent it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._dropped_lock = threading.Lock()
        self._writer: Writer[Arrival, list[bool]] = Writer(
            database.connect, self._write, partial(exclusive, database.folder / "write.lock")
        )

    def visitor(self, shop: str, visitor: str) -> KnownVisitor | None:
        """What is remembered of this visitor; None for a stranger.

        Raises CannotKeep when the database cannot be read.
        """
        try:
            row = (
                self._database.reader()
                .execute(
                    "SELECT first_seen, consent, user, purchases, last_seen FROM visitors"
                    " WHERE shop = ? AND visitor = ?",
                    (shop, visitor),
                )
                .fetchone()
            )
        except sqlite3.Error as error:
            raise CannotKeep(f"the database cannot be read: {error}") from None
        if row is None:
            return None
        consent, user = _consent_decoder.decode(row[1]), _user_decoder.decode(row[2])
        return KnownVisitor(row[0], consent, user, row[3], row[4])

    def keep(self, arrival: Arrival) -> list[bool]:
        """Keep it; for each event, whether it is new. Returns when the disk has it.

        Raises CannotKeep when it is not known to be kept; sending it again is safe.
        """
        return self._writer.submit(arrival)

    def keep_all(self, arrivals: Sequence[Arrival]) -> list[list[bool]]:
        """Keep several visitors' arrivals in this order, as `keep` does each."""
        return self._writer.submit_all(arrivals)

    def visitor_of(self, shop: str, user: User) -> str | None:
        """The visitor who was last named by this user's id, or else e-mail, or else phone; None: nobody was.

        Raises CannotKeep when the database cannot be read.
        """
        try:
            for kind, value in _names(user):
                row = (
                    self._database.reader()
                    .execute(
                        "SELECT visitor FROM identities WHERE shop = ? AND kind = ? AND value = ?",
                        (shop, kind, value),
                    )
                    .fetchone()
                )
                if row is not None:
                    return str(row[0])
        except sqlite3.Error as error:
            raise CannotKeep(f"the database cannot be read: {error}") from None
        return None

    def is_erased(self, shop: str, visitor: str) -> bool:
        """Whether this visitor was erased. Raises CannotKeep when the database cannot be read."""
        return self._finds(_TOMBSTONE, shop, visitor)

    def is_name_erased(self, shop: str, name: bytes) -> bool:
        """Whether a visitor of this name (`Pseudonyms.name`) was erased.

        Raises CannotKeep when the database cannot be read.
        """
        return self._finds("SELECT 1 FROM erased_names WHERE shop = ? AND name = ?", shop, name)

    def _finds(self, sql: str, *values: str | bytes) -> bool:
        try:
            return self._database.reader().execute(sql, values).fetchone() is not None
        except sqlite3.Error as error:
            raise CannotKeep(f"the database cannot be read: {error}") from None

    def count_dropped(self, shop: str, reasons: Iterable[str]) -> None:
        """Count events that were not taken; written down with the next arrival. Costs no disk of its own."""
        with self._dropped_lock:
            self._dropped.update((shop, reason.partition(":")[0]) for reason in reasons)

    def flush_dropped(self) -> None:
        """Write down what was counted, if anything; a disk that refuses is somebody else's to tell."""
        if self._dropped:
            with contextlib.suppress(CannotKeep):
                self.probe()

    def _write(self, connection: sqlite3.Connection, arrivals: list[Arrival]) -> list[list[bool]]:
        with self._dropped_lock:
            dropped, self._dropped = self._dropped, Counter()
        try:
            connection.executemany(
                "INSERT INTO dropped (shop, reason, count) VALUES (?, ?, ?)"
                " ON CONFLICT (shop, reason) DO UPDATE SET count = count + excluded.count",
                [(*key, count) for key, count in dropped.items()],
            )
            return _write(connection, arrivals)
        except BaseException:
            with self._dropped_lock:
                self._dropped.update(dropped)
            raise

    def cart_of_order(self, shop: str, visitor: str, order: str) -> str | None:
        """The cart that this visitor's order ended; None when the order is not kept.

        Raises CannotKeep when the database cannot be read.
        """
        try:
            row = self._database.reader().execute(_ORDER, (shop, order, visitor)).fetchone()
        except sqlite3.Error as error:
            raise CannotKeep(f"the database cannot be read: {error}") from None
        return None if row is None else _event_decoder.decode(row[0]).cart

    def heartbeat(self, name: str) -> int | None:
        """When a process last showed life, in milliseconds since 1970; None when it is not at work.

        Raises CannotKeep when the database cannot be read.
        """
        try:
            row = (
                self._database.reader()
                .execute("SELECT at FROM heartbeats WHERE name = ?", (name,))
                .fetchone()
            )
        except sqlite3.Error as error:
            raise CannotKeep(f"the database cannot be read: {error}") from None
        return None if row is None else int(row[0])

    def probe(self) -> None:
        """Write something of no meaning. Raises CannotKeep when events could not be kept now."""
        self._writer.submit(_PROBE)

    def close(self) -> None:
        """Write what waits, then stop."""
        self._writer.close()


_PROBE = Arrival("", "", 0)
ROWS = 100
"""Events in one statement at most."""
_TOMBSTONE = "SELECT 1 FROM tombstones WHERE shop = ? AND visitor = ?"
_ORDER = "SELECT body FROM events WHERE shop = ? AND order_id = ? AND visitor = ? ORDER BY seq LIMIT 1"


def _write(connection: sqlite3.Connection, arrivals: list[Arrival]) -> list[list[bool]]:
    """Keep a group; for each arrival, which of its events are new.

    In as few statements as can be: after each of them this thread waits for its turn at the interpreter,
    behind the very requests that wait for it.
    """
    if any(arrival is _PROBE for arrival in arrivals):
        connection.execute(
            "INSERT INTO keys (name, value) VALUES ('probe', randomblob(8))"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        )
    erased = _erased(connection, arrivals)
    welcome = [arrival for arrival in arrivals if (arrival.shop, arrival.visitor) not in erased]
    for arrival in welcome:
        if arrival.is_new or arrival.consent or arrival.user is not None or arrival.seen:
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


def _erased(connection: sqlite3.Connection, arrivals: list[Arrival]) -> set[tuple[str, str]]:
    """The shops and visitors among them that were erased while this was on its way."""
    visitors = list({(arrival.shop, arrival.visitor) for arrival in arrivals})
    return set(
        connection.execute(
            "SELECT shop, visitor FROM json_each(?) AS one JOIN tombstones"
            " ON shop = json_extract(one.value, '$[0]') AND visitor = json_extract(one.value, '$[1]')",
            (_encode(visitors).decode(),),
        )
    )


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
    if arrival.user:
        connection.executemany(
            "INSERT INTO identities (shop, kind, value, visitor) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (shop, kind, value) DO UPDATE SET visitor = excluded.visitor",
            [(arrival.shop, kind, value, arrival.visitor) for kind, value in _names(arrival.user)],
        )
    if arrival.consent:
        connection.execute(
            "INSERT INTO consents (shop, visitor, at, consent) VALUES (?, ?, ?, ?)",
            (arrival.shop, arrival.visitor, arrival.consent.at, consent),
        )


def _names(user: User) -> list[tuple[str, str]]:
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
