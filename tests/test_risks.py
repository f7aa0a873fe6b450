"""What is risky in a configuration is said when it begins to serve, not only when somebody asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway import ORIGIN, Process, configuration, toml

RISKY = {"shop": {"consent": "not_required", "vendors": {}}, "trusted_proxies": ["0.0.0.0/0"]}


def started(tmp_path: Path, command: list[str], **table: object) -> str:
    """What a command logs until it is ready."""
    file = tmp_path / "gatepost.toml"
    file.write_text(toml(configuration(**table)), "utf-8")
    file.chmod(0o600)
    process = Process(file, command)
    try:
        return process.log.read_text("utf-8")
    finally:
        process.end()


@pytest.mark.parametrize("command", ["serve", "web"])
def test_what_is_risky_is_warned_of_at_the_start_once(tmp_path: Path, command: str) -> None:
    log = started(tmp_path, [command, "--workers", "2"], **RISKY)
    for said in (
        "trusted_proxies: 0.0.0.0/0 lets every sender write its own address",
        'shops.demo: consent = "not_required" relays before anyone has agreed',
        "shops.demo: names no vendor",
    ):
        (line,) = [line for line in log.splitlines() if said in line]
        assert "WARNING" in line


def test_a_sound_configuration_is_served_without_a_warning(tmp_path: Path) -> None:
    vendors = {"alana": {"api_key": "0d42fd8b713d0752776ca589cc0056aa"}}
    log = started(tmp_path, ["serve"], shop={"origins": [ORIGIN], "vendors": vendors})
    assert "WARNING" not in log
