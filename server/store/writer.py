"""The group commit: one thread writes what many requests bring, and answers each after the disk has it.

A request hands its rows over and waits. The thread takes everything that has come in meanwhile into one
transaction, so the cost of the disk is shared, and nobody is told "kept" before the commit has returned.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from server.errors import CannotKeep

log = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Requests that may wait for the writer before the next is told to come back."""
MAX_GROUP = 256
PATIENCE = 5.0
"""Seconds a request waits for its commit."""

_Work = TypeVar("_Work")
_Result = TypeVar("_Result")


class _Ticket(Generic[_Work, _Result]):
    """One request's rows on their way, and what became of them."""

    __slots__ = ("done", "given_up", "result", "work")

    def __init__(self, work: _Work, done: _Thread | asyncio.Future[bool]) -> None:
        self.work = work
        self.result: _Result | None = None
        self.given_up = False
        self.done = done


class _Thread:
    """A thread that waits. A bare lock, not an Event: that costs three times as much."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self, seconds: float) -> bool:
        return self._lock.acquire(timeout=seconds)

    def wake(self) -> None:
        self._lock.release()


class Writer(Generic[_Work, _Result]):
    """Runs `write(connection, work)` for each piece of work, in groups, each group one transaction."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        write: Callable[[sqlite3.Connection, list[_Work]], list[_Result]],
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`turn` is held around each transaction, so that the processes that write to one database queue up.

        SQLite's own way of waiting is to sleep, longer after every try: among busy writers one of them would
        wait for seconds.
        """
        self._connect = connect
        self._write = write
        self._turn = turn
        self._waiting: SimpleQueue[_Ticket[_Work, _Result] | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._failed_at = 0.0
        self._thread = threading.Thread(target=self._run, name="gatepost-writer", daemon=True)
        self._thread.start()

    def submit(self, work: _Work) -> _Result:
        """Write this and return what `write` says of it, once the disk has it.

        Raises CannotKeep when it is not known to be on disk: the queue is full, the disk refuses or is slow.
        """
        return self._wait(*self._queue_for_thread(work))

    async def submit_soon(self, work: _Work) -> _Result:
        """`submit` for a coroutine, which waits without holding a thread."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        ticket = self._queue(work, future)
        timer = loop.call_later(PATIENCE, _wake, [future], False)  # a timeout context costs more
        try:
            is_told = await future
        finally:
            timer.cancel()
        if not is_told:
            raise _too_slow(ticket)
        return _result(ticket)

    def submit_all(self, works: Sequence[_Work]) -> list[_Result]:
        """Several pieces of work in their order, with one wait for all; see `submit`."""
        tickets = [self._queue_for_thread(work) for work in works]
        return [self._wait(*ticket) for ticket in tickets]

    def _queue_for_thread(self, work: _Work) -> tuple[_Ticket[_Work, _Result], _Thread]:
        thread = _Thread()
        return self._queue(work, thread), thread

    def _queue(self, work: _Work, done: _Thread | asyncio.Future[bool]) -> _Ticket[_Work, _Result]:
        if not self._thread.is_alive():
            raise CannotKeep("the writer has stopped")
        if self._waiting.qsize() >= MAX_WAITING:
            raise CannotKeep("too many requests are waiting for the disk", retry_after=2)
        ticket: _Ticket[_Work, _Result] = _Ticket(work, done)
        self._waiting.put(ticket)
        return ticket

    def _wait(self, ticket: _Ticket[_Work, _Result], thread: _Thread) -> _Result:
        if not thread.wait(PATIENCE):
            raise _too_slow(ticket)
        return _result(ticket)

    def close(self) -> None:
        """Write what waits, then stop."""
        self._waiting.put(None)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            group, stopping = self._next_group()
            group = [ticket for ticket in group if not ticket.given_up]
            if group:
                self._commit(group)
                _tell(group)
        if self._connection is not None:
            self._connection.close()

    def _next_group(self) -> tuple[list[_Ticket[_Work, _Result]], bool]:
        """Everything that waits, at least one; and whether to stop after it."""
        ticket = self._waiting.get()
        group: list[_Ticket[_Work, _Result]] = []
        while ticket is not None:
            group.append(ticket)
            if len(group) == MAX_GROUP:
                return group, False
            try:
                ticket = self._waiting.get_nowait()
            except Empty:
                return group, False
        return group, True

    def _commit(self, group: list[_Ticket[_Work, _Result]]) -> None:
        """One transaction for all; on any failure none has a result, and the next group tries anew.

        Where it was not the disk that failed but somebody's row, each is tried alone: a row that can never be
        written must not take its neighbours with it, again and again.
        """
        try:
            if self._connection is None:
                self._connection = self._connect()
            with self._turn():
                self._connection.execute("BEGIN IMMEDIATE")
                results = self._write(self._connection, [ticket.work for ticket in group])
                self._connection.execute("COMMIT")
        except Exception as error:  # the thread must outlive whatever a disk or a row does
            self._complain(error)
            self._reopen_next_time()
            if len(group) > 1 and not isinstance(error, sqlite3.OperationalError):
                for ticket in group:
                    self._commit([ticket])
            return
        if self._failed_at:
            log.warning("events are kept again")
            self._failed_at = 0.0
        for ticket, result in zip(group, results, strict=True):
            ticket.result = result

    def _reopen_next_time(self) -> None:
        """A connection that failed is not trusted again; closing it rolls back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error:
                log.debug("the failed connection did not close", exc_info=True)

    def _complain(self, error: Exception) -> None:
        """Loudly, but not once per request of a flood."""
        now = time.monotonic()
        if now - self._failed_at > 10:
            self._failed_at = now
            of_disk = isinstance(error, sqlite3.Error | OSError)
            # The words of any other error may repeat what somebody sent.
            words = str(error) if of_disk else type(error).__name__
            log.error(
                "events cannot be kept: %s; senders are told to come back until this is mended",
                words,
                exc_info=None if of_disk else error,
            )


def _result(ticket: _Ticket[Any, _Result]) -> _Result:
    if ticket.result is None:
        raise CannotKeep("the database cannot be written to now")
    return ticket.result


def _too_slow(ticket: _Ticket[Any, Any]) -> CannotKeep:
    ticket.given_up = True
    return CannotKeep("the disk is too slow")


def _tell(group: Sequence[_Ticket[Any, Any]]) -> None:
    """Wake whoever waits for these. An event loop is woken once, however many of them are its."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[bool]]] = {}
    for ticket in group:
        if isinstance(ticket.done, _Thread):
            ticket.done.wake()
        else:
            loops.setdefault(ticket.done.get_loop(), []).append(ticket.done)
    for loop, futures in loops.items():
        with suppress(RuntimeError):  # the loop has ended, and whoever waited in it
            loop.call_soon_threadsafe(_wake, futures, True)


def _wake(futures: Sequence[asyncio.Future[bool]], told: bool) -> None:
    for future in futures:
        if not future.done():
            future.set_result(told)
