"""Alana's stand-in: /api/v1/events.

Written from the "Events" page of Alana's API reference, and its pages on errors and search for the form of
errors and of rate headers.

Decisions where these differ or are silent:
- Keys: the page's sample begins with `ak_`, other pages' with `sk_live_` or `ak_live_`, and none says that
  another would be refused: any will do, with a note when it looks like neither.
- More than 100 events are refused as a whole with 400; so is a body without a list of events.
- An event that is wrong is counted in `errors`, and nobody is told which: the answer stays 200. The notes
  name it. A request whose events are all wrong counts as refused here, whatever its status.
- `categoryPath` may be a string or a list of strings, `productIds` is a list of strings: the page names no
  type.
- `productId` need not be a UUID, though the page's samples are. Fields that the page does not name are noted.
- Rates are counted by key and address (100 a minute) and by key (1,000), over calendar minutes.
- `X-RateLimit-Reset` is in seconds since 1970: the page does not say.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.sandbox.standin import (
    Answer,
    Handler,
    Received,
    Refused,
    StandIn,
    is_key,
    json_object,
    read_as,
    unknown_fields,
)
from server.sandbox.windows import Window

BATCH = 100
PER_MINUTE_AND_ADDRESS = 100
PER_MINUTE = 1000

Text = Annotated[str, Meta(min_length=1)]


class Event(msgspec.Struct, kw_only=True):
    """What every event carries."""

    eventType: str  # noqa: N815 - the vendor's own name, as below
    visitorId: Text  # noqa: N815
    userId: str | UnsetType = UNSET  # noqa: N815
    metadata: dict[str, Any] | UnsetType = UNSET


class Search(Event, kw_only=True):
    query: Text


class CategoryView(Event, kw_only=True):
    categoryPath: Text | Annotated[list[Text], Meta(min_length=1)]  # noqa: N815


class OfProduct(Event, kw_only=True):
    productId: Text  # noqa: N815


class Purchase(Event, kw_only=True):
    productIds: Annotated[list[Text], Meta(min_length=1)]  # noqa: N815
    revenue: float
    currency: Text


SHAPES: dict[str, type[Event]] = {
    "home-page-view": Event,
    "search": Search,
    "category-view": CategoryView,
    "detail-page-view": OfProduct,
    "add-to-cart": OfProduct,
    "shopping-cart-page-view": Event,
    "purchase-complete": Purchase,
}


class Alana(StandIn):
    name: ClassVar[str] = "alana"
    credential_header: ClassVar[str] = "x-api-key"
    credential_query: ClassVar[str] = "key"

    def __init__(self, credential: str | None) -> None:
        super().__init__(credential)
        self._by_address = Window(PER_MINUTE_AND_ADDRESS, 60)
        self._by_key = Window(PER_MINUTE, 60)

    def _endpoints(self) -> Mapping[str, Mapping[str, Handler]]:
        return {"/api/v1/events": {"POST": self._events}}

    def authorise(self, request: Received) -> None:
        """The key in `x-api-key`, or in the query as `key`."""
        key = _key(request)
        if not key:
            raise Refused(401, "the API key is missing: send it as x-api-key", code="AUTH_001")
        if not is_key(key) or not self.knows(key):
            raise Refused(401, "the API key is not valid", code="AUTH_002")

    def error(self, refused: Refused) -> Any:
        code = refused.code or "VALIDATION_ERROR"
        return {"error": {"code": code, "message": refused.why, "request_id": f"req_{uuid.uuid4().hex}"}}

    def forget(self) -> None:
        self._by_address.forget()
        self._by_key.forget()

    def _events(self, request: Received, now: float) -> Answer:
        limits = self._count(request, now)
        try:
            answer = _judge(request)
        except Refused as refused:
            refused.headers = limits
            raise
        return msgspec.structs.replace(answer, headers=limits)

    def _count(self, request: Received, now: float) -> dict[str, str]:
        """The rate headers of the limit that is nearer; Refused with 429 when one is passed."""
        key = _key(request)
        by_address = self._by_address.count(f"{key} {request.remote}", now)
        by_key = self._by_key.count(key, now)
        rate = by_key if by_address.allowed and by_key.remaining < by_address.remaining else by_address
        headers = {
            "X-RateLimit-Limit": str(rate.limit),
            "X-RateLimit-Remaining": str(rate.remaining),
            "X-RateLimit-Reset": str(rate.resets_at),
        }
        if rate.allowed:
            return headers
        headers["Retry-After"] = str(math.ceil(rate.resets_at - now))
        code = "RATE_001" if rate is by_key else "RATE_002"
        raise Refused(429, f"more than {rate.limit} requests a minute", code=code, headers=headers)


def _key(request: Received) -> str:
    return request.headers.get("x-api-key") or request.query.get("key", "")


def _judge(request: Received) -> Answer:
    events = json_object(request).get("events")
    if not isinstance(events, list):
        raise Refused(400, "events: must be a list of events")
    if len(events) > BATCH:
        raise Refused(400, f"events: {len(events)} are more than {BATCH}")
    notes: tuple[str, ...] = () if events else ("events: is empty; the request was for nothing",)
    if not _key(request).startswith(("ak_", "sk_")):
        notes += ("x-api-key: does not look like a key of Alana's, which begin with ak_ or sk_live_",)
    wrong: tuple[str, ...] = ()
    for index, event in enumerate(events):
        try:
            notes += _check_event(event, f"events[{index}]")
        except Refused as refused:
            wrong += (refused.why,)
    stored = len(events) - len(wrong)
    refused_why = "" if stored or not wrong else f"no event is valid: {wrong[0]}"
    body = {"status": "ok", "stored": stored, "errors": len(wrong)}
    return Answer(200, body, refused=refused_why, notes=wrong + notes)


def _check_event(event: Any, where: str) -> tuple[str, ...]:
    """Refused when the event would be counted as an error; else the fields that would be ignored."""
    if not isinstance(event, dict):
        raise Refused(400, f"{where}: must be an object")
    name = event.get("eventType")
    if not isinstance(name, str) or name not in SHAPES:
        raise Refused(400, f"{where}.eventType: must be one of {', '.join(SHAPES)}")
    read_as(SHAPES[name], event, 400, where)
    return unknown_fields(event, SHAPES[name], where)
