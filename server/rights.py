"""A visitor's own data, as JSON and as words: what `/gp/{shop}/me` and `gatepost export|forget` give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from server.consent import Consent
from server.explain import moment as spoken
from server.pseudonyms import Pseudonyms
from server.store.database import Database
from server.store.erasure import Erasure
from server.store.history import Fate, History, Record
from server.store.rights import Profile, Rights, Told

PAGE = 100
"""Events read at a time: an export may be long, and is sent as it is read."""

_encode = msgspec.json.Encoder().encode


class Erased(msgspec.Struct, frozen=True):
    """What erasing a visitor did."""

    visitor: str
    events: int
    told: list[Told]
    """The vendors that were told of the visitor before; they have to erase what they keep themselves."""
    known_as: dict[str, dict[str, str]]
    """By what ids each vendor knows the visitor."""


class Subjects:
    """Exports and erases the visitors of one installation."""

    def __init__(self, database: Database) -> None:
        self._pseudonyms = Pseudonyms(database.key("pseudonyms"))
        self._history = History(database)
        self._rights = Rights(database)
        self._erasure = Erasure(database, self._pseudonyms)

    def find(self, shop: str, *, visitor: str = "", user: str = "", order: str = "") -> list[str]:
        """The visitors who are meant; none, when nothing is kept of any."""
        if visitor:
            return [visitor] if self._rights.visitor_exists(shop, visitor) else []
        return (
            self._rights.visitors_of_user(shop, user) if user else self._rights.visitors_of_order(shop, order)
        )

    def erased_at(self, shop: str, visitor: str) -> int | None:
        """When this visitor was erased, in milliseconds since 1970; None: they were not."""
        return self._rights.erased_at(shop, visitor)

    def profile(self, shop: str, visitor: str) -> Profile | None:
        """What is kept of a visitor beside the events; None when nothing is."""
        return self._rights.profile(shop, visitor)

    def told(self, shop: str, visitor: str) -> list[Told]:
        """Which vendors were told of a visitor."""
        return self._rights.told(shop, visitor)

    def events(self, shop: str, visitor: str) -> int:
        """How many events of a visitor are kept."""
        return self._rights.events(shop, visitor)

    def under_way(self, shop: str, visitor: str) -> dict[str, int]:
        """How many of them each vendor is still to be told of; those that wait for none are left out."""
        return self._rights.under_way(shop, visitor)

    def export(self, shop: str, visitor: str, *, proven: bool = True) -> Iterator[bytes] | None:
        """All that is kept of a visitor, as the pieces of one JSON object; None when nothing is.

        Unless it is `proven` who asks, only what the visitor's own browser told, and what the shop's server
        told of the visitor itself: not what it told of the person who the browser says to be.
        """
        profile = self._rights.profile(shop, visitor)
        return None if profile is None else self._exported(shop, profile, proven=proven)

    def _exported(self, shop: str, profile: Profile, *, proven: bool) -> Iterator[bytes]:
        visitor = profile.visitor
        own = {value for value in msgspec.structs.astuple(profile.user) if value}
        head: dict[str, Any] = {
            "shop": shop,
            "visitor": visitor,
            "first_seen": moment(profile.first_seen),
            "last_seen": moment(profile.last_seen),
            "user": profile.user,
            "identities": [
                {"kind": kind, "value": value} for kind, value in profile.identities if proven or value in own
            ],
            "consent": _consent(profile.consent),
            "consents": [_consent(change.consent) for change in self._history.consents(shop, visitor)],
            "told": shown(self._rights.told(shop, visitor), self.known_as(shop, visitor)),
        }
        yield _encode(head)[:-1] + b',"events":['
        after, comma = 0, b""
        while records := self._history.of_visitor(shop, visitor, after, PAGE):
            after = records[-1].seq
            if records := [record for record in records if proven or not record.event.claimed]:
                yield comma + b",".join(_encode(_event(record)) for record in records)
                comma = b","
        yield b"]}"

    def erase(self, shop: str, visitor: str, now: int) -> Erased:
        """Erase a visitor; see `server.store.erasure`. Raises CannotKeep."""
        told = self._rights.told(shop, visitor)
        known_as = self.known_as(shop, visitor)
        return Erased(visitor, self._erasure.erase(shop, visitor, now), told, known_as)

    def known_as(self, shop: str, visitor: str) -> dict[str, dict[str, str]]:
        """By what ids each vendor of the shop would know this visitor."""
        return {
            vendor: {"pseudonym": self._pseudonyms.visitor(shop, vendor, visitor), **ids}
            for vendor, ids in self._rights.vendor_ids(shop, visitor).items()
        }


def in_words(erased: Erased) -> Iterator[str]:
    """What erasing did, a line each: for whoever answers the person, and asks the vendors."""
    yield f"visitor {erased.visitor} is erased, with {erased.events} event{'' if erased.events == 1 else 's'}"
    for told in erased.told:
        known_as = ", ".join(f"{name} {value}" for name, value in erased.known_as[told.vendor].items())
        events = f"{told.events} event{'' if told.events == 1 else 's'}"
        yield (
            f"  {told.vendor} was told of {events} between {spoken(told.first)} and {spoken(told.last)}; "
            f"ask it to erase what it keeps: it knows the visitor as {known_as}"
        )
    if not erased.told:
        yield "  no vendor had been told"
    yield "  what still comes of this visitor is neither kept nor sent"


def moment(ms: int) -> str:
    """A time in ISO 8601, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def shown(told: Sequence[Told], known_as: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """The vendors that were told, with times that people read and the ids to name to each."""
    return [
        {
            "vendor": one.vendor,
            "events": one.events,
            "first": moment(one.first),
            "last": moment(one.last),
            "known_as": known_as.get(one.vendor, {}),
        }
        for one in told
    ]


def _consent(consent: Consent) -> dict[str, Any]:
    said = {"purposes": consent.purposes, "gpc": consent.gpc}
    return {**said, "at": moment(consent.at), "by": consent.by} if consent.at else said


def _event(record: Record) -> dict[str, Any]:
    event = record.event
    return {
        **msgspec.to_builtins(event),
        "at": moment(event.at),
        "received": moment(event.received),
        "vendors": [_fate(fate) for fate in record.fates],
    }


def _fate(fate: Fate) -> dict[str, Any]:
    """What became of an event at a vendor, and in which words it was told: those that were answered well."""
    return {
        "vendor": fate.vendor,
        "state": fate.state,
        "reason": fate.reason,
        "allowed_because": fate.receipt,
        "at": moment(fate.at) if fate.at else None,
        "sent": [{"at": moment(exchange.at), "messages": exchange.messages} for exchange in fate.exchanges],
    }
