"""Where the files that are not Python lie: the tag, the console's assets, the templates."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from server.errors import GatepostError

_PACKAGE = Path(__file__).resolve().parent


def folder(name: Literal["static", "templates"]) -> Path:
    """The folder of that name: inside the installed package, or beside `server/` in a checkout.

    Raises GatepostError when it is in neither place.
    """
    places = (_PACKAGE / "_files" / name, _PACKAGE.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise GatepostError(
        f"The folder {name!r} is missing from this installation of Gatepost (looked for {places[0]} and "
        f"{places[1]}): install it again."
    )
