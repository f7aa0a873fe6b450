"""How long each page of the console takes on a database in which much has happened."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash

from benchmarks.history import DEAD, event_id, fill, order_id, visitor_id
from benchmarks.installation import installation
from benchmarks.report import Row, Section, below
from benchmarks.traffic import SHOP
from server.app import close, create_app
from server.clock import system_clock
from server.configure import read_settings

EVENTS = 1_000_000
LONGEST = 300.0
"""Milliseconds that a page may take."""
ROUNDS = 5
PASSWORD = "orchard-lantern-42"

VENDORS = f"""
[shops.{SHOP}.vendors.personaclick]
shop_id = "0d42fd8b713d0752776ca589cc0056"
[shops.{SHOP}.vendors.blueshift]
api_key = "5e0c731de3b111ebba800242ac130004"
[shops.{SHOP}.vendors.alana]
api_key = "ak_5e0c731de3b111ebba800242ac130004"
"""


def pages(events: int) -> Iterator[tuple[str, str]]:
    """Every page that is measured: what it is, and its address below the shop's."""
    live = "live"
    yield "Overview, the last hour", ""
    yield "Overview, the last day", "?span=day"
    yield "Overview, the last week", "?span=week"
    yield "Live, everything", live
    yield "Live, far back", f"{live}?before={events // 3}"
    yield "Live, one name", f"{live}?name=purchase"
    yield "Live, a name there is none of", f"{live}?name=refund"
    yield "Live, one visitor", f"{live}?visitor={visitor_id(7)}"
    yield "Live, a page seldom seen", f"{live}?page=/p/119999"
    yield "Live, a page never seen", f"{live}?page=/nowhere"
    yield "Live, refused by one vendor", f"{live}?vendor=blueshift&outcome=dead"
    yield "Live, waiting for any", f"{live}?outcome=waiting"
    yield "Live, not sent, on a page never seen", f"{live}?outcome=not_wanted&page=/nowhere"
    yield "Live, refused, of a name there is none of", f"{live}?outcome=dead&name=refund"
    yield "One event", f"events/{event_id(events // 2)}"
    yield "Dead letters by reason", "dead"
    yield "Dead letters, one reason", "dead/letters?vendor=blueshift&reason=HTTP+400:+item+4"
    yield "Install", "install"
    yield "Try an event", "try"
    yield "Privacy", "privacy"
    yield "Before a visitor is erased", f"privacy/visitors/{visitor_id(7)}/erase"
    yield "Finding an order", f"find?q={order_id(events // 7 * 7 - 1)}"
    yield "Finding nothing", "find?q=nothing"


def measure(events: int = EVENTS) -> Section:
    """Fill a database, and open every page of it several times; the slowest counts."""
    with installation(VENDORS) as made:
        password = generate_password_hash(PASSWORD, "scrypt:1024:8:1")
        made.config.write_text(f'console_password = "{password}"\n{made.config.read_text("utf-8")}', "utf-8")
        app = create_app(read_settings(made.config))
        begun = time.monotonic()
        fill(made.settings.data_dir, events, system_clock())
        filled = time.monotonic() - begun
        rows = [_row(_signed_in(app), what, path) for what, path in pages(events)]
        size = made.bytes_in_use()
        close(app)
    return Section(
        f"The console on {events:,} events: a page on the server, the slowest of {ROUNDS}, milliseconds",
        rows,
        [
            f"Three destinations, {events * 3:,} deliveries, {DEAD * 3:,} of them dead letters; the database"
            f" has {size / 1e9:.1f} GB and was filled in {filled:.0f} seconds."
        ],
    )


def _signed_in(app: Flask) -> FlaskClient:
    client = app.test_client()
    answer = client.post(
        "/console/sign-in",
        data={"password": PASSWORD},
        base_url="https://gp.bench.example",
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 303, answer.text
    return client


def _row(client: FlaskClient, what: str, path: str) -> Row:
    slowest = 0.0
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        answer = client.get(f"/console/shops/{SHOP}/{path}", base_url="https://gp.bench.example")
        slowest = max(slowest, (time.perf_counter() - begun) * 1000)
        assert answer.status_code in (200, 302), f"{path}: {answer.status_code}"
    return below(what, slowest, LONGEST, "{:.0f}")
