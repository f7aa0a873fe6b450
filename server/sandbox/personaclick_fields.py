"""The fields of PersonaClick's requests and what is wrong with them; decisions are in personaclick.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.sandbox.standin import Refused

Text = Annotated[str, Meta(min_length=1)]
Stream = Annotated[str, Meta(pattern="^[A-Za-z0-9]{1,16}\\Z")]
RecommendedBy = Literal[
    "dynamic",
    "chain",
    "bulk",
    "transactional",
    "instant_search",
    "full_search",
    "stories",
    "web_push_digest",
    "listing",
]
Items = list[dict[str, Any]]


class Common(msgspec.Struct, kw_only=True):
    """What every event carries, beside the shop and the device."""

    shop_id: str
    did: str
    seance: Text
    event: Text
    sid: Text | UnsetType = UNSET
    stream: Stream | UnsetType = UNSET
    segment: Literal["A", "B"] | UnsetType = UNSET
    referer: Text | UnsetType = UNSET
    source: Text | UnsetType = UNSET


class Recommended(Common, kw_only=True):
    """An event that a recommendation may have led to."""

    recommended_by: RecommendedBy | UnsetType = UNSET
    recommended_code: Text | UnsetType = UNSET


class Category(Recommended, kw_only=True):
    category_id: Text | int | float


class Search(Recommended, kw_only=True):
    search_query: Text


class OfItems(Recommended, kw_only=True):
    """An event about products: one, unless it is about the whole of a cart, wishlist or order."""

    items: Items | UnsetType = UNSET

    @property
    def takes_many(self) -> bool:
        """Whether there may be other than one item."""
        return False

    @property
    def may_empty(self) -> bool:
        """Whether no items at all have a meaning: the shopper emptied it."""
        return self.takes_many


class Cart(OfItems, kw_only=True):
    full_cart: bool | UnsetType = UNSET

    @property
    def takes_many(self) -> bool:
        return self.full_cart is True


class Wish(OfItems, kw_only=True):
    full_wish: bool | UnsetType = UNSET

    @property
    def takes_many(self) -> bool:
        return self.full_wish is True


class Purchase(OfItems, kw_only=True):
    order_id: Annotated[str, Meta(min_length=1, max_length=255)] | int | float | UnsetType = UNSET
    order_price: float | UnsetType = UNSET
    order_cash: float | UnsetType = UNSET
    order_bonuses: float | UnsetType = UNSET
    order_delivery: float | UnsetType = UNSET
    order_discount: float | UnsetType = UNSET
    promocode: str | UnsetType = UNSET
    delivery_address: str | UnsetType = UNSET
    delivery_type: str | UnsetType = UNSET
    payment_type: str | UnsetType = UNSET
    tax_free: bool | UnsetType = UNSET
    custom: dict[str, str | int] | UnsetType = UNSET

    @property
    def takes_many(self) -> bool:
        return True

    @property
    def may_empty(self) -> bool:
        return False


SHAPES: dict[str, type[Common]] = {
    "view": OfItems,
    "category": Category,
    "cart": Cart,
    "remove_from_cart": OfItems,
    "wish": Wish,
    "remove_wish": OfItems,
    "search": Search,
    "purchase": Purchase,
}


class Custom(Common, kw_only=True):
    """An event of the shop's own."""

    category: str | UnsetType = UNSET
    label: str | UnsetType = UNSET
    value: int | UnsetType = UNSET
    time: int | UnsetType = UNSET
    payload: dict[str, Any] | UnsetType = UNSET


EXTRA_FIELD = re.compile(r"[a-z0-9_]+")
"""A name that the shop may give to a field of a custom event."""
RESERVED = {"from", "code"}
"""Reserved names that are not fields of a custom event."""


class Track(msgspec.Struct):
    """What became of a message."""

    shop_id: str
    code: Text
    type: Literal["bulk", "chain", "transactional"]
    stream: Stream | UnsetType = UNSET


class Init(msgspec.Struct):
    """The query of /init."""

    did: Annotated[str, Meta(pattern="^[0-9A-Za-z]{10}\\Z")] | UnsetType = UNSET
    seance: Text | UnsetType = UNSET
    stream: Stream | UnsetType = UNSET
    tz: Annotated[str, Meta(pattern=r"^[+-]?\d+(\.\d+)?\Z")] | UnsetType = UNSET
    testmode: Literal["true", "false", "1", "0"] | UnsetType = UNSET


def check_source(event: Common) -> tuple[str, ...]:
    """Refuse a source that is no JSON string of `from` and `code`; note one that would be ignored."""
    if isinstance(event.source, UnsetType):
        return ()
    try:
        source = msgspec.json.decode(event.source)
    except (msgspec.DecodeError, RecursionError):
        raise Refused(422, "source: is not JSON") from None
    if not isinstance(source, dict):
        raise Refused(422, "source: is not an object")
    for part in ("from", "code"):
        if not isinstance(source.get(part), str) or not source[part]:
            raise Refused(422, f"source.{part}: must be a string that is not empty")
    if source["from"] not in get_args(RecommendedBy):
        return (f"source.from: {source['from']!r} is no campaign type that is known; it would be ignored",)
    return ()


def check_items(event: OfItems) -> tuple[str, ...]:
    """Refuse a wrong number of items; note those that would be dropped or corrected."""
    items = event.items
    if isinstance(items, UnsetType) or not items:
        if event.may_empty:
            return ()
        raise Refused(422, "items: is missing" if isinstance(items, UnsetType) else "items: is empty")
    if len(items) != 1 and not event.takes_many:
        raise Refused(422, f"items: {event.event} takes exactly one, not {len(items)}")
    good = [_is_id(item.get("id")) for item in items]
    if not any(good):
        raise Refused(422, "items: none has an id that can be used")
    notes: tuple[str, ...] = ()
    for index, (item, kept) in enumerate(zip(items, good, strict=True)):
        notes += _item_notes(f"items[{index}]", item) if kept else (f"items[{index}]: dropped for its id",)
    return notes


def _is_id(value: Any) -> bool:
    return _is_number(value) or (isinstance(value, str) and 0 < len(value) <= 255 and "\\" not in value)


def _item_notes(where: str, item: Mapping[str, Any]) -> tuple[str, ...]:
    notes = []
    for field in ("amount", "quantity"):
        if field in item and not (_is_number(item[field]) and 1 <= item[field] <= 1000):
            notes.append(f"{where}.{field}: would be brought into 1 to 1000")
    if "price" in item and not _is_price(item["price"]):
        notes.append(f"{where}.price: is no price; it would be dropped")
    notes += [
        f"{where}.{name}: is empty; it would be dropped"
        for name in ("line_id", "fashion_size")
        if item.get(name) == ""
    ]
    return tuple(notes)


def _is_price(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"\d+(\.\d+)?", value) is not None
    return _is_number(value) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
