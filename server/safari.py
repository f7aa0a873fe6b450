"""How long Safari will keep the visitor's cookie, from where the shop's host and the gateway's are.

Safari keeps a cookie that a server sets for as long as the server says, unless the server is another one than
the page's: then for seven days. It takes two hosts of one site for different servers when

- the gateway's name is an alias (CNAME) that ends outside the site, and not where the page's own alias ends;
- or, without an alias, its address differs from the page's in the first 16 bits (IPv4) or 64 (IPv6), which
  addresses of different families always do.

Source: WebKit, Source/WebKit/NetworkProcess/cocoa/NetworkTaskCocoa.mm, and https://webkit.org/tracking-prevention/
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Literal

import msgspec
from publicsuffixlist import PublicSuffixList

from server.resolver import Address, Host, Resolver

COMPARED = {4: 16, 6: 64}
"""Bits of an address that have to be the same, by the version of the Internet Protocol."""

Life = Literal["full", "seven_days", "none", "unknown"]


class Prediction(msgspec.Struct, frozen=True):
    """What Safari will do with the gateway's cookies on pages of one host."""

    life: Life
    """none: the two are different sites, and no browser sends the cookies at all."""
    why: str


def predict(gateway: str, page: str, resolve: Resolver) -> Prediction:
    """How long cookies live that `gateway` sets for pages of `page`, both host names."""
    if gateway == page:
        return Prediction("full", "the page and Gatepost are on one host")
    site = registrable(page)
    if site is None or registrable(gateway) != site:
        return Prediction("none", f"{gateway} is not of the same site as {page}")
    theirs, ours = resolve(page), resolve(gateway)
    for host, found in ((gateway, ours), (page, theirs)):
        if found is None:
            return Prediction("unknown", f"{host} cannot be looked up from here")
    assert theirs is not None
    assert ours is not None
    if ours.canonical != gateway:
        return _by_name(gateway, ours, theirs, page, site)
    reasons = list(dict.fromkeys(_differences(ours, theirs)))
    if reasons:
        return Prediction("seven_days", "; ".join(reasons))
    return Prediction("full", f"{gateway} has no alias, and is where {page} is")


def _by_name(gateway: str, ours: Host, theirs: Host, page: str, site: str) -> Prediction:
    end = registrable(ours.canonical) or ours.canonical
    alias = f"{gateway} is an alias of {ours.canonical}"
    if end == site:
        return Prediction("full", f"{alias}, which is of the same site")
    if theirs.canonical != page and registrable(theirs.canonical) == end:
        return Prediction("full", f"{alias}, and {page} is an alias that ends in {end} too")
    return Prediction("seven_days", f"{alias}, which is not of the site {site}")


def _differences(ours: Host, theirs: Host) -> Iterator[str]:
    """Why some visitor may reach the two at addresses that Safari takes for different servers.

    Where both have addresses of both families, a visitor is taken to use the same one for both.
    """
    both = {our.version for our in ours.parsed()} == {their.version for their in theirs.parsed()}
    for our in ours.parsed():
        for their in theirs.parsed():
            if our.version != their.version:
                if not both:
                    yield f"{our} and {their} are addresses of different families"
            elif _begins(our) != _begins(their):
                yield f"{our} and {their} differ in their first {COMPARED[our.version]} bits"


def _begins(address: Address) -> int:
    return int(address) >> (address.max_prefixlen - COMPARED[address.version])


def registrable(host: str) -> str | None:
    """The site that a host belongs to, its registrable domain; None for a public suffix and an address."""
    return None if host.replace(".", "").isdigit() or ":" in host else _suffixes().privatesuffix(host)


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
