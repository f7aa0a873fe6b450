"""How the console gets its password: from `gatepost init`, or from `gatepost password`."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from server.configure import read_settings
from server.errors import SettingsError
from server.initial import write_configuration
from server.password import matches
from tests.gateway import ROOT, configuration, eventually, free_port, gatepost
from tests.gateway import write_configuration as write


def ask(typed: str) -> subprocess.CompletedProcess[str]:
    """`gatepost password`, with this piped into it."""
    return subprocess.run(
        [sys.executable, "-m", "server", "password"],
        input=typed,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
    )


def test_init_prints_a_password_once_that_the_configuration_holds_as_a_hash(tmp_path: Path) -> None:
    ran = gatepost("init", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    printed = re.findall(r"^  ([a-z0-9]{5}(?:-[a-z0-9]{5}){4})$", ran.stdout, re.MULTILINE)
    assert len(printed) == 1
    text = (tmp_path / "gatepost.toml").read_text("utf-8")
    assert printed[0] not in text
    assert matches(tomllib.loads(text)["console_password"], printed[0])


def test_no_two_configurations_have_the_same_password(tmp_path: Path) -> None:
    assert len({write_configuration(tmp_path / f"{n}.toml") for n in range(3)}) == 3


def test_a_password_of_ones_own_becomes_a_line_to_paste(tmp_path: Path) -> None:
    ran = ask("a walk in the orchard\n")
    assert ran.returncode == 0, ran.stderr
    assert "orchard" not in ran.stdout + ran.stderr
    (line,) = ran.stdout.splitlines()
    settings = read_settings(write(tmp_path, configuration(**tomllib.loads(line))))
    assert matches(settings.console_password.reveal(), "a walk in the orchard")
    assert not matches(settings.console_password.reveal(), "a walk in the Orchard")


def test_without_one_of_ones_own_one_is_made_and_shown_beside_the_line() -> None:
    ran = ask("\n")
    made = re.search(r"The password is (\S+)", ran.stderr)
    assert made
    assert matches(tomllib.loads(ran.stdout)["console_password"], made[1])


@pytest.mark.parametrize("poor", ["short", "x" * 201, "aaaaaaaaaaaaaaaa"])
def test_a_password_that_is_easily_guessed_is_refused(poor: str) -> None:
    ran = ask(poor + "\n")
    assert ran.returncode == 2
    assert ran.stderr.startswith("gatepost: the password ")
    assert poor not in ran.stderr
    assert not ran.stdout


@pytest.mark.parametrize("value", ["orchard-lantern-42", "scrypt:1:1:1$x$y", "plain:x$salt1234$" + "0" * 64])
def test_a_configuration_with_a_password_instead_of_its_hash_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="console_password: must be the hash") as refused:
        read_settings(write(tmp_path, configuration(console_password=value)))
    assert value not in str(refused.value)
    assert "gatepost password" in str(refused.value)


@pytest.mark.chaos
def test_the_demo_prints_a_password_that_opens_its_console(tmp_path: Path) -> None:
    port, shop, sandbox = free_port(), free_port(), free_port()
    ports = ["--port", str(port), "--shop-port", str(shop), "--sandbox-port", str(sandbox)]
    log = tmp_path / "demo.log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "server", "demo", *ports], cwd=ROOT, stdout=output, stderr=output
        )
    try:
        printed = eventually(
            lambda: re.search(r"(http://\S+/console/)\s+password: (\S+)", log.read_text()), 30
        )
        with httpx.Client(base_url=f"http://localhost:{port}", follow_redirects=True) as client:
            answer = client.post(
                "/console/sign-in",
                data={"password": printed[2]},
                headers={"Origin": f"http://localhost:{port}", "Sec-Fetch-Site": "same-origin"},
            )
            assert printed[1] == f"http://localhost:{port}/console/"
            assert answer.url.path == "/console/shops/demo/"
            assert "Ready for the first event" in answer.text
    finally:
        demo.terminate()
        demo.wait(20)
