"""Notes which pages load a shop's tag, and which send events and may not: the console's list needs to know.

Once a day for each origin and process, so that it costs nothing: an accepted event is not even looked at. No
address and nothing else of whoever asks is noted.
"""

from __future__ import annotations

import re
import threading
from urllib.parse import urlsplit

from flask import Response, request

from server.clock import Clock
from server.errors import CannotKeep
from server.settings import Settings
from server.store.database import Database
from server.store.sightings import MOST, Sighting, Sightings, Sign

DAY = 86_400_000
SOON = 60_000
"""Milliseconds after which what could not be written is tried again."""
NULL = "null"
"""How browsers name the origin of a page in a sandbox."""

_ORIGIN = re.compile(r"https?://[a-z0-9._-]{1,253}(?::[0-9]{1,5})?\Z")


class Watch:
    """Looks at answers that were given, after they were given."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._shops = settings.shops
        self._sightings = Sightings(database)
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: dict[tuple[str, Sign], dict[str, int]] = {}
        """Until when each origin need not be noted again."""

    def look(self, response: Response) -> Response:
        """For `Flask.after_request`."""
        shop = (request.view_args or {}).get("shop", "")
        if shop in self._shops and (seen := _seen(response.status_code)):
            kind, origin = seen
            if self._is_news(shop, kind, origin):
                response.call_on_close(lambda: self._note(shop, kind, origin))
        return response

    def _is_news(self, shop: str, kind: Sign, origin: str) -> bool:
        """Whether it is to be noted; then for a day it is not again."""
        now = self._clock()
        with self._lock:
            until = self._noted.setdefault((shop, kind), {})
            for known in [known for known, end in until.items() if not now < end <= now + DAY]:
                del until[known]
            if origin in until or (len(until) >= MOST and origin not in self._shops[shop].origins):
                return False
            until[origin] = now + DAY
            return True

    def _note(self, shop: str, kind: Sign, origin: str) -> None:
        try:
            self._sightings.note(shop, Sighting(kind, origin, self._clock()))
        except CannotKeep:  # a disk that refuses is somebody else's to tell
            with self._lock:
                self._noted[shop, kind][origin] = self._clock() + SOON


def _seen(status: int) -> tuple[Sign, str] | None:
    """What the present request, answered so, shows; None: nothing."""
    headers = request.headers
    if request.endpoint == "collect.post_events" and status == 403:
        origin = headers.get("Origin", "")
        return ("refused", origin) if origin == NULL or _ORIGIN.match(origin) else None
    if request.endpoint == "tag.tag" and status in (200, 304):
        page = urlsplit(headers.get("Referer", ""))
        origin = f"{page.scheme}://{page.netloc}"
        if _ORIGIN.match(origin):
            return "tag", origin
        # https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header
        return ("tag", "") if headers.get("Sec-Fetch-Dest") == "script" else None
    return None
