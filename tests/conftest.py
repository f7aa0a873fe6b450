"""A gateway for every test that asks for one."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.store.database import FILE, Database
from tests.chromium import browser, context, launch, page
from tests.gateway import Gateway, Process, write_configuration

__all__ = ["browser", "context", "launch", "page"]  # one browser for the whole run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, then chaos, those with a browser last; what asks for a browser is marked so."""
    for item in items:
        if {"browser", "context", "launch", "page"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)
    items.sort(
        key=lambda item: (bool(item.get_closest_marker("browser")), bool(item.get_closest_marker("chaos")))
    )


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that has just been made: copying it is quicker than making another."""
    folder = tmp_path_factory.mktemp("new")
    Database(folder).close()
    return folder / FILE


@pytest.fixture
def gateways(tmp_path: Path, new_database: Path) -> Iterator[Callable[..., Gateway]]:
    """Make a gateway, configured as told; see `tests.gateway.configuration`."""
    made: list[Gateway] = []
    numbers = itertools.count()

    def make(**changes: Any) -> Gateway:
        folder = tmp_path / f"gateway-{next(numbers)}"
        (folder / "var").mkdir(parents=True)
        shutil.copy(new_database, folder / "var")
        made.append(Gateway(folder, **changes))
        return made[-1]

    yield make
    for gateway in made:
        gateway.close()


@pytest.fixture
def gateway(gateways: Callable[..., Gateway]) -> Gateway:
    """A gateway on a subdomain of the shop, with one shop that requires consent."""
    return gateways()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start a real `gatepost serve` on a configuration; it is gone after the test."""
    started: list[Process] = []

    def start(table: dict[str, Any], *command: str) -> Process:
        file = write_configuration(tmp_path, table)
        started.append(Process(file, command) if command else Process(file))
        return started[-1]

    yield start
    for process in started:
        process.end()
