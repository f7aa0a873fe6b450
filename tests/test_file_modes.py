"""What is kept of people is for the owner of the database alone, whatever folder it lies in."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gateway import GRANTED, Gateway, event


@pytest.fixture
def _generous_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_generous_umask")
def test_in_a_folder_that_others_may_enter_nobody_else_may_read_what_is_kept(
    gateways: Callable[..., Gateway], tmp_path: Path
) -> None:
    open_to_all = tmp_path / "var"
    open_to_all.mkdir(mode=0o755)
    gateway = gateways(data_dir=str(open_to_all))
    assert gateway.browser().send(event("page_view"), consent=GRANTED).accepted == 1
    files = [file for file in open_to_all.iterdir() if file.is_file()]
    assert {"gatepost.db", "gatepost.db-wal"} <= {file.name for file in files}
    assert [file.name for file in files if stat.S_IMODE(file.stat().st_mode) & 0o077] == []
