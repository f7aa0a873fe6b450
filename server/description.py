"""`GET /openapi.json`: the interfaces described, with this installation's own path."""

from __future__ import annotations

import json

from flask import Blueprint, Response

from server import __version__
from server.files import folder
from server.settings import Settings


def blueprint(settings: Settings) -> Blueprint:
    """The route; the description is read once."""
    description = json.loads((folder("static") / "api" / "openapi.json").read_text("utf-8"))
    description["info"]["version"] = __version__
    description["paths"] = {
        path.replace("/gp/", f"{settings.prefix}/", 1) if path.startswith("/gp/") else path: operations
        for path, operations in description["paths"].items()
    }
    body = json.dumps(description, ensure_ascii=False).encode()
    routes = Blueprint("description", __name__)

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(body, mimetype="application/json", headers={"Access-Control-Allow-Origin": "*"})

    return routes
