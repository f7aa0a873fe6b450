"""What a vendor said, without our credentials, should it repeat them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from server.settings import Secret, VendorSettings

SHORTEST = 4
"""Characters; a shorter credential would black out ordinary words."""


def redactor(settings: VendorSettings, credentials: Mapping[str, str]) -> Callable[[str], str]:
    """A function that replaces in a text whatever authenticates this destination."""
    fields = (getattr(settings, field.name) for field in msgspec.structs.fields(settings))
    secrets = {value.reveal() for value in fields if isinstance(value, Secret)}
    for header in credentials.values():
        secrets |= {header, header.rpartition(" ")[2]}
    secrets |= {secret.replace("/", "\\/") for secret in secrets}  # as JSON may write it
    longest_first = sorted((one for one in secrets if len(one) >= SHORTEST), key=len, reverse=True)

    def redacted(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, "***")
        return text

    return redacted
