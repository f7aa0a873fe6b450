"""The script that is served is built from the modules beside it, and its source map leads back to them.

Building needs npm: where that is missing it is skipped with the reason, but fails in CI.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.settings import TagSettings
from server.tag import expressions
from tests.gateway import ROOT

MODULES = ROOT / "static" / "tag"
SCRIPT = ROOT / "static" / "tag.min.js"
MAP = ROOT / "static" / "tag.min.js.map"
STALE = "static/tag.min.js is not built from these modules: run `make tag`"
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@pytest.fixture(scope="module")
def source_map() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(MAP.read_text())
    return found


def test_the_script_is_built_from_the_modules_as_they_are(source_map: dict[str, Any]) -> None:
    modules = {f"source/{path.name}": path.read_text() for path in MODULES.glob("*.js")}
    built = dict(zip(source_map["sources"], source_map["sourcesContent"], strict=True))
    assert built == modules, STALE


def test_the_server_adds_the_settings_in_the_order_of_their_module() -> None:
    names = re.findall(r"^export const (\w+)", (MODULES / "settings.js").read_text(), re.MULTILINE)
    assert [*expressions("https://gp.example/gp/demo/e", "required", TagSettings())] == names


def test_building_it_gives_the_same_bytes(tmp_path: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    reason = "npm is not installed"
    if npm and node:
        wanted = re.search(r"^TERSER := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert wanted
        install = [npm, "install", "--silent", "--no-package-lock", "--prefix", str(tmp_path), wanted[1]]
        if subprocess.run(install, capture_output=True, timeout=300).returncode == 0:
            subprocess.run([node, ".ci/tag.mjs", tmp_path, tmp_path], cwd=ROOT, check=True, timeout=120)
            assert (tmp_path / SCRIPT.name).read_bytes() == SCRIPT.read_bytes(), STALE
            assert (tmp_path / MAP.name).read_bytes() == MAP.read_bytes(), STALE
            return
        reason = "npm cannot install the minifier"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def numbers(text: str) -> list[int]:
    """The numbers of one segment, each in digits of five bits, the lowest first, its lowest bit the sign."""
    found, value, shift = [], 0, 0
    for letter in text:
        digit = _DIGITS.index(letter)
        value |= (digit & 31) << shift
        shift += 5
        if digit < 32:
            found.append(-(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    return found


def segments(mappings: str) -> Iterator[tuple[int, int, int]]:
    """Of a script of one line, from the left: column, index of the source, line in it (ECMA-426)."""
    column = source = line = 0
    for segment in mappings.split(","):
        column_step, *steps = numbers(segment)
        column += column_step
        if steps:  # otherwise nothing of the source stands there
            source, line = source + steps[0], line + steps[1]
            yield column, source, line


@pytest.mark.parametrize(
    "wanted",
    ["pagehide", "retry-after", "sendBeacon", "gp_debug", "@graph", "eventModel"],
)
def test_the_source_map_leads_back_to_the_line(source_map: dict[str, Any], wanted: str) -> None:
    script = SCRIPT.read_text()
    assert "\n" not in script
    at = script.index(wanted)
    _, source, line = [one for one in segments(source_map["mappings"]) if one[0] <= at][-1]
    assert wanted in source_map["sourcesContent"][source].splitlines()[line]
