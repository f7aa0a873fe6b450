"""Is this process alive, and can it keep events now."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from server.clock import Clock
from server.errors import CannotKeep
from server.store.intake import Intake
from server.store.outbox import RELAY

STUCK = 60_000
"""Milliseconds without a sign of life after which a relay is stuck; one that ended in order left none."""


def blueprint(intake: Intake, clock: Clock) -> Blueprint:
    """`/healthz` and `/readyz`."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return jsonify(status="ok")

    @routes.get("/readyz")
    def ready() -> Response:
        try:
            intake.probe()
            seen = intake.heartbeat(RELAY)
            if seen is not None and clock() - seen > STUCK:
                raise CannotKeep(f"the relay has shown no life for {(clock() - seen) // 1000} seconds")
        except CannotKeep as error:
            response = jsonify(status="unavailable", error=str(error))
            response.status_code = 503
            return response
        return jsonify(status="ok")

    return routes
