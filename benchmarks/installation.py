"""A throw-away installation: a folder with a configuration, processes that end with it."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.traffic import ORIGIN, SHOP
from server.configure import read_settings
from server.settings import Settings
from server.store.database import Database

READY = 20.0
"""Seconds that a process may take to listen."""
ROOT = Path(__file__).parents[1]

_CONFIGURATION = f"""\
public_url = "https://gp.bench.example"
secrets = ["{{secret}}"]

[shops.{SHOP}]
origins = ["{ORIGIN}"]
consent = "required"
{{vendors}}"""


class Installation:
    """A folder with gatepost.toml in it, and the processes that were started on it."""

    def __init__(self, folder: Path, vendors: str) -> None:
        self.config = folder / "gatepost.toml"
        self.config.write_text(_CONFIGURATION.format(secret=secrets.token_hex(32), vendors=vendors), "utf-8")
        self.config.chmod(0o600)
        self.settings: Settings = read_settings(self.config)
        self._processes: list[subprocess.Popen[bytes]] = []

    def gatepost(self, *arguments: str) -> int:
        """Start a `gatepost` command on this configuration; returns its process id."""
        return self.start("server", arguments[0], "--config", str(self.config), *arguments[1:])

    def start(self, module: str, *arguments: str) -> int:
        """Start a module as a process; returns its id."""
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT)
        self._processes.append(process)
        return process.pid

    def stop(self) -> None:
        """End every process that was started, the last one first."""
        while self._processes:
            process = self._processes.pop()
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def bytes_in_use(self) -> int:
        """How large the database is, what may still be in its journal included, free pages excluded."""
        database = Database(self.settings.data_dir)
        connection = database.reader()
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        database.close()
        return int((pages - free) * size)


@contextmanager
def installation(vendors: str = "") -> Iterator[Installation]:
    """An installation that is gone afterwards. `vendors`: the shop's tables in gatepost.toml."""
    folder = Path(tempfile.mkdtemp(prefix="gatepost-bench-", dir=disk()))
    made = Installation(folder, vendors)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


def disk() -> Path:
    """A folder on a real disk: the usual temporary one, unless that is memory."""
    usual = Path(tempfile.gettempdir())
    return usual if filesystem(usual) not in ("tmpfs", "ramfs") else ROOT


def filesystem(folder: Path) -> str:
    """What kind of file system a folder is on, as /proc/mounts says."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    above = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(above)[1]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_ready(*ports: int) -> None:
    """Wait until something listens on each of these."""
    deadline = time.monotonic() + READY
    for port in ports:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"nothing listens on port {port}") from None
                time.sleep(0.05)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text("ascii").split()]
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """How much processor time these processes have used so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """How much processor time the whole machine has used so far."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text("ascii").split()[1:9])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def program(pid: int) -> str:
    """What a process of Gatepost is, in words."""
    arguments = Path(f"/proc/{pid}/cmdline").read_text("utf-8").split("\0")
    if "benchmarks.unthrottled" in arguments:
        return "relay"
    if "-m" in arguments:
        return arguments[arguments.index("-m") + 2]
    return "resource tracker" if "resource_tracker" in " ".join(arguments) else "web worker"


def resident(pid: int) -> float:
    """A process's resident memory in MB."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
