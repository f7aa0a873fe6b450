"""`gatepost explain`: what became of an event, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from server.consent import Consent
from server.store.history import ConsentChange, Exchange, Fate, Record

_STATES = {
    "delivered": "delivered",
    "not_wanted": "not sent",
    "dead": "finally refused",
    "waiting": "waiting",
}


def explained(record: Record, ledger: list[ConsentChange]) -> str:
    """One event as text: received, consent, and for each vendor the requests, the replies and why."""
    return "\n".join(_harmless(line) for line in _lines(record, ledger))


def _harmless(line: str) -> str:
    """What others sent us must not command the terminal it is shown on."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _lines(record: Record, ledger: list[ConsentChange]) -> Iterator[str]:
    event = record.event
    yield f"{event.name}  {event.id}"
    yield f"  shop      {event.shop}"
    yield f"  happened  {moment(event.at)}"
    yield f"  received  {moment(event.received)} from the {event.origin}"
    yield f"  visitor   {event.visitor}"
    if event.page.url:
        yield f"  page      {event.page.url}"
    if event.user:
        yield f"  user      {_json(event.user)}"
    if event.source:
        yield f"  campaign  {event.source.from_} {event.source.code}, seen {moment(event.source.seen)}"
    yield f"  params    {_json(event.params)}"
    yield f"  consent   {consent_at(event.received, ledger)}"
    if record.consent and ledger and ledger[-1].at > event.received:
        yield f"  by now    {purposes(record.consent)}"
    for fate in record.fates:
        yield ""
        yield from _fate(fate)
    if not record.fates:
        yield "  no vendor was configured for this shop when it came"


def _fate(fate: Fate) -> Iterator[str]:
    state = _STATES.get(fate.state, fate.state)
    if fate.state == "waiting" and fate.next_at:
        state += f", tried again at {moment(fate.next_at)}"
    tries = f" after {fate.attempts} {'try' if fate.attempts == 1 else 'tries'}" if fate.attempts > 1 else ""
    at = f" {moment(fate.at)}" if fate.at and fate.state != "waiting" else ""
    yield f"  {fate.vendor}: {state}{at}{tries}"
    if fate.reason:
        yield f"    because {fate.reason}"
    if fate.receipt and fate.state == "delivered":
        yield f"    allowed because {fate.receipt}"
    if fate.state == "waiting" and fate.held:
        yield f"    the destination is {fate.held}"
    for exchange in fate.exchanges:
        yield from _exchange(exchange)


def _exchange(exchange: Exchange) -> Iterator[str]:
    shared = f", with {exchange.events - 1} other events" if exchange.events > 1 else ""
    yield f"    {moment(exchange.at)}  {exchange.method} {exchange.path}{shared}"
    for message in exchange.messages:
        yield f"      sent   {_json(message)}"
    status = f"HTTP {exchange.status} in {exchange.took} ms" if exchange.status else "no answer"
    yield f"      reply  {status}: {' '.join(exchange.reply.split()) or exchange.reason}"


def consent_at(at: int, ledger: list[ConsentChange]) -> str:
    """What had been said when the event was received."""
    said = [change.consent for change in ledger if change.at <= at]
    return purposes(said[-1]) if said else "nothing had been said"


def purposes(consent: Consent) -> str:
    """What a visitor has said, in words, with when and to whom."""
    parts = [f"{purpose} {choice}" for purpose, choice in consent.purposes.items()]
    if consent.gpc:
        parts.append("Global Privacy Control")
    told = f" (told by the {consent.by} {moment(consent.at)})" if consent.at else ""
    return (", ".join(parts) or "no decision") + told


def moment(ms: int) -> str:
    """A time as people read it, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
