"""Blueshift's stand-in: /api/v1/event, /api/v1/bulkevents, /api/v1/event/debug.

Written from "Your site/app's event data" and, for names, limits and answers, from Blueshift's help and API
reference.

Decisions where these differ or are silent:
- A bulk call takes 100 events (this page and the SDKs; the reference page says 30) and 1,000,000 bytes; more
  of either is 413. Five bulk calls in a calendar second are taken, the sixth is 429, without Retry-After.
- One event that is wrong refuses the whole bulk call with 400, naming it. Blueshift may find some of these
  mistakes only later, in its error export; a stand-in that stayed silent would be of no use.
- Any further attribute is allowed, except names that begin with `_bsft_`.
- At least one of customer_id, email, device_id, cookie, phone_number, user_uuid; identify wants one of
  customer_id, email, device_id (this page).
- Cart events name the product in `product_id`; view, checkout and purchase list `products` with `sku`. The
  other way round is refused. `products` itself may be missing: the page's own bulk purchase has none.
- Amounts are numbers or strings of digits: the page has both. Dates are checked in their form only, as the
  page's own sample has a 14th month; `timestamp`, which we make, is checked in full.
- `cookie` may be at most 36 characters, the length of Blueshift's own.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.sandbox.memory import Memory
from server.sandbox.standin import (
    Answer,
    Handler,
    Received,
    Refused,
    StandIn,
    basic_credentials,
    is_key,
    json_object,
    read_as,
)
from server.sandbox.windows import Window

BATCH = 100
BATCH_BYTES = 1_000_000
BULK_CALLS_PER_SECOND = 5
DEBUG_NAMES = 10_000
"""Event names, over all keys, of which the newest event is remembered."""

IDENTIFIERS = ("customer_id", "email", "device_id", "cookie", "phone_number", "user_uuid")
STRONG_IDENTIFIERS = ("customer_id", "email", "device_id")

Amount = float | Annotated[str, Meta(pattern=r"^-?\d+(\.\d+)?\Z")]
Date = Annotated[
    str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?\Z")
]


class Event(msgspec.Struct, kw_only=True):
    """What any event may carry; further attributes are free."""

    event: str
    customer_id: Annotated[str, Meta(max_length=128)] | UnsetType = UNSET
    email: Annotated[str, Meta(max_length=256)] | UnsetType = UNSET
    device_id: str | UnsetType = UNSET
    cookie: Annotated[str, Meta(max_length=36)] | UnsetType = UNSET
    phone_number: str | UnsetType = UNSET
    user_uuid: str | UnsetType = UNSET
    event_uuid: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    timestamp: str | UnsetType = UNSET
    ip: str | UnsetType = UNSET
    joined_at: Date | UnsetType = UNSET
    subscription_groups: list[Any] | UnsetType = UNSET


class Product(msgspec.Struct, kw_only=True):
    """A product of an event that lists several."""

    sku: Annotated[str, Meta(min_length=1)]
    price: Amount | UnsetType = UNSET
    quantity: Amount | UnsetType = UNSET


class Products(Event, kw_only=True):
    """view, checkout, purchase."""

    products: list[Product] | UnsetType = UNSET
    order_id: str | UnsetType = UNSET
    total: Amount | UnsetType = UNSET
    revenue: Amount | UnsetType = UNSET
    shipping: Amount | UnsetType = UNSET
    tax: Amount | UnsetType = UNSET
    discount: Amount | UnsetType = UNSET
    coupon: str | UnsetType = UNSET


class CartChange(Event, kw_only=True):
    """add_to_cart, remove_from_cart."""

    product_id: Annotated[str, Meta(min_length=1)]


class Search(Event, kw_only=True):
    keywords: str | UnsetType = UNSET
    product_ids: list[str] | UnsetType = UNSET


class Subscription(Event, kw_only=True):
    """subscription_…"""

    subscription_period_type: str | UnsetType = UNSET
    subscription_period_length: Amount | UnsetType = UNSET
    subscription_plan_type: str | UnsetType = UNSET
    subscription_amount: Amount | UnsetType = UNSET
    subscription_started_at: Date | UnsetType = UNSET
    subscription_end_at: Date | UnsetType = UNSET
    subscription_canceled_at: Date | UnsetType = UNSET
    billing_date: Date | UnsetType = UNSET
    revenue: Amount | UnsetType = UNSET


SHAPES: dict[str, type[Event]] = {
    "view": Products,
    "checkout": Products,
    "purchase": Products,
    "add_to_cart": CartChange,
    "remove_from_cart": CartChange,
    "search": Search,
    "subscription_start": Subscription,
    "subscription_upgrade": Subscription,
    "subscription_downgrade": Subscription,
    "subscription_billing": Subscription,
    "subscription_cancel": Subscription,
}


class Blueshift(StandIn):
    name: ClassVar[str] = "blueshift"
    credential_header: ClassVar[str] = "authorization"

    def __init__(self, credential: str | None) -> None:
        super().__init__(credential)
        self._bulk_calls = Window(BULK_CALLS_PER_SECOND, 1)
        self._newest: Memory[tuple[str, str], Mapping[str, Any]] = Memory(DEBUG_NAMES)

    def _endpoints(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            "/api/v1/event": {"POST": self._event},
            "/api/v1/bulkevents": {"POST": self._bulk},
            "/api/v1/event/debug": {"GET": self._debug},
        }

    def authorise(self, request: Received) -> None:
        """HTTP Basic: the event API key as user, no password."""
        user, password = basic_credentials(request) or ("", "")
        if not is_key(user) or password or not self.knows(user):
            raise Refused(401, "the event API key must be the user of HTTP Basic, and its password empty")

    def error(self, refused: Refused) -> Any:
        if refused.status != 400:
            return {"message": refused.why}
        return {"errors": {refused.field or "base": [refused.why]}}

    def forget(self) -> None:
        self._bulk_calls.forget()
        self._newest.forget()

    def answer(self, request: Received, now: float) -> Answer:
        """As ever, and every answer carries a request id."""
        answer = super().answer(request, now)
        headers = {**answer.headers, "x-request-id": str(uuid.uuid4())}
        return msgspec.structs.replace(answer, headers=headers)

    def _event(self, request: Received, _now: float) -> Answer:
        event = json_object(request)
        check_event(event)
        self._remember(request, [event])
        return Answer(200, {"status": "OK"})

    def _bulk(self, request: Received, now: float) -> Answer:
        if not self._bulk_calls.count(_key(request), now).allowed:
            raise Refused(429, "Rate limit exceeded")
        if len(request.raw) > BATCH_BYTES:
            raise Refused(413, f"{len(request.raw)} bytes are more than the {BATCH_BYTES} of a bulk call")
        events = json_object(request).get("events")
        if not isinstance(events, list):
            raise Refused(400, "events: must be a list of events", field="events")
        if len(events) > BATCH:
            raise Refused(413, f"{len(events)} events are more than the {BATCH} of a bulk call")
        for index, event in enumerate(events):
            if not isinstance(event, dict):
                raise Refused(400, f"events[{index}]: must be an object", field=f"events[{index}]")
            check_event(event, f"events[{index}]")
        self._remember(request, events)
        notes = () if events else ("events: is empty; the call was for nothing",)
        return Answer(200, {"status": "ok", "count": len(events)}, notes=notes)

    def _debug(self, request: Received, _now: float) -> Answer:
        key = _key(request)
        return Answer(200, {name: event for (owner, name), event in self._newest.items() if owner == key})

    def _remember(self, request: Received, events: list[dict[str, Any]]) -> None:
        key = _key(request)
        for event in events:
            self._newest.put((key, event["event"]), event)


def _key(request: Received) -> str:
    return (basic_credentials(request) or ("", ""))[0]


def check_event(event: Mapping[str, Any], where: str = "") -> None:
    """Raise Refused with 400 when the event is not one that the page describes; `where` names it."""
    prefix = f"{where}." if where else ""

    def refuse(field: str, what: str) -> Refused:
        return Refused(400, f"{prefix}{field}: {what}", field=f"{prefix}{field}")

    name = event.get("event")
    if not isinstance(name, str) or not name:
        raise refuse("event", "can't be blank")
    if len(name) > 64:
        raise refuse("event", "is longer than 64 characters")
    if "." in name or re.search(r"\s", name):
        raise refuse("event", "has a dot or white space in it")
    if re.fullmatch(r"[+-]?\d+", name):
        raise refuse("event", "is a number")
    shape = SHAPES.get(name, Event)
    read_as(shape, event, 400, where)
    if shape is Products and "product_id" in event and "products" not in event:
        raise refuse("products", "is missing; product_id is for cart events alone")
    for field in event:
        if field.startswith("_bsft_"):
            raise refuse(field, "names that begin with _bsft_ are reserved")
    wanted = STRONG_IDENTIFIERS if name == "identify" else IDENTIFIERS
    if not any(event.get(field) for field in wanted):
        raise refuse("customer_id", f"can't be blank, unless one of {', '.join(wanted[1:])} is there")
    timestamp = event.get("timestamp")
    if timestamp is not None and not _is_iso_8601(timestamp):
        raise refuse("timestamp", "is not a date and time in ISO 8601")


def _is_iso_8601(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return re.match(r"\d{4}-\d{2}-\d{2}T\d{2}:", text) is not None
