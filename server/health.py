"""Is this process alive, and can it keep events now."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from server.errors import CannotKeep
from server.store.intake import Intake


def blueprint(intake: Intake) -> Blueprint:
    """`/healthz` and `/readyz`."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return jsonify(status="ok")

    @routes.get("/readyz")
    def ready() -> Response:
        try:
            intake.probe()
        except CannotKeep as error:
            response = jsonify(status="unavailable", error=str(error))
            response.status_code = 503
            return response
        return jsonify(status="ok")

    return routes
