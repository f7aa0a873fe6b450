"""Whether a port can be listened on, asked before anything starts."""

from __future__ import annotations

import errno
import socket

from server.errors import GatepostError


def check_port(host: str, port: int, option: str) -> None:
    """Raises GatepostError when nothing could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise GatepostError(f"port {port} on {host} is taken; choose another with {option}") from None
            raise GatepostError(f"{host}:{port} cannot be listened on: {error.strerror or error}") from None
