"""The console's css, js and fonts; a browser keeps each until its content changes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Blueprint, Response, abort, request, send_from_directory, url_for
from werkzeug.wrappers import Response as AnyResponse

ENDPOINT = "console.assets.file"
_SHOWN = frozenset({".css", ".js", ".svg", ".woff2"})


class Assets:
    """The files of one folder, each with a mark of its content."""

    def __init__(self, root: Path) -> None:
        """Reads them all, once."""
        self.root = root
        self._marks = {
            file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()[:12]
            for file in sorted(root.rglob("*"))
            if file.suffix in _SHOWN
        }

    def url(self, name: str) -> str:
        """Where a file is, as it is now."""
        return url_for(ENDPOINT, name=name, v=self._marks[name])

    def __contains__(self, name: str) -> bool:
        return name in self._marks

    def mark(self, name: str) -> str:
        """What changes with the content."""
        return self._marks[name]


def blueprint(files: Assets) -> Blueprint:
    """`/console/static/<name>`, which needs no signing in: there is nothing in it."""
    routes = Blueprint("assets", __name__)

    @routes.get("/static/<path:name>")
    def file(name: str) -> AnyResponse:
        if name not in files:
            abort(404, "There is no such file.")
        response: Response = send_from_directory(files.root, name)
        if request.args.get("v") == files.mark(name):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    return routes
