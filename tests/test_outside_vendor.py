"""A sixth vendor from outside: docs/adding-a-vendor.md, followed to the letter.

The package in tests/outside_vendor/ is installed with pip, as its user would; Gatepost finds it by its entry
point alone, in processes of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway import API_KEY, ROOT, SECRET, eventually, free_port, gatepost
from tests.markdown import blocks
from tests.serving import environment, serving

PACKAGE = ROOT / "tests" / "outside_vendor"
DOCUMENT = ROOT / "docs" / "adding-a-vendor.md"
KEY = "5f1e0c9ab3d24786"


@dataclass
class NudgeServer:
    """Nudge, as its page describes it."""

    got: list[tuple[str, str, Any]] = field(default_factory=list)
    """Method, path and body of each request with the right key."""

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                self._take(None, 204)

            def do_POST(self) -> None:
                self._take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))), 202)

            def _take(self, body: Any, status: int) -> None:
                if self.headers["X-Nudge-Key"] == KEY:
                    outer.got.append((self.command, self.path, body))
                else:
                    status = 401
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        """End it and free the port."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def nudge() -> Iterator[NudgeServer]:
    running = NudgeServer()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the package was installed into."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(target), str(PACKAGE)],
        check=True,
        timeout=120,
        env=environment(PIP_DISABLE_PIP_VERSION_CHECK="1"),
    )
    return target


@pytest.fixture
def configured(tmp_path: Path, nudge: NudgeServer) -> Path:
    """A gatepost.toml with the table that the document shows, pointed at this machine."""
    (table,) = [block for block in blocks(DOCUMENT, "toml") if "[shops.demo.vendors.nudge]" in block.text]
    (tmp_path / "gatepost.toml").write_text(
        f'public_url = "http://localhost:8000"\nsecrets = ["{SECRET}"]\n'
        f'[shops.demo]\norigins = ["http://localhost:8080"]\napi_keys = ["{API_KEY}"]\n'
        f'{table.text}base_url = "{nudge.url}"\n',
        "utf-8",
    )
    (tmp_path / "gatepost.toml").chmod(0o600)
    return tmp_path


def with_package(installed: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join((str(ROOT), str(installed))), "NUDGE_API_KEY": KEY}


@pytest.mark.parametrize("name", ["pyproject.toml", "nudge.py", "test_nudge.py"])
def test_the_document_shows_the_very_files_that_are_tested(name: str) -> None:
    shown = [block.text for block in blocks(DOCUMENT, "toml", "python")]
    assert (PACKAGE / name).read_text("utf-8") in shown


def test_without_the_package_the_vendor_is_refused_by_name(configured: Path) -> None:
    refused = gatepost("serve", folder=configured, NUDGE_API_KEY=KEY)
    assert refused.returncode == 2
    assert refused.stderr == (
        "gatepost: gatepost.toml: shops.demo.vendors.nudge: is no vendor Gatepost knows; "
        "it knows alana, blueshift, eightselect, esputnik, personaclick\n"
    )


def test_with_the_package_check_proves_the_credential(
    configured: Path, installed: Path, nudge: NudgeServer
) -> None:
    checked = gatepost("check", folder=configured, **with_package(installed))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"shops.demo.vendors.nudge: {nudge.url.removeprefix('http://')} accepts the credential" in (
        checked.stdout
    )
    assert nudge.got == [("GET", "/v2/key", None)]


def test_its_own_settings_are_held_to_its_own_rules(configured: Path, installed: Path) -> None:
    file = configured / "gatepost.toml"
    file.write_text(file.read_text("utf-8").replace('language = "de"', 'language = "German"'), "utf-8")
    refused = gatepost("serve", folder=configured, **with_package(installed))
    assert refused.returncode == 2
    assert "shops.demo.vendors.nudge.language" in refused.stderr


def test_an_event_is_delivered_to_it_by_the_real_relay(
    configured: Path, installed: Path, nudge: NudgeServer
) -> None:
    port = free_port()
    command = [sys.executable, "-m", "server", "serve", "--workers", "1", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    env = environment(**with_package(installed))
    with serving(command, f"{url}/readyz", folder=configured, env=env):
        event = {
            "id": "order-7",
            "name": "purchase",
            "params": {"transaction_id": "7", "items": [{"item_id": 100500}, {"item_id": "100610"}]},
            "user": {"email": "ada@customer.example"},
            "consent": {"marketing": "granted"},
        }
        answer = httpx.post(
            f"{url}/v1/demo/events",
            json={"events": [event]},
            headers={"Authorization": f"Bearer {API_KEY}"},
        )
        assert answer.json() == {"status": "ok", "stored": 1, "errors": []}
        eventually(lambda: nudge.got)

    ((method, path, body),) = nudge.got
    assert (method, path) == ("POST", "/v2/signals")
    signals = body["signals"]
    assert [(one["id"], one["product"]) for one in signals] == [
        ("order-7/0", "100500"),
        ("order-7/1", "100610"),
    ]
    assert {(one["kind"], one["email"], one["language"]) for one in signals} == {
        ("bought", "ada@customer.example", "de")
    }
