"""One request as it fills."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from server.relay.lanes import Item, Lane
from server.vendors.base import Limits, Message

ENVELOPE = 64
"""Bytes left for what a vendor puts around the messages of a batch."""

_encode = msgspec.json.Encoder().encode


class Part(msgspec.Struct, frozen=True):
    """The messages of one event that one request carries."""

    lane: Lane
    item: Item
    messages: Sequence[Message]


class Load:
    """The messages of one path that fit into a request, in the order they are offered."""

    def __init__(self, limits: Limits) -> None:
        self._room = limits.batch
        self._bytes = limits.max_bytes - ENVELOPE
        self._batched = limits.batch > 1
        self._path = ""
        self.parts: list[Part] = []
        self.full = False

    def take(self, lane: Lane, item: Item) -> bool:
        """Take what fits of an event's messages; whether the next event of the lane may follow."""
        if self.full:
            return False
        if item.alone or item.introduction:
            if not self.parts:
                self.parts.append(Part(lane, item, [] if item.introduction else self._fitting(item)))
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
