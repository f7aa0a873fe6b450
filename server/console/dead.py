"""Dead letters: what vendors finally refused, why, and another try for it.

Nothing is changed by the first click: what would be done is shown, and done by the second. In between
further letters may come; they are not meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Literal, TypeAlias, get_args

import msgspec
from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from server.console.console import Console
from server.dead import all_of, obstacles
from server.errors import BadRequest
from server.settings import Settings
from server.store.deadletters import DeadLetter, DeadLetters, Filter
from server.store.history import History

What: TypeAlias = Literal["replay", "drop"]

LOOKED = 20_000
"""Dead letters of each vendor that are put together by reason: the newest."""
KINDS = 25
"""Reasons of each vendor that are shown."""
SAMPLES = 12
"""Reasons for which the newest letter is shown with them."""
LETTERS = 25
"""On a page of one reason."""
MOST = 10_000
"""That are replayed or dropped at once."""
NAMED = 20
"""Of those, that are named one by one beforehand."""


def blueprint(console: Console) -> Blueprint:
    """`/console/shops/<shop>/dead`, `…/dead/letters`, `…/dead/replay` and `…/dead/drop`."""
    routes = Blueprint("dead", __name__)
    letters = DeadLetters(console.database)
    history = History(console.database)

    @routes.get("/shops/<shop>/dead")
    def page(shop: str) -> str:
        kinds = letters.kinds(shop, LOOKED, KINDS)
        return render_template(
            "console/dead.html",
            kinds=kinds,
            samples=history.of_seqs({kind.newest for kind in kinds[:SAMPLES]}),
            kept=console.dead(shop),
            ever=sum(one.dead for one in console.counts().destinations if one.shop == shop),
            days=console.settings.retention_days,
            shown=sum(kind.number for kind in kinds),
            done=_done(request.args),
            configured=console.settings.shops[shop].vendors,
        )

    @routes.get("/shops/<shop>/dead/letters")
    def one_kind(shop: str) -> str:
        vendor, reason = request.args.get("vendor", ""), request.args.get("reason", "")
        after = _whole(request.args.get("after", "")) or 0
        found = _page(letters, Filter(shop, vendor, same_reason=reason), after) if vendor and reason else []
        return render_template(
            "console/dead_letters.html",
            vendor=vendor,
            reason=reason,
            after=after,
            found=found[:LETTERS],
            further=found[LETTERS - 1].seq if len(found) > LETTERS else None,
            records=history.of_seqs([letter.seq for letter in found]),
        )

    @routes.route("/shops/<shop>/dead/<any(replay, drop):what>", methods=["GET", "POST"])
    def change(shop: str, what: What) -> AnyResponse | str:
        if request.method == "GET":
            return redirect(url_for("console.dead.page", shop=shop))
        now = console.clock()
        until = min(_whole(request.form.get("until", "")) or now + 1, now + 1)
        found = list(islice(_chosen(letters, shop, request.form, until), MOST + 1))
        meant, left = found[:MOST], len(found) > MOST
        if request.form.get("sure") == "yes":
            number = letters.replay(meant, now) if what == "replay" else letters.drop(meant, now)
            return redirect(f"{url_for('console.dead.page', shop=shop)}?{what}={number}", 303)
        return render_template(
            "console/dead_sure.html",
            what=what,
            until=until,
            plan=_plan(letters, meant, console.settings, what),
            left=left,
            chosen={name: request.form.getlist(name) for name in ("kind", "letter")},
            back=_back(shop, request.form),
        )

    return routes


class Plan(msgspec.Struct, frozen=True):
    """What would be done."""

    number: int
    kinds: list[tuple[str, str, int]]
    """Vendor, reason and how many, the most frequent first."""
    sent: dict[str, int]
    """How many each vendor would be sent again."""
    obstacles: dict[str, int]
    """What would stop how many of them."""
    named: list[tuple[DeadLetter, str]]
    """The first ones, each with what would stop it."""


def _plan(letters: DeadLetters, meant: Sequence[DeadLetter], settings: Settings, what: What) -> Plan:
    stops = obstacles(letters, meant, settings) if what == "replay" else [""] * len(meant)
    kinds = Counter((letter.vendor, letter.reason) for letter in meant)
    sent = Counter(letter.vendor for letter, stop in zip(meant, stops, strict=True) if not stop)
    return Plan(
        len(meant),
        [(vendor, reason, number) for (vendor, reason), number in kinds.most_common()],
        dict(sent),
        dict(Counter(stop for stop in stops if stop).most_common()),
        list(zip(meant[:NAMED], stops, strict=False)),
    )


# What is meant.


def _chosen(letters: DeadLetters, shop: str, form: MultiDict[str, str], until: int) -> Iterator[DeadLetter]:
    """The letters that a form names, each once: by kind, and one by one. Raises BadRequest for none."""
    filters = [*_kinds(shop, form.getlist("kind"), until), *_single(shop, form.getlist("letter"), until)]
    if not filters:
        raise BadRequest("Nothing was chosen. Go back, tick what is meant, and try again.")
    seen: set[tuple[int, int]] = set()
    for which in filters:
        for letter in all_of(letters, which):
            if (place := (letter.destination, letter.seq)) not in seen:
                seen.add(place)
                yield letter


def _kinds(shop: str, keys: Sequence[str], until: int) -> Iterator[Filter]:
    for key in keys:
        vendor, _, reason = key.partition(":")
        if vendor and reason:
            # Forms write every end of a line as two characters: https://html.spec.whatwg.org/#append-an-entry
            yield Filter(shop, vendor, same_reason=reason.replace("\r\n", "\n"), until=until)


def _single(shop: str, keys: Sequence[str], until: int) -> Iterator[Filter]:
    of_vendor: dict[str, list[int]] = {}
    for key in keys:
        vendor, _, number = key.partition(":")
        if vendor and (seq := _whole(number)):
            of_vendor.setdefault(vendor, []).append(seq)
    for vendor, seqs in of_vendor.items():
        yield Filter(shop, vendor, seqs=tuple(seqs[:LETTERS]), until=until)


def _page(letters: DeadLetters, which: Filter, after: int) -> Sequence[DeadLetter]:
    """The letters of one vendor after a seq, and one more where there are further ones."""
    first = letters.list(which, 1)
    return letters.list(which, LETTERS + 1, (first[0].destination, after)) if first else []


# What an address says.


def _done(given: MultiDict[str, str]) -> tuple[What, int] | None:
    """What the form before this page did."""
    for what in get_args(What):
        if (number := _whole(given.get(what, ""))) is not None:
            return what, number
    return None


def _back(shop: str, form: MultiDict[str, str]) -> str:
    """The page that the form was on."""
    where: dict[str, Any] = {name: form.get(name, "") for name in ("vendor", "reason")}
    if all(where.values()):
        return url_for("console.dead.one_kind", shop=shop, **where)
    return url_for("console.dead.page", shop=shop)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
