"""The events in memory of one destination: a lane per visitor, so that each visitor's stay in order."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator

from server.event import Event
from server.store.outbox import Due
from server.vendors.base import Message, Request


class Item:
    """An event on its way to a destination."""

    __slots__ = (
        "again",
        "alone",
        "attempts",
        "due",
        "forgot",
        "introduction",
        "loaded",
        "messages",
        "receipt",
        "told",
        "translated",
    )

    def __init__(self, due: Due, loaded: float, again: bool = False) -> None:
        self.due = due
        self.again = again
        """It was in the store as one that waits."""
        self.loaded = loaded
        """When it came into memory, in seconds of the monotonic clock."""
        self.attempts = due.attempts
        self.told = due.told
        self.introduction: Request | None = None
        """What must be asked of the vendor before the messages can be made."""
        self.messages: list[Message] = []
        self.translated = 0
        """When the messages were made, in milliseconds since 1970; 0: not yet."""
        self.receipt = ""
        self.forgot = False
        """The vendor's ids of the visitor were thrown away for it: once is enough."""
        self.alone = False
        """To be sent by itself, because a batch with it was refused."""

    @property
    def seq(self) -> int:
        return self.due.seq

    @property
    def is_stored(self) -> bool:
        """Whether the store says of it already that it waits behind another, and nothing new."""
        due = self.due
        return due.next_at is None and (due.attempts, due.told) == (self.attempts, self.told)

    @property
    def since(self) -> int:
        """From when its lifetime counts: milliseconds since 1970."""
        return self.due.replayed or self.due.event.received

    @property
    def event(self) -> Event:
        return self.due.event


class Lane:
    """One visitor's events, oldest first."""

    __slots__ = ("items", "last_stored", "more", "visitor")

    def __init__(self, visitor: str) -> None:
        self.visitor = visitor
        self.items: deque[Item] = deque()
        self.more = False
        """The store holds more of this visitor that wait, after `last_stored`."""
        self.last_stored = 0


class Lanes:
    """All lanes of a destination: those free to go, and those that have something under way."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._free: OrderedDict[str, Lane] = OrderedDict()
        self.count = 0
        """Items in memory."""
        self.again = 0
        """Those of them that waited in the store."""

    def get(self, visitor: str) -> Lane | None:
        """The visitor's lane, free or not."""
        return self._lanes.get(visitor)

    def add(self, item: Item) -> Lane:
        """Put an event at the end of its visitor's lane."""
        lane = self.open(item.event.visitor)
        lane.items.append(item)
        self.count += 1
        self.again += item.again
        return lane

    def open(self, visitor: str) -> Lane:
        """The visitor's lane, made where there is none."""
        lane = self._lanes.get(visitor)
        if lane is None:
            lane = self._lanes[visitor] = self._free[visitor] = Lane(visitor)
        return lane

    def free(self) -> Iterator[Lane]:
        """The lanes that may go, longest waiting first. They may be taken while iterating."""
        return iter(list(self._free.values()))

    def has_free(self) -> bool:
        """Whether any lane may go."""
        return bool(self._free)

    def take(self, lane: Lane) -> None:
        """Something of this lane is under way: nothing else of it may start."""
        self._free.pop(lane.visitor, None)

    def release(self, lane: Lane) -> None:
        """Nothing of it is under way any more; an empty lane disappears."""
        if lane.items or lane.more:
            self._free[lane.visitor] = lane
        else:
            self.drop(lane)

    def pop(self, lane: Lane) -> Item:
        """Remove a lane's first item."""
        item = lane.items.popleft()
        self.count -= 1
        self.again -= item.again
        return item

    def drop(self, lane: Lane) -> None:
        """Remove an empty lane."""
        self._free.pop(lane.visitor, None)
        self._lanes.pop(lane.visitor, None)
