"""Whether a port can be listened on, asked before anything starts."""

from __future__ import annotations

import errno
import socket

from server.errors import GatepostError


def address_of(host: str) -> str:
    """The IP address that a host name stands for, IPv4 before IPv6.

    Raises GatepostError when it stands for none.
    """
    if not host:
        raise GatepostError("--host is empty; 127.0.0.1 listens to this machine, 0.0.0.0 to every network")
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise GatepostError(f"--host {host}: is no address and no name of this machine") from None
    return str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])


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
