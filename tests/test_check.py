"""`gatepost check`: what it finds, what it proves, and that it says how to mend what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from server.sandbox import SandboxServer, create_sandbox

KEY = "5e0c731de3b111ebba800242ac130004"
SHOP_ID = "0d42fd8b713d0752776ca589cc0056"
CREDENTIALS = {
    "personaclick": SHOP_ID,
    "blueshift": KEY,
    "esputnik": KEY,
    "alana": f"ak_{KEY}",
    "eightselect": KEY,
}
SETTING = {"personaclick": "shop_id", "eightselect": "api_id"}


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    server = SandboxServer(create_sandbox(credentials=CREDENTIALS))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def configuration(folder: Path, sandbox_url: str, **keys: str) -> Path:
    file = folder / "gatepost.toml"
    lines = [
        'public_url = "https://gp.myshop.example"',
        'secrets = ["c9d1f6be52a34f0f8e0d7b6a5c4e3f21"]',
        "[shops.demo]",
        'origins = ["https://www.myshop.example"]',
    ]
    for vendor, key in (CREDENTIALS | keys).items():
        lines += [
            f"[shops.demo.vendors.{vendor}]",
            f'{SETTING.get(vendor, "api_key")} = "{key}"',
            f'base_url = "{sandbox_url}/{vendor}"',
        ]
    file.write_text("\n".join(lines))
    file.chmod(0o600)
    return file


def check(config: Path, *options: str) -> tuple[int, list[str]]:
    """The exit code, and what it says, a line each."""
    done = subprocess.run(
        [sys.executable, "-m", "server", "check", "--config", str(config), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert "Traceback" not in done.stderr
    assert KEY not in done.stdout + done.stderr.replace(SHOP_ID, "")
    return done.returncode, done.stdout.splitlines()


def about(lines: list[str], vendor: str) -> str:
    """What is said of one vendor."""
    (line,) = (line for line in lines if f"vendors.{vendor}:" in line)
    return line


def test_a_good_configuration_is_good(sandbox: SandboxServer, tmp_path: Path) -> None:
    code, lines = check(configuration(tmp_path, sandbox.url))
    assert code == 0
    assert [line for line in lines if line.startswith("wrong")] == []


def test_only_vendors_with_a_harmless_proof_are_called_proved(sandbox: SandboxServer, tmp_path: Path) -> None:
    _, lines = check(configuration(tmp_path, sandbox.url))
    for vendor in ("blueshift", "eightselect"):
        assert about(lines, vendor).startswith("ok")
        assert "accepts the credential" in about(lines, vendor)
    for vendor in ("personaclick", "esputnik", "alana"):
        assert about(lines, vendor).startswith("note")
        assert "no harmless way to prove" in about(lines, vendor)


def test_proving_tells_the_vendors_nothing(sandbox: SandboxServer, tmp_path: Path) -> None:
    check(configuration(tmp_path, sandbox.url))
    asked = {(one["vendor"], one["path"]) for one in httpx.get(f"{sandbox.url}/_sandbox/requests").json()}
    assert {(vendor, path) for vendor, path in asked if path != "/"} == {
        ("blueshift", "/api/v1/event/debug"),
        ("eightselect", "/analytics/v3/events/validate"),
    }


def test_a_wrong_key_is_found_where_that_can_be_known(sandbox: SandboxServer, tmp_path: Path) -> None:
    wrong = "ffff731de3b111ebba800242ac130004"
    code, lines = check(configuration(tmp_path, sandbox.url, blueshift=wrong, eightselect=wrong))
    assert code == 1
    for vendor in ("blueshift", "eightselect"):
        assert about(lines, vendor).startswith("wrong")
        assert "401" in about(lines, vendor)
        assert wrong not in about(lines, vendor)


def test_a_test_event_goes_to_each_vendor_and_its_answer_is_shown(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    code, lines = check(configuration(tmp_path, sandbox.url), "--send-test")
    assert code == 0
    for vendor in CREDENTIALS:
        answers = [line for line in lines if f"vendors.{vendor}:" in line and "gatepost-test" in line]
        assert len(answers) == 1
        assert "HTTP 200" in answers[0]
    marked = httpx.get(f"{sandbox.url}/_sandbox/requests").json()
    assert {one["vendor"] for one in marked if "gatepost-test" in str(one["body"])} == set(CREDENTIALS)


def test_a_vendor_that_is_down_is_found(sandbox: SandboxServer, tmp_path: Path) -> None:
    file = configuration(tmp_path, sandbox.url)
    file.write_text(file.read_text().replace(f"{sandbox.url}/alana", "http://127.0.0.1:1/alana"))
    code, lines = check(file)
    assert code == 1
    assert about(lines, "alana").startswith("wrong")
    assert "cannot be reached" in about(lines, "alana")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('origins = ["https://', 'origins = ["http://', "is not https"),
        ("[shops.demo]", 'trusted_proxies = ["0.0.0.0/0"]\n[shops.demo]', "trusted_proxies"),
        ("[shops.demo]", 'colour = "red"\n[shops.demo]', "colour: is not a key"),
    ],
)
def test_what_is_unsafe_is_wrong(
    sandbox: SandboxServer, tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = configuration(tmp_path, sandbox.url)
    file.write_text(file.read_text().replace(old, new))
    code, lines = check(file)
    assert code == 1
    assert any(line.startswith("wrong") and said in line for line in lines)


def test_a_readable_file_of_secrets_is_wrong(sandbox: SandboxServer, tmp_path: Path) -> None:
    file = configuration(tmp_path, sandbox.url)
    file.chmod(0o644)
    code, lines = check(file)
    assert code == 1
    assert any(line.startswith("wrong") and "chmod 600" in line for line in lines)


def test_a_shop_without_vendors_is_wrong_and_one_without_consent_is_noted(tmp_path: Path) -> None:
    file = configuration(tmp_path, "http://127.0.0.1:1")
    file.write_text(file.read_text().partition("[shops.demo.vendors")[0] + 'consent = "not_required"\n')
    code, lines = check(file)
    assert code == 1
    assert any(line.startswith("wrong") and "names no vendor" in line for line in lines)
    assert any(line.startswith("note") and "not_required" in line for line in lines)
