"""Opening the embedded database: durability, locking, one connection per thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from server.errors import GatepostError
from server.locks import exclusive
from server.store.schema import migrate

FILE = "gatepost.db"
BUSY_SECONDS = 3.0
"""How long a write waits for another process's."""
EMPTYING = 500
"""Milliseconds that emptying the log waits for readers; writers wait as long."""


class Database:
    """One database file, opened and migrated.

    Raises GatepostError with one sentence when the folder or file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE
        self._local = threading.local()
        self._writer = self._engine("BEGIN IMMEDIATE")
        self._reader = self._engine("BEGIN")
        try:
            self._prepare()
        except GatepostError:
            self.close()
            raise

    def _prepare(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with exclusive(self.folder / "migrate.lock"):
                if not self.path.exists():
                    self._begin()
                migrate(self._writer)
        except GatepostError as error:
            raise GatepostError(f"{self.path}: {error}") from None
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            what = error.orig if isinstance(error, DBAPIError) else error
            raise GatepostError(
                f"{self.path}: cannot be used: {what}; check that data_dir may be written and holds nothing "
                "but what Gatepost put there"
            ) from None

    def _begin(self) -> None:
        """Make the file, with what can only be said to one that holds nothing: space can be given back.

        https://sqlite.org/pragma.html#pragma_auto_vacuum
        """
        self.path.touch(mode=0o600)  # SQLite gives its further files the mode of this one
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")

    def _engine(self, begin: str) -> Engine:
        """An engine whose transactions begin as told: sqlite3 itself would begin them late, or not at all.

        https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#serializable-isolation-savepoints-transactional-ddl
        """
        # Parameters are people's data: no error may repeat them.
        engine = create_engine("sqlite://", creator=self.connect, poolclass=QueuePool, hide_parameters=True)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def connect(self) -> sqlite3.Connection:
        """A new connection, in autocommit: whoever writes says BEGIN IMMEDIATE.

        synchronous=FULL makes every commit wait for the disk, and secure_delete overwrites what is deleted:
        https://sqlite.org/pragma.html#pragma_synchronous https://sqlite.org/pragma.html#pragma_secure_delete
        """
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA journal_size_limit = 67108864")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def reader(self) -> sqlite3.Connection:
        """This thread's own connection for reading; stays open as long as the thread lives."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self.connect()
            connection.execute("PRAGMA query_only = ON")
        return connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its beginning."""
        with self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view."""
        with self._reader.connect() as connection:
            yield connection

    def empty_log(self) -> bool:
        """Write the log back into the file and empty it: what was deleted can be read in neither any more.

        False when somebody was reading all the while; the next call does it. Raises sqlite3.Error.
        https://sqlite.org/pragma.html#pragma_wal_checkpoint
        """
        with closing(self.connect()) as connection:
            # Most of it without a lock, so that for the rest writers wait a moment only.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            connection.execute(f"PRAGMA busy_timeout = {EMPTYING}")
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def key(self, name: str) -> bytes:
        """One of the installation's own keys, made with the database and never rotated."""
        row = self.reader().execute("SELECT value FROM keys WHERE name = ?", (name,)).fetchone()
        return bytes(row[0])

    def close(self) -> None:
        """Close this thread's connection and those that no transaction uses."""
        connection: sqlite3.Connection | None = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()
        self._writer.dispose()
        self._reader.dispose()
