"""The vendors Gatepost knows. A new one is its own file and one line here."""

from __future__ import annotations

from server.vendors.base import Vendor

VENDORS: tuple[type[Vendor], ...] = ()


def vendor_types() -> dict[str, type[Vendor]]:
    """Each vendor's class by the name it has in gatepost.toml, in the order of `VENDORS`."""
    return {vendor.name: vendor for vendor in VENDORS}
