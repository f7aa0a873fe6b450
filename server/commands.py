"""What the commands do that take a configuration."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from server.client import is_loopback
from server.clock import Clock, system_clock
from server.configure import read_settings
from server.dead import all_of, grouped, listed, read_time, refusals
from server.errors import GatepostError
from server.explain import explained
from server.ports import address_of, check_port
from server.relay.relay import run_relay
from server.risks import risks
from server.settings import Settings
from server.store.database import FILE, Database
from server.store.deadletters import DeadLetters, Filter
from server.store.history import History
from server.supervise import end_with_supervisor, supervise
from server.vendors import vendor_types
from server.web import serve_web

log = logging.getLogger(__name__)


def serve_all(config: Path, host: str, port: int, workers: int) -> None:
    """Web workers and relay as one. Returns after SIGTERM or SIGINT."""
    settings = read_settings(config)
    address = _checked_address(settings, host, port)
    Database(settings.data_dir).close()  # one process migrates; those it starts find it done
    _warn_of_risks(settings)
    where = ["--config", str(config)]
    supervise(
        [
            ["web", *where, "--host", address, "--port", str(port), "--workers", str(workers)],
            ["relay", *where],
        ],
        started=lambda: log.info(
            "serving on http://%s:%d", f"[{address}]" if ":" in address else address, port
        ),
    )


def serve_web_half(config: Path, host: str, port: int, workers: int) -> None:
    """The web half, until SIGTERM or SIGINT."""
    is_supervised = end_with_supervisor()
    settings = read_settings(config)
    address = _checked_address(settings, host, port)
    Database(settings.data_dir).close()  # migrates once, and refuses before any worker starts
    if not is_supervised:  # else its supervisor has warned
        _warn_of_risks(settings)
    serve_web(settings, address, port, workers)


def _warn_of_risks(settings: Settings) -> None:
    for risk in risks(settings):
        log.warning("%s: %s", risk.about, risk.says)


def serve_relay_half(config: Path) -> None:
    """The delivering half, until SIGTERM or SIGINT."""
    end_with_supervisor()
    run_relay(read_settings(config), vendor_types())


def explain_id(config: Path, id: str) -> str:
    """Everything that is known of what this id names, as text.

    Raises GatepostError when nothing is.
    """
    settings = read_settings(config)
    database = existing_database(settings)
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


def list_dead(config: Path, which: Mapping[str, str], limit: int) -> Iterator[str]:
    """The dead letters that are meant, a line each; then how many of each kind where there are several."""
    with _dead_letters(config) as (_, letters):
        found = list(islice(all_of(letters, _filter(which)), limit + 1))
        yield from listed(found[:limit])
        if len(found) > limit:
            yield f"and more; narrow it down, or raise --limit above {limit}"
        if not found:
            yield "no dead letters"


def replay_dead(
    config: Path, which: Mapping[str, str], *, really: bool, clock: Clock = system_clock
) -> Iterator[str]:
    """What would be tried again, and with `really` does it."""
    with _dead_letters(config) as (settings, letters):
        found = list(all_of(letters, _filter(which)))
        yield from grouped(found)
        for reason, count in refusals(letters, found, settings).most_common():
            yield f"{count:>7}  of these {reason}"
        if really:
            done = letters.replay(found, clock())
            yield f"{done} will be tried again; `gatepost explain` tells how each fares"
        else:
            yield f"{len(found)} would be tried again; add --yes to do it"


def drop_dead(config: Path, which: Mapping[str, str], *, really: bool) -> Iterator[str]:
    """What would be given up, and with `really` does it."""
    with _dead_letters(config) as (_, letters):
        found = list(all_of(letters, _filter(which)))
        yield from grouped(found)
        if really:
            yield f"{letters.drop(found, system_clock())} are given up for good"
        else:
            yield f"{len(found)} would be given up for good; add --yes to do it"


@contextmanager
def _dead_letters(config: Path) -> Iterator[tuple[Settings, DeadLetters]]:
    settings = read_settings(config)
    database = existing_database(settings)
    try:
        yield settings, DeadLetters(database)
    finally:
        database.close()


def _filter(which: Mapping[str, str]) -> Filter:
    now = system_clock()
    times = {name: read_time(which[name], now) for name in ("since", "until")}
    return Filter(**{**which, **times})  # type: ignore[arg-type]


def existing_database(settings: Settings) -> Database:
    """The database of this configuration. Raises GatepostError where there is none yet."""
    if not (settings.data_dir / FILE).exists():
        raise GatepostError(f"{settings.data_dir / FILE}: no database yet; `gatepost serve` makes it")
    return Database(settings.data_dir)


def _checked_address(settings: Settings, host: str, port: int) -> str:
    address = address_of(host)
    if settings.development and not is_loopback(address):
        raise GatepostError(
            f"--host {host}: public_url is http://localhost, whose cookies are not Secure; "
            "listen on 127.0.0.1, or set public_url to the https:// address that browsers use"
        )
    check_port(address, port, "--port")
    return address
