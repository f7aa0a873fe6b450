"""Global Privacy Control: what the header means, and the resource that says it is heeded.

https://w3c.github.io/gpc/
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

LAST_UPDATE = "2026-11-21"
"""When what the resource says last changed."""


def says_gpc(header: str) -> bool:
    """Whether a Sec-GPC header counts: only exactly "1"; duplicates of the header may arrive joined."""
    return bool(header) and "1" in (part.strip() for part in header.split(","))


def blueprint() -> Blueprint:
    """The resource. In path mode the shop's web server has to pass it on, or to serve one of its own."""
    routes = Blueprint("gpc", __name__)

    @routes.get("/.well-known/gpc.json")
    def support() -> Response:
        response = jsonify(gpc=True, lastUpdate=LAST_UPDATE)
        response.headers["Cache-Control"] = "public, max-age=86400"
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    return routes
