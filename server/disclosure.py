"""`gatepost disclosure`: which fields each vendor is sent, for the shop's privacy notice.

Nothing here is a list that could grow old: an event of every kind, with everything in it that an event can
have, goes through the vendor's own adapter, and what comes out is described by what went in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from server.errors import GatepostError
from server.event import Event
from server.planted import (
    CUSTOM,
    FURTHER,
    INTRODUCED,
    PSEUDONYM,
    RETURNED,
    SEGMENTS,
    Curious,
    meaning,
    planted_events,
)
from server.settings import Settings, Shop, VendorSettings
from server.vendors import vendor_types
from server.vendors.base import Request, Vendor, Visitor
from server.vocabulary import RULES

OWN = "the shop's own events"
MOST_NAMED = 4
"""Events named with a field; one that more of them carry belongs to nearly all."""


class Field(msgspec.Struct, frozen=True):
    """One field that a vendor is sent."""

    path: str
    """Where it stands: "?" begins a query parameter, "[]" is any entry of a list, "*" any name."""
    says: str
    """What it holds, in words."""
    personal: bool
    """Whether it names the person or is how their browser is recognised."""
    events: list[str]
    """The events that carry it, by our names."""


def disclosed(vendor: Vendor, settings: VendorSettings, *, segments: bool = False) -> list[Field]:
    """Every field that this vendor may be sent, in the order of their paths."""
    own = {
        field.name: value
        for field in msgspec.structs.fields(settings)
        if isinstance(value := getattr(settings, field.name), str)
    }
    found: dict[str, Field] = {}
    for event, request in _requests(vendor, SEGMENTS[0] if segments else None):
        for path, value in _leaves(request):
            says, personal = meaning(value, event.name, own)
            known = found.setdefault(path, Field(path, says, personal, []))
            if event.name not in known.events:
                known.events.append(event.name)
            if personal and not known.personal:
                found[path] = Field(path, says, personal, known.events)
    return [found[path] for path in sorted(found)]


def disclosure(settings: Settings, only: str = "") -> Iterator[str]:
    """The text: for each shop (or `only` one) and vendor what is sent, where to, and by which consent.

    Raises GatepostError when there is no such shop.
    """
    if only and only not in settings.shops:
        raise GatepostError(f"{only}: no such shop in {settings.file}; it has {', '.join(settings.shops)}")
    for name, shop in settings.shops.items():
        if only in ("", name):
            yield from _of_shop(name, shop)


def _of_shop(name: str, shop: Shop) -> Iterator[str]:
    yield f"Shop {name}"
    if not shop.vendors:
        yield "  sends nothing to anybody: no vendor is configured"
    for vendor_name, table in shop.vendors.items():
        vendor = vendor_types()[vendor_name](table)
        fields = disclosed(vendor, table, segments=shop.ab_segments)
        rule = (
            f"once the visitor has granted {table.purpose}"
            if shop.consent == "required"
            else f"unless the visitor has declined {table.purpose}"
        )
        yield ""
        yield f"  {vendor_name}, at {urlsplit(table.base_url).netloc}, {rule}"
        yield from _section("Names the person, or recognises their browser:", fields, personal=True)
        yield from _section("Says what happened:", fields, personal=False)
        yield "    Never sent: the network address (IP), the browser's user agent."
    yield ""


def _section(title: str, fields: list[Field], *, personal: bool) -> Iterator[str]:
    yield f"    {title}"
    for field in fields:
        if field.personal is personal:
            events = [OWN if name == CUSTOM else name for name in field.events]
            where = f" ({', '.join(events)})" if len(field.events) <= MOST_NAMED else ""
            yield f"      {field.path}: {field.says}{where}"


# What an adapter makes of the planted events.


def _requests(vendor: Vendor, segment: Literal["A", "B"] | None) -> Iterator[tuple[Event, Request]]:
    stranger = Visitor(PSEUDONYM, segment)
    known, returned = (Visitor(PSEUDONYM, segment, ids) for ids in (INTRODUCED, RETURNED))
    for name in [*RULES, CUSTOM]:
        for planted in planted_events(name):
            event = _complete(vendor, planted, known)
            if vendor.wants(event) is not None:
                continue
            for visitor in (stranger, returned):
                if introduction := vendor.introduction(event, visitor):
                    yield event, introduction
            for message in vendor.messages(event, known):
                yield event, vendor.request([message])


def _complete(vendor: Vendor, event: Event, visitor: Visitor) -> Event:
    """The event with every parameter that this adapter looks for, as far as it can take them."""
    curious = Curious(event)
    _try(vendor, curious.shown(), visitor)
    learned = curious.learned()
    return learned if learned is not None and _try(vendor, learned, visitor) else event


def _try(vendor: Vendor, event: Event, visitor: Visitor) -> bool:
    """Whether the adapter takes the event; it may stumble over a parameter that is not of its type."""
    try:
        if vendor.wants(event) is None:
            vendor.messages(event, visitor)
    except Exception:  # whatever an adapter does with what no shop sends
        return False
    return True


# The leaves of a request.


def _leaves(request: Request) -> Iterator[tuple[str, Any]]:
    for name, value in request.query.items():
        yield f"?{name}", value
    yield from _walk("", request.body)


def _walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    value = _unpacked(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            name = "*" if key == FURTHER else key
            yield from _walk(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(f"{path}[]", inner)
    elif value is not None:
        yield path, value


def _unpacked(value: Any) -> Any:
    """What a string of JSON says, and pairs of name and value as the object that they are."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    if (
        isinstance(value, list)
        and value
        and all(isinstance(v, dict) and v.keys() == {"name", "value"} for v in value)
    ):
        return {one["name"]: one["value"] for one in value}
    return value
