"""Cart and wishlist: what is in them, and the forms that change them."""

from __future__ import annotations

from flask import Blueprint, abort, request, url_for
from werkzeug.wrappers import Response

from server.demo import pushes, visit
from server.demo.catalogue import CATALOGUE, Product, Variant
from server.demo.pages import answer, currency, refuse, show
from server.demo.terms import DELIVERY, FREE_DELIVERY, delivery_cents

basket = Blueprint("basket", __name__)


@basket.get("/cart")
def cart() -> str:
    """The cart."""
    lines = visit.cart()
    told = pushes.whole("view_cart", lines, currency())
    total = pushes.total(lines)
    parcel = delivery_cents(next(iter(DELIVERY)), total)
    return show("cart.html", "cart", told, lines=lines, total=total, parcel=parcel, free_from=FREE_DELIVERY)


@basket.get("/wishlist")
def wishlist() -> str:
    """What was saved for later."""
    return show("wishlist.html", "other", lines=visit.wishlist())


@basket.post("/cart/add")
def add_to_cart() -> Response:
    """Put `quantity` more of `item_id` into the cart."""
    product, variant = _asked_for()
    page = url_for("browse.product", item_id=variant.item_id)
    wanted = _quantity()
    if wanted is None or wanted < 1:
        return refuse("Choose a whole number of one or more.", page)
    before = visit.in_cart(variant)
    added = visit.put_in_cart(variant, before + wanted) - before
    if added < 1:
        all_of_it = f"All {variant.stock} we have are in your cart already."
        return refuse(all_of_it if variant.stock else "It is sold out.", page)
    visit.happened("add_to_cart", variant.item_id, added)
    visit.happened("update_cart")
    pieces = f"{added} × " if added > 1 else ""
    short = " That is all we have." if added < wanted else ""
    more = {"href": url_for(".cart"), "text": "See the cart"}
    return answer(f"{pieces}{product.name}, {variant.name}: in your cart.{short}", page, more)


@basket.post("/cart/set")
def set_in_cart() -> Response:
    """Make it `quantity` of `item_id`; 0 takes it out."""
    _, variant = _asked_for()
    wanted, before = _quantity(), visit.in_cart(variant)
    if wanted is None or wanted < 0:
        return refuse("Choose a whole number, or 0 to take it out.", url_for(".cart"))
    kept = visit.put_in_cart(variant, wanted)
    if kept == before:
        return refuse(f"We have {variant.stock} of it: nothing was changed.", url_for(".cart"))
    if kept == 0:
        visit.happened("remove_from_cart", variant.item_id, before)
    visit.happened("update_cart")
    return answer("Your cart is up to date." if kept else "Taken out of your cart.", url_for(".cart"))


@basket.post("/wishlist/add")
def add_to_wishlist() -> Response:
    """Save `item_id` for later."""
    product, variant = _asked_for()
    if not visit.is_saved(variant):
        visit.save(variant, saved=True)
        visit.happened("add_to_wishlist", variant.item_id, 1)
        visit.happened("update_wishlist")
    return answer(f"{product.name} is saved for later.", url_for("browse.product", item_id=variant.item_id))


@basket.post("/wishlist/remove")
def remove_from_wishlist() -> Response:
    """Take `item_id` off the wishlist."""
    product, variant = _asked_for()
    if visit.is_saved(variant):
        visit.save(variant, saved=False)
        visit.happened("remove_from_wishlist", variant.item_id, 1)
        visit.happened("update_wishlist")
    return answer(f"{product.name} is no longer saved.", url_for(".wishlist"))


def _asked_for() -> tuple[Product, Variant]:
    """The product the form names; 404 when the shop has none of that id."""
    return CATALOGUE.find(request.form.get("item_id", "")) or abort(404)


def _quantity() -> int | None:
    """The form's quantity, 1 when it names none; None when it is no number of pieces."""
    said = request.form.get("quantity", "1").strip()
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 6 else None
