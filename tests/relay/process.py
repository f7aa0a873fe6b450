"""A real `gatepost relay`, as a process of its own, against a listener that stands in for Alana."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.configure import read_settings
from server.consent import Consent
from server.event import Event
from server.store.database import FILE, Database
from server.store.intake import Intake
from server.store.keeping import Arrival
from server.store.outbox import register
from tests.relay.listener import Listener

ROOT = Path(__file__).resolve().parents[2]
ALANA_KEY = "ak_5e0c731de3b111ebba800242ac130004"
PATIENCE = 30.0
"""Seconds: a process has to start, on a machine that does other things too."""


_STATES = "SELECT e.id, coalesce(d.state, 'new') FROM events e LEFT JOIN deliveries d ON d.event = e.seq"


class Installation:
    """A folder with a configuration and a database, and the relays that run on it."""

    def __init__(self, folder: Path, vendor: Listener) -> None:
        self.folder = folder
        self.config = folder / "gatepost.toml"
        self.config.write_text(
            f"""
            public_url = "http://localhost:8000"
            secrets = ["c9d1f6be52a34f0f8e0d7b6a5c4e3f21"]
            data_dir = "{folder}"
            [shops.demo]
            origins = ["http://localhost:8080"]
            [shops.demo.vendors.alana]
            api_key = "{ALANA_KEY}"
            base_url = "{vendor.url}"
            """
        )
        self.database = Database(folder)
        register(self.database, read_settings(self.config))
        self._intake = Intake(self.database)
        self._relays: list[subprocess.Popen[bytes]] = []
        self._logs: dict[int, Path] = {}

    def keep(self, *ids: str, visitor: str = "ann") -> None:
        """Keep a view for each id, whose product's id is that of the event."""
        now = time.time_ns() // 1_000_000
        events = tuple(
            Event(id, "view_item", now, now, "demo", visitor, "s", {"items": [{"item_id": id}]}) for id in ids
        )
        consent = Consent({"personalization": "granted"}, at=now, by="browser")
        assert all(self._intake.keep(Arrival("demo", visitor, now, events, consent)))

    def start_relay(self, **environment: str) -> subprocess.Popen[bytes]:
        """A relay; what it says goes to a file that `log` reads."""
        path = self.folder / f"relay-{len(self._relays)}.log"
        with path.open("wb") as log:
            relay = subprocess.Popen(
                [sys.executable, "-m", "server", "relay", "--config", str(self.config)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
            )
        self._relays.append(relay)
        self._logs[relay.pid] = path
        return relay

    def log(self, relay: subprocess.Popen[bytes]) -> str:
        return self._logs[relay.pid].read_text()

    def states(self) -> dict[str, str]:
        """What became of each event."""
        connection = sqlite3.connect(self.folder / FILE)
        try:
            return dict(connection.execute(_STATES).fetchall())
        finally:
            connection.close()

    def until(self, condition: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(path.read_text() for path in self._logs.values())
                pytest.fail(f"did not happen: {what}; {self.states()}\n{logs}")
            time.sleep(0.02)

    def until_delivered(self, *ids: str) -> None:
        self.until(lambda: all(self.states().get(id) == "delivered" for id in ids), f"{ids} delivered")

    def close(self) -> None:
        for relay in self._relays:
            if relay.poll() is None:
                relay.send_signal(signal.SIGKILL)
            relay.wait(10)
        self._intake.close()
        self.database.close()


def products(vendor: Listener) -> list[str]:
    """The ids of the products that Alana was told of, which are those of the events."""
    return [one["productId"] for heard in list(vendor.heard) for one in heard.body["events"]]
