"""From cart to thank-you: one page of forms, one order, told once."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, session, url_for
from werkzeug.wrappers import Response

from server.demo import pushes, visit
from server.demo.pages import currency, show
from server.demo.terms import (
    DELIVERY,
    FREE_DELIVERY,
    LONGEST_FIELD,
    PAYMENT,
    SAMPLE,
    contained_vat,
    delivery_cents,
    is_email,
)
from server.demo.visit import Line

NEEDED = {
    "email": "an e-mail address, such as ada@customer.example",
    "first_name": "a first name",
    "last_name": "a last name",
    "street": "a street and number",
    "postcode": "a postcode",
    "city": "a town",
}

checkout = Blueprint("checkout", __name__)


@checkout.get("/checkout")
def form() -> str | Response:
    """Address, delivery and payment on one page."""
    lines = visit.cart()
    if not lines:
        flash("Your cart is empty: put something in first.")
        return redirect(url_for("basket.cart"), 303)
    # The order's number is drawn here and kept, so that a button pressed twice places one order.
    session.setdefault("order_number", f"HT-{secrets.token_hex(4).upper()}")
    filled = {**SAMPLE, **(visit.shopper() or {})}
    return _form(lines, filled, {}, pushes.whole("begin_checkout", lines, currency()))


@checkout.post("/checkout")
def place() -> str | Response | tuple[str, int]:
    """Place the order; what is missing is said next to its field."""
    lines, number = visit.cart(), session.get("order_number")
    if not lines or not number:
        return redirect(url_for("basket.cart"), 303)
    said = {name: value.strip()[:LONGEST_FIELD] for name, value in request.form.items()}
    problems = {name: f"Please give {what}." for name, what in NEEDED.items() if not said.get(name)}
    if "email" not in problems and not is_email(said["email"]):
        problems["email"] = f"Please give {NEEDED['email']}."
    if said.get("delivery") not in DELIVERY or said.get("payment") not in PAYMENT:
        abort(400, "Choose one of the ways of delivery and payment.")
    if problems:
        return _form(lines, {**said, **{n: said.get(n, "") for n in SAMPLE}}, problems), 422
    session["order"] = _order(number, lines, said)
    for spent in ("cart", "order_number"):
        session.pop(spent, None)
    return redirect(url_for(".thanks", number=number), 303)


@checkout.get("/order/<number>")
def thanks(number: str) -> str:
    """The order that was just placed. Its purchase is told once, however often the page is loaded."""
    order = session.get("order")
    if order is None or order["number"] != number:
        abort(404)
    lines = visit.lines(order["lines"])
    told = [pushes.identify(order["person"]), pushes.purchase(order, lines, currency())]
    return show(
        "thanks.html",
        "other",
        once={"key": number, "commands": told},
        order=order,
        lines=lines,
        delivery=DELIVERY[order["delivery"]][0],
        payment=PAYMENT[order["payment"]],
        total=pushes.total(lines),
    )


def _order(number: str, lines: list[Line], said: dict[str, str]) -> dict[str, Any]:
    goods = pushes.total(lines)
    shipping = delivery_cents(said["delivery"], goods)
    person = {key: said[key] for key in ("email", "phone", "first_name", "last_name") if said.get(key)}
    return {
        "number": number,
        "lines": {line.variant.item_id: line.quantity for line in lines},
        "shipping": shipping,
        "tax": contained_vat(goods + shipping),
        "delivery": said["delivery"],
        "payment": said["payment"],
        "person": {"id": signed_in["id"], **person} if (signed_in := visit.shopper()) else person,
    }


def _form(lines: list[Line], filled: dict[str, str], problems: dict[str, str], *told: pushes.Command) -> str:
    return show(
        "checkout.html",
        "checkout",
        *told,
        lines=lines,
        total=pushes.total(lines),
        filled=filled,
        problems=problems,
        ways=DELIVERY,
        payments=PAYMENT,
        free_from=FREE_DELIVERY,
    )
