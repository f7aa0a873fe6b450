"""Reads gatepost.toml with the vendors that exist."""

from __future__ import annotations

from pathlib import Path

from server.settings import Settings, load
from server.vendors import vendor_types


def read_settings(file: Path) -> Settings:
    """The configuration in this file. Raises SettingsError naming the file, the key and the mend."""
    return load(file, {name: vendor.Settings for name, vendor in vendor_types().items()})
