"""May this event go to that destination, and why. Pure: no clock, no store, no request.

Closed by default: under `required` nothing is open until the visitor has said "granted" to its purpose, and
then only what comes from then on. Global Privacy Control closes `marketing` whatever else was said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

import msgspec

Choice = Literal["granted", "denied"]
Rule = Literal["required", "not_required"]

MINUTE = 60_000
MAX_PURPOSES = 50
"""Of one visitor; no shop has so many, but a sender might make them up to fill the disk."""
PURPOSES = ("analytics", "personalization", "marketing")
"""Those that everybody has; a shop may have words of its own."""
CLOSED_BY_GPC = "marketing"
IN_DOUBT = 5_000
"""Milliseconds by which the time of a decision may be wrong: no clock is corrected by less."""


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


def updated(
    known: Consent,
    said: Mapping[str, Choice] | None,
    gpc: bool,
    at: int,
    by: str,
    decided: Mapping[str, int] | None = None,
) -> Consent:
    """What is known after a sender has spoken; the very same object when nothing changed.

    A decision on one purpose leaves the others as they were. GPC is a property of the browser, which tells it
    with every request: so it is replaced, while a server, which cannot know, leaves it.

    `decided` says when, where the sender knows: a tab that was opened before another one withdrew goes on
    repeating what was true for it, and what is older than what is known changes nothing.
    """
    times = decided or {}
    news = {
        purpose: Decision(times.get(purpose, at), by)
        for purpose, choice in (said or {}).items()
        if choice != known.purposes.get(purpose) and _is_news(known, purpose, choice, times.get(purpose, at))
    }
    if len(known.purposes) + len(news) > MAX_PURPOSES:
        room = sum(purpose in known.purposes for purpose in news) + MAX_PURPOSES - len(known.purposes)
        first = sorted(news, key=lambda purpose: purpose not in known.purposes)  # known ones stay
        news = {purpose: news[purpose] for purpose in first[: max(0, room)]}
    gpc = gpc if by == "browser" else known.gpc
    if not news and gpc == known.gpc:
        return known
    purposes = known.purposes | {purpose: said[purpose] for purpose in news} if said else known.purposes
    unchanged = {purpose: known.decision(purpose) for purpose in known.purposes}
    return Consent(purposes, gpc, at, by, unchanged | news)


def _is_news(known: Consent, purpose: str, choice: Choice, at: int) -> bool:
    """Whether a decision of that time counts after what is known: to decline counts in doubt."""
    if purpose not in known.purposes:
        return True
    return at + (IN_DOUBT if choice == "denied" else 0) >= known.decision(purpose).at


def withdraws(before: Consent, after: Consent) -> bool:
    """Whether something was declined that was not before."""
    declined = any(
        choice == "denied" and before.purposes.get(purpose) != "denied"
        for purpose, choice in after.purposes.items()
    )
    return declined or (after.gpc and not before.gpc)


def declined(purposes: Collection[str], at: int) -> Consent:
    """What is known of a browser that remembers only that everything was declined, at that time.

    `purposes` are those of the shop's vendors.
    """
    return Consent(dict.fromkeys(sorted({*PURPOSES, *purposes}), "denied"), False, at, "browser")


def refusal(consent: Consent, rule: Rule, purpose: str, taken: int | None = None) -> str | None:
    """None when a destination of this purpose may have the visitor's events, else the reason why not.

    `taken` is when the event was taken: what came before the visitor granted is not covered by it. So an
    event that waited while they withdrew is not sent when they grant again. Under `not_required` a grant may
    follow on having said nothing, when events flowed as well: there it opens what waits.
    """
    if consent.by == ERASED.by:
        return "erased"
    if consent.gpc and purpose == CLOSED_BY_GPC:
        return "consent: closed by Global Privacy Control"
    choice = consent.purposes.get(purpose)
    if choice == "denied":
        return f"consent: {purpose} was denied"
    if rule == "required":
        if choice is None:
            return f"consent: {purpose} was not granted"
        if taken is not None and taken < consent.decision(purpose).at:
            return f"consent: {purpose} was not granted yet when it came"
    return None


def may_keep(consent: Consent, rule: Rule, purposes: Collection[str]) -> bool:
    """Whether anything may be kept of this visitor: a purpose is open to somebody who would use it.

    `purposes` are those of the shop's vendors. Those that the visitor has spoken of count as well, so that a
    shop without vendors already keeps what it has leave for.
    """
    concerned = {*purposes, *consent.purposes}
    if not concerned:
        return rule == "not_required"
    return any(refusal(consent, rule, purpose) is None for purpose in concerned)


def receipt(consent: Consent, rule: Rule, purpose: str) -> str:
    """Why a delivery was allowed, in words with the time, for whoever answers for privacy."""
    if consent.purposes.get(purpose) == "granted":
        decision = consent.decision(purpose)
        return f"{purpose} was granted on {_minute(decision.at // MINUTE)}, told by the {decision.by}"
    return f"{purpose} was not declined, and this shop is configured as {rule}"


@lru_cache(maxsize=1024)
def _minute(number: int) -> str:
    """The minute of this number since 1970, in words; remembered, for every delivery says one."""
    return datetime.fromtimestamp(number * MINUTE / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
