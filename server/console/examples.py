"""An event of every name, as a shop might send it: to begin with, on the page that tries events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KETTLE = {"item_id": "100500", "item_name": "Enamel kettle", "price": 45.5, "quantity": 1}
_LANTERN = {"item_id": "300200", "item_name": "Storm lantern", "price": 79, "quantity": 2}
_SHOWN = {"vendor": "eightselect", "type": "customSet", "id": "6f2c"}
_PLAN = {"plan": "club-yearly", "period": "year", "currency": "EUR", "value": 49}
_MESSAGE = {"code": "spring-7", "type": "bulk"}

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "page_view": {},
    "view_item": {"currency": "EUR", "value": 45.5, "items": [_KETTLE]},
    "view_category": {"category_id": "42", "category_path": ["Kitchen", "Kettles"]},
    "view_item_list": {"item_list_name": "Kettles", "items": [_KETTLE]},
    "search": {"search_term": "storm lantern", "results": 3},
    "add_to_cart": {"currency": "EUR", "value": 45.5, "items": [_KETTLE]},
    "remove_from_cart": {"currency": "EUR", "items": [_KETTLE]},
    "view_cart": {"currency": "EUR", "value": 203.5, "items": [_KETTLE, _LANTERN]},
    "update_cart": {"currency": "EUR", "value": 203.5, "items": [_KETTLE, _LANTERN]},
    "add_to_wishlist": {"currency": "EUR", "items": [_LANTERN]},
    "remove_from_wishlist": {"items": [_LANTERN]},
    "update_wishlist": {"items": [_LANTERN]},
    "begin_checkout": {"currency": "EUR", "value": 203.5, "items": [_KETTLE, _LANTERN]},
    "purchase": {
        "transaction_id": "10042",
        "currency": "EUR",
        "value": 208.4,
        "tax": 33.27,
        "shipping": 4.9,
        "coupon": "SPRING",
        "items": [_KETTLE, _LANTERN],
    },
    "view_recommendation": {"content": _SHOWN, "items": [_KETTLE]},
    "select_recommendation": {"content": _SHOWN, "items": [_KETTLE]},
    "identify": {"first_name": "Ada", "last_name": "Byron"},
    "subscription_start": _PLAN,
    "subscription_upgrade": _PLAN,
    "subscription_downgrade": _PLAN,
    "subscription_billing": _PLAN,
    "subscription_cancel": {"plan": "club-yearly"},
    "message_received": _MESSAGE,
    "message_clicked": _MESSAGE,
    "message_closed": _MESSAGE,
    "an_event_of_your_own": {"category": "showroom", "label": "asked for a visit"},
}
"""Parameters by name."""


def example(name: str) -> dict[str, Any]:
    """The event as a shop would write it."""
    return {"name": name, "params": EXAMPLES[name]}
