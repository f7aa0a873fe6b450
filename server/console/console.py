"""What the console's pages are made from."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from flask import g

from server.client import TrustedProxies
from server.clock import Clock
from server.settings import Settings
from server.store.counts import Counts, count
from server.store.database import Database
from server.store.deadletters import DeadLetters
from server.store.intake import Intake

COUNTED = 100_000
"""Dead letters of each vendor that are counted."""


class Console(msgspec.Struct, frozen=True):
    """One installation, as its console sees it."""

    settings: Settings
    database: Database
    intake: Intake
    proxies: TrustedProxies
    clock: Clock
    pinned: Mapping[str, str]
    """By shop, the element of a page that loads the tag as it is now, for ever."""

    def counts(self) -> Counts:
        """The counts as they are at this request; asked for again, the same."""
        if "console_counts" not in g:
            g.console_counts = count(self.database)
        found: Counts = g.console_counts
        return found

    def dead(self, shop: str) -> int:
        """How many dead letters of a shop are kept; asked for again at this request, the same."""
        if "console_dead" not in g:
            g.console_dead = {}
        known: dict[str, int] = g.console_dead
        if shop not in known:
            known[shop] = DeadLetters(self.database).kept(shop, COUNTED)
        return known[shop]
