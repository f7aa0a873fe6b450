"""The record of one thing that happened: its shape, its limits, and how a sender's event becomes one.

The names and parameters are GA4's recommended e-commerce events where GA4 has a word, our own where it has
none. Nothing is invented here: what the shop did not say stays absent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from server.errors import InvalidEvent

MAX_STRING = 2000
MAX_ID = 255
MAX_KEYS = 100
MAX_ITEMS = 500
MAX_LIST = 200

PAGE_TYPES = frozenset({"home", "category", "product", "cart", "checkout", "search", "other"})


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where it happened."""

    url: str = ""
    referrer: str = ""
    title: str = ""
    type: str = ""


class User(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who the shop says the visitor is; any of the three may be missing."""

    id: str | None = None
    email: str | None = None
    phone: str | None = None

    def __bool__(self) -> bool:
        return bool(self.id or self.email or self.phone)


class Source(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The campaign that brought the visitor: PersonaClick's rule, good for 48 hours from `seen`."""

    from_: str
    code: str
    seen: int
    """Milliseconds since 1970, by our clock."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event as it is kept: validated, scrubbed, its time corrected.

    `params` is normalised, so whoever reads it need not check again: every item in `items` has a non-empty
    string `item_id`; `price`, `quantity`, `discount` and every amount are numbers; `currency` is three
    capital letters; `category_path` is a list of strings; ids are strings. What the shop did not say is
    absent.
    """

    id: str
    """Made by the sender; the key by which a repetition is known."""
    name: str
    at: int
    """When it happened: milliseconds since 1970, corrected to our clock."""
    received: int
    """When it was kept: milliseconds since 1970."""
    shop: str
    visitor: str
    session: str
    params: dict[str, Any]
    page: Page = Page()
    user: User = User()
    source: Source | None = None
    cart: str = ""
    """A UUID, the same from the first cart event to the purchase that ends it, and new after."""
    origin: Literal["browser", "server"] = "browser"
    claimed: bool = False
    """The shop's server told it of a person who this visitor only says to be: any browser can say so."""


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

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")
_CURRENCY = re.compile(r"[A-Za-z]{3}\Z")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[\ud800-\udfff]")


# Reading one value. Each takes the value and its path and returns it normalised, None when it says nothing,
# or raises InvalidEvent.


def text(value: Any, field: str, limit: int = MAX_STRING) -> str | None:
    """A string; numbers become strings, since shops give ids and codes as either."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidEvent(field, "must be a string")
    string = value if isinstance(value, str) else format_number(value)
    if not string.isprintable():
        string = _UNPRINTABLE.sub("", string)
    string = string.strip()
    if len(string) > limit:
        raise InvalidEvent(field, f"longer than {limit} characters")
    return string or None


def format_number(value: int | float) -> str:
    """A number as a shop would write it as an id: 100500.0 is 100500."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def identifier(value: Any, field: str) -> str | None:
    """An id: a string of at most 255 characters."""
    return text(value, field, MAX_ID)


def number(value: Any, field: str) -> int | float | None:
    """A finite number; "19.90" counts, "19,90" and true do not."""
    if isinstance(value, str):
        stripped = value.strip()
        if not stripped:
            return None
        if not _NUMBER.match(stripped):
            raise InvalidEvent(field, "must be a number")
        value = float(stripped) if "." in stripped else int(stripped)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidEvent(field, "must be a number")
    if not abs(value) <= 1e15:  # what is no number is not less than anything
        raise InvalidEvent(field, "must be a number below 10^15")
    return value


def currency(value: Any, field: str) -> str | None:
    """Three letters, as ISO 4217 writes them."""
    code = text(value, field)
    if code is not None and not _CURRENCY.match(code):
        raise InvalidEvent(field, 'must be three letters, such as "EUR"')
    return code.upper() if code else None


def boolean(value: Any, field: str) -> bool:
    """True or false, also as 0, 1, "true" and "false"."""
    if value in (True, 1, "1", "true"):
        return True
    if value in (False, 0, "0", "false"):
        return False
    raise InvalidEvent(field, "must be true or false")


def moment(value: Any, field: str) -> str | int | None:
    """A point in time: a string such as ISO 8601, or milliseconds since 1970."""
    if isinstance(value, str):
        return text(value, field, 40)
    amount = number(value, field)
    return None if amount is None else int(amount)


def scalar(value: Any, field: str) -> Any:
    """A string, number or boolean; or a list of them."""
    if not isinstance(value, list):
        return _one_scalar(value, field)
    if len(value) > MAX_LIST:
        raise InvalidEvent(field, f"more than {MAX_LIST} values")
    read = [_one_scalar(entry, f"{field}[{i}]") for i, entry in enumerate(value)]
    return [one for one in read if one is not None]


def _one_scalar(value: Any, field: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return number(value, field)
    if isinstance(value, str):
        return text(value, field)
    raise InvalidEvent(field, "must be a string, a number, a boolean or a list of them")


def strings(value: Any, field: str) -> list[str] | None:
    """A list of strings; one string is a list of one."""
    entries = value if isinstance(value, list) else [value]
    if len(entries) > MAX_LIST:
        raise InvalidEvent(field, f"more than {MAX_LIST} values")
    found = [one for i, entry in enumerate(entries) if (one := text(entry, f"{field}[{i}]"))]
    return found or None


def _mapping(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidEvent(field, "must be an object")
    if len(value) > MAX_KEYS:
        raise InvalidEvent(field, f"more than {MAX_KEYS} keys")
    for key in value:
        if not _KEY.match(key):
            raise InvalidEvent(field, f"the key {key[:40]!r} is not a name of letters, digits and _")
    return value


def scalars(value: Any, field: str) -> dict[str, Any] | None:
    """An object of scalars."""
    return _read(_mapping(value, field), field, {}) or None


def content(value: Any, field: str) -> dict[str, Any]:
    """Which recommendation was shown: its vendor, type and id."""
    read = _read(_mapping(value, field), field, {"vendor": text, "type": text, "id": identifier})
    for key in ("vendor", "id"):
        if key not in read:
            raise InvalidEvent(f"{field}.{key}", "is missing")
    return read


_Reader = Callable[[Any, str], Any]

_ITEM: Mapping[str, _Reader] = {
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
        item = _read(_mapping(entry, f"{field}[{i}]"), f"{field}[{i}]", _ITEM)
        if "item_id" not in item:
            raise InvalidEvent(f"{field}[{i}].item_id", "is missing")
        found.append(item)
    return found


_KNOWN: Mapping[str, _Reader] = {
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
_CUSTOM: Mapping[str, _Reader] = {"items": items}


def _read(given: Mapping[str, Any], field: str, readers: Mapping[str, _Reader]) -> dict[str, Any]:
    """Each value by its reader, any other as a scalar; what says nothing is left out."""
    read: dict[str, Any] = {}
    for key, value in given.items():
        if value is None:
            continue
        normal = readers.get(key, scalar)(value, f"{field}.{key}" if field else key)
        if normal is not None:
            read[key] = normal
    return read


def read_params(name: str, given: Any) -> dict[str, Any]:
    """An event's parameters, checked against its name and normalised.

    Raises InvalidEvent naming the field and what is wrong with it.
    """
    if not NAME.match(name):
        raise InvalidEvent("name", "must be a-z, 0-9 and _, begin with a letter, at most 64 characters")
    rule = RULES.get(name)
    readers: Mapping[str, _Reader] = _KNOWN if rule and name != "identify" else _CUSTOM
    params = _read(_mapping(given, "params"), "", readers)
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


# Time.

SKEW_IGNORED = 5_000
"""Milliseconds by which a sender's clock may differ before it is corrected: less is the network's delay, and
correcting for that would only reorder events that were in order."""


def corrected(at: float, sent_at: float | None, now: int, oldest: int) -> int:
    """When it happened by our clock, in milliseconds since 1970.

    A sender that tells when it sent (`sent_at`) tells how wrong its clock is. The age of an event is right
    whatever the clock says, so that is what is kept. Never later than `now`, never before `oldest`.
    """
    if sent_at is not None and abs(now - sent_at) > SKEW_IGNORED:
        at = now - (sent_at - at)
    return int(min(max(at, oldest), now))
