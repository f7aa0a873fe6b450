"""What `gatepost check` says of one thing that it looked at."""

from __future__ import annotations

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    level: Literal["ok", "note", "wrong"]
    about: str
    says: str
