"""What Gatepost is measured against: a Flask view that answers 204 and nothing else, on the same server."""

from __future__ import annotations

import sys

from flask import Flask
from granian.constants import Interfaces

from server.web import granian


def application() -> Flask:
    """One view and nothing else."""
    app = Flask(__name__, static_folder=None)

    @app.post("/gp/<shop>/e")
    def nothing(shop: str) -> tuple[str, int]:  # noqa: ARG001
        return "", 204

    return app


if __name__ == "__main__":
    port, workers = map(int, sys.argv[1:])
    granian("benchmarks.bare:application", "127.0.0.1", port, workers, Interfaces.WSGI).serve()
