"""Stopping while a vendor hangs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.relay.listener import Listener
from tests.relay.process import Installation

pytestmark = pytest.mark.chaos


@pytest.fixture
def alana() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def installation(tmp_path: Path, alana: Listener) -> Iterator[Installation]:
    made = Installation(tmp_path, alana)
    yield made
    made.close()


def test_a_relay_told_to_stop_does_not_wait_for_a_vendor_longer_than_ten_seconds(
    installation: Installation, alana: Listener
) -> None:
    alana.answer = lambda _: alana.hold(alana.closing)
    relay = installation.start_relay()
    installation.keep("e1")
    installation.until(lambda: alana.heard, "the request under way")
    begun = time.monotonic()
    relay.terminate()
    assert relay.wait(15) == 0
    assert time.monotonic() - begun < 10.5
    assert "Traceback" not in installation.log(relay)
