"""The tag to paste, and a list that turns green by itself once the shop's pages do what they should."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from flask import Blueprint, render_template, request

from server.consent import refusal
from server.console.conditions import Condition, conditions
from server.console.console import Console
from server.safari import registrable
from server.settings import Settings, Shop
from server.store.arrivals import Arrivals, arrivals
from server.store.sightings import Sighting, Sightings

State: TypeAlias = Literal["ok", "waiting", "look"]

DAY = 86_400_000
RECENT = 3 * DAY
"""How long a sighting tells of how things are."""
ENOUGH = 5
"""Visitors of whom none came back, from which on somebody should look."""


class Check(msgspec.Struct, frozen=True):
    """One line of the list. `facts` are what the template says about it."""

    key: str
    state: State
    facts: dict[str, Any] = {}


def blueprint(console: Console) -> Blueprint:
    """`/console/shops/<shop>/install`."""
    routes = Blueprint("install", __name__)
    sightings = Sightings(console.database)

    @routes.get("/shops/<shop>/install")
    def page(shop: str) -> str:
        console.intake.flush_dropped()
        seen = sightings.of_shop(shop, console.clock() - RECENT)
        came = arrivals(console.database, shop)
        checks = [*_checks(console.settings, shop, seen, came, _dropped(console, shop))]
        found = conditions(console.settings, console.counts(), shop, console.clock())
        deliveries = [(one, _delivery(one)) for one in found if one.kind != "gone"]
        template = "install_live.html" if request.headers.get("HX-Request") else "install.html"
        return render_template(
            f"console/{template}",
            tag_url=tag_url(console.settings, shop),
            pinned=console.pinned[shop],
            gateway=_origin(console.settings.public_url),
            settings=console.settings.shops[shop],
            purposes=sorted(console.settings.shops[shop].purposes),
            checks=checks,
            deliveries=deliveries,
            done=[*(one.state for one in checks), *(state for _, state in deliveries)].count("ok"),
            config=console.settings.file.name,
        )

    return routes


def tag_url(settings: Settings, shop: str) -> str:
    """Where the shop's pages load the tag from."""
    return settings.endpoint(shop).removesuffix("/e") + "/tag.js"


def _dropped(console: Console, shop: str) -> dict[str, int]:
    """How many events were not taken, by reason."""
    return {reason: number for (name, reason), number in console.counts().dropped.items() if name == shop}


def _checks(
    settings: Settings, name: str, seen: Sequence[Sighting], came: Arrivals, dropped: dict[str, int]
) -> Iterator[Check]:
    shop = settings.shops[name]
    yield _tag(shop, seen, came)
    yield _origins(shop, seen, came)
    yield _consent(shop, came, dropped)
    yield Check("event", "ok" if came.newest else "waiting", {"newest": came.newest, "dropped": dropped})
    yield _cookies(settings, shop, came)


def _tag(shop: Shop, seen: Sequence[Sighting], came: Arrivals) -> Check:
    """Whether a page of the shop loaded the tag. Whoever sends events has, though perhaps not from here."""
    loads = [one for one in seen if one.kind == "tag" and one.origin in ("", *shop.origins)]
    facts = {"by": loads[0].origin if loads else ""}
    return Check("tag", "ok" if loads or came.newest else "waiting", facts)


def _origins(shop: Shop, seen: Sequence[Sighting], came: Arrivals) -> Check:
    """Whether pages may send that do. An origin that was taken in since is none of those refused."""
    refused = [
        one
        for one in seen
        if one.kind == "refused"
        and one.origin not in shop.origins
        and not (one.origin == "null" and shop.null_origin)
    ]
    told = {one.origin for one in refused}
    # Where the tag is loaded, events will come from.
    loading = [
        one
        for one in seen
        if one.kind == "tag" and one.origin not in ("", *shop.origins) and one.origin not in told
    ]
    state: State = "look" if refused or loading else "ok" if came.newest else "waiting"
    mended = [*shop.origins, *(one.origin for one in [*refused, *loading] if one.origin != "null")]
    return Check("origin", state, {"refused": refused, "loading": loading, "mended": mended})


def _consent(shop: Shop, came: Arrivals, dropped: dict[str, int]) -> Check:
    said = [one for one in came.consents if one.purposes or one.gpc]
    closed = [
        vendor
        for vendor, table in shop.vendors.items()
        if said and all(refusal(one, shop.consent, table.purpose) for one in came.consents)
    ]
    facts = {
        "granted": sorted(
            {purpose for one in said for purpose, choice in one.purposes.items() if choice == "granted"}
        ),
        "closed": closed,
        "dropped": dropped.get("consent", 0),
    }
    if closed:
        return Check("consent", "look", facts)
    return Check("consent", "ok" if said or shop.consent == "not_required" else "waiting", facts)


def _cookies(settings: Settings, shop: Shop, came: Arrivals) -> Check:
    state: State = "ok" if came.returned else "look" if came.visitors >= ENOUGH else "waiting"
    gateway = urlsplit(settings.public_url).hostname or ""
    others = [origin for origin in shop.origins if not _is_same_site(gateway, origin)]
    return Check(
        "cookies", state, {"visitors": came.visitors, "returned": came.returned, "other_sites": others}
    )


def _delivery(condition: Condition) -> State:
    """Whether a vendor takes events; one that took some and does not now is to be looked at."""
    counts = condition.counts
    if condition.kind in ("held", "failing", "stopped") or (counts.dead and not counts.delivered):
        return "look"
    return "ok" if counts.delivered else "waiting"


def _is_same_site(gateway: str, origin: str) -> bool:
    """Whether a browser sends cookies of the gateway with requests of that origin's pages.

    https://html.spec.whatwg.org/#same-site
    """
    page = urlsplit(origin).hostname or ""
    return gateway == page or (registrable(gateway) or gateway) == registrable(page)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
