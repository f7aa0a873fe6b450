"""The sandbox's own endpoints, below /_sandbox/: the ledger, the faults, the reset and a page for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from server.errors import BadRequest
from server.sandbox.faults import Faults, read_fault
from server.sandbox.ledger import Ledger
from server.sandbox.page import page
from server.sandbox.standin import StandIn


def control(standins: Mapping[str, StandIn], ledger: Ledger, faults: Faults) -> Blueprint:
    """The endpoints that list, empty and disturb this sandbox."""
    blueprint = Blueprint("control", __name__, url_prefix="/_sandbox")
    endpoints = {name: list(standin.endpoints) for name, standin in standins.items()}

    def wanted_vendor() -> str | None:
        vendor = request.args.get("vendor") or None
        if vendor is not None and vendor not in standins:
            raise BadRequest(f"vendor: there is no {vendor!r}; say one of {', '.join(standins)}.")
        return vendor

    @blueprint.get("/requests")
    def requests() -> Response:
        entries = ledger.entries(wanted_vendor(), _number(request.args.get("after", "0")))
        response = _json([entry.shown() for entry in entries])
        response.headers["X-Sandbox-Let-Go"] = str(ledger.let_go)
        return response

    @blueprint.post("/reset")
    def reset() -> Response:
        faults.forget()
        for standin in standins.values():
            standin.forget()
        return _json({"emptied": ledger.forget()})

    @blueprint.get("/faults")
    def list_faults() -> Response:
        return _json(faults.active())

    @blueprint.post("/faults")
    def set_fault() -> Response:
        faults.set(read_fault(request.get_data(cache=False), endpoints))
        return _json(faults.active())

    @blueprint.get("/")
    def people() -> Response:
        vendor = wanted_vendor()
        html = page(ledger.entries(vendor), list(standins), vendor, faults.active(), ledger.let_go)
        return Response(html, content_type="text/html; charset=utf-8")

    @blueprint.errorhandler(BadRequest)
    def sentence(error: BadRequest) -> Response:
        return _json({"error": str(error)}, error.status)

    return blueprint


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise BadRequest(f"after: {text!r} is no number of a request.")
    return int(text)


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, content_type="application/json")
