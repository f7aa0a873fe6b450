"""Sections of numbers and their targets, as Markdown; what machine they are of."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from benchmarks.installation import disk, filesystem

RESULTS = Path(__file__).with_name("RESULTS.md")
_BEGIN, _END = "<!-- measured: from here on `make bench` writes -->", "<!-- end of what is measured -->"
_PACKAGES = ("flask", "flask-cors", "granian", "msgspec", "sqlalchemy", "httpx")


class Row(NamedTuple):
    """One number, in words with its unit."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None


class Section(NamedTuple):
    """What was measured of one part."""

    title: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        """The section as a table and sentences."""
        lines = [f"## {self.title}", "", "| | measured | target | |", "|---|---|---|---|"]
        lines += [
            f"| {row.what} | {row.measured} | {row.target} | {_verdict(row.met)} |" for row in self.rows
        ]
        return "\n".join([*lines, "", *(f"{note}\n" for note in self.notes)])


def at_least(what: str, value: float, target: float, form: str = "{:,.0f}") -> Row:
    """A number that should not be lower than its target."""
    return Row(what, form.format(value), "≥ " + form.format(target), value >= target)


def below(what: str, value: float, target: float, form: str = "{:.1f} ms") -> Row:
    """A number that should be lower than its target."""
    return Row(what, form.format(value), "< " + form.format(target), value < target)


def _verdict(met: bool | None) -> str:
    return "" if met is None else "met" if met else "**missed**"


def machine() -> str:
    """Where and with what this was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {_processor()}, {len(os.sched_getaffinity(0))} cores, "
        f"{memory:.0f} GB; Linux {platform.release()}; Python {platform.python_version()}, SQLite "
        f"{sqlite3.sqlite_version}, {packages}. The database lies on {filesystem(disk())}; every commit "
        "waits for the disk (synchronous = FULL).\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def write(text: str) -> None:
    """Put the text into RESULTS.md, in place of what was measured last; what people wrote stays."""
    known = RESULTS.read_text("utf-8")
    before, _, rest = known.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    RESULTS.write_text(f"{before}{_BEGIN}\n\n{text}\n{_END}{after}", "utf-8")
