"""Durable `POST /e` against a bare Flask 204 on the same server, in turns, in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from statistics import median
from typing import NamedTuple

from benchmarks.installation import (
    Installation,
    busy_seconds,
    cpu_seconds,
    family,
    free_port,
    installation,
    until_ready,
)
from benchmarks.load import Load, Result
from benchmarks.report import Row, Section, at_least, below
from benchmarks.traffic import Visitors
from server.store.database import Database
from server.store.intake import Intake

CONNECTIONS = 64
VISITORS = 2000
BATCH = 10
KEPT = b'"dropped":[]'
NOTHING = b"HTTP/1.1 204"
RATIO = 0.6
P99 = 50.0
"""Milliseconds, at half load."""


class Round(NamedTuple):
    """One round of each side, and what it cost."""

    bare: Result
    ours: Result
    bare_cpu: float
    """Microseconds of processor time per request."""
    ours_cpu: float
    others: float
    """How many cores other programs used meanwhile."""

    @property
    def ratio(self) -> float:
        return self.ours.rate / self.bare.rate


class Sides:
    """The two servers, alike but for what they do, and the visitors who send to both."""

    def __init__(self, made: Installation, workers: int) -> None:
        self._ours, self._bare = free_port(), free_port()
        self._visitors = Visitors(made.settings, VISITORS)
        database = Database(made.settings.data_dir)
        with closing(Intake(database)) as intake:
            self._visitors.remembered(intake)
        database.close()
        self._bare_process = made.start("benchmarks.bare", str(self._bare), str(workers))
        self._ours_process = made.gatepost("web", "--port", str(self._ours), "--workers", str(workers))
        until_ready(self._ours, self._bare)
        self.round(1.0)  # to warm up

    def round(self, seconds: float, events: int = 1) -> Round:
        """Both at full load for so long, one after the other."""
        bare_family, our_family = family(self._bare_process), family(self._ours_process)
        busy, bare_cpu, our_cpu = busy_seconds(), cpu_seconds(bare_family), cpu_seconds(our_family)
        with closing(Load(self._bare, CONNECTIONS)) as load:
            bare = load.full(self._visitors.requests(events), NOTHING, seconds)
        with closing(Load(self._ours, CONNECTIONS)) as load:
            ours = load.full(self._visitors.requests(events), KEPT, seconds)
        bare_cpu, our_cpu = cpu_seconds(bare_family) - bare_cpu, cpu_seconds(our_family) - our_cpu
        of_load = bare.busy * bare.seconds + ours.busy * ours.seconds
        others = busy_seconds() - busy - bare_cpu - our_cpu - of_load
        return Round(
            bare,
            ours,
            bare_cpu / bare.answers * 1e6,
            our_cpu / ours.answers * 1e6,
            max(0.0, others / (bare.seconds + ours.seconds)),
        )

    def paced(self, rate: float, seconds: float) -> Result:
        """Ours at so many requests a second."""
        with closing(Load(self._ours, CONNECTIONS)) as load:
            return load.paced(self._visitors.requests(), KEPT, rate, seconds)


def measure(workers: int, rounds: int, seconds: float) -> Section:
    """So many rounds of one event a request, half as many of ten, and one at half load."""
    with installation() as made:
        sides = Sides(made, workers)
        before = made.bytes_in_use()
        single = [sides.round(seconds) for _ in range(rounds)]
        half = sides.paced(median(one.ours.rate for one in single) / 2, seconds * 2)
        kept = sum(one.ours.answers for one in single) + half.answers
        on_disk = (made.bytes_in_use() - before) / kept
        batched = [sides.round(seconds, BATCH) for _ in range(max(1, rounds // 2))]
    return Section(
        f"Taking events: {workers} worker{'s' if workers > 1 else ''}, {CONNECTIONS} connections",
        [*_rows(single, half), *_batch_rows(batched), Row("Bytes on disk per event kept", f"{on_disk:,.0f}")],
        _notes([*single, *batched]),
    )


def _rows(rounds: Sequence[Round], half: Result) -> list[Row]:
    ratios = sorted(one.ratio for one in rounds)
    rates = sorted(one.ours.rate for one in rounds)
    full = sorted(rounds, key=lambda one: one.ours.rate)[len(rounds) // 2].ours
    return [
        Row("Bare Flask view, 204 per second", f"{median(one.bare.rate for one in rounds):,.0f}"),
        Row(
            "Durable `POST /e`, one event each, per second",
            f"{median(rates):,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})",
        ),
        at_least("Ratio of the two in the same round, median", median(ratios), RATIO, "{:.2f}"),
        Row("… lowest and highest", f"{ratios[0]:.2f} to {ratios[-1]:.2f}"),
        Row(
            "Processor time per request, bare and ours",
            f"{median(one.bare_cpu for one in rounds):,.0f} and "
            f"{median(one.ours_cpu for one in rounds):,.0f} µs",
        ),
        Row("Answer at full load, p50", f"{full.quantile(0.5):.1f} ms"),
        Row("Answer at full load, p99", f"{full.quantile(0.99):.1f} ms"),
        Row("Answer at half of it, p50", f"{half.quantile(0.5):.1f} ms"),
        below("Answer at half of it, p99", half.quantile(0.99), P99),
    ]


def _batch_rows(rounds: Sequence[Round]) -> list[Row]:
    ratios = [one.ratio for one in rounds]
    return [
        Row(
            f"Durable `POST /e`, {BATCH} events each, events per second",
            f"{BATCH * median(one.ours.rate for one in rounds):,.0f}",
        ),
        Row("… its events against the bare view's requests", f"{BATCH * median(ratios):.2f}"),
    ]


def _notes(rounds: Sequence[Round]) -> list[str]:
    refused = sum(one.bare.refused + one.ours.refused for one in rounds)
    busiest = max(result.busy for one in rounds for result in (one.bare, one.ours))
    others = sorted(one.others for one in rounds)
    return [
        f"The load generator used at most {busiest:.0%} of a core, other programs {others[0]:.1f} to "
        f"{others[-1]:.1f} cores. Answers that were not the expected one: {refused}."
    ]
