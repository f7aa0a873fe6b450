"""After everything has gone wrong: no secret, no address and nobody's e-mail where it does not belong."""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from server.commands import explain_id
from server.configure import read_settings
from server.errors import SettingsError
from tests.gateway import GRANTED, HOUR, ITEM, configuration, event, gatepost, write_configuration
from tests.privacy.installation import Installation
from tests.world import eventually

COOKIE_SECRET = "plantedcookiekey0123456789abcdef"
SHOP_KEY = "plantedshopkey4567890123456789ab"
VENDOR_KEYS = {
    "blueshift": "plantedblueshift7890abcdefabcdef",
    "esputnik": "plantedesputnik90abcdefabcdef0123",
    "alana": "ak_plantedalana0abcdefabcdef012345",
}
SECRETS = {
    "the cookies' secret": COOKIE_SECRET,
    "the shop's API key": SHOP_KEY,
    **VENDOR_KEYS,
    "blueshift's header": base64.b64encode(f"{VENDOR_KEYS['blueshift']}:".encode()).decode(),
    "esputnik's header": base64.b64encode(f"gatepost:{VENDOR_KEYS['esputnik']}".encode()).decode(),
}
ADDRESSES = {"the peer": "203.0.113.77", "the proxy's word": "198.51.100.9"}
IN_URLS = {"an e-mail in a URL": "url.mail@planted.example", "one in a search": "search.mail@planted.example"}
OF_THE_USER = {"the user's e-mail": "user.mail@planted.example"}
ORDER_KEY = {"the key of an order": "wc_order_PlantedKey42"}


class Parrot(BaseHTTPRequestHandler):
    """A vendor that answers with everything it was told, credentials included."""

    status = 400

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = json.dumps({"message": f"no: {self.headers} {body}", "errors": [body]}).encode()
        self.send_response(type(self).status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def parrot() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Talkative(Installation):
    """All its vendors repeat whatever they are told."""

    def __init__(self, folder: Path, vendors: str) -> None:
        self._vendors = vendors
        super().__init__(folder)

    def _configuration(self, folder: Path) -> Path:
        shop = {
            "origins": [self.shop],
            "api_keys": [SHOP_KEY],
            "vendors": {
                name: {"api_key": key, "base_url": self._vendors} for name, key in VENDOR_KEYS.items()
            },
        }
        return write_configuration(
            folder, configuration(public_url=self.gateway, secrets=[COOKIE_SECRET], shop=shop)
        )


@pytest.fixture
def installation(tmp_path: Path, parrot: str, caplog: pytest.LogCaptureFixture) -> Iterator[Talkative]:
    caplog.set_level(logging.DEBUG)
    made = Talkative(tmp_path, parrot)
    yield made
    made.end()


def found(text: str | bytes, *planted: dict[str, str]) -> list[str]:
    """Which of the planted values are in a text."""
    read = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return [name for values in planted for name, value in values.items() if value.lower() in read.lower()]


def goes_wrong(installation: Talkative, status: int, number: int) -> None:
    """A shopper whose URL, search and identity hold everything, while all vendors refuse with this status."""
    Parrot.status = status
    browser = installation.browser()
    page = {
        "url": f"{installation.shop}/{IN_URLS['an e-mail in a URL']}?key={ORDER_KEY['the key of an order']}",
        "title": f"Thank you {IN_URLS['an e-mail in a URL']}",
    }
    browser.send(
        event("search", f"s{number}", search_term=IN_URLS["one in a search"]),
        event("view_item", f"v{number}", items=[ITEM]),
        event(
            "purchase", f"p{number}", transaction_id=f"o{number}", currency="EUR", value=45.5, items=[ITEM]
        ),
        consent=GRANTED,
        user={"email": OF_THE_USER["the user's e-mail"]},
        page=page,
        headers={"X-Forwarded-For": ADDRESSES["the proxy's word"], "User-Agent": "Planted/1"},
    )
    for vendor in VENDOR_KEYS:
        eventually(partial(_was_refused, installation, vendor, f"p{number}"))


def _was_refused(installation: Talkative, vendor: str, id: str) -> bool:
    return id in {known for known, _, _ in installation.fates(vendor)} or _is_held(installation, vendor)


def _is_held(installation: Talkative, vendor: str) -> bool:
    return bool(
        installation.rows("SELECT 1 FROM destinations WHERE vendor = ? AND held_since IS NOT NULL", vendor)
    )


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """All that Gatepost logged, at any level; of the libraries, what it lets them log."""
    return "\n".join(
        f"{caplog.handler.format(record)} {record.args!r}"
        for record in caplog.records
        if record.name.startswith("server") or record.levelno >= logging.WARNING
    )


def everything_goes_wrong(installation: Talkative) -> None:
    for number, status in enumerate((400, 422, 503, 401)):
        goes_wrong(installation, status, number)
        installation.clock.move(HOUR)


def answers(installation: Talkative) -> str:
    """What the gateway answers to requests that are wrong in every way, secrets in hand."""
    mail = IN_URLS["an e-mail in a URL"]
    asked = [
        installation.ask("POST", "/gp/demo/e", body, {"Origin": origin, "Cookie": f"gp_v={COOKIE_SECRET}"})
        for body in (b"{", b"[]", json.dumps({"events": mail}).encode(), b"x" * 70_000)
        for origin in (installation.shop, "https://evil.example")
    ]
    asked += [
        installation.ask("POST", "/v1/demo/events", b"{}", {"Authorization": f"Bearer {key}"})
        for key in (SHOP_KEY, f"{SHOP_KEY}x", VENDOR_KEYS["blueshift"])
    ]
    asked += [installation.ask("GET", "/gp/demo/me"), installation.ask("GET", f"/{mail}")]
    asked.append(
        installation.ask("GET", "/v1/demo/events/debug", headers={"Authorization": f"Bearer {SHOP_KEY}"})
    )
    said = [f"{answer.status} {answer.headers} {answer.body}" for answer in asked]
    said += [
        installation.http.get(path).text
        for path in ("/metrics", "/openapi.json", "/gp/demo/tag.js", "/readyz")
    ]
    return "\n".join(said)


def test_nothing_secret_is_in_a_log_an_answer_a_page_or_a_dead_letter(
    installation: Talkative, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    everything_goes_wrong(installation)
    folder = installation.settings.file.parent
    explained = "".join(
        explain_id(installation.settings.file, f"{kind}{number}") for kind in "svp" for number in range(4)
    )
    dead = gatepost("dead", "list", folder=folder)
    seen = {
        "explain": explained,
        "dead letters": dead.stdout + dead.stderr,
        "answers": answers(installation),
        "disclosure": gatepost("disclosure", folder=folder).stdout,
        "settings": repr(installation.settings) + str(installation.settings),
        "check": gatepost("check", folder=folder).stdout,
        "output": "".join(capfd.readouterr()),
        "logs": logged(caplog),
    }
    assert "finally refused" in explained
    assert "***" in explained  # where a vendor repeated its credential
    assert dead.stdout.count("blueshift") >= 6
    assert "is held" in seen["logs"]
    for where, text in seen.items():
        assert text or where == "output"
        assert (where, found(text, SECRETS, ADDRESSES, IN_URLS, ORDER_KEY)) == (where, [])


def test_whom_an_event_was_about_is_only_where_the_event_is(
    installation: Talkative, caplog: pytest.LogCaptureFixture
) -> None:
    everything_goes_wrong(installation)
    dead = gatepost("dead", "list", folder=installation.settings.file.parent).stdout
    logs = logged(caplog)
    reasons = str(installation.rows("SELECT reason FROM deliveries"))
    reasons += str(installation.rows("SELECT reason FROM requests"))
    reasons += str(installation.rows("SELECT held_reason FROM destinations"))
    metrics = installation.http.get("/metrics").text
    for text in (dead, logs, reasons, metrics):
        assert text
        assert found(text, OF_THE_USER) == []
    assert found(explain_id(installation.settings.file, "p0"), OF_THE_USER)  # the search finds what is there


def test_no_secret_is_in_the_database(installation: Talkative) -> None:
    everything_goes_wrong(installation)
    for file in filter(Path.is_file, installation.settings.data_dir.rglob("*")):
        assert found(file.read_bytes(), SECRETS, ADDRESSES, IN_URLS, ORDER_KEY) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"secrets": [COOKIE_SECRET, 7]},
        {"secrets": [COOKIE_SECRET[:10]]},
        {"secrets": [f"{COOKIE_SECRET} example"]},
        {"shop": {"api_keys": [SHOP_KEY, SHOP_KEY[:8]]}},
        {"shop": {"api_keys": SHOP_KEY}},
        {"shop": {"vendors": {"blueshift": {"api_key": VENDOR_KEYS["blueshift"], "batch": 1000}}}},
        {"shop": {"vendors": {"blueshift": {"api_key": [VENDOR_KEYS["blueshift"]]}}}},
        {"shop": {"vendors": {"blueshift": {"key": VENDOR_KEYS["blueshift"]}}}},
        {"shop": {"vendors": {"blueshift": VENDOR_KEYS["blueshift"]}}},
        {"shop": {"vendors": {"personaclick": {"shop_id": f"{VENDOR_KEYS['alana']} with spaces"}}}},
    ],
)
def test_a_configuration_that_is_refused_is_refused_without_repeating_a_secret(
    tmp_path: Path, broken: dict[str, Any]
) -> None:
    file = write_configuration(tmp_path, configuration(**broken))
    with pytest.raises(SettingsError) as refused:
        read_settings(file)
    said = gatepost("check", folder=tmp_path)
    assert said.returncode == 1
    for text in (str(refused.value), repr(refused.value), said.stdout, said.stderr):
        assert found(text, SECRETS) == []
