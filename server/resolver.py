"""Looking up names: what a host is really called, and where it is."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import TypeAlias

import msgspec

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

PATIENCE = 5.0
"""Seconds; a name server that is silent must not hold up whoever asks."""


class Host(msgspec.Struct, frozen=True):
    """What the name server says of a host."""

    canonical: str
    """The last name of its chain of aliases (CNAME); its own where it is none."""
    addresses: tuple[str, ...]
    """Of both families, as text."""

    def parsed(self) -> list[Address]:
        """The addresses."""
        return [ipaddress.ip_address(address.partition("%")[0]) for address in self.addresses]


Resolver: TypeAlias = Callable[[str], Host | None]
"""What is known of a host by its name; None: it could not be looked up."""


def system_resolver(host: str) -> Host | None:
    """Ask as this machine's programs do."""
    found: list[Host] = []
    thread = threading.Thread(target=_look_up, args=(host, found), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return found[0] if found else None


def _look_up(host: str, found: list[Host]) -> None:
    # With a dot at the end no domain of this network is added; /etc/hosts knows names without it alone.
    for name in (f"{host}.", host):
        try:
            answers = socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
        except (OSError, UnicodeError):
            continue
        canonical = next((answer[3] for answer in answers if answer[3]), host)
        addresses = dict.fromkeys(str(answer[4][0]) for answer in answers)
        found.append(Host(canonical.rstrip(".").lower(), tuple(addresses)))
        return
