"""The web side of the store: keep events, know visitors."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from server.errors import CannotKeep
from server.event import User
from server.locks import exclusive
from server.store.database import Database
from server.store.keeping import (
    PROBE,
    Arrival,
    KnownVisitor,
    Taking,
    find_visitor,
    keep_group,
    names,
)
from server.store.writer import Writer


class Intake:
    """Keeps what requests bring, durably, and looks up who sent it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._dropped_lock = threading.Lock()
        self._writer: Writer[Arrival | Taking, list[bool]] = Writer(
            database.connect, self._write, partial(exclusive, database.folder / "write.lock")
        )

    def visitor(self, shop: str, visitor: str) -> KnownVisitor | None:
        """What is remembered of this visitor; None for a stranger.

        Raises CannotKeep when the database cannot be read.
        """
        with _readable():
            return find_visitor(self._database.reader(), shop, visitor)

    def keep(self, arrival: Arrival) -> list[bool]:
        """Keep it; for each event, whether it is new. Returns when the disk has it.

        Raises CannotKeep when it is not known to be kept; sending it again is safe.
        """
        return self._writer.submit(arrival)

    def take(self, taking: Taking) -> list[bool]:
        """Have it decide and keep what it decides on, as `keep` does."""
        return self._writer.submit(taking)

    def take_all(self, takings: Sequence[Taking]) -> list[list[bool]]:
        """Have several decide in this order, each seeing what those before it changed."""
        return self._writer.submit_all(takings)

    async def take_soon(self, taking: Taking) -> list[bool]:
        """`take` for a coroutine, which waits without holding a thread."""
        return await self._writer.submit_soon(taking)

    def keep_all(self, arrivals: Sequence[Arrival]) -> list[list[bool]]:
        """Keep several visitors' arrivals in this order, as `keep` does each."""
        return self._writer.submit_all(arrivals)

    def visitor_of(self, shop: str, user: User) -> str | None:
        """The visitor who was last named by this user's id, or else e-mail, or else phone; None: nobody was.

        Raises CannotKeep when the database cannot be read.
        """
        with _readable():
            for kind, value in names(user):
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
        return None

    def is_erased(self, shop: str, visitor: str) -> bool:
        """Whether this visitor was erased. Raises CannotKeep when the database cannot be read."""
        return self._finds("SELECT 1 FROM tombstones WHERE shop = ? AND visitor = ?", shop, visitor)

    def is_name_erased(self, shop: str, name: bytes) -> bool:
        """Whether a visitor of this name (`Pseudonyms.name`) was erased.

        Raises CannotKeep when the database cannot be read.
        """
        return self._finds("SELECT 1 FROM erased_names WHERE shop = ? AND name = ?", shop, name)

    def _finds(self, sql: str, *values: str | bytes) -> bool:
        with _readable():
            return self._database.reader().execute(sql, values).fetchone() is not None

    def count_dropped(self, shop: str, reasons: Iterable[str]) -> None:
        """Count events that were not taken; written down with the next arrival. Costs no disk of its own."""
        with self._dropped_lock:
            self._dropped.update((shop, reason.partition(":")[0]) for reason in reasons)

    def flush_dropped(self) -> None:
        """Write down what was counted, if anything; a disk that refuses is somebody else's to tell."""
        if self._dropped:
            with suppress(CannotKeep):
                self.probe()

    def _write(self, connection: sqlite3.Connection, group: list[Arrival | Taking]) -> list[list[bool]]:
        with self._dropped_lock:
            dropped, self._dropped = self._dropped, Counter()
        try:
            connection.executemany(
                "INSERT INTO dropped (shop, reason, count) VALUES (?, ?, ?)"
                " ON CONFLICT (shop, reason) DO UPDATE SET count = count + excluded.count",
                [(*key, count) for key, count in dropped.items()],
            )
            return keep_group(connection, group)
        except BaseException:
            with self._dropped_lock:
                self._dropped.update(dropped)
            raise

    def heartbeat(self, name: str) -> int | None:
        """When a process last showed life, in milliseconds since 1970; None when it is not at work.

        Raises CannotKeep when the database cannot be read.
        """
        with _readable():
            row = (
                self._database.reader()
                .execute("SELECT at FROM heartbeats WHERE name = ?", (name,))
                .fetchone()
            )
        return None if row is None else int(row[0])

    def probe(self) -> None:
        """Write something of no meaning. Raises CannotKeep when events could not be kept now."""
        self._writer.submit(PROBE)

    def close(self) -> None:
        """Write what waits, then stop."""
        self._writer.close()


@contextmanager
def _readable() -> Iterator[None]:
    """Raises CannotKeep in place of what SQLite says."""
    try:
        yield
    except sqlite3.Error as error:
        raise CannotKeep(f"the database cannot be read: {error}") from None
