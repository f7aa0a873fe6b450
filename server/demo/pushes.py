"""What the shop pushes to `gatepost`: plain lists, in GA4's names.

Every function is pure and returns one command, which static/demo/shop.js hands to `gatepost.push` as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from server.demo.catalogue import Category, Product, Variant
from server.demo.visit import Line

Command: TypeAlias = list[Any]
Item: TypeAlias = dict[str, Any]


def item(product: Product, variant: Variant, quantity: int | None = None, index: int | None = None) -> Item:
    """One item; `quantity` and `index` only where they have a meaning."""
    said: Item = {
        "item_id": variant.item_id,
        "item_name": product.name,
        "item_brand": product.brand,
        "item_category": product.category,
        "item_variant": variant.name,
        "price": variant.price,
        "in_stock": variant.stock > 0,
    }
    if quantity is not None:
        said["quantity"] = quantity
    if index is not None:
        said["index"] = index
    return said


def items(lines: Iterable[Line]) -> list[Item]:
    """The items of a cart or an order."""
    return [item(line.product, line.variant, line.quantity) for line in lines]


def listed(products: Iterable[Product]) -> list[Item]:
    """The items of a list on a page, with their place in it."""
    return [item(product, product.first, index=index) for index, product in enumerate(products)]


def track(name: str, **params: Any) -> Command:
    """Any event."""
    return ["track", name, params]


def view_item(product: Product, variant: Variant, currency: str) -> Command:
    """A product page was opened."""
    return track("view_item", currency=currency, value=variant.price, items=[item(product, variant)])


def view_category(category: Category, products: Iterable[Product]) -> Command:
    """A category page was opened."""
    return track(
        "view_category", category_id=category.id, category_path=[category.name], items=listed(products)
    )


def view_item_list(list_id: str, name: str, products: Iterable[Product]) -> Command:
    """A row of products was shown."""
    return track("view_item_list", item_list_id=list_id, item_list_name=name, items=listed(products))


def search(term: str, found: tuple[Product, ...]) -> Command:
    """Something was looked for."""
    return track("search", search_term=term, results=len(found), items=listed(found))


def one(name: str, line: Line, currency: str) -> Command:
    """One item came or went: add_to_cart, remove_from_cart, add_to_wishlist, remove_from_wishlist."""
    return track(name, currency=currency, value=line.cents / 100, items=items([line]))


def whole(name: str, lines: list[Line], currency: str) -> Command:
    """The whole cart as it is now: view_cart, update_cart, begin_checkout; `[]` says that it was emptied."""
    return track(name, currency=currency, value=total(lines) / 100, items=items(lines))


def whole_wishlist(lines: list[Line]) -> Command:
    """The whole wishlist as it is now; `[]` says that it was emptied."""
    return track("update_wishlist", items=[item(line.product, line.variant) for line in lines])


def purchase(order: dict[str, Any], lines: list[Line], currency: str) -> Command:
    """An order was placed. `value` is the goods without delivery, as GA4 has it."""
    return track(
        "purchase",
        transaction_id=order["number"],
        currency=currency,
        value=total(lines) / 100,
        shipping=order["shipping"] / 100,
        tax=order["tax"] / 100,
        delivery_type=order["delivery"],
        payment_type=order["payment"],
        items=items(lines),
    )


def identify(person: dict[str, str]) -> Command:
    """The shop knows who it is."""
    return ["identify", person]


def total(lines: Iterable[Line]) -> int:
    """What the lines cost together, in cents."""
    return sum(line.cents for line in lines)
