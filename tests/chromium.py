"""A real Chromium for tests: the system's where there is one, else the one Playwright brings.

Without either the test is skipped with the reason, but fails in CI (environment variable CI=true), where a
browser that is missing would silently test nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Browser]]:
    """Starts a browser with further flags. All come from one Playwright: a thread can have no second one."""
    with sync_playwright() as playwright:

        def start(*flags: str) -> Browser:
            try:
                return playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=[*FLAGS, *flags]
                )
            except Error as error:
                reason = f"no Chromium could be started: {error.message.splitlines()[0]}"
                if os.environ.get("CI") == "true":
                    pytest.fail(reason)
                pytest.skip(reason)

        yield start


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """One browser for the whole run, with a profile of its own that goes with it."""
    running = launch()
    yield running
    running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor of their own: no cookie and no storage is shared between tests."""
    visitor = browser.new_context()
    visitor.set_default_timeout(10_000)
    yield visitor
    visitor.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab of that visitor."""
    return context.new_page()
