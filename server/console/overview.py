"""A shop at a glance: what came, what became of it, and how its destinations are."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from server.console.conditions import conditions
from server.console.console import Console
from server.store.counts import Counts
from server.store.readings import SPANS, Course, courses

DEFAULT_SPAN = "hour"


def blueprint(console: Console) -> Blueprint:
    """`/console/shops/<shop>/`."""
    routes = Blueprint("overview", __name__)

    @routes.get("/shops/<shop>/")
    def page(shop: str) -> str:
        span = request.args.get("span", DEFAULT_SPAN)
        span = span if span in SPANS else DEFAULT_SPAN
        template = "overview_live.html" if request.headers.get("HX-Request") else "overview.html"
        return render_template(f"console/{template}", **_shown(console, shop, span))

    return routes


def all_shops(console: Console) -> str:
    """The page of an installation with several shops: each in a line."""
    now = console.clock()
    counts = console.counts()
    rows = [(shop, conditions(console.settings, counts, shop, now)) for shop in console.settings.shops]
    return render_template("console/shops.html", rows=rows, counts=counts)


def _shown(console: Console, shop: str, span: str) -> dict[str, Any]:
    console.intake.flush_dropped()
    now = console.clock()
    counts = console.counts()
    found = courses(console.database, counts, shop, SPANS[span], now)
    return {
        "span": span,
        "spans": list(SPANS),
        "conditions": conditions(console.settings, counts, shop, now),
        "received": counts.received.get(shop, 0),
        "not_taken": _not_taken(counts, shop),
        "shop_chart": _chart(found[""]) if "" in found else None,
        "charts": {vendor: _chart(course) for vendor, course in found.items() if vendor},
        "recent": {vendor: sum(course.delivered) for vendor, course in found.items() if vendor},
    }


def _not_taken(counts: Counts, shop: str) -> dict[str, int]:
    """How many events were not taken at the door, by reason, the most frequent first."""
    mine = {reason: number for (name, reason), number in counts.dropped.items() if name == shop}
    return dict(sorted(mine.items(), key=lambda item: -item[1]))


def _chart(course: Course) -> dict[str, list[int]]:
    """What static/console/charts.js draws; times in seconds, as uPlot takes them."""
    return {
        "at": [begin // 1000 for begin in course.begins],
        "received": course.received,
        "delivered": course.delivered,
        "not_wanted": course.not_wanted,
        "dead": course.dead,
    }
