"""The vendors Gatepost knows. A new one is its own file and one line here."""

from __future__ import annotations

from server.vendors.alana import Alana
from server.vendors.base import Vendor
from server.vendors.blueshift import Blueshift
from server.vendors.eightselect import EightSelect
from server.vendors.esputnik import ESputnik
from server.vendors.personaclick import PersonaClick

VENDORS: tuple[type[Vendor], ...] = (
    PersonaClick,
    Blueshift,
    ESputnik,
    Alana,
    EightSelect,
)


def vendor_types() -> dict[str, type[Vendor]]:
    """Each vendor's class by the name it has in gatepost.toml, in the order of `VENDORS`."""
    return {vendor.name: vendor for vendor in VENDORS}
