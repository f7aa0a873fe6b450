"""What eSputnik's page requires of each type of event; the decisions are in esputnik.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.sandbox.standin import Refused, read_as

Text = Annotated[str, Meta(min_length=1)]
Params: TypeAlias = Mapping[str, Any]
"""A parameter's name to its value, which is a string for all but isFound."""


class Page(msgspec.Struct):
    location: Text


class Category(msgspec.Struct):
    productCategoryId: Text  # noqa: N815


class ProductId(msgspec.Struct):
    productId: Text  # noqa: N815


class Product(ProductId):
    price: float
    isInStock: Literal[0, 1] | UnsetType = UNSET  # noqa: N815


class CartProduct(ProductId, kw_only=True):
    quantity: float
    price: float
    name: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    discount: str | UnsetType = UNSET


def _inner(params: Params, name: str) -> Any:
    """The JSON inside a parameter's value."""
    if name not in params:
        raise Refused(400, f"The event should have the following params: [{name}]")
    try:
        return msgspec.json.decode(params[name])
    except (msgspec.DecodeError, RecursionError):
        raise Refused(400, f"params.{name}: value must be a string that holds JSON") from None


def _check_properties(
    value: Mapping[str, Any], shape: type[msgspec.Struct], where: str, *, text: bool
) -> None:
    """Whatever the page does not name is a property of the product: a list of strings; or one, if `text`."""
    for name in value.keys() - set(shape.__struct_encode_fields__):
        many = value[name]
        fits = isinstance(many, list) and all(isinstance(one, str) for one in many)
        if not (fits or (text and isinstance(many, str))):
            raise Refused(400, f"{where}.{name}: a property must be a list of strings")


def _check_currency(params: Params) -> None:
    if "currencyCode" in params and not re.fullmatch("[A-Z]{3}", params["currencyCode"]):
        raise Refused(400, "params.currencyCode: must be three capital letters")


def _page_viewed(params: Params) -> None:
    read_as(Page, _inner(params, "page"), 400, "params.page")


def _product_viewed(params: Params, *, text: bool = False) -> None:
    product = _inner(params, "product")
    read_as(Product, product, 400, "params.product")
    _check_properties(product, Product, "params.product", text=text)
    _check_currency(params)


def _wished(params: Params) -> None:
    _product_viewed(params, text=True)


def _category_viewed(params: Params) -> None:
    read_as(Category, _inner(params, "category"), 400, "params.category")


def _products(params: Params, shape: type[msgspec.Struct]) -> list[Any]:
    products = _inner(params, "products")
    if not isinstance(products, list):
        raise Refused(400, "params.products: must hold a list")
    for index, product in enumerate(products):
        read_as(shape, product, 400, f"params.products[{index}]")
    return products


def _cart_updated(params: Params) -> None:
    if not params.get("recycleStateId"):
        raise Refused(400, "The event should have the following params: [recycleStateId]")
    if not re.fullmatch(r"[0-9A-Za-z-]+", params["recycleStateId"]):
        raise Refused(400, "params.recycleStateId: must be of digits and Latin letters")
    _check_currency(params)
    if "products" not in params:
        return
    for index, product in enumerate(_products(params, CartProduct)):
        _check_properties(product, CartProduct, f"params.products[{index}]", text=False)


def _impressions(params: Params) -> None:
    if "recomVariantId" not in params:
        raise Refused(400, "The event should have the following params: [recomVariantId]")
    if not re.fullmatch(r"r\d+v\d+", params["recomVariantId"]):
        raise Refused(400, "params.recomVariantId: must be r{recomId}v{variantId}")
    _products(params, ProductId)


def _search_request(params: Params) -> None:
    if not params.get("search"):
        raise Refused(400, "The event should have the following params: [search]")
    if params.get("isFound", 0) not in (0, 1, "0", "1"):
        raise Refused(400, "params.isFound: must be 0 or 1")


CHECKS: dict[str, Callable[[Params], None]] = {
    "pageViewed": _page_viewed,
    "productViewed": _product_viewed,
    "productCategoryViewed": _category_viewed,
    "cartUpdated": _cart_updated,
    "productImpressions": _impressions,
    "productAddedToWishlist": _wished,
    "searchRequest": _search_request,
}
"""What each event type of the page requires; other types are free."""
