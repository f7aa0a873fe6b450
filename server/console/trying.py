"""Try an event: what would be kept of it, and what each vendor would be sent, without either."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from flask import Blueprint, render_template, request
from werkzeug.datastructures import MultiDict

from server.batch import MAX_BODY
from server.consent import PURPOSES
from server.console.console import Console
from server.console.examples import EXAMPLES, example
from server.errors import BadRequest
from server.event import Event
from server.pseudonyms import Pseudonyms
from server.rehearsal import Rehearsal, Taken, with_defaults
from server.settings import Shop

FIRST = "add_to_cart"
"""The example that the page begins with."""
CHOICES = ("granted", "denied", "")
LONGEST = 300
"""Characters of a field beside the event."""
SHOWN = 5
"""Events of one request that are shown."""


class Asked(msgspec.Struct, frozen=True):
    """What the form says."""

    text: str
    url: str
    consent: dict[str, str]
    """By purpose; empty: nothing was said of it."""
    gpc: bool = False
    user: dict[str, str] = {}

    def body(self) -> bytes:
        """As a browser's request. Raises BadRequest."""
        if len(self.text.encode("utf-8", "replace")) > MAX_BODY:
            raise BadRequest(f"This is larger than {MAX_BODY} bytes, which no browser may send at once.", 413)
        beside: dict[str, Any] = {
            "page": {"url": self.url},
            "consent": {purpose: choice for purpose, choice in self.consent.items() if choice},
            "gpc": self.gpc,
        }
        if user := {key: value for key, value in self.user.items() if value}:
            beside["user"] = user
        return with_defaults(self.text, beside)


class Tried(msgspec.Struct, frozen=True):
    """What came of it."""

    problem: str = ""
    """Why nothing of the request can be read."""
    unkept: str = ""
    """Why the visitor's choice lets nothing be kept."""
    taken: list[Taken] = []


def blueprint(console: Console) -> Blueprint:
    """`/console/shops/<shop>/try`."""
    routes = Blueprint("try", __name__)
    rehearsal = Rehearsal(console.settings, Pseudonyms(console.database.key("pseudonyms")))

    # By POST, because an address would be written down by whatever stands between, with whom it names.
    @routes.route("/shops/<shop>/try", methods=["GET", "POST"])
    def page(shop: str) -> str:
        settings = console.settings.shops[shop]
        purposes = sorted({*PURPOSES, *settings.purposes})
        asked = _asked(request.form, purposes) if request.method == "POST" else _begin(settings, purposes)
        template = "try_result.html" if request.headers.get("HX-Request") else "try.html"
        return render_template(
            f"console/{template}",
            form=asked,
            choices=CHOICES,
            needed=settings.purposes,
            examples={name: _written(name) for name in EXAMPLES},
            tried=_tried(rehearsal, shop, asked, console.clock()),
            kept=_kept,
            most=SHOWN,
        )

    return routes


def _begin(settings: Shop, purposes: list[str]) -> Asked:
    name = request.args.get("example", FIRST)
    url = (
        f"{next(iter(settings.origins), 'https://www.myshop.example')}/p/100500?utm_source=mail&token=5ecret"
    )
    written = _written(name if name in EXAMPLES else FIRST)
    return Asked(written, url, dict.fromkeys(purposes, "granted"), user={"id": "c-42"})


def _asked(form: MultiDict[str, str], purposes: list[str]) -> Asked:
    def said(name: str) -> str:
        return form.get(name, "").strip()[:LONGEST]

    consent = {purpose: said(f"consent-{purpose}") for purpose in purposes}
    return Asked(
        form.get("event", ""),
        form.get("url", "").strip()[: 10 * LONGEST],
        {purpose: choice if choice in CHOICES else "" for purpose, choice in consent.items()},
        bool(form.get("gpc")),
        {key: said(f"user-{key}") for key in ("id", "email", "phone")},
    )


def _tried(rehearsal: Rehearsal, shop: str, asked: Asked, now: int) -> Tried:
    try:
        taken, unkept = rehearsal.rehearse(shop, asked.body(), now)
    except BadRequest as problem:
        return Tried(str(problem))
    return Tried(unkept=unkept, taken=taken)


def _kept(event: Event) -> dict[str, Any]:
    """What would be kept, without what the page made up."""
    kept: dict[str, Any] = msgspec.to_builtins(event)
    return {
        key: value for key, value in kept.items() if key not in ("shop", "visitor", "session", "received")
    }


def _written(name: str) -> str:
    return json.dumps(example(name), indent=2, ensure_ascii=False)
