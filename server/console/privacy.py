"""Who gets what, and one visitor: what was consented to, all that is kept, and erasing it.

Names of people come by POST alone: an address is written down by whatever stands between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NoReturn, TypeAlias, get_args
from urllib.parse import urlsplit

import msgspec
from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.consent import Choice
from server.console.console import Console
from server.disclosure import MOST_NAMED, OWN, Field, disclosed
from server.planted import CUSTOM
from server.rights import Subjects, in_words
from server.settings import Shop, VendorSettings
from server.store.history import ConsentChange, History
from server.vendors import vendor_types

By: TypeAlias = Literal["visitor", "user", "order"]

LONGEST = 255
"""Characters of a name."""
LISTED = 50
"""Visitors of one name that are listed."""
CHANGES = 100
"""Of a visitor's consent that are shown: the last."""


class Disclosed(msgspec.Struct, frozen=True):
    """What one vendor gets."""

    vendor: str
    host: str
    purpose: str
    personal: list[Field]
    """What names the person or recognises the browser."""
    other: list[Field]


class Said(msgspec.Struct, frozen=True):
    """One change of a visitor's consent."""

    at: int
    by: str
    changed: list[tuple[str, Choice]]
    """Purposes, and what was decided of each."""
    gpc: bool | None = None
    """Global Privacy Control is sent from then on, or not any more; None: as before."""


def blueprint(console: Console) -> Blueprint:
    """`/console/shops/<shop>/privacy`, and below it one visitor."""
    routes = Blueprint("privacy", __name__)
    subjects = Subjects(console.database)
    history = History(console.database)
    known: dict[str, list[Disclosed]] = {}

    @routes.get("/shops/<shop>/privacy")
    def page(shop: str) -> str:
        settings = console.settings.shops[shop]
        if shop not in known:  # the same until the next start
            known[shop] = [_disclosed(settings, vendor, table) for vendor, table in settings.vendors.items()]
        return render_template("console/privacy.html", vendors=known[shop], settings=settings, events=_events)

    @routes.post("/shops/<shop>/privacy/find")
    def find(shop: str) -> AnyResponse | str:
        by, name = request.form.get("by", ""), request.form.get("name", "").strip()[:LONGEST]
        if by not in get_args(By) or not name:
            return redirect(url_for("console.privacy.page", shop=shop), 303)
        found = subjects.find(shop, **{by: name})
        erased = subjects.erased_at(shop, name) if by == "visitor" and not found else None
        if len(found) == 1:
            return redirect(url_for("console.privacy.visitor", shop=shop, visitor=found[0]), 303)
        return render_template(
            "console/privacy_find.html", by=by, name=name, found=found[:LISTED], all=len(found), erased=erased
        )

    @routes.get("/shops/<shop>/privacy/visitors/<visitor>")
    def visitor(shop: str, visitor: str) -> str:
        profile = subjects.profile(shop, visitor)
        if profile is None:
            _gone(subjects, shop, visitor)
        ledger = said(history.consents(shop, visitor))
        return render_template(
            "console/privacy_visitor.html",
            profile=profile,
            ledger=ledger[-CHANGES:][::-1],
            earlier=max(0, len(ledger) - CHANGES),
            events=subjects.events(shop, visitor),
            told=subjects.told(shop, visitor),
            known_as=subjects.known_as(shop, visitor),
            settings=console.settings.shops[shop],
        )

    @routes.get("/shops/<shop>/privacy/visitors/<visitor>/export")
    def export(shop: str, visitor: str) -> Response:
        pieces = subjects.export(shop, visitor)
        if pieces is None:
            _gone(subjects, shop, visitor)
        response = Response(pieces, mimetype="application/json")
        response.headers["Content-Disposition"] = 'attachment; filename="visitor.json"'
        return response

    @routes.route("/shops/<shop>/privacy/visitors/<visitor>/erase", methods=["GET", "POST"])
    def erase(shop: str, visitor: str) -> str:
        if not subjects.find(shop, visitor=visitor):
            _gone(subjects, shop, visitor)
        if request.method == "POST" and request.form.get("sure") == "yes":
            erased = subjects.erase(shop, visitor, console.clock())
            return render_template(
                "console/privacy_erased.html", erased=erased, text="\n".join(in_words(erased))
            )
        return render_template(
            "console/privacy_sure.html",
            visitor=visitor,
            profile=subjects.profile(shop, visitor),
            events=subjects.events(shop, visitor),
            under_way=subjects.under_way(shop, visitor),
            told=subjects.told(shop, visitor),
        )

    return routes


def _gone(subjects: Subjects, shop: str, visitor: str) -> NoReturn:
    """Answer 404: nothing is kept of this visitor."""
    was_erased = subjects.erased_at(shop, visitor) is not None
    abort(
        404,
        f"Visitor {visitor!r} was erased." if was_erased else f"Nothing is kept of a visitor {visitor!r}.",
    )


def _disclosed(shop: Shop, vendor: str, table: VendorSettings) -> Disclosed:
    fields = disclosed(vendor_types()[vendor](table), table, segments=shop.ab_segments)
    return Disclosed(
        vendor,
        urlsplit(table.base_url).netloc,
        table.purpose,
        [field for field in fields if field.personal],
        [field for field in fields if not field.personal],
    )


def _events(field: Field) -> str:
    """The events that carry a field, by their names; few are named."""
    if len(field.events) > MOST_NAMED:
        return f"{len(field.events)} kinds of events"
    return ", ".join(OWN if name == CUSTOM else name for name in field.events)


def said(ledger: Sequence[ConsentChange]) -> list[Said]:
    """What a visitor decided each time, oldest first."""
    found: list[Said] = []
    purposes: Mapping[str, Choice] = {}
    gpc = False
    for change in ledger:
        now = change.consent.purposes
        news = [(purpose, choice) for purpose, choice in now.items() if purposes.get(purpose) != choice]
        found.append(
            Said(
                change.at, change.consent.by, news, change.consent.gpc if change.consent.gpc != gpc else None
            )
        )
        purposes, gpc = now, change.consent.gpc
    return found
