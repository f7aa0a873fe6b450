"""eSputnik (Yespo): events of known contacts, one per request, and their orders.

Sources: eSputnik's page "Site activity tracking using Generate event" for events; its API reference of
`order` and its page on automating work with orders, with the official WooCommerce and Shopify plugins, for
orders. An event belongs to a contact, known by the shop's id, an e-mail address or a phone: of anonymous
visitors eSputnik cannot be told. What the page shows as JSON is a *string* holding JSON. An event can carry
neither its time nor its id; an order that comes again is updated, not doubled.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, TypeAlias

import msgspec

from server.event import Event
from server.settings import Secret, VendorSettings
from server.vendors.base import Limits, Message, Reply, Request, Vendor, Verdict, Visitor, judge
from server.vendors.words import one_line, said
from server.vocabulary import RULES

Body: TypeAlias = dict[str, Any]

EVENT_PATH = "/api/v2/event"
ORDER_PATH = "/api/v1/orders"
PER_SECOND = 350
"""Events; for orders nothing of their own is published."""

# Values.


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _text(value: Any) -> str:
    """A value as a string: what is one stays as it is, all else as JSON writes it."""
    return value if isinstance(value, str) else _json(value)


def _named(given: Mapping[str, Any], names: Mapping[str, str]) -> Body:
    """What was said, under eSputnik's names."""
    return {theirs: given[ours] for ours, theirs in names.items() if ours in given}


def _contact(event: Event) -> dict[str, str]:
    """How eSputnik can find the contact: the locators that are known, the strongest first."""
    user = event.user
    known = {"externalCustomerId": user.id, "email": user.email, "phone": user.phone}
    return {name: value for name, value in known.items() if value}


# Products.

NO_PROPERTY = re.compile(
    r"item_(id|name|category\d?|list_id|list_name)|price|quantity|discount|coupon|in_stock|index"
    r"|productId|isInStock|name|category"
)
"""Of an item: what has a field of its own, or tells of the line and not of the product; then eSputnik's own
fields, whose place an array must not take."""


def _properties(item: Mapping[str, Any]) -> dict[str, list[str]]:
    """The further properties of a product, each an array of strings."""
    given = {key: value for key, value in item.items() if not NO_PROPERTY.fullmatch(key)}
    lists = {key: value if isinstance(value, list) else [value] for key, value in given.items()}
    return {key: [_text(entry) for entry in values] for key, values in lists.items() if values}


def _product(item: Mapping[str, Any]) -> Body:
    product = {"productId": item["item_id"], "price": item["price"]}
    if "in_stock" in item:
        product["isInStock"] = int(item["in_stock"])
    return product | _properties(item)


def _in_cart(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The lines that hold something: a quantity of 0 is how some shops say "taken out"."""
    return [item for item in items if item.get("quantity", 1) > 0]


def _line(item: Mapping[str, Any]) -> Body:
    line = {"productId": item["item_id"], "quantity": item.get("quantity", 1), "price": item["price"]}
    line |= _named(item, {"item_name": "name", "item_category": "category"})
    if "discount" in item:
        line["discount"] = _text(item["discount"])
    return line | _properties(item)


# The parameters of each kind of event, besides the contact; one dict per event of eSputnik's.


def _page(event: Event) -> list[Body]:
    return [{"page": _json({"location": event.page.url})}]


def _products(event: Event) -> list[Body]:
    """One event for each item."""
    currency = _named(event.params, {"currency": "currencyCode"})
    return [{"product": _json(_product(item)), **currency} for item in event.params["items"]]


def _category(event: Event) -> list[Body]:
    return [{"category": _json({"productCategoryId": event.params["category_id"]})}]


def _search(event: Event) -> list[Body]:
    """`isFound` only when the shop said how many, or which, it found: eSputnik takes its absence for 0."""
    params = event.params
    request = {"search": params["search_term"]}
    if "results" in params or "items" in params:
        request["isFound"] = int(params.get("results", len(params.get("items", ()))) > 0)
    return [request]


def _cart(event: Event) -> list[Body]:
    lines = [_line(item) for item in _in_cart(event.params["items"])]
    currency = _named(event.params, {"currency": "currencyCode"})
    return [{"products": _json(lines), **currency, "recycleStateId": _cart_id(event)}]


def _cart_id(event: Event) -> str:
    """What ties the states of one cart, and the order that ends it, together: the shop's own id, or ours."""
    return str(event.params.get("cart_id") or event.cart)


def _impressions(event: Event) -> list[Body]:
    shown = [{"productId": item["item_id"]} for item in event.params["items"]]
    return [{"recomVariantId": event.params["content"]["id"], "products": _json(shown)}]


LOCATORS = frozenset({"contactId", "externalCustomerId", "email", "phone", "pushToken"})


def _as_given(event: Event) -> list[Body]:
    """A custom event's own parameters as strings, but for those that would name another contact."""
    return [{name: _text(value) for name, value in event.params.items() if name not in LOCATORS}]


# An order.

ORDER = {
    "shipping": "shipping",
    "discount": "discount",
    "tax": "taxes",
    "delivery_type": "deliveryMethod",
    "payment_type": "paymentMethod",
    "delivery_address": "deliveryAddress",
}
ORDER_ITEM = {"item_id": "externalItemId", "item_name": "name", "item_category": "category", "price": "cost"}
ADDITIONAL = ("coupon", "cash", "bonuses", "tax_free")


def _order(event: Event) -> list[Message]:
    """A placed order. INITIALIZED is all that is known then; only the shop can tell later of DELIVERED.

    The order has no field for the cart that it ends, so `recycleStateId` goes into `additionalInfo`, with all
    else that has none.
    """
    params = event.params
    further = {**params.get("custom", {}), **{key: params[key] for key in ADDITIONAL if key in params}}
    if cart := _cart_id(event):
        further["recycleStateId"] = cart
    order = {
        "externalOrderId": params["transaction_id"],
        **_contact(event),
        "totalCost": params["value"],
        "status": "INITIALIZED",
        "date": datetime.fromtimestamp(event.at / 1000, UTC).isoformat(timespec="milliseconds"),
        "currency": params["currency"],
        **_named(params, ORDER),
        "items": [
            {**_named(item, ORDER_ITEM), "quantity": item.get("quantity", 1)} for item in params["items"]
        ],
    }
    if further:
        order["additionalInfo"] = {key: _text(value) for key, value in further.items()}
    return [Message(ORDER_PATH, {"orders": [order]})]


# What must be there: the reason why an event cannot be told, or None.


def _nothing_missing(event: Event) -> str | None:  # noqa: ARG001
    return None


def _no_page(event: Event) -> str | None:
    return None if event.page.url else "no page address"


def _no_price(event: Event) -> str | None:
    return None if all("price" in item for item in event.params["items"]) else "no price"


def _no_cart(event: Event) -> str | None:
    if not all("price" in item for item in _in_cart(event.params["items"])):
        return "no price"
    return None if _cart_id(event) else "no cart id"


VARIANT = re.compile(r"r\d+v\d+\Z")


def _foreign(event: Event) -> str | None:
    if event.params["content"]["vendor"] != ESputnik.name:
        return "the recommendation is not eSputnik's"
    if not VARIANT.match(event.params["content"]["id"]):
        return "content.id is not of the form r{recomId}v{variantId}"
    return None if event.params.get("items") else "no items"


def _no_total(event: Event) -> str | None:
    if "currency" not in event.params:
        return "no currency"
    return None if "value" in event.params else "no value"


def _event(key: str, params: Callable[[Event], list[Body]]) -> Callable[[Event], list[Message]]:
    """One request for each dict of parameters. The first locator is the key that says whose event it is."""

    def messages(event: Event) -> list[Message]:
        contact = _contact(event)
        common = {"eventTypeKey": key, "keyValue": next(iter(contact.values()))}
        return [Message(EVENT_PATH, common | {"params": _pairs(contact | one)}) for one in params(event)]

    return messages


def _pairs(params: Mapping[str, Any]) -> list[Body]:
    return [{"name": name, "value": value} for name, value in params.items()]


class _Kind(NamedTuple):
    messages: Callable[[Event], list[Message]]
    missing: Callable[[Event], str | None] = _nothing_missing


EVENTS: Mapping[str, _Kind] = {
    "page_view": _Kind(_event("pageViewed", _page), _no_page),
    "view_item": _Kind(_event("productViewed", _products), _no_price),
    "view_category": _Kind(_event("productCategoryViewed", _category)),
    "search": _Kind(_event("searchRequest", _search)),
    "update_cart": _Kind(_event("cartUpdated", _cart), _no_cart),
    "add_to_wishlist": _Kind(_event("productAddedToWishlist", _products), _no_price),
    "view_recommendation": _Kind(_event("productImpressions", _impressions), _foreign),
    "purchase": _Kind(_order, _no_total),
}
WHOLE_CARTS = "eSputnik takes whole carts, which update_cart tells"
UNWANTED: Mapping[str, str] = {
    **{name: "eSputnik has no such event" for name in RULES if name not in EVENTS},
    **dict.fromkeys(("add_to_cart", "remove_from_cart", "view_cart"), WHOLE_CARTS),
    "identify": "eSputnik has no such event: the contact's ids ride on every other",
}


def _kind(name: str) -> _Kind:
    """By the table; any other name is a custom event, which keeps it."""
    return EVENTS.get(name) or _Kind(_event(name, _as_given))


class ESputnik(Vendor):
    """eSputnik for one shop."""

    name: ClassVar[str] = "esputnik"

    class Settings(VendorSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`[shops.<shop>.vendors.esputnik]`."""

        api_key: Secret
        base_url: str = "https://esputnik.com"
        purpose: str = "marketing"

    def __init__(self, settings: Settings) -> None:
        self._api_key = settings.api_key
        self.limits = Limits(window=(PER_SECOND, 1000))

    def credentials(self) -> Mapping[str, str]:
        """HTTP Basic: the key is the password, and the user may be anything."""
        pair = f"gatepost:{self._api_key.reveal()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def wants(self, event: Event) -> str | None:
        if event.name in UNWANTED:
            return UNWANTED[event.name]
        if not _contact(event):
            return "no contact"
        return _kind(event.name).missing(event)

    def messages(self, event: Event, visitor: Visitor) -> list[Message]:
        return _kind(event.name).messages(event)

    def request(self, messages: Sequence[Message]) -> Request:
        (message,) = messages
        return Request("POST", message.path, message.body)

    def verdict(self, request: Request, reply: Reply) -> Verdict:
        """By status, but for two things only the body says: eSputnik has it already, or refused the order."""
        key = self._api_key.reveal()
        text = reply.body.decode("utf-8", "replace")
        if "duplicated request" in text.casefold():
            return Verdict("sent", one_line(f"HTTP {reply.status}: {text}", key))
        verdict = judge(reply, said(reply, text, key))
        answer = reply.json()
        failed = answer.get("failedOrders") if isinstance(answer, dict) else None
        if verdict.outcome == "sent" and failed:
            return Verdict("never", f"{verdict.reason}: failedOrders {one_line(_json(failed), key)}")
        return verdict
