"""A shop, a gateway and a browser for every test of the tag."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.tag.servers import Gateway, Shop
from tests.tag.visit import Visit


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    running = Gateway()
    yield running
    running.stop()


@pytest.fixture
def shop() -> Iterator[Shop]:
    running = Shop()
    yield running
    running.stop()


@pytest.fixture
def visit(page: Page, shop: Shop, gateway: Gateway) -> Iterator[Visit]:
    """A tab with a clock of its own; whatever the test does, nothing may reach the page as an error."""
    visiting = Visit(page, shop, gateway)
    yield visiting
    assert visiting.errors == []
