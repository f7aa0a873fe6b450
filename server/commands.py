"""What the commands do that take a configuration."""

from __future__ import annotations

import logging
from pathlib import Path

from server.configure import read_settings
from server.errors import GatepostError
from server.explain import explained
from server.ports import check_port
from server.relay.relay import run_relay
from server.settings import Settings
from server.store.database import FILE, Database
from server.store.history import History
from server.supervise import end_with_supervisor, supervise
from server.vendors import vendor_types
from server.web import serve_web

log = logging.getLogger(__name__)


def serve_all(config: Path, host: str, port: int, workers: int) -> None:
    """Web workers and relay as one. Returns after SIGTERM or SIGINT."""
    settings = read_settings(config)
    _check_address(settings, host, port)
    Database(settings.data_dir).close()  # one process migrates; those it starts find it done
    where = ["--config", str(config)]
    supervise(
        [
            ["web", *where, "--host", host, "--port", str(port), "--workers", str(workers)],
            ["relay", *where],
        ],
        started=lambda: log.info("serving on http://%s:%d", host, port),
    )


def serve_web_half(config: Path, host: str, port: int, workers: int) -> None:
    """The web half, until SIGTERM or SIGINT."""
    end_with_supervisor()
    settings = read_settings(config)
    _check_address(settings, host, port)
    serve_web(settings, host, port, workers)


def serve_relay_half(config: Path) -> None:
    """The delivering half, until SIGTERM or SIGINT."""
    end_with_supervisor()
    run_relay(read_settings(config), vendor_types())


def explain_id(config: Path, id: str) -> str:
    """Everything that is known of what this id names, as text.

    Raises GatepostError when nothing is.
    """
    settings = read_settings(config)
    if not (settings.data_dir / FILE).exists():
        raise GatepostError(
            f"{settings.data_dir / FILE}: there is no database yet; `gatepost serve` makes it"
        )
    database = Database(settings.data_dir)
    history = History(database)
    records = history.find(id)
    if not records:
        raise GatepostError(
            f"{id}: no event, order or visitor of this id is kept; events are kept {settings.retention_days} "
            "days after they are settled"
        )
    texts = [
        explained(record, history.consents(record.event.shop, record.event.visitor)) for record in records
    ]
    database.close()
    return "\n\n".join(texts)


def _check_address(settings: Settings, host: str, port: int) -> None:
    if settings.development and host not in ("127.0.0.1", "::1", "localhost"):
        raise GatepostError(
            f"--host {host}: public_url is http://localhost, whose cookies are not Secure; "
            "listen on 127.0.0.1, or set public_url to the https:// address that browsers use"
        )
    check_port(host, port, "--port")
