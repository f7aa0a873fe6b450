"""How the shop answers: a page with what it tells Gatepost, or a form's answer without a new page."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, flash, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from server.demo import pushes, visit
from server.demo.catalogue import CATALOGUE
from server.demo.pushes import Command
from server.demo.visit import Line

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "UAH": "₴", "PLN": "zł", "JPY": "¥"}


def currency() -> str:
    """The shop's currency, three capital letters."""
    return str(current_app.config["CURRENCY"])


def money(cents: int) -> str:
    """Cents as a shopper reads them: €45.50."""
    return f"{SYMBOLS.get(currency(), currency() + ' ')}{cents / 100:,.2f}"


def show(template: str, kind: str, *own: Command, once: dict[str, Any] | None = None, **context: Any) -> str:
    """A page of type `kind`: it tells Gatepost what it is, what forms left to tell, and its `own` events.

    `once` is {"key", "commands"}: what must be told a single time however often the page is loaded.
    """
    left = [_command(each) for each in visit.take_happened()]
    if any(command[1] == "update_cart" for command in left if command[0] == "track"):
        # The shopper changed the cart on its own page: it was viewed when they came to it.
        own = tuple(command for command in own if command[1] != "view_cart")
    page = {"commands": [["page", {"type": kind}], *left, *own], "once": once}
    return render_template(template, page=page, kind=kind, **context)


def answer(say: str, to: str, more: dict[str, str] | None = None) -> AnyResponse:
    """A form's answer: JSON when shop.js sent it, else `to` with the sentence on top of the next page.

    `more` is a link to go on by: {"href", "text"}.
    """
    if request.accept_mimetypes.best != "application/json":
        flash(say)
        return redirect(to, 303)
    commands = [_command(each) for each in visit.take_happened()]
    return jsonify(
        say=say, more=more, commands=commands, cart=visit.cart_size(), wishlist=len(visit.wishlist())
    )


def refuse(say: str, to: str) -> AnyResponse:
    """A form that cannot be taken as it is; the sentence says what to do."""
    if request.accept_mimetypes.best != "application/json":
        flash(say, "problem")
        return redirect(to, 303)
    response: Response = jsonify(say=say)
    response.status_code = 422
    return response


def _command(what: list[Any]) -> Command:
    """What a form noted, as a push; carts and wishlists are told as they are by now."""
    name = what[0]
    if name == "update_cart":
        return pushes.whole(name, visit.cart(), currency())
    if name == "update_wishlist":
        return pushes.whole_wishlist(visit.wishlist())
    if name in ("add_to_cart", "remove_from_cart", "add_to_wishlist", "remove_from_wishlist"):
        return pushes.one(name, Line(*CATALOGUE.by_id[what[1]], what[2]), currency())
    if name == "identify":
        return pushes.identify(what[1])
    if name == "newsletter_signup":
        return pushes.track(name, category="newsletter", label=what[1])
    return [name]
