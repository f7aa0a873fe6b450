"""May this event go to that destination, and why. Pure: no clock, no store, no request.

Closed by default: under `required` nothing is open until the visitor has said "granted" to its purpose.
Global Privacy Control closes `marketing` whatever else was said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

import msgspec

Choice = Literal["granted", "denied"]
Rule = Literal["required", "not_required"]

MAX_PURPOSES = 50
"""Of one visitor; no shop has so many, but a sender might make them up to fill the disk."""
CLOSED_BY_GPC = "marketing"


class Decision(msgspec.Struct, frozen=True, array_like=True):
    """When a purpose was last decided otherwise than before, and by whom we were told."""

    at: int
    """Milliseconds since 1970."""
    by: str
    """ "browser" or "server"."""


class Consent(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a visitor has said, as far as we know."""

    purposes: dict[str, Choice] = {}
    """Explicit decisions only; a purpose that is absent was not decided."""
    gpc: bool = False
    """The browser sent Global Privacy Control."""
    at: int = 0
    """When this was said: milliseconds since 1970; 0: nothing was ever said."""
    by: str = ""
    """Who told us: "browser" or "server"; or "erased": the visitor is to be forgotten."""
    decided: dict[str, Decision] = {}
    """By purpose. A record that lacks it is from before it was kept; `at` and `by` are as near as we know."""

    def decision(self, purpose: str) -> Decision:
        """When and by whom this purpose was decided as it stands."""
        return self.decided.get(purpose) or Decision(self.at, self.by)


NOTHING_SAID = Consent()
ERASED = Consent(by="erased")
"""In place of anything that an erased visitor said: nothing goes anywhere."""


def updated(known: Consent, said: Mapping[str, Choice] | None, gpc: bool, at: int, by: str) -> Consent:
    """What is known after a sender has spoken; the very same object when nothing changed.

    A decision on one purpose leaves the others as they were. GPC is a property of the browser, which tells it
    with every request: so it is replaced, while a server, which cannot know, leaves it.
    """
    purposes = known.purposes if said is None else {**known.purposes, **said}
    if len(purposes) > MAX_PURPOSES:  # known ones come first, and stay
        purposes = dict(islice(purposes.items(), max(MAX_PURPOSES, len(known.purposes))))
    gpc = gpc if by == "browser" else known.gpc
    if purposes == known.purposes and gpc == known.gpc:
        return known
    now = Decision(at, by)
    decided = {
        purpose: known.decision(purpose) if choice == known.purposes.get(purpose) else now
        for purpose, choice in purposes.items()
    }
    return Consent(purposes, gpc, at, by, decided)


def refusal(consent: Consent, rule: Rule, purpose: str) -> str | None:
    """None when a destination of this purpose may have the visitor's events, else the reason why not."""
    if consent.by == ERASED.by:
        return "erased"
    if consent.gpc and purpose == CLOSED_BY_GPC:
        return "consent: closed by Global Privacy Control"
    choice = consent.purposes.get(purpose)
    if choice == "denied":
        return f"consent: {purpose} was denied"
    if choice is None and rule == "required":
        return f"consent: {purpose} was not granted"
    return None


def may_keep(consent: Consent, rule: Rule, purposes: Collection[str]) -> bool:
    """Whether anything may be kept of this visitor: a purpose is open to somebody who would use it.

    `purposes` are those of the shop's vendors. Those that the visitor has spoken of count as well, so that a
    shop without vendors already keeps what it has leave for. Under `not_required` whoever has said nothing
    is kept.
    """
    if rule == "not_required" and not consent.purposes:
        return True
    return any(refusal(consent, rule, purpose) is None for purpose in {*purposes, *consent.purposes})


def receipt(consent: Consent, rule: Rule, purpose: str) -> str:
    """Why a delivery was allowed, in words with the time, for whoever answers for privacy."""
    if consent.purposes.get(purpose) == "granted":
        decision = consent.decision(purpose)
        when = datetime.fromtimestamp(decision.at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"{purpose} was granted on {when}, told by the {decision.by}"
    return f"{purpose} was not declined, and this shop is configured as {rule}"
