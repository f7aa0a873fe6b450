"""What the shop remembers of one shopper, in its own signed session cookie: nothing of Gatepost's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import session

from server.demo.catalogue import CATALOGUE, Product, Variant


@dataclass(frozen=True)
class Line:
    """One line of a cart or an order."""

    product: Product
    variant: Variant
    quantity: int

    @property
    def cents(self) -> int:
        """Price of the whole line."""
        return self.variant.cents * self.quantity


def lines(quantities: Mapping[str, int]) -> list[Line]:
    """A cart's or an order's lines, in the order they were added."""
    return [Line(*CATALOGUE.by_id[item_id], quantity) for item_id, quantity in quantities.items()]


def cart() -> list[Line]:
    """The cart's lines."""
    return lines(session.get("cart", {}))


def cart_size() -> int:
    """How many pieces are in the cart."""
    return sum(session.get("cart", {}).values())


def put_in_cart(variant: Variant, quantity: int) -> int:
    """Set how many of a variant the cart holds, never more than there are; returns what it then holds."""
    quantities: dict[str, int] = dict(session.get("cart", {}))
    kept = max(0, min(quantity, variant.stock))
    if kept:
        quantities[variant.item_id] = kept
    else:
        quantities.pop(variant.item_id, None)
    session["cart"] = quantities
    return kept


def in_cart(variant: Variant) -> int:
    """How many of a variant the cart holds."""
    return int(session.get("cart", {}).get(variant.item_id, 0))


def wishlist() -> list[Line]:
    """What was saved for later, as lines of one."""
    return lines(dict.fromkeys(session.get("wishlist", []), 1))


def is_saved(variant: Variant) -> bool:
    """Whether a variant is on the wishlist."""
    return variant.item_id in session.get("wishlist", [])


def save(variant: Variant, *, saved: bool) -> None:
    """Put a variant on the wishlist or take it off."""
    others = [item_id for item_id in session.get("wishlist", []) if item_id != variant.item_id]
    session["wishlist"] = [*others, variant.item_id] if saved else others


def shopper() -> dict[str, str] | None:
    """Who is signed in: `id`, `email`, `first_name`; None when nobody is."""
    found: dict[str, str] | None = session.get("shopper")
    return found


def happened(*what: Any) -> None:
    """Note something for the next page to tell Gatepost: a form was answered by a redirect."""
    session["happened"] = [*session.get("happened", []), list(what)]


def take_happened() -> list[list[Any]]:
    """What forms left to tell; empty afterwards."""
    found: list[list[Any]] = session.pop("happened", [])
    return found
