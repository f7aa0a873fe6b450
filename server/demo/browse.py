"""Home, category, product and search pages, and the pictures on them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for

from server.demo import pushes, visit
from server.demo.catalogue import CATALOGUE
from server.demo.pages import currency, show

CAMPAIGN: dict[str, Any] = {
    "item_id": "100500",
    "recommended_by": "chain",
    "personaclick_mail_code": "kettle-letter-3",
}
"""The product the letter links to, and the query that a PersonaClick chain e-mail puts on its links."""
LONGEST_SEARCH = 100

browse = Blueprint("browse", __name__)


@browse.get("/")
def home() -> str:
    """The front page: three things in large, the other six as a list, and the letter."""
    kitchen, table, outdoors = (CATALOGUE.within(category.id) for category in CATALOGUE.categories)
    picks = (table[1], kitchen[1], outdoors[2], outdoors[1], table[2], kitchen[2])
    return show(
        "home.html",
        "home",
        pushes.view_item_list("home_picks", "On the shelf this week", picks),
        picks=picks,
        campaign=url_for("browse.product", **CAMPAIGN),
        campaign_item=CATALOGUE.by_id[CAMPAIGN["item_id"]],
    )


@browse.get("/c/<category_id>")
def category(category_id: str) -> str:
    """One shelf."""
    found = CATALOGUE.category(category_id) or abort(404)
    products = CATALOGUE.within(category_id)
    told = pushes.view_category(found, products)
    return show("category.html", "category", told, category=found, products=products)


@browse.get("/p/<item_id>")
def product(item_id: str) -> str:
    """One product in one of its variants; each variant has an address of its own."""
    found, variant = CATALOGUE.find(item_id) or abort(404)
    return show(
        "product.html",
        "product",
        pushes.view_item(found, variant, currency()),
        product=found,
        variant=variant,
        category=CATALOGUE.category(found.category),
        beside=CATALOGUE.beside(found),
        saved=visit.is_saved(variant),
    )


@browse.get("/search")
def search() -> str:
    """What the words in `q` find; without words, a place to type some."""
    term = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    found = CATALOGUE.search(term)
    told = [pushes.search(term, found)] if term else []
    return show("search.html", "search", *told, term=term, products=found)


@browse.get("/picture/<item_id>.svg")
def picture(item_id: str) -> Response:
    """The drawing of a variant in its colour and size."""
    found, variant = CATALOGUE.find(item_id) or abort(404)
    drawing = render_template(
        f"pictures/{found.picture}.svg", wall=found.wall, colour=variant.colour, scale=variant.scale
    )
    response = make_response(drawing)
    response.mimetype = "image/svg+xml"
    response.cache_control.max_age = 3600
    response.cache_control.private = True
    return response
