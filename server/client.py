"""Who is asking: the address of a request's sender, as far as it can be believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """The networks whose forwarding headers are believed."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: list[_Network] = [ipaddress.ip_network(network, strict=False) for network in networks]

    def sender(self, peer: str, forwarded_for: str) -> str:
        """The address of the sender: the peer, unless that is a trusted proxy, which names whom it serves.

        `forwarded_for` is the X-Forwarded-For header, read from the right: what stands left of the first
        address that is no trusted proxy was written by the sender, and proves nothing.
        """
        sender = peer
        for hop in reversed(forwarded_for.split(",")) if forwarded_for else ():
            if not self._trusts(sender):
                break
            named = _without_port(hop.strip())
            if _address(named) is None:
                break
            sender = named
        return sender

    def _trusts(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and any(address in network for network in self._networks)


def _without_port(hop: str) -> str:
    """Some gateways name the port as well: "203.0.113.7:49152", "[2001:db8::1]:49152"."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def is_loopback(address: str) -> bool:
    """Whether this is the machine itself: a proxy beside us, never a shopper."""
    parsed = _address(address)
    return parsed is not None and parsed.is_loopback


def subscriber(address: str) -> str:
    """Whom an address stands for: itself, or in IPv6 the /64 network, all of which is one subscriber's.

    What is no address stands for itself.
    """
    parsed = _address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address


@lru_cache(maxsize=4096)
def _address(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
