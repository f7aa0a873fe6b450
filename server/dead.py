"""`gatepost dead`: what vendors finally refused, and another try for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from server.consent import NOTHING_SAID, Consent, refusal
from server.errors import GatepostError
from server.explain import moment
from server.settings import Settings
from server.store.deadletters import DeadLetter, DeadLetters, Filter

PAGE = 1000
"""Letters read at a time."""

_AGO = re.compile(r"(\d{1,4})([mhd])\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def read_time(text: str, now: int) -> int:
    """A time as people write it, in milliseconds since 1970; 0 for none.

    "90m", "6h" and "2d" are that long ago; otherwise ISO 8601, in UTC where it does not say. Raises
    GatepostError.
    """
    if not text:
        return 0
    if ago := _AGO.match(text):
        length = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return now - int(length.total_seconds() * 1000)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise GatepostError(f'{text}: is no time; write "6h", "2d" or "2026-11-21T14:00"') from None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def all_of(letters: DeadLetters, which: Filter) -> Iterator[DeadLetter]:
    """Every dead letter that is meant."""
    last = (0, 0)
    while page := letters.list(which, PAGE, last):
        yield from page
        last = (page[-1].destination, page[-1].seq)


def listed(found: Sequence[DeadLetter]) -> Iterator[str]:
    """A line for each."""
    for letter in found:
        where = f"{letter.shop}/{letter.vendor}"
        yield f"{moment(letter.at)}  {where:<20}  {letter.name:<20}  {letter.id}  {letter.reason}"


def grouped(found: Sequence[DeadLetter]) -> Iterator[str]:
    """How many of each kind, the most frequent first."""
    kinds = Counter((letter.shop, letter.vendor, letter.reason) for letter in found)
    for (shop, vendor, reason), count in kinds.most_common():
        yield f"{count:>7}  {shop}/{vendor}  {reason}"


def refusals(letters: DeadLetters, found: Sequence[DeadLetter], settings: Settings) -> Counter[str]:
    """What would stop a replay, and how often: the visitor's present choice, or a vendor that is gone.

    The relay asks again when it sends; this says beforehand what it would find.
    """
    return Counter(reason for reason in obstacles(letters, found, settings) if reason)


def obstacles(letters: DeadLetters, found: Sequence[DeadLetter], settings: Settings) -> Sequence[str]:
    """Of each letter what would stop its replay; empty: nothing that can be known beforehand."""
    consents = letters.consents(found)
    return [
        _obstacle(letter, settings, consents.get((letter.shop, letter.visitor), NOTHING_SAID))
        for letter in found
    ]


def _obstacle(letter: DeadLetter, settings: Settings, consent: Consent) -> str:
    shop = settings.shops.get(letter.shop)
    vendor = shop.vendors.get(letter.vendor) if shop else None
    if shop is None or vendor is None:
        return "the vendor is not configured any more, so it would wait"
    reason = refusal(consent, shop.consent, vendor.purpose, letter.received)
    return f"would not be sent: {reason}" if reason else ""
