"""Gateway, relay and sandbox in one process, and browsers that talk to them over real sockets."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from server.store.counts import DestinationCounts, count
from server.store.database import Database
from tests.gateway import Answer, Browser, event
from tests.world import World, eventually

API_KEY = "b2f0c1d6e7a849f5a3c2d1e0f9b8a7c6"


class Installation(World):
    """A shop `demo` whose events go to PersonaClick and Blueshift."""

    def __init__(self, folder: Path, consent: str = "required") -> None:
        self._consent = consent
        super().__init__(folder)
        self.http = httpx.Client(base_url=self.gateway, timeout=30)

    def _configuration(self, folder: Path) -> Path:
        file = super()._configuration(folder)
        shop = f'[shops.demo]\n            consent = "{self._consent}"\n            api_keys = ["{API_KEY}"]'
        file.write_text(file.read_text("utf-8").replace("[shops.demo]", shop), "utf-8")
        return file

    def browser(self) -> Browser:
        """A visitor who comes for the first time."""

        def post(body: bytes, headers: Mapping[str, str]) -> Answer:
            return self.ask("POST", "/gp/demo/e", body, headers)

        return Browser(post, self.shop)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any request."""
        found = self.http.request(method, path, content=body, headers=dict(headers or {}))
        self.http.cookies.clear()
        return Answer(
            found.status_code,
            found.json() if found.content else None,
            {name.lower(): value for name, value in found.headers.items()},
            {line.partition("=")[0]: line for line in found.headers.get_list("set-cookie")},
        )

    def me(self, method: str, browser: Browser) -> Answer:
        """What the visitor is answered about itself."""
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        return self.ask(method, "/gp/demo/me", headers={"Origin": self.shop, "Cookie": cookie})

    def server_sends(self, *events: dict[str, Any]) -> dict[str, Any]:
        """What the shop's own server is answered."""
        answer = self.http.post(
            "/v1/demo/events", json={"events": list(events)}, headers={"Authorization": f"Bearer {API_KEY}"}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def fault(self, vendor: str, **fault: Any) -> None:
        """Let the sandbox's stand-in misbehave."""
        httpx.post(f"{self.sandbox}/_sandbox/faults", json={"vendor": vendor, **fault}).raise_for_status()

    def mend(self, vendor: str) -> None:
        """Let it behave again."""
        self.fault(vendor, status=200, times=0)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database holds."""
        with closing(sqlite3.connect(self.settings.data_dir / "gatepost.db")) as connection:
            return connection.execute(sql, values).fetchall()

    def fates(self, vendor: str) -> list[tuple[str, str, str]]:
        """Of every event at this vendor: its id, state and reason, in order."""
        return [
            (id, state, reason)
            for id, state, reason in self.rows(
                "SELECT e.id, d.state, d.reason FROM deliveries d JOIN events e ON e.seq = d.event"
                " JOIN destinations n ON n.id = d.destination WHERE n.vendor = ? ORDER BY e.seq",
                vendor,
            )
        ]

    def until_settled(self, vendor: str, count: int) -> list[tuple[str, str, str]]:
        """The fates once so many are settled at this vendor."""
        eventually(lambda: sum(state != "waiting" for _, state, _ in self.fates(vendor)) >= count)
        return self.fates(vendor)

    def until_tried(self, vendor: str, count: int) -> None:
        """Return once so many events wait to be tried again at this vendor."""
        eventually(lambda: sum(state == "waiting" for _, state, _ in self.fates(vendor)) >= count)

    def later(self, milliseconds: int) -> None:
        """Let time pass, and the relay look at the clock: it does when anybody sends anything."""
        self.clock.move(milliseconds)
        self.browser().send(event("view_cart", items=[]), consent={"own": "granted"})

    def counts(self, vendor: str) -> DestinationCounts:
        """How many events ended how at this vendor; they add up, or this fails."""
        database = Database(self.settings.data_dir)
        try:
            (found,) = (one for one in count(database).destinations if one.vendor == vendor)
        finally:
            database.close()
        assert found.waiting >= 0
        return found

    def end(self) -> None:
        self.http.close()
        super().end()
