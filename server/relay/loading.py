"""What comes into a destination's memory, and what of it goes into the next request."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence

import msgspec

from server import consent
from server.cookies import current
from server.event import Event
from server.pseudonyms import Pseudonyms
from server.relay.journal import Journal
from server.relay.lanes import Item, Lane, Lanes
from server.relay.retry import HOUR, MINUTE, SECOND
from server.settings import Shop
from server.store.outbox import Destination, Outbox, State
from server.vendors.base import Message, Request, Vendor, Visitor, lifetime

log = logging.getLogger(__name__)

WINDOW = 1000
"""Events of a destination in memory at once."""
READ = 250
"""Events read at a time."""
BEHIND = SECOND
"""Milliseconds after which to look again at an event that waits behind another of its visitor."""
FRESH = MINUTE
"""Milliseconds for which a translation stays good: a campaign source may run out meanwhile."""

_encode = msgspec.json.Encoder().encode


class Part(msgspec.Struct, frozen=True):
    """The messages of one event that one request carries."""

    lane: Lane
    item: Item
    messages: Sequence[Message]


class Loading:
    """Reads one destination's events and prepares them, each visitor's in order."""

    def __init__(
        self,
        destination: Destination,
        shop: Shop,
        vendor: Vendor,
        outbox: Outbox,
        journal: Journal,
        pseudonyms: Pseudonyms,
    ) -> None:
        self._destination = destination
        self._shop = shop
        self._vendor = vendor
        self._purpose = shop.vendors[vendor.name].purpose
        self._outbox = outbox
        self._journal = journal
        self._pseudonyms = pseudonyms
        self.lanes = Lanes()

    # Into memory.

    def fill(self, now: int) -> None:
        """Bring in what is due and what is new, as much as the window holds."""
        if self.lanes.count < WINDOW // 2:
            self._load_due(now)
        while self.lanes.count < WINDOW - READ and self._journal.unsaved < WINDOW:
            if not self._load_new(now):
                break

    def _load_due(self, now: int) -> None:
        for visitor in self._outbox.due(self._destination.id, now, READ):
            if self.lanes.get(visitor) or self._journal.is_parked(visitor):
                continue  # what the store says of this visitor is older than what memory knows
            waiting = self._outbox.waiting_of(self._destination.id, visitor, 0, READ)
            if not waiting:
                continue
            items = [Item(due, time.monotonic()) for due in waiting]
            if waiting[0].next_at > now:
                for item in items[1:]:
                    self._journal.park(item, _BEHIND_REASON, now, max(waiting[0].next_at, item.due.next_at))
                continue
            for item in items:
                lane = self.lanes.add(item)
            lane.more, lane.last_stored = len(waiting) == READ, waiting[-1].seq

    def _load_more(self, lane: Lane) -> None:
        """The rest of a visitor's waiting events."""
        waiting = self._outbox.waiting_of(self._destination.id, lane.visitor, lane.last_stored, READ)
        lane.more = len(waiting) == READ
        for due in waiting:
            self.lanes.add(Item(due, time.monotonic()))
            lane.last_stored = due.seq

    def _load_new(self, now: int) -> bool:
        """One read of new events; whether there may be more."""
        found, upto = self._outbox.unread(self._destination, self._journal.read_upto, READ)
        self._journal.read([due.seq for due in found], upto)
        blocked = self._outbox.blocked(self._destination.id, {due.event.visitor for due in found})
        for due in found:
            item = Item(due, time.monotonic())
            visitor = due.event.visitor
            lane = self.lanes.get(visitor)
            if reason := self._refusal(item):
                self._journal.settle(item, "not_wanted", reason, now)
            elif lane.more if lane else visitor in blocked or self._journal.is_parked(visitor):
                self._journal.park(item, _BEHIND_REASON, now, now + BEHIND)
            else:
                self.lanes.add(item)
        return len(found) > 0

    # Out of memory, into a request.

    def next_load(self, now: int, linger: float) -> tuple[list[Part], float | None]:
        """The next request's parts, their lanes taken; or none, and in how many seconds to ask again.

        A request that is not full waits up to `linger` seconds for more.
        """
        load = _Load(self._vendor.limits.batch, self._vendor.limits.max_bytes)
        for lane in self.lanes.free():
            for item in self._sendable(lane, now):
                if not load.take(lane, item, self.introduction(item) is not None):
                    break
            if load.full:
                break
        if not load.parts:
            return [], None
        waited = time.monotonic() - min(part.item.loaded for part in load.parts)
        if not load.full and waited < linger:
            return [], linger - waited
        for part in load.parts:
            self.lanes.take(part.lane)
        return load.parts, None

    def _sendable(self, lane: Lane, now: int) -> Iterator[Item]:
        """A lane's events in order, ready to be sent, up to the first that is not.

        Those at its beginning that turn out not to be wanted any more are settled on the way.
        """
        while True:
            if not lane.items:
                if not lane.more:
                    return self.lanes.release(lane)
                if self._journal.is_parked(lane.visitor):
                    return None
                self._load_more(lane)
                continue
            obstacle = self._obstacle(lane.items[0], now)
            if obstacle is None:
                break
            self._journal.settle(self.lanes.pop(lane), *obstacle, now)
        yield lane.items[0]
        for item in list(lane.items)[1:]:
            if self._obstacle(item, now) is not None:
                return None  # its turn comes when it is the first
            yield item
        return None

    def _obstacle(self, item: Item, now: int) -> tuple[State, str] | None:
        """Why an event must not be sent now or ever; None when it may, and then it is translated."""
        if reason := self._refusal(item):
            return "not_wanted", reason
        worth = lifetime(item.event.name)
        if now - item.event.received > worth:
            return "dead", f"too late: not delivered within {worth // HOUR} hours"
        if now - item.translated > FRESH and not self.introduction(item):
            try:
                self.translate(item, now)
            except Exception:  # an event that an adapter stumbles over must not stop the others
                log.exception("%s: event %s could not be translated", self._vendor.name, item.event.id)
                return "dead", "Gatepost could not translate it; its log tells why"
        return None

    def _refusal(self, item: Item) -> str | None:
        """Why the vendor does not want the event or may not have it by the visitor's present choice."""
        event = item.event
        if reason := self._vendor.wants(event):
            return reason
        known = self._outbox.consent(self._destination.shop, event.visitor)
        item.receipt = consent.receipt(known, self._shop.consent, self._purpose)
        return consent.refusal(known, self._shop.consent, self._purpose)

    def introduction(self, item: Item) -> Request | None:
        """What must be asked of the vendor before this event can be translated."""
        return self._vendor.introduction(item.event, self.visitor(item.event))

    def translate(self, item: Item, now: int) -> None:
        """Make the event's messages, with its campaign source only while that may be used."""
        event = msgspec.structs.replace(item.event, source=current(item.event.source, now))
        item.messages = self._vendor.messages(event, self.visitor(event))
        item.translated = now

    def visitor(self, event: Event) -> Visitor:
        """What the vendor may know of the event's visitor."""
        shop, visitor = self._destination.shop, event.visitor
        return Visitor(
            pseudonym=self._pseudonyms.visitor(shop, self._vendor.name, visitor),
            segment=self._pseudonyms.segment(shop, visitor) if self._shop.ab_segments else None,
            ids=self._journal.ids(visitor),
        )


_BEHIND_REASON = "waits behind an earlier event of this visitor"


class _Load:
    """One request as it fills: messages of one path, no more than fit."""

    def __init__(self, batch: int, max_bytes: int) -> None:
        self._room = batch
        self._bytes = max_bytes
        self._batched = batch > 1
        self._path = ""
        self.parts: list[Part] = []
        self.full = False

    def take(self, lane: Lane, item: Item, needs_introduction: bool) -> bool:
        """Take what fits of an event's messages; whether the next event of the lane may follow."""
        if self.full:
            return False
        if item.alone or needs_introduction:
            if not self.parts:
                self.parts.append(Part(lane, item, [] if needs_introduction else self._fitting(item)))
                self.full = True
            return False
        fitting = self._fitting(item)
        if fitting:
            self.parts.append(Part(lane, item, fitting))
        return not self.full and len(fitting) == len(item.messages) - item.told

    def _fitting(self, item: Item) -> list[Message]:
        fitting: list[Message] = []
        for message in item.messages[item.told :]:
            length = len(_encode(message.body)) + 1 if self._batched else 0
            self._path = self._path or message.path
            if message.path != self._path:
                break
            if self._room == 0 or (length > self._bytes and (self.parts or fitting)):
                self.full = True
                break
            fitting.append(message)
            self._room -= 1
            self._bytes -= length
        self.full = self.full or self._room == 0
        return fitting
