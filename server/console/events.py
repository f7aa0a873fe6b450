"""One event: what was kept of it, what had been consented to, and what each vendor was sent and answered."""

from __future__ import annotations

import msgspec
from flask import Blueprint, abort, render_template, request

from server.console.console import Console
from server.event import Event
from server.explain import consent_at, explained, purposes
from server.store.history import History, Record


def blueprint(console: Console) -> Blueprint:
    """`/console/shops/<shop>/events/<id>`."""
    routes = Blueprint("events", __name__)
    history = History(console.database)

    @routes.get("/shops/<shop>/events/<id>")
    def page(shop: str, id: str) -> str:
        record = _found(history, shop, id)
        event = record.event
        ledger = history.consents(shop, event.visitor)
        changed = record.consent is not None and bool(ledger) and ledger[-1].at > event.received
        template = "event_live.html" if request.headers.get("HX-Request") else "event.html"
        return render_template(
            f"console/{template}",
            record=record,
            event=event,
            kept=_kept(event),
            consent=consent_at(event.received, ledger),
            by_now=purposes(record.consent) if changed and record.consent else "",
            ledger=ledger,
            settings=console.settings.shops[shop],
            as_text=explained(record, ledger),
            moving=any(fate.state == "waiting" for fate in record.fates),
            retention_days=console.settings.retention_days,
        )

    return routes


def _found(history: History, shop: str, id: str) -> Record:
    """The event of this id. Answers 404 where it is not kept."""
    record = next((one for one in history.find(id, 1, shop) if one.event.id == id), None)
    if record is None:
        abort(404, f"No event {id!r} is kept of this shop; perhaps it was kept long enough, and is deleted.")
    return record


def _kept(event: Event) -> dict[str, object]:
    """The record itself, as it lies in the database, without what the page shows elsewhere."""
    shown: dict[str, object] = msgspec.to_builtins(event)
    for name in ("shop", "visitor", "id", "name", "at", "received"):
        shown.pop(name, None)
    return shown
