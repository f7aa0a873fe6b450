"""The vendors Gatepost knows: its own, and those that other packages bring.

One of its own is a file and a line in `VENDORS`. One from outside is a package with an entry point in the
group `gatepost.vendors`; see docs/adding-a-vendor.md.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from server.errors import SettingsError
from server.vendors.alana import Alana
from server.vendors.base import Vendor
from server.vendors.blueshift import Blueshift
from server.vendors.eightselect import EightSelect
from server.vendors.esputnik import ESputnik
from server.vendors.personaclick import PersonaClick

GROUP = "gatepost.vendors"

VENDORS: tuple[type[Vendor], ...] = (
    PersonaClick,
    Blueshift,
    ESputnik,
    Alana,
    EightSelect,
)


@cache
def vendor_types() -> dict[str, type[Vendor]]:
    """Each vendor's class by its name in gatepost.toml: Gatepost's own, then those installed beside it.

    Raises SettingsError when one from outside cannot be loaded or takes the name of another.
    """
    found = {vendor.name: vendor for vendor in VENDORS}
    for point in entry_points(group=GROUP):
        try:
            vendor = point.load()
        except Exception as error:  # whatever a package from outside does when it is imported
            raise SettingsError(
                f"the vendor {point.name} ({point.value}) cannot be loaded: {error}"
            ) from error
        if not (isinstance(vendor, type) and issubclass(vendor, Vendor)):
            raise SettingsError(f"the vendor {point.name} ({point.value}) is no server.vendors.base.Vendor")
        if found.setdefault(vendor.name, vendor) is not vendor:
            raise SettingsError(f"two vendors are called {vendor.name}; uninstall one ({point.value})")
    return found
