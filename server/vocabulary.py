"""What an event of each name must and may have.

The names and parameters are GA4's recommended e-commerce events where GA4 has a word, our own where it has
none. Nothing is invented here: what the shop did not say stays absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from server.errors import InvalidEvent
from server.values import (
    Reader,
    boolean,
    currency,
    identifier,
    mapping,
    moment,
    number,
    read,
    scalars,
    strings,
    text,
)

MAX_ITEMS = 500
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")


class _Rule(NamedTuple):
    """What an event of a known name must have."""

    needs: tuple[str, ...] = ()
    items: Literal["", "one", "some", "any"] = ""
    """one: exactly one; some: at least one; any: the list may be empty, which means emptied."""


RULES: Mapping[str, _Rule] = {
    "page_view": _Rule(),
    "view_item": _Rule(items="one"),
    "view_category": _Rule(("category_id",)),
    "view_item_list": _Rule(items="some"),
    "search": _Rule(("search_term",)),
    "add_to_cart": _Rule(items="some"),
    "remove_from_cart": _Rule(items="some"),
    "view_cart": _Rule(items="any"),
    "update_cart": _Rule(items="any"),
    "add_to_wishlist": _Rule(items="some"),
    "remove_from_wishlist": _Rule(items="some"),
    "update_wishlist": _Rule(items="any"),
    "begin_checkout": _Rule(items="some"),
    "purchase": _Rule(("transaction_id",), items="some"),
    "view_recommendation": _Rule(("content",)),
    "select_recommendation": _Rule(("content",), items="one"),
    "identify": _Rule(),
    "subscription_start": _Rule(("plan",)),
    "subscription_upgrade": _Rule(("plan",)),
    "subscription_downgrade": _Rule(("plan",)),
    "subscription_billing": _Rule(("value",)),
    "subscription_cancel": _Rule(("plan",)),
    "message_received": _Rule(("code", "type")),
    "message_clicked": _Rule(("code", "type")),
    "message_closed": _Rule(("code", "type")),
}
CART_EVENTS = frozenset(
    {"add_to_cart", "remove_from_cart", "view_cart", "update_cart", "begin_checkout", "purchase"}
)
"""Those that belong to one cart, from its first item to the purchase."""
MESSAGE_TYPES = ("bulk", "chain", "transactional")


def content(value: Any, field: str) -> dict[str, Any]:
    """Which recommendation was shown: its vendor, type and id."""
    found = read(mapping(value, field), field, {"vendor": text, "type": text, "id": identifier})
    for key in ("vendor", "id"):
        if key not in found:
            raise InvalidEvent(f"{field}.{key}", "is missing")
    return found


_ITEM: Mapping[str, Reader] = {
    "item_id": identifier,
    "item_name": text,
    "price": number,
    "quantity": number,
    "discount": number,
    "coupon": text,
    "item_brand": text,
    "item_category": text,
    "item_category2": text,
    "item_category3": text,
    "item_category4": text,
    "item_category5": text,
    "item_variant": text,
    "in_stock": boolean,
    "item_list_id": identifier,
    "index": number,
}


def items(value: Any, field: str) -> list[dict[str, Any]]:
    """The products an event is about, each with its `item_id`."""
    if not isinstance(value, list):
        raise InvalidEvent(field, "must be a list of objects with item_id")
    if len(value) > MAX_ITEMS:
        raise InvalidEvent(field, f"more than {MAX_ITEMS} items")
    found = []
    for i, entry in enumerate(value):
        item = read(mapping(entry, f"{field}[{i}]"), f"{field}[{i}]", _ITEM)
        if "item_id" not in item:
            raise InvalidEvent(f"{field}[{i}].item_id", "is missing")
        found.append(item)
    return found


_KNOWN: Mapping[str, Reader] = {
    "items": items,
    "currency": currency,
    "value": number,
    "tax": number,
    "shipping": number,
    "discount": number,
    "cash": number,
    "bonuses": number,
    "results": number,
    "transaction_id": identifier,
    "category_id": identifier,
    "category_path": strings,
    "cart_id": identifier,
    "item_list_id": identifier,
    "item_list_name": text,
    "search_term": text,
    "coupon": text,
    "delivery_type": text,
    "delivery_address": text,
    "payment_type": text,
    "tax_free": boolean,
    "recommended_by": text,
    "recommended_code": text,
    "content": content,
    "custom": scalars,
    "action": text,
    "plan": identifier,
    "period": text,
    "started_at": moment,
    "ends_at": moment,
    "billed_at": moment,
    "canceled_at": moment,
    "code": identifier,
    "type": text,
    "stream": text,
}
_CUSTOM: Mapping[str, Reader] = {"items": items}


def read_params(name: str, given: Any) -> dict[str, Any]:
    """An event's parameters, checked against its name and normalised.

    Raises InvalidEvent naming the field and what is wrong with it.
    """
    if not NAME.match(name):
        raise InvalidEvent("name", "must be a-z, 0-9 and _, begin with a letter, at most 64 characters")
    rule = RULES.get(name)
    readers: Mapping[str, Reader] = _KNOWN if rule and name != "identify" else _CUSTOM
    params = read(mapping(given, "params"), "", readers)
    if rule:
        _check(name, rule, params)
    return params


def _check(name: str, rule: _Rule, params: Mapping[str, Any]) -> None:
    for key in rule.needs:
        if key not in params:
            raise InvalidEvent(key, f"is missing; {name} needs it")
    if rule.items and "items" not in params:
        raise InvalidEvent("items", f"is missing; {name} needs it")
    count = len(params.get("items", ()))
    if rule.items == "one" and count != 1:
        raise InvalidEvent("items", f"{name} takes exactly one item")
    if rule.items == "some" and not count:
        raise InvalidEvent("items", f"{name} needs at least one item")
    if name.startswith("message_") and params["type"] not in MESSAGE_TYPES:
        raise InvalidEvent("type", f"must be one of {', '.join(MESSAGE_TYPES)}")
