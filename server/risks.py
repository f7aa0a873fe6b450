"""What is dangerous or incomplete in a configuration, as far as it alone can tell.

`gatepost check` lists it; whatever serves warns of it when it starts.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from urllib.parse import urlsplit

from server.exposure import exposure
from server.finding import Finding
from server.settings import Settings


def risks(settings: Settings) -> Iterator[Finding]:
    """Each with its mend; nothing where all is well."""
    yield from _secrecy(settings)
    yield from exposure(settings)
    for name in settings.shops:
        yield from _shop(settings, name)


def _secrecy(settings: Settings) -> Iterator[Finding]:
    config = settings.file
    if stat.S_IMODE(config.stat().st_mode) & 0o077:
        yield Finding(
            "wrong", str(config), f"others on this machine may read its secrets; chmod 600 {config}"
        )


def _shop(settings: Settings, name: str) -> Iterator[Finding]:
    shop = settings.shops[name]
    about = f"shops.{name}"
    if not shop.vendors:
        yield Finding("wrong", about, "names no vendor, so nothing is delivered; add one under vendors")
    if shop.consent == "not_required":
        yield Finding(
            "note",
            about,
            'consent = "not_required" relays before anyone has agreed; no exemption for audience measurement '
            "covers a relay to marketing vendors, so make sure that your law allows it",
        )
    if shop.null_origin:
        yield Finding(
            "note",
            about,
            "null_origin = true takes events from anybody's sandbox, not only from this shop's, and each "
            "request is a visitor of its own",
        )
    for origin in shop.origins:
        if urlsplit(origin).scheme == "http" and not settings.development:
            yield Finding(
                "wrong", about, f"the origin {origin} is not https; its visitors can be listened to"
            )
