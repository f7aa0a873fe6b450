"""Blueshift: every event is one object of a bulk call, with its own time and a unique id.

Source: Blueshift's page "Your site/app's event data"; the object's own keys (`cookie`, `event_uuid`,
`timestamp`, `phone_number`) and the limit of 30 follow its API reference and its SDKs.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeAlias
from uuid import UUID, uuid5

from msgspec import Meta

from server.event import Event
from server.settings import Secret, VendorSettings
from server.values import format_number
from server.vendors.base import Limits, Message, Reply, Request, Vendor, Verdict, Visitor, judge
from server.vendors.words import one_line, said
from server.vocabulary import RULES

Params: TypeAlias = Mapping[str, Any]
Attributes: TypeAlias = dict[str, Any]

PATH = "/api/v1/bulkevents"
NAMESPACE = UUID("3b1f6c0e-52d4-4c7a-9a35-6d0b8f7c2e91")
"""Ours, for the ids of the second and further objects of one event."""

RESERVED = frozenset(
    {"event", "event_uuid", "timestamp", "url", "referrer", "ip", "cookie", "customer_id", "email"}
    | {
        "phone_number",
        "user_uuid",
        "device_id",
        "device_token",
        "device_tokens",
        "device_idfa",
        "device_idfv",
    }
)
"""Keys that say what happened, when, where and to whom: no parameter of a shop's own event may set them."""


_BEGIN = datetime(1970, 1, 1)  # noqa: DTZ001 - all of it is in UTC, and writing that out is our own affair


def iso(moment: int) -> str:
    """Milliseconds since 1970 as ISO 8601 in UTC; OverflowError outside the years 1 to 9999."""
    when = _BEGIN + timedelta(milliseconds=moment)
    return f"{when.isoformat(timespec='milliseconds')}Z"


def _with_moments(params: Params, keys: Set[str]) -> Attributes:
    """`params` with those moments that were given in milliseconds as ISO 8601; impossible ones left out."""
    read = dict(params)
    for key in keys & params.keys():
        if type(params[key]) in (int, float):
            try:
                read[key] = iso(int(params[key]))
            except OverflowError:
                del read[key]
    return read


def _named(params: Params, names: Mapping[str, str]) -> Attributes:
    """What was said, under Blueshift's names."""
    return {theirs: params[ours] for ours, theirs in names.items() if ours in params}


# Products: `products[].sku` in a view, a checkout and a purchase, but a `product_id` in a cart event.


def _product(item: Params) -> Attributes:
    return {"sku": item["item_id"], **_named(item, {"price": "price", "quantity": "quantity"})}


def _bought(item: Params) -> Attributes:
    return {"quantity": 1} | _product(item)


def _revenue(params: Params) -> Attributes:
    """What the products cost together, if the order's value confirms it; or as the shop says.

    In Blueshift's example the products make up the revenue (19 + 2 * 3 = 25), and the total is the revenue,
    shipping and tax (25 + 3 + 2 = 30). Shops give as value the one or the other; where neither fits, as with
    a discount on the whole order, the revenue is not known.
    """
    if "revenue" in params or "value" not in params or not all("price" in item for item in params["items"]):
        return _named(params, {"revenue": "revenue"})
    products = sum(_exact(item["price"]) * _exact(item.get("quantity", 1)) for item in params["items"])
    if products == _exact(params["value"]):
        return {"revenue": params["value"]}
    if products + _exact(params.get("shipping", 0)) + _exact(params.get("tax", 0)) == _exact(params["value"]):
        return {"revenue": int(products) if products == int(products) else float(products)}
    return {}


def _exact(number: int | float) -> Decimal:
    """As it was written: 19.99, not the nearest fraction of two."""
    return Decimal(str(number))


# One event as the attributes of one or more objects.


def _pageload(params: Params) -> list[Attributes]:  # noqa: ARG001
    return [{}]  # the page's url and referrer are in every object


def _view(params: Params) -> list[Attributes]:
    return [{"products": [{"sku": item["item_id"]} for item in params["items"]], **_currency(params)}]


def _cart_lines(params: Params) -> list[Attributes]:
    names = {"item_id": "product_id", "quantity": "quantity", "price": "price"}
    return [_named(item, names) | _currency(params) for item in params["items"]]


def _checkout(params: Params) -> list[Attributes]:
    products = [_product(item) for item in params["items"]]
    return [
        _named(params, {"value": "total", "coupon": "coupon"}) | _currency(params) | {"products": products}
    ]


ORDER = {
    "transaction_id": "order_id",
    "value": "total",
    "shipping": "shipping",
    "tax": "tax",
    "discount": "discount",
    "coupon": "coupon",
}


def _purchase(params: Params) -> list[Attributes]:
    order = _named(params, ORDER) | _revenue(params) | _currency(params)
    return [order | {"products": [_bought(item) for item in params["items"]]}]


def _search(params: Params) -> list[Attributes]:
    found = _named(params, {"search_term": "keywords", "results": "number_of_results"})
    if "items" in params:
        found["product_ids"] = [item["item_id"] for item in params["items"]]
    return [found]


TRAITS = {"first_name": "firstname", "last_name": "lastname"}


def _identify(params: Params) -> list[Attributes]:
    traits = _with_moments(params, {"joined_at"})
    return _as_given({TRAITS.get(key, key): value for key, value in traits.items()})


def _as_given(params: Params) -> list[Attributes]:
    """The parameters as they are, products in Blueshift's words."""
    given = {
        key: value
        for key, value in params.items()
        if key not in RESERVED and key != "items" and not key.startswith("_bsft_")
    }
    if "items" in params:
        given["products"] = [_product(item) for item in params["items"]]
    return [given]


PLAN = {
    "plan": "subscription_plan_type",
    "period": "subscription_period_type",
    "period_length": "subscription_period_length",
    "value": "subscription_amount",
    "started_at": "subscription_started_at",
    "ends_at": "subscription_end_at",
}
BILLING = {"plan": "subscription_plan_type", "value": "revenue", "billed_at": "billing_date"}
CANCEL = {"plan": "subscription_plan_type", "canceled_at": "subscription_canceled_at"}
MOMENTS = frozenset({"started_at", "ends_at", "billed_at", "canceled_at"})


def _subscription(names: Mapping[str, str]) -> Callable[[Params], list[Attributes]]:
    """A subscription's attributes: strings all of them, as in Blueshift's examples, moments in ISO 8601."""

    def attributes(params: Params) -> list[Attributes]:
        found = _named(_with_moments(params, MOMENTS), names)
        strings = {key: format_number(value) for key, value in found.items() if type(value) in (int, float)}
        return [found | strings | _currency(params)]

    return attributes


def _currency(params: Params) -> Attributes:
    return _named(params, {"currency": "currency"})


OBJECTS: Mapping[str, Callable[[Params], list[Attributes]]] = {
    "page_view": _pageload,
    "view_item": _view,
    "search": _search,
    "add_to_cart": _cart_lines,
    "remove_from_cart": _cart_lines,
    "begin_checkout": _checkout,
    "purchase": _purchase,
    "identify": _identify,
    "subscription_start": _subscription(PLAN),
    "subscription_upgrade": _subscription(PLAN),
    "subscription_downgrade": _subscription(PLAN),
    "subscription_billing": _subscription(BILLING),
    "subscription_cancel": _subscription(CANCEL),
}
"""Whatever is not here goes as it was given."""
WORDS = {"page_view": "pageload", "view_item": "view", "begin_checkout": "checkout"}
"""Blueshift's name of an event, where it is not ours."""
UNWANTED = {
    "view_recommendation": "Blueshift has no event for a recommendation shown",
    **{name: "the message was not sent by Blueshift" for name in RULES if name.startswith("message_")},
}


class Blueshift(Vendor):
    """Blueshift for one shop."""

    name: ClassVar[str] = "blueshift"

    class Settings(VendorSettings, frozen=True, kw_only=True):
        """`[shops.<shop>.vendors.blueshift]`."""

        api_key: Secret
        """The Event API key."""
        batch: Annotated[int, Meta(ge=1, le=100)] = 30
        """Events in one call: Blueshift's pages say 100 in one place and 30 in another."""
        base_url: str = "https://api.getblueshift.com"
        purpose: str = "marketing"

    def __init__(self, settings: Settings) -> None:
        self._api_key = settings.api_key
        self.limits = Limits(batch=settings.batch, max_bytes=1_000_000, window=(5, 1000))

    def credentials(self) -> Mapping[str, str]:
        """Basic authentication: the key is the user, the password is empty."""
        return {"Authorization": "Basic " + b64encode(f"{self._api_key.reveal()}:".encode()).decode()}

    def proof(self) -> Request | None:
        return Request("GET", "/api/v1/event/debug")

    def wants(self, event: Event) -> str | None:
        return UNWANTED.get(event.name)

    def messages(self, event: Event, visitor: Visitor) -> list[Message]:
        attributes = OBJECTS.get(event.name, _as_given)(event.params)
        return [
            Message(PATH, {**found, **_envelope(event, visitor, number)})
            for number, found in enumerate(attributes)
        ]

    def request(self, messages: Sequence[Message]) -> Request:
        return Request("POST", PATH, {"events": [message.body for message in messages]})

    def verdict(self, request: Request, reply: Reply) -> Verdict:
        """By status; 409 is one of those Blueshift asks to repeat, and a 200 may still hold errors."""
        key = self._api_key.reveal()
        if reply.status == 409:
            return Verdict("later", f"HTTP 409: {said(reply, _explanation(reply), key)}", reply.retry_after)
        if 200 <= reply.status < 300 and _failed(reply):
            return Verdict("never", f"HTTP {reply.status}: {one_line(_explanation(reply), key)}")
        return judge(reply, said(reply, _explanation(reply), key))


def _envelope(event: Event, visitor: Visitor, number: int) -> Attributes:
    """What every object says: what happened, when, where and to whom."""
    envelope = {
        "event": WORDS.get(event.name, event.name),
        "event_uuid": str(uuid5(NAMESPACE, f"{event.id}/{number}")) if number else event.id,
        "timestamp": iso(event.at),
        "cookie": visitor.pseudonym,
    }
    known = {
        "customer_id": event.user.id,
        "email": event.user.email,
        "phone_number": event.user.phone,
        "url": event.page.url,
        "referrer": event.page.referrer,
    }
    return envelope | {key: value for key, value in known.items() if value}


def _failed(reply: Reply) -> bool:
    answer = reply.json()
    return isinstance(answer, dict) and (bool(answer.get("errors")) or answer.get("success") is False)


def _explanation(reply: Reply) -> str:
    """Blueshift's words, which it puts under one of three names."""
    answer = reply.json()
    if not isinstance(answer, dict):
        return ""
    return str(answer.get("errors") or answer.get("error") or answer.get("message") or "")
