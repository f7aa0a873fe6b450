"""kill -9 of web and of relay at random moments under load, then count at the sandbox.

The seed is printed; `CHAOS_SEED=… pytest tests/chaos` repeats the same plan of kills and visits, as far as
real processes can repeat anything.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from server.store.database import FILE
from tests.chaos.processes import GatepostProcess, configuration, free_port, wait_for
from tests.chaos.shopper import Shopper

pytestmark = pytest.mark.chaos

SHOPPERS = 6
KILLS = 14
"""Of each half; and of web's worker alone a few more: 31 in all."""
TROUBLES: tuple[dict[str, Any], ...] = (
    {"delay_ms": 400, "times": 12},
    {"reset": True, "times": 1},
    {"drip": True, "times": 1},
    {"garbage": True, "times": 1},  # 200, and a page that is no answer
    {"status": 429, "retry_after": 1, "times": 1},
    {"status": 503, "times": 1},
)
VENDORS = ("personaclick", "blueshift")
SETTLING = 240.0
"""Seconds in which everything is delivered once all is well again."""
WINDOW = 5.0
"""Seconds before a kill within which a request may have been made whose answer nobody wrote down."""


class Arrival(NamedTuple):
    """One event in a request that a vendor accepted."""

    id: str
    at: float
    """Seconds since 1970."""


class Scene:
    """An installation, its vendors, and what killing it did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port, sandbox_port = free_port(), free_port()
        self.gateway = f"http://127.0.0.1:{port}"
        self.sandbox_url = f"http://127.0.0.1:{sandbox_port}"
        config = folder / "gatepost.toml"
        config.write_text(configuration(port, sandbox_port))
        where = ("--config", str(config))
        self.sandbox = GatepostProcess(folder, "sandbox", "--port", str(sandbox_port))
        self.web = GatepostProcess(folder, "web", *where, "--port", str(port), "--workers", "1")
        self.relay = GatepostProcess(folder, "relay", *where)
        self.relay_kills: list[float] = []
        self.web_kills: list[float] = []
        self.drips: Counter[str] = Counter()
        """Answers that came too slowly to be waited for, by vendor: the request was accepted all the same."""

    def start(self) -> None:
        self.sandbox.start()
        wait_for(f"{self.sandbox_url}/_sandbox/faults", self.sandbox)
        self.web.start()
        self.relay.start()
        self.wait_for_web()

    def wait_for_web(self) -> None:
        wait_for(f"{self.gateway}/healthz", self.web)

    def kill_relay(self) -> None:
        self.relay_kills.append(self.relay.kill())
        self.relay.start()

    def kill_web(self) -> None:
        self.web_kills.append(self.web.kill())
        self.web.start()
        self.wait_for_web()

    def kill_worker(self) -> None:
        """Only the process that answers; the one above it starts another."""
        os.kill(self.web.tree()[-1], signal.SIGKILL)
        self.wait_for_web()

    def disturb(self, chance: random.Random) -> None:
        """Have a vendor hang, reset, drip, lie or throttle, so that more is under way when the relay dies."""
        fault = {"vendor": chance.choice(VENDORS), **chance.choice(TROUBLES)}
        self.drips[fault["vendor"]] += bool(fault.get("drip"))
        httpx.post(f"{self.sandbox_url}/_sandbox/faults", json=fault, trust_env=False).raise_for_status()

    def arrivals(self, vendor: str) -> list[Arrival]:
        """What this vendor accepted, in the order it came."""
        query = {"vendor": vendor}
        entries = httpx.get(
            f"{self.sandbox_url}/_sandbox/requests", params=query, trust_env=False, timeout=60
        )
        assert entries.headers["X-Sandbox-Let-Go"] == "0"
        return [
            Arrival(id, entry["at"] / 1000)
            for entry in entries.json()
            if entry["judgement"] == "accepted"
            for id in _ids(vendor, entry["body"])
        ]

    def waiting(self) -> int:
        """Events that some destination has not settled."""
        connection = sqlite3.connect(self.folder / "var" / FILE)
        try:
            (count,) = connection.execute(
                "SELECT count(*) FROM events e JOIN destinations n ON n.shop = e.shop"
                " LEFT JOIN deliveries d ON d.event = e.seq AND d.destination = n.id"
                " WHERE d.state IS NULL OR d.state = 'waiting'"
            ).fetchone()
            return int(count)
        finally:
            connection.close()

    def close(self) -> None:
        for process in (self.relay, self.web, self.sandbox):
            process.close()


def _ids(vendor: str, body: Any) -> list[str]:
    """The events a request told of; none for an introduction."""
    if body is None:
        return []
    if vendor == "blueshift":
        return [event["event_uuid"] for event in body["events"]]
    return [item["id"] for item in body["items"]]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()


def test_kill_9_at_random_moments_loses_nothing_that_was_answered_200(scene: Scene) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"CHAOS_SEED={seed}")
    chance = random.Random(seed)
    scene.start()
    shoppers = [Shopper(f"s{n}", scene.gateway, random.Random(seed + n)) for n in range(SHOPPERS)]
    for shopper in shoppers:
        shopper.introduce()
    for shopper in shoppers:
        shopper.start()
    _kill_at_random(scene, chance)
    for shopper in shoppers:
        shopper.stop()

    answered = {id for shopper in shoppers for id in shopper.answered}
    until_settled(scene)
    assert [wrong for shopper in shoppers for wrong in shopper.wrong] == []
    for vendor in VENDORS:
        arrivals = scene.arrivals(vendor)
        _report(scene, vendor, arrivals, shoppers)
        lost = answered - {arrival.id for arrival in arrivals}
        assert lost == set(), f"{vendor}: {len(lost)} of {len(answered)} are lost"
        _check_repetitions(scene, vendor, arrivals)
        _check_order(arrivals)
    assert scene.relay.stop() == 0
    assert scene.web.stop() == 0


def _kill_at_random(scene: Scene, chance: random.Random) -> None:
    """Each half at moments of its own, so that they also die together."""
    web = [scene.kill_web] * KILLS + [scene.kill_worker] * 3
    chance.shuffle(web)
    plans = [
        ([scene.kill_relay] * KILLS, 1.0, 4.5),
        (web, 0.5, 2.5),
        ([partial(scene.disturb, chance)] * KILLS, 0.5, 4.0),
    ]

    def carry_out(steps: list[tuple[float, Callable[[], None]]]) -> None:
        for pause, step in steps:
            threading.Event().wait(pause)
            step()

    killers = [
        threading.Thread(target=carry_out, args=([(chance.uniform(low, high), step) for step in steps],))
        for steps, low, high in plans
    ]
    for killer in killers:
        killer.start()
    for killer in killers:
        killer.join()


def until_settled(scene: Scene) -> None:
    """Until every destination has settled every event; what a vendor refused twice waits half a minute."""
    deadline = time.monotonic() + SETTLING
    while (waiting := scene.waiting()) and time.monotonic() < deadline:
        threading.Event().wait(0.2)
    assert waiting == 0, f"{waiting} deliveries are not settled"


def _check_repetitions(scene: Scene, vendor: str, arrivals: list[Arrival]) -> None:
    """An event may come again only because of a kill of the relay shortly after it came before, or because
    the answer to the request that carried it was dripped.
    """
    before: dict[str, float] = {}
    unexplained: set[float] = set()
    for arrival in arrivals:
        first = before.get(arrival.id)
        if first is not None and not _was_killed_between(scene.relay_kills, first, arrival.at):
            unexplained.add(first)
        before[arrival.id] = arrival.at
    assert len(unexplained) <= scene.drips[vendor], f"{vendor}: requests repeated without a reason"


def _was_killed_between(kills: list[float], first: float, again: float) -> bool:
    """Whether the relay died soon after an event came, and before it came again."""
    return any(first - 0.1 <= kill <= min(again, first + WINDOW) for kill in kills)


def _check_order(arrivals: list[Arrival]) -> None:
    """Apart from repetitions, each shopper's events arrived in the order they were sent."""
    firsts = list(dict.fromkeys(arrival.id for arrival in arrivals))
    for shopper in {id.partition("-")[0] for id in firsts}:
        mine = [id for id in firsts if id.startswith(f"{shopper}-")]
        assert mine == sorted(mine)


def _report(scene: Scene, vendor: str, arrivals: list[Arrival], shoppers: list[Shopper]) -> None:
    events = {arrival.id for arrival in arrivals}
    resent, refused = (sum(getattr(one, what) for one in shoppers) for what in ("resent", "refusals"))
    print(
        f"{vendor}: {len(events)} events arrived, {len(arrivals) - len(events)} of them again; killed: relay"
        f" {len(scene.relay_kills)}, web {len(scene.web_kills)} times; batches sent again: {resent},"
        f" refused: {refused}"
    )
