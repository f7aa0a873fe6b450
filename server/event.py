"""The record of one thing that happened, and when that was by our clock."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

PAGE_TYPES = frozenset({"home", "category", "product", "cart", "checkout", "search", "other"})
ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where it happened."""

    url: str = ""
    referrer: str = ""
    title: str = ""
    type: str = ""


class User(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who the shop says the visitor is; any of the three may be missing."""

    id: str | None = None
    email: str | None = None
    phone: str | None = None

    def __bool__(self) -> bool:
        return bool(self.id or self.email or self.phone)


class Source(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The campaign that brought the visitor: PersonaClick's rule, good for 48 hours from `seen`."""

    from_: str
    code: str
    seen: int
    """Milliseconds since 1970, by our clock."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event as it is kept: validated, scrubbed, its time corrected.

    `params` is normalised, so whoever reads it need not check again: every item in `items` has a non-empty
    string `item_id`; `price`, `quantity`, `discount` and every amount are numbers; `currency` is three
    capital letters; `category_path` is a list of strings; ids are strings. What the shop did not say is
    absent.
    """

    id: str
    """Made by the sender; the key by which a repetition is known."""
    name: str
    at: int
    """When it happened: milliseconds since 1970, corrected to our clock."""
    received: int
    """When it was kept: milliseconds since 1970."""
    shop: str
    visitor: str
    session: str
    params: dict[str, Any]
    page: Page = Page()
    user: User = User()
    source: Source | None = None
    cart: str = ""
    """A UUID, the same from the first cart event to the purchase that ends it, and new after."""
    origin: Literal["browser", "server"] = "browser"
    claimed: bool = False
    """The shop's server told it of a person who this visitor only says to be: any browser can say so."""


SKEW_IGNORED = 5_000
"""Milliseconds by which a sender's clock may differ before it is corrected: less is the network's delay, and
correcting for that would only reorder events that were in order."""


def corrected(at: float, sent_at: float | None, now: int, oldest: int) -> int:
    """When it happened by our clock, in milliseconds since 1970.

    A sender that tells when it sent (`sent_at`) tells how wrong its clock is. The age of an event is right
    whatever the clock says, so that is what is kept. Never later than `now`, never before `oldest`.
    """
    if sent_at is not None and abs(now - sent_at) > SKEW_IGNORED:
        at = now - (sent_at - at)
    return int(min(max(at, oldest), now))
