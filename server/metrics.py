"""`GET /metrics`: the counts for Prometheus, the same that people see.

They come from the database, so every web process tells the same and a restart loses nothing.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from server.clock import Clock
from server.settings import Settings
from server.store.counts import Counts, DestinationCounts, count
from server.store.database import Database
from server.store.intake import Intake

MAX_REASONS = 30
"""Reasons told apart for one destination; the rest are counted together, so that labels stay few."""


def blueprint(settings: Settings, database: Database, intake: Intake, clock: Clock) -> Blueprint:
    """The route. It answers this machine and its private networks, and nothing that a proxy passes on."""
    routes = Blueprint("metrics", __name__)
    public = None if settings.development else urlsplit(settings.public_url).netloc

    @routes.get("/metrics")
    def metrics() -> Response:
        passed_on = "X-Forwarded-For" in request.headers or request.host == public
        if passed_on or not _is_private(request.remote_addr):
            abort(403, "metrics are for this machine and its private network, asked for directly")
        intake.flush_dropped()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Snapshot(count(database), clock()))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return routes


def _is_private(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_private
    except ValueError:
        return False


class _Snapshot(Collector):
    def __init__(self, counts: Counts, now: int) -> None:
        self._counts = counts
        self._now = now

    def collect(self) -> Iterator[Metric]:
        counts = self._counts
        yield _family(
            CounterMetricFamily("gatepost_events_received", "Events kept.", labels=["shop"]),
            ((shop,) for shop in counts.received),
            counts.received.values(),
        )
        yield _family(
            CounterMetricFamily(
                "gatepost_events_dropped",
                "Events not taken: duplicate, consent, bot or invalid.",
                labels=["shop", "reason"],
            ),
            counts.dropped,
            counts.dropped.values(),
        )
        yield self._deliveries()
        yield self._gauge(
            "gatepost_deliveries_waiting",
            "Events not settled yet at a destination.",
            ((one, float(one.waiting)) for one in counts.destinations),
        )
        yield self._gauge(
            "gatepost_oldest_waiting_seconds",
            "Age of the oldest event that waits for a destination; 0: none waits.",
            ((one, self._age(one.oldest_waiting)) for one in counts.destinations),
        )
        yield self._gauge(
            "gatepost_destination_held",
            "1 while a destination is not sent to: it refuses the credential, fails or throttles.",
            ((one, float(one.held_since is not None)) for one in counts.destinations),
        )
        yield _family(
            GaugeMetricFamily(
                "gatepost_heartbeat_age_seconds", "Since a process last showed life.", labels=["process"]
            ),
            ((name,) for name in counts.heartbeats),
            (self._age(at) for at in counts.heartbeats.values()),
        )

    def _deliveries(self) -> Metric:
        family = CounterMetricFamily(
            "gatepost_deliveries",
            "Deliveries that ended, by how; the reason of those not wanted.",
            labels=["shop", "vendor", "state", "reason"],
        )
        for one in self._counts.destinations:
            where = (one.shop, one.vendor)
            family.add_metric([*where, "delivered", ""], one.delivered)
            family.add_metric([*where, "dead", ""], one.dead)
            for reason, number in _few(one.not_wanted).items():
                family.add_metric([*where, "not_wanted", reason], number)
        return family

    def _gauge(self, name: str, says: str, values: Iterable[tuple[DestinationCounts, float]]) -> Metric:
        family = GaugeMetricFamily(name, says, labels=["shop", "vendor"])
        for one, value in values:
            family.add_metric([one.shop, one.vendor], value)
        return family

    def _age(self, moment: int | None) -> float:
        """Seconds since then; 0 for none."""
        return 0.0 if moment is None else max(0.0, (self._now - moment) / 1000)


def _few(reasons: dict[str, int]) -> dict[str, int]:
    """The most frequent reasons, and the others as one."""
    counter = Counter(reasons)
    few = dict(counter.most_common(MAX_REASONS))
    rest = counter.total() - sum(few.values())
    return {**few, "other": few.get("other", 0) + rest} if rest else few


def _family(
    family: CounterMetricFamily | GaugeMetricFamily,
    labels: Iterable[tuple[str, ...]],
    values: Iterable[float],
) -> Metric:
    for label, value in zip(labels, values, strict=True):
        family.add_metric(list(label), value)
    return family
