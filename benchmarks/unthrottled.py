"""A relay as `gatepost relay`, but for the vendors' rate limits: `python -m benchmarks.unthrottled CONFIG`.

Blueshift takes 5 bulk calls a second, and PersonaClick is sent 200 requests a second at most; with those the
vendors' limits would be measured, not the relay.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from server.configure import read_settings
from server.relay.relay import run_relay
from server.vendors.base import Vendor
from server.vendors.blueshift import Blueshift
from server.vendors.personaclick import PersonaClick

WINDOW = (100_000, 1000)
"""Requests and milliseconds: more than can be."""


def _unthrottled(vendor: Vendor) -> Vendor:
    vendor.limits = msgspec.structs.replace(vendor.limits, window=WINDOW)
    return vendor


def _personaclick(settings: Any) -> Vendor:
    return _unthrottled(PersonaClick(settings))


def _blueshift(settings: Any) -> Vendor:
    return _unthrottled(Blueshift(settings))


if __name__ == "__main__":
    run_relay(read_settings(Path(sys.argv[1])), {"personaclick": _personaclick, "blueshift": _blueshift})
