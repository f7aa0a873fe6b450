"""A program in a test's hands: started as a stranger would start it, gone after the block."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.gateway import ROOT, eventually


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without Gatepost's own variables; `server` is the one of this checkout."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
    return {**inherited, "PYTHONPATH": str(ROOT), **changes}


@contextmanager
def serving(
    command: Sequence[str], *answers: str, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in `folder` until the block ends; it begins once each of the URLs `answers` is answered
    with 200. What the program says is in `folder`/said.txt, and is shown when it does not come to answer."""
    said = folder / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(env or environment()),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for url in answers:
            _wait_for(url, process, said)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], said: Path) -> None:
    try:
        eventually(lambda: process.poll() is not None or _answers(url), 30)
        assert process.poll() is None, f"it ended with {process.returncode}"
    except AssertionError as error:
        raise AssertionError(f"{url}: {error}; it said: {said.read_text('utf-8', 'replace')}") from None


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10).status_code == 200
    except httpx.TransportError:
        return False
