"""`python -m benchmarks`: about eight minutes; prints what was measured."""

from __future__ import annotations

import os
import time

import click

from benchmarks import backlog, collecting, console, isolation, relaying, serving, tag
from benchmarks.report import machine, write


@click.command()
@click.option("--write", "writes", is_flag=True, help="Put the results into benchmarks/RESULTS.md.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=len(os.sched_getaffinity(0)),
    show_default="as many as processors",
    help="Web processes.",
)
@click.option("--rounds", type=click.IntRange(1, 100), default=7, show_default=True, help="Of each side.")
@click.option("--seconds", type=click.FloatRange(0.5, 60), default=2.5, show_default=True, help="Of a round.")
def main(writes: bool, workers: int, rounds: int, seconds: float) -> None:
    """Measure what Gatepost can carry on this machine."""
    begun = time.monotonic()
    parts = (
        lambda: tag.measure(rounds),
        lambda: collecting.measure(workers, rounds, seconds),
        relaying.measure,
        lambda: serving.measure(workers, seconds * 2),
        isolation.measure,
        backlog.measure,
        console.measure,
    )
    texts = [machine()]
    click.echo(texts[0])
    for part in parts:
        texts.append(part().markdown())
        click.echo(texts[-1])
    texts.append(f"Measured in {time.monotonic() - begun:.0f} seconds.")
    click.echo(texts[-1])
    if writes:
        write("\n".join(texts))


if __name__ == "__main__":
    main()
