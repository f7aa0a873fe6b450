"""The console's css, js and fonts; a browser keeps each until its content changes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory, url_for
from werkzeug.wrappers import Response as AnyResponse

ENDPOINT = "console.assets.file"
_SHOWN = frozenset({".css", ".js", ".svg", ".woff2"})


class Assets:
    """The files of one folder, under a mark of their content.

    One mark for all, in front of their names: what they import from each other has it too.
    """

    def __init__(self, root: Path) -> None:
        """Reads them all, once."""
        self.root = root
        files = [file for file in sorted(root.rglob("*")) if file.suffix in _SHOWN]
        self._names = {file.relative_to(root).as_posix() for file in files}
        content = hashlib.sha256()
        for file in files:
            content.update(file.read_bytes())
        self.mark = content.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Where a file is, as it is now."""
        return url_for(ENDPOINT, mark=self.mark, name=name)

    def __contains__(self, name: str) -> bool:
        return name in self._names


def blueprint(files: Assets) -> Blueprint:
    """`/console/static/<mark>/<name>`, which needs no signing in: there is nothing in it."""
    routes = Blueprint("assets", __name__)

    @routes.get("/static/<mark>/<path:name>")
    def file(mark: str, name: str) -> AnyResponse:
        if name not in files:
            abort(404, "There is no such file.")
        response: Response = send_from_directory(files.root, name)
        if mark == files.mark:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    return routes
