"""eSputnik's (Yespo's) stand-in: /api/v2/event, /api/v1/orders.

Written from "Site activity tracking using Generate event", and, for orders, authentication and rates, from
the API reference and the support pages on orders.

Decisions where these differ or are silent:
- The answer to an accepted event is 200 without a body: the page names none. A refusal is plain text.
- The stand-in behaves as an account does that validates its event types: without a required parameter, 400.
- The page's samples have unescaped quotes inside `value`; what is meant is a string that holds JSON, and it
  must parse.
- `value` is a string, but for `isFound`, which the page calls an Int: 0, 1, "0" and "1" are all taken.
- Inside the JSON the page's types count: ids are strings, prices and quantities numbers, `isInStock` 0 or 1,
  `discount` a string, further properties lists of strings (for a wishlist a string too, as its table has it).
- `products` of cartUpdated may be missing when the cart is empty, as may be `[]`.
- A locator whose form looks wrong (an email without @, a phone number not in international form) is noted.
- A Bearer token is taken for events too, as the reference says.
- Orders: externalOrderId, totalCost, status, date and one of externalCustomerId, email, phone are required on
  every page; `currency` on some, so its absence is noted. An item needs externalItemId and quantity; the
  pages disagree on name, cost, url and imageUrl. At most 1,000 orders. One wrong order refuses the request.
- An order whose id is known is updated, with a note.
- Rates over calendar seconds: 350 events; 200 for orders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.sandbox.esputnik_events import CHECKS
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
    unknown_fields,
)
from server.sandbox.windows import Window

EVENTS_PER_SECOND = 350
CALLS_PER_SECOND = 200
ORDERS = 1000
"""Orders in one request."""
KNOWN_ORDERS = 100_000

LOCATORS = ("contactId", "externalCustomerId", "email", "phone", "pushToken")
_PHONE = re.compile(r"\+?\d{7,15}")

Text = Annotated[str, Meta(min_length=1)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]


class Parameter(msgspec.Struct):
    name: Text
    value: str | int


class Event(msgspec.Struct):
    eventTypeKey: Annotated[  # noqa: N815 - the vendor's own name, as below
        str, Meta(min_length=1, max_length=100, pattern=r"^[^<;'\\/|\"`^?!,>]*\Z")
    ]
    keyValue: str | UnsetType = UNSET  # noqa: N815
    params: list[Parameter] = []


class OrderItem(msgspec.Struct, kw_only=True):
    externalItemId: Text  # noqa: N815
    quantity: float
    name: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    cost: float | UnsetType = UNSET
    url: str | UnsetType = UNSET
    imageUrl: str | UnsetType = UNSET  # noqa: N815
    description: str | UnsetType = UNSET


class Order(msgspec.Struct, kw_only=True):
    externalOrderId: Text  # noqa: N815
    totalCost: float  # noqa: N815
    status: Literal["INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", "ABANDONED_SHOPPING_CART"]
    date: Text
    externalCustomerId: str | UnsetType = UNSET  # noqa: N815
    email: str | UnsetType = UNSET
    phone: str | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    firstName: str | UnsetType = UNSET  # noqa: N815
    lastName: str | UnsetType = UNSET  # noqa: N815
    shipping: float | UnsetType = UNSET
    discount: float | UnsetType = UNSET
    taxes: float | UnsetType = UNSET
    restoreUrl: str | UnsetType = UNSET  # noqa: N815
    statusDescription: str | UnsetType = UNSET  # noqa: N815
    storeId: str | UnsetType = UNSET  # noqa: N815
    source: str | UnsetType = UNSET
    deliveryMethod: str | UnsetType = UNSET  # noqa: N815
    paymentMethod: str | UnsetType = UNSET  # noqa: N815
    deliveryAddress: str | UnsetType = UNSET  # noqa: N815
    additionalInfo: Any = UNSET  # noqa: N815
    items: list[OrderItem] | UnsetType = UNSET


class ESputnik(StandIn):
    name: ClassVar[str] = "esputnik"
    credential_header: ClassVar[str] = "authorization"

    def __init__(self, credential: str | None) -> None:
        super().__init__(credential)
        self._events = Window(EVENTS_PER_SECOND, 1)
        self._calls = Window(CALLS_PER_SECOND, 1)
        self._orders: Memory[tuple[str, str], None] = Memory(KNOWN_ORDERS)

    def _endpoints(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            "/api/v2/event": {"POST": self._event},
            "/api/v1/orders": {"POST": self._take_orders},
        }

    def authorise(self, request: Received) -> None:
        """HTTP Basic with any user and the API key as password; for events a Bearer token as well."""
        key = _key(request)
        if not is_key(key) or not self.knows(key):
            raise Refused(401, "the API key must be the password of HTTP Basic; the user is of no matter")

    def error(self, refused: Refused) -> Any:
        return refused.why

    def forget(self) -> None:
        self._events.forget()
        self._calls.forget()
        self._orders.forget()

    def _event(self, request: Received, now: float) -> Answer:
        if not self._events.count(_key(request), now).allowed:
            raise Refused(429, f"more than {EVENTS_PER_SECOND} requests a second")
        body = json_object(request)
        event = read_as(Event, body, 400)
        params = {parameter.name: parameter.value for parameter in event.params}
        _check_locator(event, params)
        for name, value in params.items():
            if not isinstance(value, str) and name != "isFound":
                raise Refused(400, f"params.{name}: value must be a string, not {value!r}")
        if event.eventTypeKey in CHECKS:
            CHECKS[event.eventTypeKey](params)
        notes = unknown_fields(body, Event) + _look_at_locators(params)
        if len(params) < len(event.params):
            notes += ("params: a name occurs twice",)
        return Answer(200, notes=notes)

    def _take_orders(self, request: Received, now: float) -> Answer:
        if not self._calls.count(_key(request), now).allowed:
            raise Refused(429, f"more than {CALLS_PER_SECOND} requests a second")
        orders = json_object(request).get("orders")
        if not isinstance(orders, list) or not orders:
            raise Refused(400, "orders: must be a list of orders that is not empty")
        if len(orders) > ORDERS:
            raise Refused(400, f"orders: {len(orders)} are more than {ORDERS}")
        notes: tuple[str, ...] = ()
        read = [read_as(Order, order, 400, f"orders[{index}]") for index, order in enumerate(orders)]
        for index, order in enumerate(read):
            notes += _check_order(order, f"orders[{index}]")
            notes += unknown_fields(orders[index], Order, f"orders[{index}]")
        for index, order in enumerate(read):
            if not self._orders.put((_key(request), order.externalOrderId), None):
                notes += (f"orders[{index}]: {order.externalOrderId} was known and is updated",)
        return Answer(200, {"failedOrders": []}, notes=notes)


def _key(request: Received) -> str:
    basic = basic_credentials(request)
    if basic is not None:
        return basic[1]
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and request.path.endswith("/event") else ""


def _check_locator(event: Event, params: Mapping[str, Any]) -> None:
    if event.keyValue or any(params.get(locator) for locator in LOCATORS):
        return
    raise Refused(400, f"keyValue: is missing, and so is every one of {', '.join(LOCATORS)}")


def _look_at_locators(params: Mapping[str, Any]) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    if "email" in params and "@" not in params["email"]:
        notes += ("params.email: is no email address",)
    if "phone" in params and not _PHONE.fullmatch(params["phone"]):
        notes += ("params.phone: is not in international form",)
    return notes


def _check_order(order: Order, where: str) -> tuple[str, ...]:
    if not (order.externalCustomerId or order.email or order.phone):
        raise Refused(400, f"{where}: one of externalCustomerId, email, phone is required")
    try:
        datetime.fromisoformat(order.date)
    except ValueError:
        raise Refused(400, f"{where}.date: is not a date and time in ISO 8601") from None
    if "T" not in order.date:
        raise Refused(400, f"{where}.date: has no time")
    if order.currency is UNSET:
        return (f"{where}.currency: is missing; one of the vendor's pages requires it",)
    return ()
