"""What a vendor remembers between requests, bounded: the oldest goes when it is full."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """A dictionary of the `most` keys written last, for many threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def put(self, key: Key, value: Value) -> bool:
        """Remember `value`; True when the key was not known before."""
        with self._lock:
            new = key not in self._values
            self._values[key] = value
            self._values.move_to_end(key)
            if len(self._values) > self._most:
                self._values.popitem(last=False)
        return new

    def __contains__(self, key: Key) -> bool:
        with self._lock:
            return key in self._values

    def items(self) -> list[tuple[Key, Value]]:
        """All of it, the one written longest ago first."""
        with self._lock:
            return list(self._values.items())

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
