"""Signing in and out, and the newsletter: what the shop knows of a person, told to Gatepost by `identify`."""

from __future__ import annotations

import hashlib

from flask import Blueprint, request, session, url_for
from werkzeug.wrappers import Response

from server.demo import visit
from server.demo.pages import answer, refuse, show
from server.demo.terms import LONGEST_FIELD, SAMPLE, is_email

account = Blueprint("account", __name__)


@account.get("/sign-in")
def sign_in_form() -> str:
    """Any address signs in: there is nothing here worth a password."""
    return show("sign_in.html", "other", sample=SAMPLE)


@account.post("/sign-in")
def sign_in() -> Response:
    """Sign in as `email`; the customer id is always the same for one address."""
    email = request.form.get("email", "").strip()[:LONGEST_FIELD]
    name = request.form.get("first_name", "").strip()[:LONGEST_FIELD]
    if not is_email(email):
        return refuse(f"Please give an e-mail address, such as {SAMPLE['email']}.", url_for(".sign_in_form"))
    customer = "c-" + hashlib.sha256(email.casefold().encode()).hexdigest()[:8]
    person = {"id": customer, "email": email} | ({"first_name": name} if name else {})
    session["shopper"] = person
    visit.happened("identify", person)
    return answer(f"Welcome, {name or email}.", url_for("browse.home"))


@account.post("/sign-out")
def sign_out() -> Response:
    """Sign out: the shop forgets the shopper, and Gatepost is told to do the same."""
    session.clear()
    visit.happened("reset")
    return answer("You are signed out.", url_for("browse.home"))


@account.post("/newsletter")
def newsletter() -> Response:
    """Sign up for the letter: an identify, and an event of the shop's own."""
    email = request.form.get("email", "").strip()[:LONGEST_FIELD]
    if not is_email(email):
        return refuse(f"Please give an e-mail address, such as {SAMPLE['email']}.", url_for("browse.home"))
    visit.happened("identify", {"email": email})
    visit.happened("newsletter_signup", "footer")
    return answer("Thank you: the next letter is yours.", url_for("browse.home"))
