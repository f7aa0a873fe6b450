"""How a destination is, in one word; the templates say it in a sentence, with what is to be done about it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from server.health import STUCK
from server.settings import Settings
from server.store.counts import Counts, DestinationCounts
from server.store.outbox import RELAY

Kind: TypeAlias = Literal["flowing", "new", "slow", "throttled", "failing", "held", "stopped", "gone"]

SLOW = 60_000
"""Milliseconds that the oldest event may wait before a destination counts as slow."""


class Condition(msgspec.Struct, frozen=True):
    """How one destination is. Times are milliseconds since 1970."""

    kind: Kind
    """flowing: all is well. new: nothing was received yet. slow: events wait for longer than they should.
    throttled, failing, held: see `server.relay.gate.Gate`. stopped: no relay is at work. gone: it is not in
    the configuration any more."""
    counts: DestinationCounts
    reason: str = ""
    """The vendor's words, where it refuses."""

    @property
    def is_well(self) -> bool:
        """Whether nobody has to look."""
        return self.kind in ("flowing", "new")


class Attention(msgspec.Struct, frozen=True):
    """What of a shop somebody should look at; shown with every page."""

    conditions: list[Condition]
    """Those of its destinations that are not well."""
    dead: int
    """Its dead letters that are still kept."""
    stopped: bool
    """No relay is at work."""
    last_sign: int | None
    """When a relay that did not end in order was last at work."""


def conditions(settings: Settings, counts: Counts, shop: str, now: int) -> list[Condition]:
    """Every destination of a shop, in the order of the configuration; those that left it come last."""
    configured = list(settings.shops[shop].vendors)
    mine = [one for one in counts.destinations if one.shop == shop]
    mine.sort(key=lambda one: configured.index(one.vendor) if one.vendor in configured else len(configured))
    stopped = is_stopped(counts, now)
    return [_condition(one, one.vendor in configured, stopped, now) for one in mine]


def attention(settings: Settings, counts: Counts, dead: int, shop: str, now: int) -> Attention:
    """What of this shop somebody should look at. `dead`: its letters that are kept; counts are for ever."""
    all_ = conditions(settings, counts, shop, now)
    return Attention(
        [one for one in all_ if not one.is_well and one.kind != "gone"],
        dead,
        bool(all_) and is_stopped(counts, now),
        counts.heartbeats.get(RELAY),
    )


def is_stopped(counts: Counts, now: int) -> bool:
    """Whether no relay is at work: it ended in order, or has shown no life for too long."""
    seen = counts.heartbeats.get(RELAY)
    return seen is None or now - seen > STUCK


def _condition(one: DestinationCounts, configured: bool, stopped: bool, now: int) -> Condition:
    if not configured:
        return Condition("gone", one)
    if stopped:
        return Condition("stopped", one)
    if one.held_since is not None:
        kind, _, reason = one.held_reason.partition(": ")
        if kind == "throttled":
            return Condition("throttled", one, reason)
        if kind == "failing":
            return Condition("failing", one, reason)
        return Condition("held", one, reason or one.held_reason)
    if one.oldest_waiting is not None and now - one.oldest_waiting > SLOW:
        return Condition("slow", one)
    return Condition("flowing" if one.received else "new", one)
