"""What would become of an event, without keeping or sending it: by the very code that does both.

The visitor is made up, and so are the ids that a vendor would give one; all else is as it would be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from server.batch import EVENT_DECODER, Batch, Carts, Reading, completed, decode_event, read_batch, read_event
from server.consent import NOTHING_SAID, Consent, refusal, updated
from server.cookies import DAY, current, source_in
from server.delivery import WITH_BODY, headers_of
from server.errors import BadRequest, InvalidEvent
from server.event import Event, User
from server.pseudonyms import Pseudonyms
from server.settings import Settings, Shop, VendorSettings
from server.taking import BROWSER, may_keep_for
from server.vendors import vendor_types
from server.vendors.base import Request, Vendor, Visitor

VISITOR = "7e57ab1e-0000-4000-8000-000000000000"
"""Who sends it; no browser is ever given this id."""
SESSION = "7e57ab1e-0000-4000-8000-000000000001"
MASKED = "***"


class Outgoing(msgspec.Struct, frozen=True):
    """A request as it would be made, its credentials masked."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any
    is_introduction: bool = False
    """It would come first, to make the visitor known to the vendor."""


class Rehearsed(msgspec.Struct, frozen=True):
    """One vendor's part."""

    vendor: str
    purpose: str
    unwanted: str = ""
    """Why the vendor would not be told whatever the visitor says; empty: it wants to."""
    refused: str = ""
    """Why the visitor's choice keeps it away."""
    requests: list[Outgoing] = []


class Change(msgspec.Struct, frozen=True):
    """Something that would be kept otherwise than it was sent."""

    field: str
    sent: Any
    kept: Any
    """None: not at all."""


class Taken(msgspec.Struct, frozen=True):
    """What would become of an event."""

    name: str
    problem: InvalidEvent | None = None
    """Why it is not valid."""
    event: Event | None = None
    """As it would be kept."""
    changes: list[Change] = []
    vendors: list[Rehearsed] = []


class Rehearsal:
    """Rehearses for one installation."""

    def __init__(self, settings: Settings, pseudonyms: Pseudonyms) -> None:
        self._settings = settings
        self._pseudonyms = pseudonyms

    def rehearse(self, name: str, body: bytes, now: int) -> tuple[list[Taken], str]:
        """What would become of each event of a browser's request to the shop of this name.

        And why none of them would be kept by what the visitor says; empty: they would. Raises BadRequest.
        """
        shop = self._settings.shops[name]
        batch = read_batch(body)
        consent = updated(NOTHING_SAID, batch.consent, batch.gpc, now, BROWSER, batch.decided(now))
        kept = may_keep_for(shop, consent)
        return [self._taken(name, raw, batch, consent, now) for raw in batch.events], (
            "" if kept else "no purpose is open that a vendor of this shop would need"
        )

    def _taken(self, name: str, raw: msgspec.Raw, batch: Batch, consent: Consent, now: int) -> Taken:
        sent = json.loads(bytes(raw))
        called = str(sent.get("name", "")) if isinstance(sent, dict) else ""
        try:
            event = self._event(name, raw, batch, consent, now)
        except InvalidEvent as problem:
            return Taken(called, problem)
        vendors = [*self._vendors(name, event, consent, now)]
        return Taken(event.name, None, event, changes(sent, batch, event), vendors)

    def _event(self, name: str, raw: msgspec.Raw, batch: Batch, consent: Consent, now: int) -> Event:
        sent = decode_event(EVENT_DECODER, raw)
        page = sent.page or batch.page
        reading = Reading(
            shop=name,
            visitor=VISITOR,
            session=SESSION,
            now=now,
            oldest=now - self._settings.retention_days * DAY,
            sent_at=batch.sent_at,
            page=batch.kept_page(),
            source=source_in(page.url, now) if page else None,
        )
        user = batch.user.user() if batch.user else User()
        carts = Carts(name, VISITOR, 0, self._pseudonyms, lambda _: None)
        return completed(read_event(sent, reading), user, carts, consent.at)

    def _vendors(self, name: str, event: Event, consent: Consent, now: int) -> Iterator[Rehearsed]:
        shop = self._settings.shops[name]
        event = msgspec.structs.replace(event, source=current(event.source, now))
        for called, table in shop.vendors.items():
            vendor = vendor_types()[called](table)
            refused = refusal(consent, shop.consent, table.purpose, event.received) or ""
            part = Rehearsed(called, table.purpose, refused=refused)
            try:
                unwanted = vendor.wants(event) or ""
                requests = (
                    [] if unwanted else [*_requests(vendor, table, event, self._visitor(name, shop, called))]
                )
            except Exception as error:  # an adapter from outside may raise anything
                unwanted, requests = f"the adapter stumbled over it: {type(error).__name__}", []
            if not unwanted and not requests:
                unwanted = "the vendor has nothing to be told of it"
            yield msgspec.structs.replace(part, unwanted=unwanted, requests=requests)

    def _visitor(self, name: str, shop: Shop, vendor: str) -> Visitor:
        return Visitor(
            self._pseudonyms.visitor(name, vendor, VISITOR),
            self._pseudonyms.segment(name, VISITOR) if shop.ab_segments else None,
        )


class _Given(Mapping[str, str]):
    """The ids that a vendor would have given the visitor: one by every name that it asks for."""

    def __getitem__(self, key: str) -> str:
        return SESSION if key == "session" else f"(the {key} that it gives the visitor)"

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _requests(vendor: Vendor, table: VendorSettings, event: Event, visitor: Visitor) -> Iterator[Outgoing]:
    introduction = vendor.introduction(event, visitor)
    if introduction is not None:
        yield _outgoing(vendor, table, introduction, is_introduction=True)
        visitor = msgspec.structs.replace(visitor, ids=_Given())
    for message in vendor.messages(event, visitor):
        yield _outgoing(vendor, table, vendor.request([message]))


def _outgoing(
    vendor: Vendor, table: VendorSettings, request: Request, *, is_introduction: bool = False
) -> Outgoing:
    query = f"?{urlencode(request.query)}" if request.query else ""
    headers = headers_of({name: _masked(value) for name, value in vendor.credentials().items()})
    return Outgoing(
        request.method,
        table.base_url.rstrip("/") + request.path + query,
        headers if request.body is None else {**headers, **WITH_BODY},
        request.body,
        is_introduction,
    )


def _masked(credential: str) -> str:
    """Without what is secret; the scheme before it may be told."""
    scheme, blank, _ = credential.partition(" ")
    return f"{scheme} {MASKED}" if blank else MASKED


# What is kept otherwise than it was sent.


def changes(sent: Mapping[str, Any], batch: Batch, event: Event) -> list[Change]:
    """Each text, number or switch of the event and its page that would be kept otherwise, or not at all."""
    page = sent.get("page") or msgspec.to_builtins(batch.page or {})
    user = msgspec.to_builtins(batch.user) if batch.user else {}
    kept = msgspec.to_builtins(event)
    return [
        *_changed("params", sent.get("params"), kept["params"]),
        *_changed("page", page, kept.get("page", {})),
        *_changed("user", user, kept.get("user", {})),
    ]


def _changed(field: str, sent: Any, kept: Any) -> Iterator[Change]:
    if isinstance(sent, Mapping):
        kept = kept if isinstance(kept, Mapping) else {}
        for key, value in sent.items():
            yield from _changed(f"{field}.{key}", value, kept.get(key))
    elif isinstance(sent, Sequence) and not isinstance(sent, str):
        kept = kept if isinstance(kept, list) else []
        for place, value in enumerate(sent):
            yield from _changed(f"{field}[{place}]", value, kept[place] if place < len(kept) else None)
    elif sent not in (None, "") and not _is_same(sent, kept):
        yield Change(field, sent, kept)


def _is_same(sent: Any, kept: Any) -> bool:
    """Whether a value stayed as it was; 45 and 45.0 are one number, true and 1 are not."""
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (sent, kept))
    return bool(sent == kept) and (numbers or type(sent) is type(kept))


def with_defaults(text: str, beside: Mapping[str, Any]) -> bytes:
    """What somebody wrote, an event or a browser's whole request, as such a request.

    `beside` says what goes with the events; what is written says more. Raises BadRequest where it is no JSON
    object, saying where that goes wrong.
    """
    try:
        written = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = (
            f" at line {error.lineno}, column {error.colno}"
            if isinstance(error, json.JSONDecodeError)
            else ""
        )
        raise BadRequest(
            f"This is not JSON{where}: {getattr(error, 'msg', 'it is nested too deeply')}."
        ) from None
    if not isinstance(written, dict):
        raise BadRequest("This is no object. Write one event, {…}, or what the tag sends.")
    batch = written if "events" in written else {"events": [written]}
    if isinstance(batch["events"], list):
        events = [
            {"id": f"try-{place}", **one} if isinstance(one, dict) else one
            for place, one in enumerate(batch["events"], 1)
        ]
        batch = {**batch, "events": events}
    return json.dumps({**beside, **batch}).encode()
