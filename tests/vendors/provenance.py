"""Where every value in a request may come from: the event, the settings, the visitor, or a closed vocabulary.

A vendor's own words are listed in `vocabulary/<vendor>.json`:

    fixed       values that its requests may hold whatever happened: names of events, a default quantity of 1
    prefixes    what may stand before a value
    joins       what may stand between the strings of a list
    namespace   of the version 5 UUIDs made of the event's id and a number
    sums        may an amount be the sum of price * quantity
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import msgspec

from server.event import Event
from server.settings import Secret, VendorSettings
from server.vendors.base import Visitor

VOCABULARY = Path(__file__).parent / "vocabulary"


class Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fixed: list[str | int | float | bool]
    prefixes: list[str] = []
    joins: list[str] = []
    namespace: UUID | None = None
    sums: bool = False


def vocabulary(vendor: str) -> Vocabulary:
    return msgspec.json.decode((VOCABULARY / f"{vendor}.json").read_bytes(), type=Vocabulary)


def leaves(value: Any) -> Iterator[Any]:
    """Every scalar inside a JSON value."""
    if isinstance(value, dict):
        for one in value.values():
            yield from leaves(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from leaves(one)
    else:
        yield value


class Provenance:
    """Knows what one event, of one visitor, for one vendor may turn into."""

    def __init__(self, vendor: str, event: Event, settings: VendorSettings, visitor: Visitor) -> None:
        self._words = vocabulary(vendor)
        self._event = event
        given = [
            event.id,
            event.name,
            event.at,
            event.cart,
            event.params,
            list(event.params),
            msgspec.to_builtins(event.page),
            msgspec.to_builtins(event.user),
            msgspec.to_builtins(event.source),
            visitor.pseudonym,
            visitor.segment,
            dict(visitor.ids),
            [v for v in msgspec.structs.asdict(settings).values() if not isinstance(v, Secret)],
            self._words.fixed,
        ]
        self._given = {_typed(leaf) for leaf in leaves(given)}
        self._numbers = [leaf for leaf in leaves(given) if type(leaf) in (int, float)]
        self._lists = [value for value in event.params.values() if isinstance(value, list)]

    def unexplained(self, value: Any) -> list[Any]:
        """The scalars inside `value` that come from nowhere."""
        return [leaf for leaf in leaves(value) if not self._explained(leaf)]

    def _explained(self, leaf: Any) -> bool:
        if _typed(leaf) in self._given:
            return True
        if isinstance(leaf, str):
            return self._written(leaf)
        return self._counted(leaf)

    def _written(self, text: str) -> bool:
        """A string that holds what was given: as JSON, prefixed, joined, as a time, as a UUID."""
        try:
            inside = msgspec.json.decode(text)
        except msgspec.DecodeError:
            inside = text
        if inside != text:
            return not self.unexplained(inside)
        words = self._words
        return (
            any(text.startswith(p) and _typed(text[len(p) :]) in self._given for p in words.prefixes)
            or any(
                text == join.join(value)
                for join in words.joins
                for value in self._lists
                if all(isinstance(part, str) for part in value)
            )
            or self._is_moment(text)
            or self._is_uuid(text)
        )

    def _is_moment(self, text: str) -> bool:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return False
        seconds = (when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() if when.tzinfo else None
        return seconds is not None and any(abs(seconds - number / 1000) < 0.001 for number in self._numbers)

    def _is_uuid(self, text: str) -> bool:
        space, event_id = self._words.namespace, self._event.id
        return space is not None and any(text == str(uuid5(space, f"{event_id}/{i}")) for i in range(501))

    def _counted(self, number: Any) -> bool:
        if number == self._event.at // 1000:
            return True
        items = self._event.params.get("items", [])
        products = sum(
            Decimal(str(item.get("price", 0))) * Decimal(str(item.get("quantity", 1))) for item in items
        )
        return self._words.sums and type(number) in (int, float) and Decimal(str(number)) == products


def _typed(leaf: Any) -> tuple[str, Any]:
    """5 and 5.0 are one number; true, 1 and "1" are three things."""
    return ("number" if type(leaf) in (int, float) else type(leaf).__name__, leaf)
