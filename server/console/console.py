"""What the console's pages are made from."""

from __future__ import annotations

import msgspec

from server.client import TrustedProxies
from server.clock import Clock
from server.settings import Settings
from server.store.database import Database
from server.store.intake import Intake


class Console(msgspec.Struct, frozen=True):
    """One installation, as its console sees it."""

    settings: Settings
    database: Database
    intake: Intake
    proxies: TrustedProxies
    clock: Clock
