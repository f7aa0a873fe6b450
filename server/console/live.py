"""Events as they come, narrowed down by what somebody looks for; and finding one by its id."""

from __future__ import annotations

from typing import get_args

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from server.console.console import Console
from server.store.counts import DestinationCounts
from server.store.feed import Feed, Outcome, Wanted
from server.store.history import History

SHOWN = 50
"""Events on one page."""
LONGEST = 200
"""Characters of what is looked for."""
MOST = 50
"""Events of one order that are listed."""


def blueprint(console: Console) -> Blueprint:
    """`/console/shops/<shop>/live` and `/find`."""
    routes = Blueprint("live", __name__)
    feed = Feed(console.database)
    history = History(console.database)

    @routes.get("/shops/<shop>/live")
    def page(shop: str) -> str:
        wanted, before = read_wanted(request.args), _read_seq(request.args.get("before", ""))
        found = feed.find(shop, wanted, before, SHOWN)
        template = "live_list.html" if request.headers.get("HX-Request") else "live.html"
        return render_template(
            f"console/{template}",
            wanted=wanted,
            query={name: value for name, value in _query(wanted).items() if value},
            before=before,
            found=found,
            names=feed.names(shop),
            vendors=_vendors(console, shop),
            held={one.vendor for one in _destinations(console, shop) if one.held_since is not None},
            outcomes=get_args(Outcome),
        )

    @routes.get("/shops/<shop>/find")
    def find(shop: str) -> AnyResponse | str:
        asked = request.args.get("q", "").strip()[:LONGEST]
        records = history.find(asked, MOST, shop) if asked else []
        if not records:
            return render_template("console/find.html", asked=asked, records=[])
        event = records[-1].event
        if event.visitor == asked:
            return redirect(url_for("console.live.page", shop=shop, visitor=asked))
        if len(records) == 1:
            return redirect(url_for("console.events.page", shop=shop, id=event.id))
        return render_template("console/find.html", asked=asked, records=records)

    return routes


def read_wanted(given: MultiDict[str, str]) -> Wanted:
    """What an address asks for; what makes no sense asks for nothing."""
    told = {name: given.get(name, "").strip()[:LONGEST] for name in Wanted.__struct_fields__}
    if told["outcome"] not in get_args(Outcome):
        told["outcome"] = ""
    return Wanted(**told)  # type: ignore[arg-type]


def _query(wanted: Wanted) -> dict[str, str]:
    return {name: getattr(wanted, name) for name in Wanted.__struct_fields__}


def _read_seq(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _destinations(console: Console, shop: str) -> list[DestinationCounts]:
    return [one for one in console.counts().destinations if one.shop == shop]


def _vendors(console: Console, shop: str) -> list[str]:
    """The vendors that events of this shop were ever for, those that are configured first."""
    known = [*console.settings.shops[shop].vendors, *(one.vendor for one in _destinations(console, shop))]
    return list(dict.fromkeys(known))
