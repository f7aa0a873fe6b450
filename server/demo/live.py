"""The panel's endpoints: what Gatepost did with each event, and switches that make a vendor misbehave."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict
from urllib.parse import urlsplit

from flask import Blueprint, current_app, jsonify, request
from werkzeug.wrappers import Response

MOST_EVENTS = 100
"""In one answer; the panel shows no more either."""
SANDBOX_SECONDS = 5


class LiveRequest(TypedDict):
    """One request to a vendor and its answer. `at`: ms since 1970; `status` None: no answer came."""

    at: int
    method: str
    path: str
    body: Any
    status: int | None
    reply: str


class LiveDelivery(TypedDict):
    """How one event fares with one vendor. `next_at`: ms since 1970, when it will be tried again."""

    vendor: str
    state: Literal["waiting", "delivered", "not_wanted", "retrying", "dead", "held"]
    reason: str
    attempts: int
    next_at: int | None
    requests: list[LiveRequest]


class LiveEvent(TypedDict):
    """One event as Gatepost kept it. `seq` grows with every event; `at`: ms since 1970."""

    seq: int
    id: str
    name: str
    at: int
    page: str
    params: dict[str, Any]
    consent: dict[str, str]
    deliveries: list[LiveDelivery]


Live: TypeAlias = Callable[[int], list[LiveEvent]]
"""The events with a `seq` above the one given, oldest first."""


@dataclass(frozen=True)
class Switch:
    """One button of the panel: the faults it asks the sandbox for, and what it then says."""

    label: str
    say: str
    faults: tuple[dict[str, Any], ...]


SWITCHES = {
    "blueshift-fails": Switch(
        "Blueshift fails 5×",
        "Blueshift answers 503 to its next 5 requests. Click around and watch them being tried again.",
        ({"vendor": "blueshift", "status": 503, "times": 5},),
    ),
    "personaclick-down": Switch(
        "PersonaClick down",
        "PersonaClick answers 503 until all is well again. The other vendors do not notice.",
        ({"vendor": "personaclick", "status": 503},),
    ),
    "all-well": Switch(
        "All well again",
        "Every vendor answers as it should. What waits is delivered at its next try.",
        ({"vendor": "blueshift", "times": 0}, {"vendor": "personaclick", "times": 0}),
    ),
}

panel = Blueprint("panel", __name__)


@panel.get("/_live")
def events() -> Response | tuple[Response, int]:
    """The newest events with a `seq` above `after`, and the time now, which the countdowns need."""
    after = request.args.get("after", "0")
    if not (after.isascii() and after.isdecimal() and len(after) < 16):
        return jsonify(error="after: say the number of the last event seen, or 0."), 400
    live: Live = current_app.config["LIVE"]
    try:
        found = live(int(after))
    except Exception:
        current_app.logger.exception("The panel's feed failed")
        return jsonify(error="Gatepost's record cannot be read at the moment."), 503
    response = jsonify(now=time.time_ns() // 1_000_000, events=found[-MOST_EVENTS:])
    response.cache_control.no_store = True
    return response


@panel.post("/_live/switch")
def switch() -> Response | tuple[Response, int]:
    """Press one of `SWITCHES`: it is passed on to the sandbox, which this page may not reach itself."""
    chosen = SWITCHES.get(request.form.get("switch", ""))
    if chosen is None:
        return jsonify(say=f"There is no such switch; there is {', '.join(SWITCHES)}."), 400
    try:
        for fault in chosen.faults:
            _tell_sandbox(current_app.config["SANDBOX_URL"], fault)
    except (OSError, http.client.HTTPException) as error:
        return jsonify(say=f"The sandbox does not answer ({error}). Is the demo still running?"), 502
    return jsonify(say=chosen.say)


def _tell_sandbox(base: str, fault: dict[str, Any]) -> None:
    """Put one fault in force. Raises OSError or HTTPException when the sandbox does not take it."""
    at = urlsplit(base)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=SANDBOX_SECONDS)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", f"{at.path.rstrip('/')}/_sandbox/faults", json.dumps(fault), headers)
        reply = connection.getresponse()
        reply.read()
    finally:
        connection.close()
    if reply.status >= 300:
        raise OSError(f"it answered {reply.status}")
