"""`gatepost demo`: shop, gateway, relay and sandbox together, in a folder that is thrown away."""

from __future__ import annotations

import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import click
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from server.configure import read_settings
from server.demo.live import LiveDelivery, LiveEvent
from server.demo.shop import create_shop
from server.password import hashed, new_password
from server.ports import check_port
from server.store.database import Database
from server.store.history import Fate, History, Record
from server.supervise import supervise

_CONFIGURATION = """\
public_url = "http://localhost:{port}"
secrets = ["{secret}"]
console_password = "{console_password}"

[shops.demo]
origins = ["http://localhost:{shop_port}"]
consent = "required"
ab_segments = true

[shops.demo.vendors.personaclick]
shop_id = "{shop_id}"
base_url = "{sandbox}/personaclick"

[shops.demo.vendors.blueshift]
api_key = "{key}"
base_url = "{sandbox}/blueshift"

[shops.demo.vendors.esputnik]
api_key = "{key}"
base_url = "{sandbox}/esputnik"

[shops.demo.vendors.alana]
api_key = "ak_{key}"
base_url = "{sandbox}/alana"

[shops.demo.vendors.eightselect]
api_id = "{key}"
base_url = "{sandbox}/eightselect"
"""
LOOK = 0.1
"""Seconds between looks whether everything has started."""
NEWEST = 100
"""Events that the panel is told of at once."""


def run_demo(host: str, port: int, shop_port: int, sandbox_port: int) -> None:
    """Run it until SIGTERM or SIGINT; nothing of it stays. Raises GatepostError when a port is taken."""
    for number, option in ((port, "--port"), (shop_port, "--shop-port"), (sandbox_port, "--sandbox-port")):
        check_port(host, number, f'{option} (with make: DEMO="{option} {number + 1}")')
    with tempfile.TemporaryDirectory(prefix="gatepost-demo-") as folder:
        config = Path(folder) / "gatepost.toml"
        password = new_password()
        config.write_text(_configuration(port, shop_port, sandbox_port, password), "utf-8")
        settings = read_settings(config)
        database = Database(settings.data_dir)
        shop = _shop_server(host, shop_port, port, sandbox_port, database)
        try:
            supervise(
                [
                    ["sandbox", "--host", host, "--port", str(sandbox_port)],
                    ["web", "--config", str(config), "--host", host, "--port", str(port), "--workers", "1"],
                    ["relay", "--config", str(config)],
                ],
                started=lambda: _when_ready(
                    (port, sandbox_port), lambda: _welcome(port, shop_port, sandbox_port, password)
                ),
            )
        finally:
            shop.shutdown()
            shop.server_close()
            database.close()


def _configuration(port: int, shop_port: int, sandbox_port: int, password: str) -> str:
    return _CONFIGURATION.format(
        port=port,
        shop_port=shop_port,
        secret=secrets.token_hex(32),
        console_password=hashed(password),
        shop_id=secrets.token_hex(15),
        key=secrets.token_hex(16),
        sandbox=f"http://127.0.0.1:{sandbox_port}",
    )


class _Quiet(WSGIRequestHandler):
    """The shop's own requests are not what one came to see."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...


def _shop_server(
    host: str, shop_port: int, port: int, sandbox_port: int, database: Database
) -> BaseWSGIServer:
    history = History(database)
    shop = create_shop(
        tag_url=f"http://localhost:{port}/gp/demo/tag.js",
        live=lambda after: [_live(record) for record in history.after("demo", after, NEWEST)],
        sandbox_url=f"http://127.0.0.1:{sandbox_port}",
    )
    server = make_server(host, shop_port, shop, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, name="demo-shop", daemon=True).start()
    return server


def _when_ready(ports: tuple[int, ...], then: Callable[[], None]) -> None:
    """Do something once all of these ports are listened on; nothing waits for it."""

    def wait() -> None:
        for port in ports:
            while not _is_listening(port):
                time.sleep(LOOK)
        then()

    threading.Thread(target=wait, name="demo-welcome", daemon=True).start()


def _is_listening(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), timeout=1).close()
    except OSError:
        return False
    return True


def _welcome(port: int, shop_port: int, sandbox_port: int, password: str) -> None:
    click.echo(
        f"""
  The shop             http://localhost:{shop_port}/
  The console          http://localhost:{port}/console/   password: {password}
  What vendors got     http://localhost:{sandbox_port}/_sandbox/
  The tag              http://localhost:{port}/gp/demo/tag.js

  Open the shop, accept the banner and click around; the panel shows what each vendor is sent.
  Ctrl-C ends it and leaves nothing behind.
"""
    )


def _live(record: Record) -> LiveEvent:
    event = record.event
    return {
        "seq": record.seq,
        "id": event.id,
        "name": event.name,
        "at": event.at,
        "page": event.page.url,
        "params": event.params,
        "consent": dict(record.consent.purposes) if record.consent else {},
        "deliveries": [_live_delivery(fate) for fate in record.fates],
    }


def _live_delivery(fate: Fate) -> LiveDelivery:
    return {
        "vendor": fate.vendor,
        "state": _live_state(fate),
        "reason": fate.held if fate.state == "waiting" and fate.held else fate.reason,
        "attempts": fate.attempts,
        "next_at": fate.next_at,
        "requests": [
            {
                "at": exchange.at,
                "method": exchange.method,
                "path": exchange.path,
                "body": exchange.messages[0] if len(exchange.messages) == 1 else exchange.messages,
                "status": exchange.status,
                "reply": exchange.reply or exchange.reason,
            }
            for exchange in fate.exchanges
        ],
    }


def _live_state(fate: Fate) -> Literal["waiting", "delivered", "not_wanted", "retrying", "dead", "held"]:
    match fate.state:
        case "delivered" | "not_wanted" | "dead" as settled:
            return settled
        case _ if fate.held:
            return "held"
        case _:
            return "retrying" if fate.attempts else "waiting"
