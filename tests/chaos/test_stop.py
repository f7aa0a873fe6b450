"""Stopping while a vendor hangs, and while a browser waits for its answer."""

from __future__ import annotations

import fcntl
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from server.store.database import FILE
from tests.gateway import GRANTED, Process, configuration, event, eventually, toml
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


def is_writing(folder: Path) -> bool:
    """Whether a process is in the middle of a transaction, or waits to begin it."""
    with (folder / "write.lock").open("rb+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_gateway_told_to_stop_answers_what_it_has_begun(tmp_path: Path) -> None:
    file = tmp_path / "gatepost.toml"
    file.write_text(toml(configuration()), "utf-8")
    process = Process(file, ("web", "--workers", "1"))
    try:
        browser = process.browser()
        assert browser.send(event("page_view"), consent=GRANTED).status == 200
        with (
            ThreadPoolExecutor(1) as pool,
            closing(sqlite3.connect(tmp_path / "var" / FILE, isolation_level=None)) as other,
        ):
            other.execute("BEGIN IMMEDIATE")
            answer = pool.submit(browser.send, event("page_view"))
            eventually(lambda: is_writing(tmp_path / "var"))
            process.process.terminate()
            eventually(lambda: not process.listens())
            assert not answer.done()
            other.execute("ROLLBACK")
            assert answer.result(10).body == {"accepted": 1, "dropped": []}
        assert process.process.wait(15) == 0
    finally:
        process.end()
