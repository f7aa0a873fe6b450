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
from server.redact import redact_addresses
from server.relay.gate import Gate, Pace
from server.relay.journal import Journal
from server.relay.lanes import Item, Lane
from server.relay.load import Part
from server.relay.loading import BEHIND, Loading
from server.relay.preparing import Preparing, Stumbled
from server.relay.redaction import redactor
from server.relay.retry import wait
from server.settings import Shop
from server.store.outbox import Destination, Outbox
from server.store.outcomes import Attempt, Hold, Report, Telling
from server.vendors.base import Reply, Request, Vendor, Verdict, judge, lifetime

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
        self._redacted = redactor(shop.vendors[vendor.name], vendor.credentials())
        since = destination.held_since
        hold = Hold(since, destination.held_reason, since) if since is not None else None
        self._gate = Gate(hold)
        self._pace = Pace(*vendor.limits.window)
        self._journal = Journal(destination.id, destination.position, hold, outbox, changed)
        self._preparing = Preparing(destination, shop, vendor, outbox, self._journal, pseudonyms)
        self._loading = Loading(destination, vendor.limits, outbox, self._journal, self._preparing)
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

    def not_saved(self) -> None:
        """The last report could not be written: nothing more is sent until it is."""
        self._journal.failed()

    def _go(self) -> float | None:
        """Start every request that may start now.

        Returns in how many seconds to look again; None: when woken.
        """
        while True:
            now = self._clock()
            if len(self._tasks) >= self._vendor.limits.concurrency or self._journal.is_full:
                return None
            if not self._gate.may_start(now):
                opens = self._gate.opens_at()
                return None if opens is None else _until(opens, now)
            if (free_at := self._pace.free_at(now)) > now:
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
        probe = self._gate.started()
        self._pace.started(now)
        task = asyncio.create_task(self._carry(parts, probe))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.wake.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("%s: a delivery ended unexpectedly", self.name, exc_info=error)

    async def _carry(self, parts: list[Part], probe: bool) -> None:
        """Make one request and draw the consequences."""
        try:
            verdict, reply = await self._exchange(parts)
            self._draw(parts, verdict, reply, probe)
        except Stumbled as stumbled:
            self._gate.unasked(probe)
            self._refused(parts, str(stumbled), self._clock())
        except Exception:  # of the database, for instance: the event is none the worse for it
            log.exception("%s: a request could not be made", self.name)
            verdict = Verdict("later", "Gatepost could not make the request; its log tells why")
            self._draw(parts, verdict, None, probe)
        finally:
            for lane in {part.lane.visitor: part.lane for part in parts}.values():
                self._loading.lanes.release(lane)

    async def _exchange(self, parts: list[Part]) -> tuple[Verdict, Reply | None]:
        """Make one request: the introduction that must come first, or the parts' messages."""
        first = parts[0].item
        if introduction := first.introduction:
            told = [Telling(first.seq, _encode([dict(introduction.query)]))]
            verdict, reply = await self._ask(introduction, told)
            return (self._introduced(first, reply) if verdict.outcome == "sent" else verdict), reply
        request = self._preparing.request(first, [message for part in parts for message in part.messages])
        verdict, reply = await self._ask(request, [_telling(part) for part in parts])
        if verdict.outcome == "sent":
            self._delivered(parts)
        return verdict, reply

    async def _ask(self, request: Request, tellings: list[Telling]) -> tuple[Verdict, Reply | None]:
        """Make a request and judge the answer; both are written down."""
        at, begun = self._clock(), time.monotonic()
        answer = await self._delivery.send(request)
        took = int((time.monotonic() - begun) * 1000)
        if isinstance(answer, NoReply):
            reply, verdict = None, Verdict("later", answer.reason)
        else:
            reply, verdict = answer, self._judge(request, answer)
        # Reasons are logged and shown beyond the event's own life: whom it was about is not in them.
        reason = redact_addresses(self._redacted(verdict.reason))[:MAX_REASON]
        self._journal.attempted(
            Attempt(
                at=at,
                took=took,
                method=request.method,
                path=request.path,
                status=reply.status if reply else None,
                reply=self._redacted(reply.body.decode("utf-8", "replace")) if reply else "",
                outcome=verdict.outcome,
                reason=reason,
                tellings=tellings,
            )
        )
        return msgspec.structs.replace(verdict, reason=reason), reply

    def _judge(self, request: Request, reply: Reply) -> Verdict:
        try:
            return self._vendor.verdict(request, reply)
        except Exception:  # an answer that an adapter stumbles over must not stop the destination
            log.exception("%s: an answer could not be read", self.name)
            return judge(reply, "an answer that Gatepost cannot read")

    def _introduced(self, item: Item, reply: Reply | None) -> Verdict:
        """Remember the ids that an introduction brought; the event itself goes next."""
        ids = self._preparing.introduced(item, reply) if reply else None
        if ids is None:
            return Verdict("later", "the vendor's introduction did not hold the ids it should")
        self._journal.learned(item.event.visitor, ids)
        return Verdict("sent")

    def _delivered(self, parts: list[Part]) -> None:
        for part in parts:
            item = part.item
            item.told += len(part.messages)
            if item.told < len(item.messages):
                self._journal.advance(item, self._clock())
                continue
            item.attempts += 1
            self._loading.lanes.pop(part.lane)
            self._journal.settle(item, "delivered", "", self._clock())

    def _draw(self, parts: list[Part], verdict: Verdict, reply: Reply | None, probe: bool) -> None:
        """What a verdict means for the destination and for the events."""
        now = self._clock()
        reason = verdict.reason
        if verdict.outcome == "stop":
            self._gate.refused(now, reason, probe)
            log.error("%s is held, its events wait: %s", self.name, reason)
        elif verdict.outcome == "later" and reply and reply.status == 429:
            if probe or not self._gate.closed:
                self._pace.slow_down()
            self._gate.throttled(now, reason, verdict.retry_after, probe)
        elif verdict.forget:
            self._works(probe)
            self._introduce_again(parts[0], reason, now)
        elif verdict.outcome == "later":
            self._gate.failed(now, reason, parts[0].lane.visitor, probe)
            if not probe:
                self._postpone(parts, reason, now, verdict.retry_after)
        else:
            self._works(probe)
            if verdict.outcome == "never":
                self._refused(parts, reason, now)

    def _works(self, probe: bool) -> None:
        """The vendor answered as one that takes requests."""
        if probe:
            log.warning("%s flows again", self.name)
        self._gate.succeeded(probe)
        self._pace.speed_up()

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
        tried = {part.item.seq for part in parts}
        for lane in lanes.values():
            first = self._loading.lanes.pop(lane)
            next_at = now + wait(first.attempts, asked)
            next_at = min(next_at, first.since + lifetime(first.event.name) + 1)
            self._journal.park(first, reason, now, next_at)
            while lane.items:
                item = self._loading.lanes.pop(lane)
                if not item.is_stored:
                    self._journal.park(item, reason if item.seq in tried else BEHIND, now, None)
            lane.more = False


def _telling(part: Part) -> Telling:
    return Telling(part.item.seq, _encode([message.body for message in part.messages]))


def _until(moment: int, now: int) -> float:
    """Seconds from now to a moment."""
    return max(0.0, (moment - now) / 1000)
