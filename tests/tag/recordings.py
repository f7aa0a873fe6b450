"""Recordings of data layers: what shops push, and the events that docs/events.md makes of it.

Each file under recordings/ is a script that pushes into `dataLayer`, directly or by `gtag`. Its first line
says what it is about; each line that begins with `// => ` is one event that is expected: a name, and params.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recordings"
EXPECTED = "// => "
GTAG = "window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments); }"


@dataclass(frozen=True)
class Recording:
    """One of them."""

    name: str
    script: str
    """To be run in a page, by itself."""
    events: list[tuple[str, dict[str, Any]]]
    """What is expected, in this order."""


def read(file: Path) -> Recording:
    """Read one file."""
    lines = file.read_text(encoding="utf-8").splitlines()
    events = [line.removeprefix(EXPECTED).split(" ", 1) for line in lines if line.startswith(EXPECTED)]
    return Recording(
        file.stem,
        f"{GTAG}\n(() => {{\n" + "\n".join(lines) + "\n})();",
        [(name, json.loads(params)) for name, params in events],
    )


RECORDINGS = [read(file) for file in sorted(FOLDER.glob("*.js"))]
