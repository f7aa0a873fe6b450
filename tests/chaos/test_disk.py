"""A disk that is full for a while: refused honestly, and then it goes on where it was."""

from __future__ import annotations

import random
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chaos.processes import GatepostProcess
from tests.chaos.shopper import CONSENT, ORIGIN, Shopper
from tests.chaos.test_kill import VENDORS, Scene, until_settled

pytestmark = pytest.mark.chaos

FULL = 12 * 1024
"""Bytes; less than any transaction adds to the write-ahead log, wherever in it that begins."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    made.start()
    yield made
    made.close()


def test_a_full_disk_is_answered_503_and_nothing_that_was_answered_200_is_lost(scene: Scene) -> None:
    shoppers = [Shopper(f"s{n}", scene.gateway, random.Random(n)) for n in range(3)]
    for shopper in shoppers:
        shopper.introduce()
        shopper.start()
    until_answered(shoppers, 30)
    for process in (scene.web, scene.relay):
        limit_files(process, FULL)
    until_refused(shoppers)

    # The browser is told to come back, the operator that nothing can be kept.
    refused = httpx.post(
        f"{scene.gateway}/gp/demo/e", json={"consent": CONSENT}, headers=ORIGIN, trust_env=False
    )
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert httpx.get(f"{scene.gateway}/readyz", trust_env=False).status_code == 503
    assert httpx.get(f"{scene.gateway}/healthz", trust_env=False).status_code == 200

    before = sum(len(shopper.answered) for shopper in shoppers)
    for process in (scene.web, scene.relay):
        limit_files(process, resource.RLIM_INFINITY)
    until_answered(shoppers, before + 30)
    for shopper in shoppers:
        shopper.stop()
    until_settled(scene)
    answered = {id for shopper in shoppers for id in shopper.answered}
    for vendor in VENDORS:
        arrived = [arrival.id for arrival in scene.arrivals(vendor)]
        assert answered <= set(arrived)
        assert len(arrived) == len(set(arrived)), "and nothing twice, since nobody died"
    assert httpx.get(f"{scene.gateway}/readyz", trust_env=False).status_code == 200


def limit_files(process: GatepostProcess, size: int) -> None:
    """No file may grow beyond this many bytes, as on a disk that is full."""
    for pid in process.tree():
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def until_answered(shoppers: list[Shopper], count: int) -> None:
    waits = threading.Event()
    for _ in range(300):
        if sum(len(shopper.answered) for shopper in shoppers) >= count:
            return
        waits.wait(0.1)
    pytest.fail(f"fewer than {count} events were answered")


def until_refused(shoppers: list[Shopper]) -> None:
    waits = threading.Event()
    for _ in range(300):
        if all(shopper.refusals for shopper in shoppers):
            return
        waits.wait(0.1)
    pytest.fail("nothing was refused though the disk is full")
