"""A database, a relay in a thread of its own, and what can be seen of both from outside."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from server.consent import Consent
from server.event import Event, Source, User
from server.pseudonyms import Pseudonyms
from server.relay.relay import Relay
from server.settings import Secret, Settings, Shop, VendorSettings
from server.store.database import Database
from server.store.intake import Intake
from server.store.keeping import Arrival
from server.store.outbox import register
from server.vendors.base import Vendor
from tests.relay.clock import START, Clock
from tests.relay.listener import Listener
from tests.relay.parrot import Parrot, ParrotSettings

PATIENCE = 20.0
"""Seconds of real time in which anything that is waited for must happen; most things take milliseconds."""
LOOP_TURNS = 10
"""In so many turns of its event loop a relay that is woken has begun whatever it is going to begin."""
GRANTED = Consent({"personalization": "granted", "marketing": "granted"}, at=START, by="browser")


class Row(NamedTuple):
    """What the store says of one event at one destination."""

    state: str
    reason: str
    attempts: int
    told: int
    next_at: int | None
    receipt: str


class Stage:
    """One shop "demo" with the given vendors; further shops by `shops`."""

    def __init__(
        self,
        folder: Path,
        vendors: Mapping[Parrot, Listener | str],
        clock: Clock | None = None,
        rule: str = "required",
        shops: tuple[str, ...] = ("demo",),
    ) -> None:
        """`vendors`: each with its server, or the URL of one."""
        self.folder = folder
        self.clock = clock or Clock()
        self._makers: dict[str, Callable[[Any], Vendor]] = {parrot.name: parrot for parrot in vendors}
        urls = {v.name: server if isinstance(server, str) else server.url for v, server in vendors.items()}
        self.settings = Settings(
            public_url="http://localhost:8000",
            secrets=(Secret("unused"),),
            data_dir=folder,
            shops={
                name: Shop(
                    origins=("https://www.myshop.example",),
                    consent=rule,  # type: ignore[arg-type]
                    vendors={vendor: ParrotSettings(base_url=url) for vendor, url in urls.items()},
                )
                for name in shops
            },
        )
        self.database = Database(folder)
        register(self.database, self.settings)
        self.intake = Intake(self.database)
        self._running: _Running | None = None

    def add(self, parrot: Parrot, server: Listener) -> None:
        """Put another vendor into the configuration, as web and relay see it from their next start."""
        self._makers[parrot.name] = parrot
        for shop in self.settings.shops.values():
            shop.vendors[parrot.name] = ParrotSettings(base_url=server.url)
        register(self.database, self.settings)

    def replace_vendors(self, vendors: Mapping[str, tuple[type[Vendor], VendorSettings]]) -> None:
        """Deliver to real vendors instead, each with its settings."""
        self._makers = {name: maker for name, (maker, _) in vendors.items()}
        for shop in self.settings.shops.values():
            shop.vendors.clear()
            shop.vendors.update({name: settings for name, (_, settings) in vendors.items()})
        register(self.database, self.settings)

    # What comes in.

    def keep(
        self,
        *ids: str,
        visitor: str = "ann",
        name: str = "view_item",
        consent: Consent | None = GRANTED,
        shop: str = "demo",
        source: Source | None = None,
        user: User | None = None,
        session: str = "s",
        **params: Any,
    ) -> None:
        """Keep an event of this visitor for each id, as the web half does."""
        events = tuple(
            Event(
                id=id,
                name=name,
                at=self.clock(),
                received=self.clock(),
                shop=shop,
                visitor=visitor,
                session=session,
                params=params,
                source=source,
                user=user or User(),
            )
            for id in ids
        )
        kept = self.intake.keep(Arrival(shop, visitor, self.clock(), events, consent))
        assert all(kept)

    def keep_many(
        self, events: Iterable[tuple[str, str]], consent: Consent | None = GRANTED, **said: Any
    ) -> None:
        """Keep many events at once, each an id and its visitor; a visitor's own in the order given."""
        by_visitor: dict[str, list[str]] = {}
        for id, visitor in events:
            by_visitor.setdefault(visitor, []).append(id)
        with ThreadPoolExecutor(32) as pool:  # so that they share commits
            for kept in [
                pool.submit(self.keep, *ids, visitor=visitor, consent=consent, **said)
                for visitor, ids in by_visitor.items()
            ]:
                kept.result()

    def consent(self, consent: Consent, visitor: str = "ann", shop: str = "demo") -> None:
        """The visitor has decided anew."""
        self.intake.keep(Arrival(shop, visitor, self.clock(), consent=consent))

    # The relay.

    def start(self) -> Stage:
        """Start a relay; returns when it runs."""
        assert self._running is None
        self._running = _Running(self)
        return self

    def stop(self) -> None:
        """Stop it cleanly."""
        assert self._running is not None
        self._running.stop()
        self._running = None

    def crash(self) -> None:
        """End it as if the process had died: nothing more is sent, read or written down."""
        assert self._running is not None
        with warnings.catch_warnings():
            # Connections that were just being made have nobody left to close them.
            warnings.simplefilter("ignore", ResourceWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            self._running.crash()
            self._running = None
            gc.collect()

    def forward(self, milliseconds: int) -> None:
        """Let time pass."""
        self.clock.forward(milliseconds)
        self.wake()

    def wake(self) -> None:
        """Have the relay look at the clock and the store; returns when it has."""
        if self._running:
            self._running.wake()

    def under_way(self) -> int:
        """How many requests the relay has begun and not ended."""
        return self._running.under_way() if self._running else 0

    def with_loop(self, change: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        """Change something about the event loop that the relay runs in."""
        assert self._running is not None
        self._running.with_loop(change)

    def close(self) -> None:
        if self._running:
            self.crash()
        self.intake.close()
        self.database.close()

    # What is seen.

    def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        """What the condition returns once that is true; fails when it does not become so."""
        deadline = time.monotonic() + PATIENCE
        while not (result := condition()):
            if time.monotonic() > deadline:
                pytest.fail(f"did not happen: {what or condition}; {self._described()}")
            time.sleep(0.004)
        return result

    def until_settled(self, *ids: str, vendor: str = "parrot") -> dict[str, Row]:
        """The rows once none of these events (of all, when none is named) waits any more."""
        self.until(lambda: not self.unsettled(vendor) & set(ids or self.unsettled(vendor)), "all settled")
        return self.rows(vendor)

    def pass_time_until_settled(self, step: int, vendor: str = "parrot") -> dict[str, Row]:
        """The rows once no event waits any more, while time passes."""
        self.until(lambda: self.forward(step) or not self.unsettled(vendor), "all settled")
        return self.rows(vendor)

    def unsettled(self, vendor: str = "parrot") -> set[str]:
        """Events that wait for this vendor, tried or not."""
        found = self.query(
            "SELECT e.id FROM events e JOIN destinations n ON n.vendor = ? AND n.shop = e.shop"
            " LEFT JOIN deliveries d ON d.destination = n.id AND d.event = e.seq"
            " WHERE d.state = 'waiting' OR (d.state IS NULL AND e.seq > n.position)",
            vendor,
        )
        return {row[0] for row in found}

    def until_waiting(self, *ids: str, vendor: str = "parrot", attempts: int = 1) -> dict[str, Row]:
        """The rows once these events wait to be tried again after so many attempts."""

        def waiting() -> bool:
            rows = self.rows(vendor)
            return all(
                id in rows and rows[id].state == "waiting" and rows[id].attempts == attempts for id in ids
            )

        self.until(waiting, f"{ids} waiting after {attempts} attempts")
        return self.rows(vendor)

    def rows(self, vendor: str = "parrot", shop: str = "demo") -> dict[str, Row]:
        """By event id; an event without a row is not in it."""
        found = self.query(
            "SELECT e.id, d.state, d.reason, d.attempts, d.told, d.next_at, d.receipt FROM deliveries d"
            " JOIN events e ON e.seq = d.event JOIN destinations n ON n.id = d.destination"
            " WHERE n.vendor = ? AND n.shop = ? ORDER BY e.seq",
            vendor,
            shop,
        )
        return {row[0]: Row(*row[1:]) for row in found}

    def held(self, vendor: str = "parrot") -> str:
        """Why the destination is held; empty: it flows."""
        ((since, reason),) = self.query(
            "SELECT held_since, held_reason FROM destinations WHERE vendor = ?", vendor
        )
        assert (since is None) == (reason == "")
        return str(reason)

    def pseudonym(self, shop: str, visitor: str, vendor: str = "parrot") -> str:
        """What the vendor knows the visitor by."""
        return Pseudonyms(self.database.key("pseudonyms")).visitor(shop, vendor, visitor)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """As another process sees it."""
        return self.database.reader().execute(statement, values).fetchall()

    def _described(self) -> str:
        waiting = {id: row for id, row in self.rows().items() if row.state != "delivered"}
        shown = dict(list(waiting.items())[:8])
        return f"{len(waiting)} are not delivered, such as {shown}"


class _Running:
    """A relay in a thread with an event loop of its own."""

    def __init__(self, stage: Stage) -> None:
        self._database = Database(stage.folder)
        self._stage = stage
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay-under-test")
        self._thread.start()
        assert self._ready.wait(PATIENCE)

    def _run(self) -> None:
        try:
            asyncio.run(self._deliver())
        except asyncio.CancelledError:
            pass  # crashed, as told
        finally:
            self._ready.set()
            self._database.close()

    async def _deliver(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._relay = Relay(self._stage.settings, self._stage._makers, self._database, self._stage.clock)
        self._ready.set()
        try:
            await self._relay.run()
        finally:
            await _end_others()

    def wake(self) -> None:
        async def look() -> None:
            self._relay.wake()
            for _ in range(LOOP_TURNS):
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(look(), self._loop).result(PATIENCE)

    def under_way(self) -> int:
        return sum(len(sender._tasks) for sender in self._relay._senders)

    def with_loop(self, change: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        self._loop.call_soon_threadsafe(change, self._loop)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._relay.stopping.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    def crash(self) -> None:
        def die() -> None:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()

        self._loop.call_soon_threadsafe(die)
        self._thread.join(30)
        assert not self._thread.is_alive()


async def _end_others() -> None:
    """Wait for what a crash has cancelled; a cancellation may be lost on the way, and is repeated."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others, timeout=0.1)
        for task in others:
            task.cancel()


def consent(**purposes: Any) -> Consent:
    """A decision that was told by the browser."""
    return msgspec.structs.replace(GRANTED, purposes=purposes)
