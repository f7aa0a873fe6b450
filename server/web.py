"""The web half: granian serving the gateway from several processes."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import threading
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.server.common import AbstractServer

from server import logs
from server.app import create_front
from server.configure import read_settings
from server.front import Front
from server.garbage import leave_what_is_loaded
from server.settings import Settings

CONFIG_VARIABLE = "GATEPOST_CONFIG"


def application() -> Front:
    """What a worker process serves; reads the file that GATEPOST_CONFIG names."""
    logs.configure()
    _end_with_parent()
    front = create_front(read_settings(Path(os.environ[CONFIG_VARIABLE])))
    # Without taking the interpreter down piece by piece: the server's own threads, which still run, would
    # abort in it. Whatever was answered is on disk. https://github.com/emmett-framework/granian/issues/881
    atexit.register(os._exit, 0)
    leave_what_is_loaded()
    return front


def serve_web(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT, on a database that is migrated."""
    os.environ[CONFIG_VARIABLE] = str(settings.file)
    # The minifier is a Go library, which a forked process inherits half dead.
    multiprocessing.set_start_method("spawn", force=True)
    granian("server.web:application", host, port, workers).serve()


def granian(
    application: str, host: str, port: int, workers: int, interface: Interfaces = Interfaces.RSGI
) -> AbstractServer[Any]:
    """The server for an application, which `application` ("module:name") makes; not yet serving."""
    return Granian(
        application,
        factory=True,
        address=host,
        port=port,
        interface=interface,
        websockets=False,
        workers=workers,
        backlog=2048,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        log_access=False,
        log_enabled=False,
    )


def _end_with_parent() -> None:
    """A worker whose parent was killed must not go on holding the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        logging.getLogger(__name__).error("the parent process is gone; this worker ends")
        os._exit(1)

    threading.Thread(target=watch, name="gatepost-parent", daemon=True).start()
