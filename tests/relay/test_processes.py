"""Real relays: two on one database, killed, stopped, refused."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.relay.listener import Listener, say
from tests.relay.process import Installation, products


@pytest.fixture
def alana(vendor: Listener) -> Listener:
    vendor.answer = lambda heard: say(200, {"status": "ok", "stored": len(heard.body["events"]), "errors": 0})
    return vendor


@pytest.fixture
def installation(tmp_path: Path, alana: Listener) -> Iterator[Installation]:
    made = Installation(tmp_path, alana)
    yield made
    made.close()


def test_of_two_relays_the_second_waits_and_takes_over_when_the_first_is_killed(
    installation: Installation, alana: Listener
) -> None:
    first = installation.start_relay()
    installation.keep("e1", "e2")
    installation.until_delivered("e1", "e2")
    second = installation.start_relay()
    installation.until(lambda: "waits for it to end" in installation.log(second), "the second saying so")
    installation.keep("e3")
    installation.until_delivered("e3")

    first.send_signal(signal.SIGKILL)
    first.wait(10)
    installation.keep("e4", "e5")
    installation.until_delivered("e4", "e5")
    assert products(alana) == ["e1", "e2", "e3", "e4", "e5"], "nobody sent anything twice"
    second.terminate()
    assert second.wait(15) == 0


def test_a_relay_that_waits_for_its_turn_stops_when_told_to(installation: Installation) -> None:
    installation.start_relay()
    installation.keep("e1")
    installation.until_delivered("e1")
    second = installation.start_relay()
    installation.until(lambda: "waits for it to end" in installation.log(second), "the second saying so")
    second.terminate()
    assert second.wait(15) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_relay_told_to_stop_finishes_what_is_under_way_and_exits_cleanly(
    installation: Installation, alana: Listener, number: signal.Signals
) -> None:
    release, stored = threading.Event(), say(200, {"status": "ok", "stored": 1, "errors": 0})
    alana.answer = lambda _: alana.hold(release, stored)
    relay = installation.start_relay()
    installation.keep("e1")
    installation.until(lambda: alana.heard, "the request under way")
    relay.send_signal(number)
    installation.keep("e2")
    threading.Timer(0.5, release.set).start()
    assert relay.wait(15) == 0
    assert installation.states() == {"e1": "delivered", "e2": "new"}
    assert "Traceback" not in installation.log(relay)


def test_a_relay_that_is_killed_in_the_middle_is_followed_by_one_that_finishes(
    installation: Installation, alana: Listener
) -> None:
    alana.answer = lambda _: alana.hold(alana.closing)
    first = installation.start_relay()
    installation.keep("e1")
    installation.keep("b1", visitor="bob")
    installation.until(lambda: alana.heard, "the request under way")
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    alana.answer = lambda heard: say(200, {"status": "ok", "stored": len(heard.body["events"]), "errors": 0})
    installation.start_relay()
    installation.until_delivered("e1", "b1")
    assert sorted(products(alana)) == ["b1", "b1", "e1", "e1"]
