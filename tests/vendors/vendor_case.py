"""A case: what went in, and the exact requests a vendor's page says must come out. Cases are data.

A file `cases/<vendor>/<situation>.json` holds one object:

    source      the page and section the expected values are taken from
    situation   one sentence
    settings    the vendor's settings; base_url and purpose have defaults
    visitor     {pseudonym?, segment?, ids?}: what the vendor may know
    events      events as in server.event; id, at, received, shop, visitor, session and params have defaults
    expect      [{method, path, query?, headers?, body?, reply?}]; or instead of it:
    not_wanted  the reason why the vendor wants none of these events

`headers` are the credentials, compared where a case names them. `reply` is what the vendor answers an
introduction: {status?, body}. Unknown keys are refused everywhere, so a typing error cannot pass for a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from server.event import Event, Page, Source, User
from server.settings import Secret, VendorSettings
from server.vendors import vendor_types
from server.vendors.base import Message, Reply, Request, Vendor, Visitor

CASES = Path(__file__).parent / "cases"

RAW_VISITOR = "5f0c1d3e-8a77-4b52-9c44-2f6f0d1e7a90"
"""Our own id of the visitor in every case: no vendor may ever see it."""

DEFAULTS: dict[str, Any] = {
    "at": 1_790_000_000_123,
    "received": 1_790_000_000_456,
    "shop": "demo",
    "visitor": RAW_VISITOR,
    "session": "s-1",
    "params": {},
}
PARTS: dict[str, type[msgspec.Struct]] = {"page": Page, "user": User, "source": Source}


class CaseVisitor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pseudonym: str = "c57a43f7-eefc-462b-b5a8-0ef421e90f67"
    segment: Literal["A", "B"] | None = None
    ids: dict[str, str] = {}


class CaseReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    body: Any
    status: int = 200


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    method: Literal["GET", "POST"]
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] | None = None
    body: Any = None
    reply: CaseReply | None = None


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    situation: str
    events: list[dict[str, Any]]
    settings: dict[str, Any] = {}
    visitor: CaseVisitor = CaseVisitor()
    expect: list[Expected] | None = None
    not_wanted: str | None = None

    def __post_init__(self) -> None:
        if (self.expect is None) == (self.not_wanted is None):
            raise ValueError("a case says either `expect` or `not_wanted`")
        if not self.events or self.expect == [] or self.not_wanted == "":
            raise ValueError("a case that expects nothing proves nothing")


def case_files(vendor: str = "*") -> list[Path]:
    """All cases, or those of one vendor."""
    return sorted(CASES.glob(f"{vendor}/*.json"))


def load(file: Path) -> Case:
    return msgspec.json.decode(file.read_bytes(), type=Case)


def make_event(given: Mapping[str, Any], number: int = 0) -> Event:
    """An event as a vendor gets it, from what a case says of it; strict about names."""
    fields = {"id": f"0198f0aa-0000-7000-8000-{number:012x}", **DEFAULTS, **given}
    _refuse_unknown("event", fields, Event)
    for name, part in PARTS.items():
        if name in fields:
            _refuse_unknown(name, fields[name], part)
    return msgspec.convert(fields, Event)


def _refuse_unknown(what: str, given: Mapping[str, Any], struct: type[msgspec.Struct]) -> None:
    unknown = set(given) - set(struct.__struct_encode_fields__)
    if unknown:
        raise ValueError(f"{what} has no {sorted(unknown)}")


def make_settings(name: str, given: Mapping[str, Any]) -> VendorSettings:
    """A vendor's settings, read as strictly as those in gatepost.toml."""
    return msgspec.convert(dict(given), vendor_types()[name].Settings, dec_hook=_secret)


def make_vendor(name: str, given: Mapping[str, Any]) -> Vendor:
    """The vendor named, with these settings."""
    return vendor_types()[name](make_settings(name, given))  # type: ignore[call-arg]


def _secret(wanted: type, given: Any) -> Any:
    if wanted is Secret and isinstance(given, str):
        return Secret(given)
    raise NotImplementedError(wanted)


def make_visitor(given: CaseVisitor) -> Visitor:
    return Visitor(pseudonym=given.pseudonym, segment=given.segment, ids=given.ids)


def revealed(settings: VendorSettings) -> list[str]:
    """The secrets among the settings, in clear."""
    values = (getattr(settings, field) for field in settings.__struct_fields__)
    return [value.reveal() for value in values if isinstance(value, Secret)]


def requests(
    vendor: Vendor, events: Sequence[Event], visitor: Visitor, replies: Iterator[Reply]
) -> Iterator[Request]:
    """What goes out for these wanted events of one visitor, introductions included, in order.

    `replies` answers the introductions. Messages wait until one of another path, an introduction or the end
    of the events sends them on their way.
    """
    waiting: list[Message] = []
    for event in events:
        assert vendor.wants(event) is None, f"{vendor.name} does not want {event.name}: {vendor.wants(event)}"
        introduction = vendor.introduction(event, visitor)
        if introduction is not None:
            yield from pack(vendor, waiting)
            waiting = []
            yield introduction
            ids = vendor.introduced(event, visitor, next(replies))
            assert ids is not None, "the reply given in the case does not introduce the visitor"
            visitor = msgspec.structs.replace(visitor, ids=ids)
        for message in vendor.messages(event, visitor):
            if waiting and waiting[-1].path != message.path:
                yield from pack(vendor, waiting)
                waiting = []
            waiting.append(message)
    yield from pack(vendor, waiting)


def pack(vendor: Vendor, messages: Sequence[Message]) -> Iterator[Request]:
    """Messages of one path as requests within the vendor's limits of number and bytes."""
    size = vendor.limits.batch
    for start in range(0, len(messages), size):
        yield from _within_bytes(vendor, messages[start : start + size])


def _within_bytes(vendor: Vendor, messages: Sequence[Message]) -> Iterator[Request]:
    request = vendor.request(messages)
    if len(messages) > 1 and len(msgspec.json.encode(request.body)) > vendor.limits.max_bytes:
        half = len(messages) // 2
        yield from _within_bytes(vendor, messages[:half])
        yield from _within_bytes(vendor, messages[half:])
    else:
        yield request


def case_replies(case: Case) -> Iterator[Reply]:
    """The vendor's answers to introductions, in order."""
    for expected in case.expect or ():
        if expected.reply is not None:
            yield Reply(expected.reply.status, msgspec.json.encode(expected.reply.body))


def case_requests(vendor: Vendor, case: Case) -> list[Request]:
    """Everything the case's events make the vendor send."""
    events = [make_event(given, number) for number, given in enumerate(case.events)]
    return list(requests(vendor, events, make_visitor(case.visitor), case_replies(case)))


def as_text(value: Any) -> str:
    """Canonical JSON, so that 1, 1.0, true and "1" are four different things."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted")).decode()
