"""Stages and listeners that are taken down after the test."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.relay.clock import Clock
from tests.relay.listener import Listener
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def listen() -> Iterator[Callable[[], Listener]]:
    """Makes listeners."""
    made: list[Listener] = []

    def make() -> Listener:
        made.append(Listener())
        return made[-1]

    yield make
    for listener in made:
        listener.close()


@pytest.fixture
def vendor(listen: Callable[[], Listener]) -> Listener:
    """The server of the one vendor that most tests need."""
    return listen()


@pytest.fixture(scope="session")
def small_heap() -> None:
    """What is loaded by now stays for ever: collecting the garbage of a crash need not look at it."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def stage_of(tmp_path: Path, clock: Clock, small_heap: None) -> Iterator[Callable[..., Stage]]:
    """Makes stages: `stage_of({Parrot(): listener})`."""
    made: list[Stage] = []

    def make(vendors: Any, **options: Any) -> Stage:
        made.append(Stage(tmp_path, vendors, clock, **options))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def stage(stage_of: Callable[..., Stage], vendor: Listener) -> Stage:
    """A shop whose one vendor takes one message per request. Not started."""
    return stage_of({Parrot(): vendor})
