"""What others make of a configuration: whose word on addresses is believed, and how long cookies live."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from server.finding import Finding
from server.resolver import Resolver
from server.safari import predict
from server.settings import Settings

WIDEST = {4: 8, 6: 20}
"""The shortest prefix of a public network that may be one company's proxies, by version."""


def exposure(settings: Settings) -> Iterator[Finding]:
    """Where it is open to the wrong ones, as far as it alone can tell."""
    if settings.development:
        yield from _development(settings)
    for network in settings.trusted_proxies:
        yield from _proxy(network)


def _development(settings: Settings) -> Iterator[Finding]:
    yield Finding("note", "public_url", "http://localhost is for development; shops need an https:// address")
    for name, shop in settings.shops.items():
        for origin in shop.origins:
            if not _is_local(urlsplit(origin).hostname or ""):
                yield Finding(
                    "wrong",
                    f"shops.{name}",
                    f"the pages of {origin} are not on this machine and cannot reach http://localhost; set "
                    "public_url to the https:// address that their visitors use",
                )


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".test")):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _proxy(text: str) -> Iterator[Finding]:
    network = ipaddress.ip_network(text, strict=False)
    if network.is_private and network.prefixlen:
        return
    if network.prefixlen < WIDEST[network.version]:
        yield Finding(
            "wrong",
            "trusted_proxies",
            f"{text} lets every sender write its own address; name your proxy's network alone",
        )
    else:
        yield Finding(
            "note",
            "trusted_proxies",
            f"{text} is a public network: whoever sends from it may write any address; right only where it "
            "is your proxy's own",
        )


def cookie_lives(settings: Settings, resolve: Resolver) -> Iterator[Finding]:
    """What becomes of the visitors' cookies in Safari, which is the strictest."""
    if settings.development:
        return
    gateway = urlsplit(settings.public_url).hostname or ""
    seen: set[str] = set()
    for name, shop in settings.shops.items():
        for origin in shop.origins:
            page = urlsplit(origin).hostname or ""
            if page not in seen:
                seen.add(page)
                yield _cookie(f"shops.{name}", gateway, page, resolve)


def _cookie(about: str, gateway: str, page: str, resolve: Resolver) -> Finding:
    found = predict(gateway, page, resolve)
    own_path = f'below a path of the shop\'s own host (public_url = "https://{page}/gp")'
    match found.life:
        case "full":
            return Finding("ok", about, f"Safari keeps the cookies for their 390 days: {found.why}")
        case "seven_days":
            return Finding(
                "note",
                about,
                f"Safari keeps the cookies for 7 days only: {found.why}; {own_path} it keeps them for 390",
            )
        case "none":
            return Finding(
                "wrong",
                about,
                f"no browser sends our cookies from the pages of {page}: {found.why}; set public_url to a "
                f"subdomain of the shop, or to an address {own_path}",
            )
        case _:
            return Finding("note", about, f"how long Safari keeps the cookies is not known: {found.why}")
