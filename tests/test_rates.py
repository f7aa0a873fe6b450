"""A vendor's published limits: kept by the relay, judged by the vendor's stand-in, at a time of our own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from server.configure import read_settings
from server.consent import Consent
from server.event import Event
from server.relay.relay import Relay
from server.sandbox import SandboxServer, create_sandbox
from server.store.database import Database
from server.store.intake import Intake
from server.store.keeping import Arrival
from server.store.outbox import register
from server.vendors import vendor_types
from tests.relay.clock import MINUTE, Clock
from tests.world import eventually


def batched(numbers: range, size: int) -> Iterator[range]:
    """The numbers, some at a time."""
    for begin in range(0, len(numbers), size):
        yield numbers[begin : begin + size]


GRANTED = Consent({"personalization": "granted"}, at=1, by="browser")


class Alana:
    """A shop whose events go to Alana's stand-in."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.sandbox = SandboxServer(create_sandbox(lambda: self.clock() / 1000))
        self._serving = threading.Thread(target=self.sandbox.serve_forever, kwargs={"poll_interval": 0.02})
        self._serving.start()
        file = folder / "gatepost.toml"
        file.write_text(f"""
            public_url = "https://gp.myshop.example"
            secrets = ["c9d1f6be52a34f0f8e0d7b6a5c4e3f21"]
            [shops.demo]
            origins = ["https://www.myshop.example"]
            [shops.demo.vendors.alana]
            api_key = "ak_5e0c731de3b111ebba800242ac130004"
            base_url = "{self.sandbox.url}/alana"
            """)
        self.settings = read_settings(file)
        self._database = Database(folder / "var")
        register(self._database, self.settings)
        self._intake = Intake(self._database)
        self._relaying: threading.Thread | None = None

    def keep(self, count: int) -> None:
        """That many views, of as many visitors, all at once."""
        now = self.clock()
        for some in batched(range(count), 500):
            self._intake.keep_all(
                [Arrival("demo", f"v{n}", now, (self._view(n, now),), GRANTED, is_new=True) for n in some]
            )

    def _view(self, n: int, now: int) -> Event:
        params = {"items": [{"item_id": f"p{n}"}]}
        return Event(f"e{n}", "view_item", now, now, "demo", f"v{n}", "", params)

    def deliver(self) -> None:
        """Start the relay."""
        ready = threading.Event()

        async def run() -> None:
            self._relay = Relay(self.settings, vendor_types(), self._database, self.clock)
            self._loop = asyncio.get_running_loop()
            ready.set()
            await self._relay.run()

        self._relaying = threading.Thread(target=lambda: asyncio.run(run()))
        self._relaying.start()
        assert ready.wait(10)

    def forward(self, milliseconds: int) -> None:
        self.clock.forward(milliseconds)
        self._loop.call_soon_threadsafe(self._relay.wake)

    def requests(self) -> list[dict[str, object]]:
        return list(httpx.get(f"{self.sandbox.url}/_sandbox/requests?vendor=alana").json())

    def stored(self) -> int:
        return sum(one["answer"]["stored"] for one in self.requests())  # type: ignore[index]

    def close(self) -> None:
        if self._relaying:
            self._loop.call_soon_threadsafe(self._relay.stopping.set)
            self._relaying.join(20)
        self._intake.close()
        self._database.close()
        self.sandbox.shutdown()
        self._serving.join()
        self.sandbox.server_close()


@pytest.fixture
def alana(tmp_path: Path) -> Iterator[Alana]:
    made = Alana(tmp_path)
    yield made
    made.close()


def test_a_burst_of_a_thousand_events_arrives_in_ten_requests(alana: Alana) -> None:
    alana.keep(1000)
    alana.deliver()
    eventually(lambda: alana.stored() == 1000)
    assert len(alana.requests()) == 10
    assert {one["judgement"] for one in alana.requests()} == {"accepted"}


def test_what_a_minute_does_not_allow_waits_for_the_next_one(alana: Alana) -> None:
    alana.keep(10_050)
    alana.deliver()
    eventually(lambda: alana.stored() == 10_000, within=60)
    assert len(alana.requests()) == 100

    alana.forward(MINUTE)
    eventually(lambda: alana.stored() == 10_050)
    assert len(alana.requests()) == 101
    assert {one["status"] for one in alana.requests()} == {200}
