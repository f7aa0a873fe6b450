"""Is this process alive, and can it keep events now."""

from __future__ import annotations

import threading
from collections import deque

from flask import Blueprint, Response, jsonify

from server.clock import Clock
from server.errors import CannotKeep
from server.store.intake import Intake
from server.store.outbox import RELAY

MOST = 3
"""Proofs within a second; asked more often, the last one has to do: nobody keeps the disk busy by asking."""
SECOND = 1000
STUCK = 60_000
"""Milliseconds without a sign of life after which a relay is stuck; one that ended in order left none."""


class Proof:
    """That events can be kept now, by keeping something of no meaning."""

    def __init__(self, intake: Intake, clock: Clock) -> None:
        self._intake = intake
        self._clock = clock
        self._lock = threading.Lock()
        self._made: deque[int] = deque(maxlen=MOST)
        self._problem = ""

    def renew(self) -> None:
        """Raises CannotKeep when events cannot be kept."""
        with self._lock:
            now = self._clock()
            if len(self._made) < MOST or not 0 <= now - self._made[0] < SECOND:
                self._made.append(now)
                self._problem = self._tried()
            if self._problem:
                raise CannotKeep(self._problem)

    def _tried(self) -> str:
        """What is wrong; empty when nothing is."""
        try:
            self._intake.probe()
        except CannotKeep as error:
            return str(error)
        return ""


def blueprint(intake: Intake, clock: Clock) -> Blueprint:
    """`/healthz` and `/readyz`."""
    routes = Blueprint("health", __name__)
    proof = Proof(intake, clock)

    @routes.get("/healthz")
    def alive() -> Response:
        return jsonify(status="ok")

    @routes.get("/readyz")
    def ready() -> Response:
        try:
            proof.renew()
            seen = intake.heartbeat(RELAY)
            if seen is not None and clock() - seen > STUCK:
                raise CannotKeep(f"the relay has shown no life for {(clock() - seen) // 1000} seconds")
        except CannotKeep as error:
            response = jsonify(status="unavailable", error=str(error))
            response.status_code = 503
            return response
        return jsonify(status="ok")

    return routes
