"""A sandbox in hand, with a clock that only the test moves; and one on a real port."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from server.sandbox import SandboxServer, create_sandbox


class Clock:
    """Seconds since 1970, standing still; begins at the beginning of a minute."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> FlaskClient:
    return create_sandbox(clock).test_client()


@pytest.fixture
def entries(sandbox: FlaskClient) -> Callable[..., list[dict]]:
    """What the ledger lists, oldest first."""
    return lambda **query: sandbox.get("/_sandbox/requests", query_string=query).get_json()


@pytest.fixture
def basic() -> Callable[[str, str], dict[str, str]]:
    """The header of HTTP Basic for a user and a password."""

    def header(user: str, password: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}

    return header


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A sandbox on a free port of this machine."""
    listening = SandboxServer(create_sandbox())
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield listening
    listening.shutdown()
    thread.join()
