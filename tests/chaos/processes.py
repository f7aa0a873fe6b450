"""The processes of an installation, each of which may be killed at any moment and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 40.0
"""How long a process may take to be there, on a machine that does other things too."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class GatepostProcess:
    """`gatepost <arguments>`; what it says goes to a file."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.name = arguments[0]
        self._command = [sys.executable, "-m", "server", *arguments]
        self._log = (folder / f"{self.name}.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def tree(self) -> list[int]:
        """The process and those it has started."""
        assert self._process is not None
        found = [self._process.pid]
        for pid in found:
            found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> float:
        """SIGKILL; the moment at which it was dead, in seconds since 1970."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        return time.time()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def close(self) -> None:
        if self.runs:
            self.kill()
        self._log.close()


def wait_for(url: str, process: GatepostProcess) -> None:
    """Until this answers. A process that has ended, as when its port is not free yet, is started again."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False, timeout=2).status_code == 200:
                return
        assert time.monotonic() < deadline, f"{process.name} does not answer"
        if not process.runs:
            process.start()
        threading.Event().wait(0.05)


def configuration(port: int, sandbox_port: int) -> str:
    """A shop whose events go to PersonaClick and Blueshift, both of them the sandbox's."""
    return f"""
        public_url = "http://localhost:{port}"
        secrets = ["c9d1f6be52a34f0f8e0d7b6a5c4e3f21"]
        requests_per_minute = 1000000
        [shops.demo]
        origins = ["http://localhost:8080"]
        [shops.demo.vendors.personaclick]
        shop_id = "0d42fd8b713d0752776ca589cc0056"
        base_url = "http://127.0.0.1:{sandbox_port}/personaclick"
        [shops.demo.vendors.blueshift]
        api_key = "5e0c731de3b111ebba800242ac130004"
        base_url = "http://127.0.0.1:{sandbox_port}/blueshift"
    """
