"""Events of every kind with everything in them that an event can have, each value known again by sight.

They are no traffic: an adapter is shown them to learn which fields its vendor is sent, and of what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from server.event import Event, Page, Source, User
from server.vendors.base import Visitor
from server.vocabulary import RULES

CUSTOM = "an_event_of_the_shops_own"
FURTHER = "further_parameter"
"""Stands for any parameter that a shop gives under a name of its own."""


class Meaning(NamedTuple):
    """What a value is, and whether it names a person or recognises a browser."""

    says: str
    personal: bool = False


PSEUDONYM = "0d15c105-0000-4000-8000-000000000001"
SEGMENTS: tuple[Literal["A", "B"], ...] = ("A", "B")
RAW_VISITOR = "0d15c105-0000-4000-8000-000000000002"
SESSION = "planted-session"
AT = 1_790_000_000_123
NEW = Visitor(PSEUDONYM)


class _Ids(Mapping[str, str]):
    """Whatever ids a vendor may have given: one for every name it asks for."""

    def __init__(self, session: str) -> None:
        self._session = session

    def __getitem__(self, key: str) -> str:
        return self._session if key == "session" else f"planted-vendor-id-{key}"

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


INTRODUCED = _Ids(SESSION)
"""The ids of a visitor whom the vendor knows already."""
RETURNED = _Ids("planted-earlier-session")
"""Of one who has come back for another visit."""

# What an event can hold.

_ITEM: Mapping[str, Any] = {
    "item_id": "planted-item-id",
    "item_name": "planted-item-name",
    "price": 70.25,
    "quantity": 17,
    "discount": 0.35,
    "coupon": "planted-item-coupon",
    "item_brand": "planted-item-brand",
    "item_category": "planted-item-category",
    "item_category2": "planted-item-2nd-category",
    "item_category3": "planted-item-3rd-category",
    "item_category4": "planted-item-4th-category",
    "item_category5": "planted-item-5th-category",
    "item_variant": "planted-item-variant",
    "in_stock": True,
    "item_list_id": "planted-items-list-id",
    "index": 44,
    FURTHER: "planted-further-of-item",
}
_PARAMS: Mapping[str, Any] = {
    "currency": "XTS",  # the code that ISO 4217 keeps for tests
    "value": 1194.25,  # 17 pieces at 70.25
    "tax": 3.75,
    "shipping": 4.85,
    "discount": 1.15,
    "cash": 11.45,
    "bonuses": 22.55,
    "results": 33,
    "transaction_id": "planted-transaction-id",
    "category_id": "planted-category-id",
    "category_path": ["planted-category-path"],
    "cart_id": "planted-shops-cart-id",
    "item_list_id": "planted-list-id",
    "item_list_name": "planted-list-name",
    "search_term": "planted-search-term",
    "coupon": "planted-coupon",
    "delivery_type": "planted-delivery-type",
    "delivery_address": "planted-delivery-address",
    "payment_type": "planted-payment-type",
    "tax_free": True,
    "recommended_by": "planted-recommended-by",
    "recommended_code": "planted-recommended-code",
    "custom": {FURTHER: "planted-further-of-order"},
    "action": "planted-action",
    "plan": "planted-plan",
    "period": "planted-period",
    "period_length": 66,
    "started_at": "2026-03-01T00:00:00Z",
    "ends_at": "2026-03-02T00:00:00Z",
    "billed_at": "2026-03-03T00:00:00Z",
    "canceled_at": "2026-03-04T00:00:00Z",
    "code": "planted-message-code",
    "type": "bulk",
    "stream": "plantedstream",
    "first_name": "planted-first-name",
    "last_name": "planted-last-name",
    "joined_at": "2026-03-05T00:00:00Z",
    "category": "planted-category",
    "label": "planted-label",
    FURTHER: "planted-further",
}
_SALE = ("currency", "value", "recommended_by", "recommended_code")
_PLAN = ("plan", "period", "period_length", "currency", "value")
_MESSAGE = ("code", "type", "stream")
_MAY_HAVE: Mapping[str, Sequence[str]] = {
    "view_item": _SALE,
    "view_category": ("category_id", "category_path"),
    "view_item_list": ("item_list_id", "item_list_name"),
    "search": ("search_term", "results", "recommended_code"),
    "add_to_cart": _SALE,
    "remove_from_cart": _SALE,
    "view_cart": ("currency", "value", "cart_id"),
    "update_cart": ("currency", "value", "cart_id"),
    "add_to_wishlist": ("currency",),
    "remove_from_wishlist": ("currency",),
    "begin_checkout": ("currency", "value", "coupon"),
    "purchase": (
        *("transaction_id", "currency", "value", "tax", "shipping", "discount", "coupon", "cash", "bonuses"),
        *("delivery_type", "delivery_address", "payment_type", "tax_free", "cart_id", "custom"),
    ),
    "select_recommendation": ("action",),
    "identify": ("first_name", "last_name", "joined_at"),
    "subscription_start": (*_PLAN, "started_at", "ends_at"),
    "subscription_upgrade": (*_PLAN, "started_at", "ends_at"),
    "subscription_downgrade": (*_PLAN, "started_at", "ends_at"),
    "subscription_billing": (*_PLAN, "billed_at"),
    "subscription_cancel": ("plan", "canceled_at"),
    "message_received": _MESSAGE,
    "message_clicked": _MESSAGE,
    "message_closed": _MESSAGE,
    CUSTOM: ("category", "label", "value"),
}
"""What each kind may have beside its products; all of them may have further ones."""
_WITH_ITEMS = frozenset({name for name, rule in RULES.items() if rule.items}) | {
    *("view_category", "search", "view_recommendation"),
}
_CONTENTS: Sequence[Mapping[str, str]] = (
    {"vendor": "eightselect", "type": "customSet", "id": "planted-content-id"},
    {"vendor": "eightselect", "type": "similarProducts", "id": "planted-content-id"},
    {"vendor": "eightselect", "type": "matchingProductClusters", "id": "planted-content-id"},
    {"vendor": "esputnik", "type": "recommendation", "id": "r7001v7002"},
)
_WITH_CONTENT = ("view_recommendation", "select_recommendation", "add_to_cart", "purchase")


def planted_events(name: str) -> Iterator[Event]:
    """Events of this name; several, where an adapter may make something else of another one."""
    params = {key: _PARAMS[key] for key in (*_MAY_HAVE.get(name, ()), FURTHER)}
    if name in _WITH_ITEMS:
        params["items"] = [dict(_ITEM)]
    for content in _CONTENTS if name in _WITH_CONTENT else (None,):
        for kind in ("home", "other") if name == "page_view" else ("product",):
            yield Event(
                id="planted-event-id",
                name=name,
                at=AT,
                received=AT,
                shop="planted",
                visitor=RAW_VISITOR,
                session=SESSION,
                params={**params, **({"content": dict(content)} if content else {})},
                page=Page(
                    "https://planted.example/page", "https://planted.example/before", "planted-title", kind
                ),
                user=User("planted-user-id", "planted@person.example", "15550100"),
                source=Source("planted-campaign", "planted-campaign-code", AT),
                cart="0d15c105-0000-4000-8000-000000000003",
            )


# What a value is.

_FURTHER = "anything else that the shop gives, under the shop's own name"
_PART_OF: Mapping[str, Meaning] = {
    PSEUDONYM: Meaning("a pseudonym of the visitor's browser, which no other vendor gets", True),
    RAW_VISITOR: Meaning("our own id of the visitor's browser", True),
    "planted-vendor-id-": Meaning("an id that this vendor itself gave the visitor's browser", True),
    SESSION: Meaning("an id of the visit", True),
    "planted-user-id": Meaning("the shop's own id of the person", True),
    "planted@person.example": Meaning("the person's e-mail address", True),
    "15550100": Meaning("the person's phone number", True),
    "planted-event-id": Meaning("an id of the event"),
    "2026-09-21T14:13:20": Meaning("when it happened"),
    "1790000000": Meaning("when it happened"),
    "planted.example/page": Meaning("the address of the page, without what could be secret"),
    "planted.example/before": Meaning("the address of the page before, without what could be secret"),
    "planted-title": Meaning("the title of the page"),
    "planted-campaign": Meaning("the campaign that brought the visitor"),
    "0d15c105-0000-4000-8000-000000000003": Meaning("an id of the cart"),
    "planted-content-id": Meaning("the recommendation that was shown"),
    "r7001v7002": Meaning("the recommendation that was shown"),
    "planted-further": Meaning(_FURTHER),
    "planted-looked-for-": Meaning("a further parameter of the event or product, if the shop gives it"),
}
_OF_PRODUCT = {
    value: Meaning(f"{key} of a product") for key, value in _ITEM.items() if isinstance(value, str)
}
_OF_EVENT = {
    value[0] if isinstance(value, list) else value: Meaning(f"{key} of the event", key == "delivery_address")
    for key, value in _PARAMS.items()
    if isinstance(value, str | list)
}
_NUMBERS = {
    **{value: Meaning(f"{key} of a product") for key, value in _ITEM.items() if type(value) in (int, float)},
    **{
        value: Meaning(f"{key} of the event") for key, value in _PARAMS.items() if type(value) in (int, float)
    },
}
_PARTS = sorted(({**_OF_PRODUCT, **_OF_EVENT, **_PART_OF}).items(), key=lambda one: -len(one[0]))


def meaning(value: Any, name: str, settings: Mapping[str, str]) -> Meaning:
    """What a value that came out of an adapter is, of an event of this name; `settings` are the vendor's."""
    if value in (True, False, "true", "false"):
        return Meaning("a yes or no, from the event")
    if value in SEGMENTS:
        return Meaning("the half of the visitors that this one belongs to")
    for number, known in _NUMBERS.items():
        if str(value) in (str(number), str(int(number))):
            return known
    text = str(value)
    for part, known in _PARTS:
        if part in text:
            # Whatever a shop says of a person when it identifies one is the person's.
            return known._replace(personal=True) if name == "identify" and _is_trait(part) else known
    for key, setting in settings.items():
        if text == setting:
            return Meaning(f"the setting {key}, which is the shop's")
    return Meaning("a word that the vendor fixed")


def _is_trait(part: str) -> bool:
    return part in _OF_EVENT or part == "planted-further"


# What an adapter looks for and did not find.


class _Curious(dict[str, Any]):
    """An object that remembers which keys it was asked for and does not have."""

    def __init__(self, given: Mapping[str, Any], missed: set[str]) -> None:
        super().__init__(given)
        self._missed = missed

    def __contains__(self, key: object) -> bool:
        return self._found(key, super().__contains__(key))

    def get(self, key: str, default: Any = None) -> Any:
        self._found(key, super().__contains__(key))
        return super().get(key, default)

    def _found(self, key: object, found: bool) -> bool:
        if not found and isinstance(key, str):
            self._missed.add(key)
        return found


class Curious:
    """An event that learns what an adapter looks for in it."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self._params: set[str] = set()
        self._item: set[str] = set()

    def shown(self) -> Event:
        """The event as the adapter is shown it; what it misses is remembered."""
        params = dict(self.event.params)
        if "items" in params:
            params["items"] = [_Curious(item, self._item) for item in params["items"]]
        return msgspec.structs.replace(self.event, params=_Curious(params, self._params))

    def learned(self) -> Event | None:
        """The event with what was missed; None when nothing was.

        What the table of events does not let one of this name have stays away: no shop can send it.
        """
        params = {key for key in self._params if key not in _PARAMS and key not in ("items", "content")}
        item = {key for key in self._item if key not in _ITEM}
        if not params and not item:
            return None
        given = {**self.event.params, **_looked_for(params)}
        if "items" in given:
            given["items"] = [{**one, **_looked_for(item)} for one in given["items"]]
        return msgspec.structs.replace(self.event, params=given)


def _looked_for(keys: set[str]) -> dict[str, str]:
    return {key: f"planted-looked-for-{key}" for key in keys}
