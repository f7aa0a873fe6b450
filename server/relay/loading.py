"""What comes into a destination's memory, and what of it goes into the next request.

In the store a visitor's waiting events have one time to be tried again, that of the first: those behind it
have none. They come into memory with it, and so keep their order.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from server.relay.journal import Journal
from server.relay.lanes import Item, Lane, Lanes
from server.relay.load import Load, Part
from server.relay.preparing import Preparing
from server.relay.retry import SECOND
from server.store.outbox import Destination, Due, Outbox, Unreadable
from server.store.outcomes import State
from server.vendors.base import Limits

WINDOW = 2000
"""Events of a destination in memory, after which no more are brought in."""
READ = 250
"""Events read at a time; and so many of those in memory may have come to be tried again. Neither a backlog of
new events keeps those waiting, nor do many of them, as after a replay, keep the new ones waiting."""
LANE = 25
"""Of one visitor's waiting events so many at a time, so that one visitor does not take all that room."""
SOON = SECOND
"""Milliseconds after which to look again at an event that may wait behind another of its visitor."""
NEVER = 2**63 - 1
BEHIND = "waits behind an earlier event of this visitor"

_WHOLE = frozenset({"update_cart", "update_wishlist"})
"""Events that tell a whole state: a newer one makes an older one pointless."""


class Loading:
    """Reads one destination's events, and chooses from them, each visitor's in order."""

    def __init__(
        self,
        destination: Destination,
        limits: Limits,
        outbox: Outbox,
        journal: Journal,
        preparing: Preparing,
    ) -> None:
        self._destination = destination
        self._limits = limits
        self._outbox = outbox
        self._journal = journal
        self._preparing = preparing
        self.lanes = Lanes()
        self._version = -1
        """Of the store, when it was asked last and all that it had for us was taken."""
        self._none_due_before = 0
        """When the next one is to be tried again, as the store was then: milliseconds since 1970."""

    # Into memory. Whatever can fail comes before the first change, so that a failure leaves no gap.

    def fill(self, now: int) -> None:
        """Bring in what is due and what is new, as much as the window holds.

        Nothing is asked of a store that nobody has written to since it had nothing for us: this is called
        for every request that is made.
        """
        version = self._outbox.version()
        if version == self._version and now < self._none_due_before:
            return
        has_all_due, has_all_new = self._load_due(now), self._load_all_new(now)
        if has_all_due and has_all_new:
            self._version = version
            self._none_due_before = self._outbox.next_due(self._destination.id) or NEVER

    def _load_all_new(self, now: int) -> bool:
        """New events, as much as the window holds; whether that was all."""
        while self.lanes.count - self.lanes.again <= WINDOW - 2 * READ and not self._journal.is_full:
            before = self._journal.read_upto
            self._load_new(now)
            if self._journal.read_upto == before:
                return True
        return False

    def _load_due(self, now: int) -> bool:
        """What is to be tried again; whether there was nothing."""
        if self.lanes.again >= READ:
            return False
        visitors = self._outbox.due(self._destination.id, now, READ)
        for visitor in visitors:
            if self.lanes.again >= READ:
                break
            if self.lanes.get(visitor) or self._journal.is_ahead(visitor):
                continue
            if self._outbox.head_due(self._destination.id, visitor, now):
                lane = self.lanes.open(visitor)
                lane.more = True
                self._load_lane(lane, now)
            else:
                self._put_behind(visitor, now)
        return not visitors

    def _load_lane(self, lane: Lane, now: int) -> None:
        """The next of what waits of a visitor."""
        waiting = self._outbox.waiting_of(self._destination.id, lane.visitor, lane.last_stored, LANE)
        lane.more = len(waiting) == LANE
        if waiting:
            lane.last_stored = waiting[-1].seq
        for item in self._items(waiting, now):
            self.lanes.add(item)

    def _put_behind(self, visitor: str, now: int) -> None:
        """These are due while the first of the visitor's is not: they wait for it, not for a time."""
        for item in self._items(
            self._outbox.waiting_of(self._destination.id, visitor, 0, READ, due_by=now), now
        ):
            self._journal.park(item, BEHIND, now, None)

    def _items(self, found: list[Due | Unreadable], now: int) -> list[Item]:
        items = []
        for one in found:
            if isinstance(one, Due):
                items.append(Item(one, time.monotonic(), again=True))
            else:
                self._journal.bury(one, now)
        return items

    def _load_new(self, now: int) -> None:
        """One read of new events."""
        found, upto = self._outbox.unread(self._destination, self._journal.read_upto, READ)
        new = [Item(due, time.monotonic()) for due in found if isinstance(due, Due)]
        blocked = self._outbox.blocked(self._destination.id, {item.event.visitor for item in new})
        refusals = [self._preparing.refusal(item) for item in new]

        self._journal.read([due.seq for due in found], upto)
        for item, refusal in zip(new, refusals, strict=True):
            if refusal:
                self._journal.settle(item, *refusal, now)
            else:
                self._place(item, item.event.visitor in blocked, now)
        for unreadable in found:
            if isinstance(unreadable, Unreadable):
                self._journal.bury(unreadable, now)

    def _place(self, item: Item, blocked: bool, now: int) -> None:
        """Into its visitor's lane; or back into the store, when others of the visitor wait there."""
        visitor = item.event.visitor
        lane = self.lanes.get(visitor)
        if lane and not lane.more:
            self.lanes.add(item)
        elif lane or self._journal.is_parked(visitor):
            self._journal.park(item, BEHIND, now, None)
        elif blocked:
            # What blocks it may have been settled just now, and then nothing would ever call for this one.
            self._journal.park(item, BEHIND, now, now + SOON if self._journal.is_ahead(visitor) else None)
        else:
            self.lanes.add(item)

    # Out of memory, into a request.

    def next_load(self, now: int, linger: float) -> tuple[list[Part], float | None]:
        """The next request's parts, their lanes taken; or none, and in how many seconds to ask again.

        A request that is not full waits up to `linger` seconds for more.
        """
        load = Load(self._limits)
        for lane in self.lanes.free():
            for item in self._sendable(lane, now):
                if not load.take(lane, item):
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
                self._load_lane(lane, now)
                continue
            obstacle = self._obstacle(lane, lane.items[0], now)
            if obstacle is None:
                break
            self._journal.settle(self.lanes.pop(lane), *obstacle, now)
        yield lane.items[0]
        for item in list(lane.items)[1:]:
            if self._obstacle(lane, item, now) is not None:
                return None  # its turn comes when it is the first
            yield item
        return None

    def _obstacle(self, lane: Lane, item: Item, now: int) -> tuple[State, str] | None:
        return self._preparing.obstacle(item, now) or _superseded(lane, item)


def _superseded(lane: Lane, item: Item) -> tuple[State, str] | None:
    """Whether a newer event of the lane tells all that this one would."""
    name = item.event.name
    if name in _WHOLE and any(other.seq > item.seq and other.event.name == name for other in lane.items):
        return "not_wanted", "a newer one tells the whole state"
    return None
