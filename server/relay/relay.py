"""Every destination of every shop, side by side; one recorder writes down what became of each event."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import certifi

from server.clock import Clock, system_clock
from server.delivery import Delivery
from server.errors import CannotKeep
from server.garbage import leave_what_is_loaded
from server.locks import Claim
from server.pseudonyms import Pseudonyms
from server.relay.housekeeping import keep_house
from server.relay.sender import Sender
from server.settings import Settings
from server.store.database import Database
from server.store.outbox import Outbox, register
from server.store.outcomes import Report
from server.store.retention import Retention
from server.vendors.base import Vendor

log = logging.getLogger(__name__)

BEAT = 10.0
"""Seconds between signs of life."""

Makers: TypeAlias = Mapping[str, Callable[[Any], Vendor]]
"""How to make each vendor from its settings, by its name."""

LOOK = 0.05
"""Seconds between looks for new events: a look costs microseconds."""
GATHER = 0.02
"""Seconds over which outcomes are gathered into one commit."""
AFTER_FAILURE = 1.0
"""Seconds after which it is tried again to write outcomes down, or to read."""
LAST_TRIES = 3
"""How often a relay that stops tries to write down its last outcomes; they would be delivered again."""
PATIENCE = 9.0
"""Seconds that requests under way are given when stopping; one more of the ten is for the last commit."""


class Relay:
    """Delivers what a database holds until it is stopped."""

    def __init__(
        self,
        settings: Settings,
        vendors: Makers,
        database: Database,
        clock: Clock = system_clock,
    ) -> None:
        register(database, settings)
        self._outbox = Outbox(database)
        # A thread of its own: the default ones may all be waiting for some vendor's name to be looked up.
        self._recorder = ThreadPoolExecutor(1, "gatepost-recorder")
        self._dirty = asyncio.Event()
        self._clock = clock
        self.stopping = asyncio.Event()
        self._ended = asyncio.Event()
        pseudonyms = Pseudonyms(database.key("pseudonyms"))
        tls = ssl.create_default_context(cafile=certifi.where())
        self._deliveries: list[Delivery] = []
        self._senders: list[Sender] = []
        for name, shop in settings.shops.items():
            for vendor_name, vendor_settings in shop.vendors.items():
                vendor = vendors[vendor_name](vendor_settings)
                delivery = Delivery(vendor_settings.base_url, vendor.credentials(), tls)
                self._deliveries.append(delivery)
                self._senders.append(
                    Sender(
                        self._outbox.destination(name, vendor_name),
                        shop,
                        vendor,
                        self._outbox,
                        delivery,
                        pseudonyms,
                        clock,
                        self._dirty.set,
                    )
                )

    async def run(self) -> None:
        """Deliver until `stopping` is set; then end what is under way, write it down and return."""
        try:
            await self._run()
        finally:
            for delivery in self._deliveries:
                await delivery.close()
            with contextlib.suppress(CannotKeep):
                self._outbox.rest()
            self._recorder.shutdown()

    async def _run(self) -> None:
        recorder = asyncio.create_task(self._record())
        watchers = [asyncio.create_task(self._watch()), asyncio.create_task(self._beat())]
        senders = [asyncio.create_task(sender.run(self.stopping)) for sender in self._senders]
        await self.stopping.wait()
        self.wake()
        if senders:
            await asyncio.wait(senders, timeout=PATIENCE)
        for task in (*watchers, *senders):
            task.cancel()
        await asyncio.gather(*watchers, *senders, return_exceptions=True)
        self._ended.set()
        self._dirty.set()
        await recorder

    def wake(self) -> None:
        """Let every destination look at the clock and the store again."""
        for sender in self._senders:
            sender.wake.set()

    async def _watch(self) -> None:
        """Wake the destinations when anything was written: new events, or dead letters to try again."""
        seen = -1
        while True:
            try:
                version = self._outbox.version()
            except CannotKeep as error:
                log.error("%s", error)
                await asyncio.sleep(AFTER_FAILURE)
                continue
            if version != seen:
                seen = version
                self.wake()
            await asyncio.sleep(LOOK)

    async def _beat(self) -> None:
        """Show that this relay is at work, as long as its loop turns."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.run_in_executor(self._recorder, self._outbox.beat, self._clock())
            except CannotKeep as error:
                log.error("%s", error)
            await asyncio.sleep(BEAT)

    async def _record(self) -> None:
        """Write down what the destinations have to tell, a commit for all of them together."""
        last_tries = LAST_TRIES
        while last_tries:
            await self._dirty.wait()
            if not self._ended.is_set():
                await asyncio.sleep(GATHER)
            self._dirty.clear()
            ended = self._ended.is_set()
            reports = {sender: report for sender in self._senders if (report := sender.report())}
            if ended and not reports:
                return
            if reports and not await self._save(reports):
                last_tries -= ended
                await asyncio.sleep(AFTER_FAILURE)
                self._dirty.set()
            elif ended:
                self._dirty.set()  # what came in meanwhile is the last

    async def _save(self, reports: Mapping[Sender, Report]) -> bool:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._recorder, self._outbox.record, list(reports.values()))
        except CannotKeep as error:
            log.error("outcomes cannot be written down, nothing more is sent until they are: %s", error)
        except Exception:  # the recorder must outlive whatever a row does
            log.exception("outcomes cannot be written down, nothing more is sent until they are")
        else:
            for sender in reports:
                sender.saved()
            return True
        for sender in reports:
            sender.not_saved()
        return False


def run_relay(settings: Settings, vendors: Makers) -> None:
    """Deliver until SIGTERM or SIGINT. Where another relay is at work, wait for it to end.

    Raises GatepostError when the database cannot be used.
    """
    database = Database(settings.data_dir)
    claim = Claim(settings.data_dir / "relay.lock")
    asyncio.run(_run(settings, vendors, database, claim))
    claim.release()
    database.close()


async def _run(settings: Settings, vendors: Makers, database: Database, claim: Claim) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if not await _our_turn(claim, stop):
        return
    relay = Relay(settings, vendors, database)
    leave_what_is_loaded()
    work = asyncio.create_task(relay.run())
    house = asyncio.create_task(keep_house(Retention(database, settings, system_clock), relay.stopping))
    await asyncio.wait([work, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    relay.stopping.set()
    await work
    await house


async def _our_turn(claim: Claim, stop: asyncio.Event) -> bool:
    """Wait until no other relay works on this database; False when told to stop first."""
    told = False
    while not claim.take():
        if not told:
            log.warning("another relay is at work on this database; this one waits for it to end")
            told = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1)
        if stop.is_set():
            return False
    return True
