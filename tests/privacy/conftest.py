"""A whole installation for tests that follow data to its end: gateway, relay and the vendors' sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.privacy.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A running one; see tests/privacy/installation.py."""
    made = Installation(tmp_path)
    yield made
    made.end()
