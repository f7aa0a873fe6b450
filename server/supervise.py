"""Several processes as one: started together, restarted when one dies, ended together.

A supervised process holds the read end of a pipe as its standard input. When its supervisor dies, however it
dies, the pipe closes and the process ends itself: nothing stays behind that holds a port.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

from server.errors import GatepostError

log = logging.getLogger(__name__)

SUPERVISED = "GATEPOST_SUPERVISED"
PATIENCE = 15.0
"""Seconds that processes are given to end by themselves."""
LOOK = 0.2
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds before a process that ended is started again; doubled each time it ends soon."""
SOON = 60.0
SETTLED = 5.0
"""Seconds after which a process has plainly not refused to start."""
REFUSED = 2
"""The exit code of a process that will not start before something is mended."""


class _Child:
    def __init__(self, arguments: Sequence[str]) -> None:
        self.name = arguments[0]
        self._command = [sys.executable, "-m", "server", *arguments]
        self._pause = FIRST_PAUSE
        self._again_at = 0.0
        self._started_at = 0.0
        self._worked = False
        """It has run before: if it refuses now, a port or a lock is still in a dead one's hands."""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own program with our own arguments
            self._command,
            stdin=subprocess.PIPE,
            env={**os.environ, SUPERVISED: "1"},
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which ends them in order
        )

    def look(self) -> None:
        """Start it again when it has ended. Raises GatepostError when it refuses to run at all."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._again_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            self._worked = self._worked or now - self._started_at > SETTLED
            return
        if code == REFUSED and not self._worked:
            raise GatepostError(f"{self.name} refused to start; what it says above tells why")
        self._pause = FIRST_PAUSE if now - self._started_at > SOON else min(self._pause * 2, LONGEST_PAUSE)
        self._again_at = now + self._pause
        log.error("%s ended with code %s; starting it again in %.0f s", self.name, code, self._pause)
        self._close()

    def _close(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None

    def terminate(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("%s did not end in time and is killed", self.name)
            self.process.kill()
            self.process.wait()
        self._close()


def supervise(commands: Sequence[Sequence[str]], started: Callable[[], None] = lambda: None) -> None:
    """Run `gatepost` commands as processes until SIGTERM or SIGINT, then end them cleanly.

    `started` is called once they have been started. Raises GatepostError when one refuses to run.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    children = [_Child(command) for command in commands]
    try:
        for child in children:
            child.start()
        started()
        while not stop.wait(LOOK):
            for child in children:
                child.look()
    finally:
        for child in children:
            child.terminate()
        deadline = time.monotonic() + PATIENCE
        for child in children:
            child.wait(deadline)


def end_with_supervisor() -> bool:
    """In a supervised process: end as by SIGTERM when the supervisor is gone. Whether this is one."""
    if not os.environ.pop(SUPERVISED, ""):
        return False

    def watch() -> None:
        os.read(0, 1)  # returns when the other end closes: nobody ever writes
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="gatepost-supervisor", daemon=True).start()
    return True
