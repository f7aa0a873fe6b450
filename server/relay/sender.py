"""One destination: send what may go, judge the answers, write down what became of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec

from server.clock import Clock
from server.delivery import Delivery, NoReply
from server.pseudonyms import Pseudonyms
from server.relay.gate import Gate, Pace
from server.relay.journal import Journal
from server.relay.lanes import Item, Lane
from server.relay.loading import WINDOW, Loading, Part
from server.relay.retry import wait
from server.settings import Shop
from server.store.outbox import Attempt, Destination, Hold, Outbox, Report, Telling
from server.vendors.base import Reply, Request, Vendor, Verdict, lifetime

log = logging.getLogger(__name__)

LINGER = 0.2
"""Seconds that a batch waits to fill."""
AFTER_ERROR = 5.0
"""Seconds to wait after an error of our own or of the database."""
MAX_REASON = 500

_encode = msgspec.json.Encoder().encode


class Sender:
    """Delivers one shop's events to one vendor."""

    def __init__(
        self,
        destination: Destination,
        shop: Shop,
        vendor: Vendor,
        outbox: Outbox,
        delivery: Delivery,
        pseudonyms: Pseudonyms,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self.name = f"{destination.shop}/{destination.vendor}"
        self._vendor = vendor
        self._outbox = outbox
        self._destination = destination
        self._delivery = delivery
        self._clock = clock
        self._linger = LINGER if vendor.limits.batch > 1 else 0.0
        since = destination.held_since
        hold = Hold(since, destination.held_reason, since) if since is not None else None
        self._gate = Gate(hold)
        self._pace = Pace(*vendor.limits.window)
        self._journal = Journal(destination.id, destination.position, hold, outbox, changed)
        self._loading = Loading(destination, shop, vendor, outbox, self._journal, pseudonyms)
        self._tasks: set[asyncio.Task[None]] = set()
        self.wake = asyncio.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until told to stop, then let what is under way end."""
        while not stopping.is_set():
            self.wake.clear()
            try:
                pause = self._go()
            except Exception:  # whatever it is, it must not stop the other destinations
                log.exception("%s: cannot go on now, tries again", self.name)
                pause = AFTER_ERROR
            try:
                await asyncio.wait_for(self.wake.wait(), pause)
            except TimeoutError:
                continue
        if self._tasks:
            await asyncio.wait(self._tasks)

    def report(self) -> Report | None:
        """What is to be written down; see Journal."""
        return self._journal.report(self._gate.hold())

    def saved(self) -> None:
        """The last report is on disk."""
        self._journal.saved()
        self.wake.set()

    def _go(self) -> float | None:
        """Start every request that may start now.

        Returns in how many seconds to look again; None: when woken.
        """
        while True:
            now = self._clock()
            if len(self._tasks) >= self._vendor.limits.concurrency or self._journal.unsaved >= WINDOW:
                return None
            if not self._gate.may_start(now):
                opens = self._gate.opens_at()
                return None if opens is None else _until(opens, now)
            if (free_at := self._pace.free_at()) > now:
                return _until(free_at, now)
            self._loading.fill(now)
            parts, pause = self._loading.next_load(now, 0.0 if self._gate.closed else self._linger)
            if not parts:
                return pause if pause is not None else self._until_due(now)
            self._start(parts, now)

    def _until_due(self, now: int) -> float | None:
        due = self._outbox.next_due(self._destination.id)
        return None if due is None else max(0.2, _until(due, now))

    def _start(self, parts: list[Part], now: int) -> None:
        probing = self._gate.closed is not None
        self._gate.started()
        self._pace.started(now)
        task = asyncio.create_task(self._carry(parts, probing))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.wake.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("%s: a delivery ended unexpectedly", self.name, exc_info=error)

    async def _carry(self, parts: list[Part], probing: bool) -> None:
        """Make one request, with the introduction it may need first, and draw the consequences."""
        try:
            first = parts[0]
            if introduction := self._loading.introduction(first.item):
                told = [Telling(first.item.seq, _encode([dict(introduction.query)]))]
                verdict, reply = await self._ask(introduction, told)
                if verdict.outcome == "sent":
                    verdict = self._introduced(first.item, reply)
            else:
                request = self._vendor.request([message for part in parts for message in part.messages])
                verdict, reply = await self._ask(request, [_telling(part) for part in parts])
                if verdict.outcome == "sent":
                    self._delivered(parts)
            self._draw(parts, verdict, reply, probing)
        finally:
            for lane in {part.lane.visitor: part.lane for part in parts}.values():
                self._loading.lanes.release(lane)

    async def _ask(self, request: Request, tellings: list[Telling]) -> tuple[Verdict, Reply | None]:
        """Make a request and judge the answer; both are written down."""
        at, begun = self._clock(), time.monotonic()
        answer = await self._delivery.send(request)
        took = int((time.monotonic() - begun) * 1000)
        if isinstance(answer, NoReply):
            reply, verdict = None, Verdict("later", answer.reason)
        else:
            reply, verdict = answer, self._judge(request, answer)
        self._journal.attempted(
            Attempt(
                at=at,
                took=took,
                method=request.method,
                path=request.path,
                status=reply.status if reply else None,
                reply=reply.body.decode("utf-8", "replace") if reply else "",
                outcome=verdict.outcome,
                reason=verdict.reason[:MAX_REASON],
                tellings=tellings,
            )
        )
        return verdict, reply

    def _judge(self, request: Request, reply: Reply) -> Verdict:
        try:
            return self._vendor.verdict(request, reply)
        except Exception:  # an answer that an adapter stumbles over must not stop the destination
            log.exception("%s: an answer could not be read", self.name)
            return Verdict("later", f"HTTP {reply.status}, and the answer could not be read")

    def _introduced(self, item: Item, reply: Reply | None) -> Verdict:
        """Remember the ids that an introduction brought; the event itself goes next."""
        visitor = self._loading.visitor(item.event)
        ids = self._vendor.introduced(item.event, visitor, reply) if reply else None
        if ids is None:
            return Verdict("later", "the vendor's introduction did not hold the ids it should")
        self._journal.learned(item.event.visitor, ids)
        return Verdict("sent")

    def _delivered(self, parts: list[Part]) -> None:
        for part in parts:
            item = part.item
            item.told += len(part.messages)
            if item.told == len(item.messages):
                item.attempts += 1
                self._loading.lanes.pop(part.lane)
                self._journal.settle(item, "delivered", "", self._clock())

    def _draw(self, parts: list[Part], verdict: Verdict, reply: Reply | None, probing: bool) -> None:
        """What a verdict means for the destination and for the events."""
        now = self._clock()
        reason = verdict.reason[:MAX_REASON]
        if verdict.outcome == "stop":
            self._gate.refused(now, reason)
            log.error("%s is held, its events wait: %s", self.name, reason)
        elif verdict.outcome == "later" and reply and reply.status == 429:
            self._gate.throttled(now, reason, verdict.retry_after)
        elif verdict.forget:
            self._gate.succeeded()
            self._introduce_again(parts[0], reason, now)
        elif verdict.outcome == "later":
            self._gate.failed(now, reason)
            if not probing:
                self._postpone(parts, reason, now, verdict.retry_after)
        else:
            if self._gate.closed:
                log.warning("%s flows again", self.name)
            self._gate.succeeded()
            if verdict.outcome == "never":
                self._refused(parts, reason, now)

    def _introduce_again(self, part: Part, reason: str, now: int) -> None:
        """The vendor does not know the visitor by its own ids any more: get new ones, once per event."""
        if part.item.forgot:
            self._refused([part], reason, now)
            return
        part.item.forgot = True
        part.item.translated = 0
        self._journal.learned(part.item.event.visitor, {})

    def _refused(self, parts: list[Part], reason: str, now: int) -> None:
        """The vendor will never take it; of a batch it may mean only one event, so each goes by itself."""
        if len(parts) > 1:
            for part in parts:
                part.item.alone = True
            return
        item = parts[0].item
        item.attempts += 1
        self._loading.lanes.pop(parts[0].lane)
        self._journal.settle(item, "dead", reason, now)

    def _postpone(self, parts: list[Part], reason: str, now: int, asked: float | None) -> None:
        """Try these events again later, and what comes behind them in their lanes after them."""
        lanes: dict[str, Lane] = {}
        for part in parts:
            part.item.attempts += 1
            lanes[part.lane.visitor] = part.lane
        for lane in lanes.values():
            first = lane.items[0]
            next_at = now + wait(first.attempts, asked)
            next_at = min(next_at, first.event.received + lifetime(first.event.name) + 1)
            while lane.items:
                item = self._loading.lanes.pop(lane)
                behind = "waits behind an earlier event of this visitor"
                self._journal.park(item, reason if item.attempts else behind, now, next_at)
            lane.more = False


def _telling(part: Part) -> Telling:
    return Telling(part.item.seq, _encode([message.body for message in part.messages]))


def _until(moment: int, now: int) -> float:
    """Seconds from now to a moment."""
    return max(0.0, (moment - now) / 1000)
