"""kill -9 of the web half and of the relay, at random moments under load; then it is counted at the vendors.

Real processes, real sockets, a real database. The seed is printed; GATEPOST_SEED repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from server.sandbox import SandboxServer, create_sandbox
from server.store.counts import count
from server.store.database import Database
from tests.world import eventually

pytestmark = pytest.mark.chaos

KILLS = 15
"""Of each half."""
VISITORS = 6
PAUSE = 0.03
"""Seconds between two events of a visitor."""
REPEATED_PER_KILL = 300
"""Deliveries that may be repeated for one kill of the relay: what was under way or not yet written down."""
GRANTED = {"personalization": "granted", "marketing": "granted"}


class Half:
    """`gatepost web` or `gatepost relay`, started again whenever it is gone."""

    def __init__(self, *arguments: str) -> None:
        self._command = [sys.executable, "-m", "server", *arguments]
        self.kills = 0
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """Kill it at once and start it again."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self.kills += 1
        self._process = self._start()

    def stay(self) -> None:
        """Start it again when it could not start, because a dying one still held the port."""
        if self._process.poll() is not None:
            self._process = self._start()

    def end(self) -> int:
        """Stop it cleanly; its exit code."""
        self._process.terminate()
        return self._process.wait(20)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


class Visitor(threading.Thread):
    """A browser that sends one event after the other, each until it is accepted."""

    def __init__(self, number: int, gateway: str, stop: threading.Event) -> None:
        super().__init__(name=f"visitor-{number}")
        self._number = number
        self._url = f"{gateway}/gp/demo/e"
        self._stop_now = stop
        self.accepted: list[str] = []

    def run(self) -> None:
        with httpx.Client(headers={"Origin": "https://www.myshop.example"}, timeout=15) as browser:
            while not self._stop_now.is_set():
                id = f"v{self._number}-{len(self.accepted)}"
                if self._send(browser, id):
                    self.accepted.append(id)
                self._stop_now.wait(PAUSE)

    def _send(self, browser: httpx.Client, id: str) -> bool:
        """Whether the gateway has it, now or by an earlier try whose answer was lost."""
        item = {"id": id, "name": "view_item", "params": {"items": [{"item_id": id}]}}
        body = json.dumps({"consent": GRANTED, "events": [item]})
        try:
            answer = browser.post(self._url, content=body)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and (
            answer.json()["accepted"] == 1 or answer.json()["dropped"][0]["reason"] == "duplicate"
        )


class Installation:
    """Sandbox, web and relay, with one shop."""

    def __init__(self, folder: Path) -> None:
        self.sandbox = SandboxServer(create_sandbox())
        self._serving = threading.Thread(target=self.sandbox.serve_forever, kwargs={"poll_interval": 0.05})
        self._serving.start()
        self.data = folder / "var"
        port = _free_port()
        self.gateway = f"http://localhost:{port}"
        config = folder / "gatepost.toml"
        config.write_text(f"""
            public_url = "{self.gateway}"
            secrets = ["c9d1f6be52a34f0f8e0d7b6a5c4e3f21"]
            [shops.demo]
            origins = ["https://www.myshop.example"]
            [shops.demo.vendors.personaclick]
            shop_id = "0d42fd8b713d0752776ca589cc0056"
            base_url = "{self.sandbox.url}/personaclick"
            [shops.demo.vendors.blueshift]
            api_key = "5e0c731de3b111ebba800242ac130004"
            base_url = "{self.sandbox.url}/blueshift"
            """)
        self.web = Half("web", "--config", str(config), "--port", str(port), "--workers", "1")
        self.relay = Half("relay", "--config", str(config))
        eventually(self._is_up, within=30)

    def _is_up(self) -> bool:
        self.web.stay()
        try:
            return httpx.get(f"{self.gateway}/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def told(self, vendor: str) -> list[str]:
        """The ids that reached a vendor, in the order they came, repetitions included."""
        requests = httpx.get(f"{self.sandbox.url}/_sandbox/requests", params={"vendor": vendor}).json()
        taken = [one["body"] for one in requests if one["judgement"] == "accepted" and one["body"]]
        if vendor == "blueshift":
            return [event["event_uuid"] for body in taken for event in body["events"]]
        return [body["items"][0]["id"] for body in taken]

    def close(self) -> None:
        self.web.close()
        self.relay.close()
        self.sandbox.shutdown()
        self._serving.join()
        self.sandbox.server_close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.close()


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("GATEPOST_SEED") or time.time())
    print(f"GATEPOST_SEED={seed}")
    return random.Random(seed)


def _kill_now_and_then(installation: Installation, chance: random.Random) -> None:
    """Each half as often as KILLS says, each time after it has worked for a random while."""
    halves = [installation.web, installation.relay] * KILLS
    chance.shuffle(halves)
    for half in halves:
        eventually(installation._is_up, within=30)
        threading.Event().wait(chance.uniform(0.1, 1.2))
        half.kill()
    eventually(installation._is_up, within=30)


def _in_order(ids: list[str]) -> Callable[[str], list[int]]:
    """For a visitor the numbers of its events in the order in which each was first told."""
    first = list(dict.fromkeys(ids))
    return lambda visitor: [int(n) for name, _, n in (id.partition("-") for id in first) if name == visitor]


def test_nothing_accepted_is_lost_and_each_visitors_order_is_kept(
    installation: Installation, chance: random.Random
) -> None:
    stop = threading.Event()
    visitors = [Visitor(n, installation.gateway, stop) for n in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    try:
        _kill_now_and_then(installation, chance)
    finally:
        stop.set()
        for visitor in visitors:
            visitor.join()
    accepted = {id for visitor in visitors for id in visitor.accepted}
    assert min(len(visitor.accepted) for visitor in visitors) > KILLS

    for vendor in ("personaclick", "blueshift"):
        eventually(lambda vendor=vendor: accepted <= set(installation.told(vendor)), within=60)
        told = installation.told(vendor)
        repeated = sum(number - 1 for number in Counter(told).values())
        print(f"{vendor}: {len(accepted)} accepted, {repeated} repeated over {KILLS} kills of the relay")
        assert repeated <= REPEATED_PER_KILL * installation.relay.kills
        numbers = _in_order(told)
        for n in range(VISITORS):
            assert numbers(f"v{n}") == sorted(numbers(f"v{n}"))

    assert (installation.web.end(), installation.relay.end()) == (0, 0)
    database = Database(installation.data)
    for one in count(database).destinations:
        assert (one.waiting, one.dead) == (0, 0)
        assert one.received == one.delivered >= len(accepted)
    database.close()
