"""8SELECT's stand-in: /analytics/v3/events and /analytics/v3/events/validate.

Written from the "API Tracking" pages; which objects are closed comes from the JSON Schema that those pages
once carried (2021), with the content types of today.

Decisions where these differ or are silent:
- A wrong or missing API id is 401: no page says which. Any id of printable characters will do.
- An accepted event is 200 without a body, a refused one 400 with the findings that /validate would give.
- /validate answers 200 with the list of findings, `[]` when there are none. Ours names what is wrong once,
  where the vendor's tries every type of event and so finds more.
- A `user` context is required with every event (the pages of the single events), though the introduction
  calls the context optional. Only `user` and `content` contexts are known.
- Unknown fields are refused inside the payload and inside each context, and allowed beside them.
- A user id that is no UUID is noted: the pages want a UUID, the schema wanted any string.
- An order may have no lines. A repeated order, known by its id, is filtered out with a note: still 200.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from server.sandbox.ajv import Finding, Schema, findings
from server.sandbox.memory import Memory
from server.sandbox.standin import Answer, Handler, Received, Refused, StandIn, is_key, json_object

KNOWN_ORDERS = 100_000

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_STRING: Schema = {"type": "string", "minLength": 1}
_NUMBER: Schema = {"type": "number"}
_CONTENT_TYPES = ("customSet", "similarProducts", "matchingProductClusters")


def _closed(name: str, /, optional: Mapping[str, Schema] | None = None, **required: Schema) -> Schema:
    """The schema of an object that takes these fields and no other."""
    return {
        "$id": name,
        "type": "object",
        "required": sorted(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _tagged(name: str, tag: str, field: str, payload: Schema, **optional: Schema) -> Schema:
    """The schema of `{"type": tag, field: payload}`."""
    return _closed(name, optional, **{"type": {"enum": [tag]}, field: payload})


def _content(name: str) -> Schema:
    """Content of one of today's types, each with an id."""
    return {
        "$id": name,
        "type": "object",
        "discriminator": {
            kind: _tagged(f"{name}-{kind}", kind, kind, _closed(f"{name}-{kind}-id", id=_STRING))
            for kind in _CONTENT_TYPES
        },
    }


_CONTEXT_USER = _tagged("ContextUser", "user", "user", _closed("User", id=_STRING))
_CONTEXT: Schema = {
    "$id": "Context",
    "type": "array",
    "uniqueItems": True,
    "contains": _CONTEXT_USER,
    "items": {
        "type": "object",
        "discriminator": {
            "user": _CONTEXT_USER,
            "content": _tagged("ContextContent", "content", "content", _content("Content")),
        },
    },
}
_LINE = _closed(
    "OrderLine",
    sku=_STRING,
    quantity=_NUMBER,
    grossPrice=_closed("GrossPrice", amount=_NUMBER, currency={"type": "string", "pattern": r"^[A-Z]{3}\Z"}),
)
_PAYLOADS: dict[str, Schema] = {
    "view": _content("PayloadView"),
    "interact": _tagged(
        "PayloadProduct", "product", "product", _closed("Product", sku=_STRING), action={"type": "string"}
    ),
    "order": _closed("PayloadOrder", id=_STRING, lines={"type": "array", "items": _LINE}),
}
EVENT: Schema = {
    "type": "object",
    "required": ["context"],
    "properties": {"context": _CONTEXT},
    "discriminator": {
        name: {"$id": f"Event-{name}", "required": [name], "properties": {name: payload}}
        for name, payload in _PAYLOADS.items()
    },
}
"""The event as a whole."""


class EightSelect(StandIn):
    name: ClassVar[str] = "eightselect"
    credential_header: ClassVar[str] = "x-api-id"

    def __init__(self, credential: str | None) -> None:
        super().__init__(credential)
        self._orders: Memory[tuple[str, str], None] = Memory(KNOWN_ORDERS)

    def _endpoints(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            "/analytics/v3/events": {"POST": self._event},
            "/analytics/v3/events/validate": {"POST": self._validate},
        }

    def authorise(self, request: Received) -> None:
        """The API id in `x-api-id`."""
        api_id = request.headers.get("x-api-id", "")
        if not is_key(api_id) or not self.knows(api_id):
            raise Refused(401, "x-api-id: is missing or not known")

    def error(self, refused: Refused) -> Any:
        return {"message": refused.why}

    def forget(self) -> None:
        self._orders.forget()

    def _event(self, request: Received, _now: float) -> Answer:
        event = json_object(request)
        found = findings(EVENT, event)
        if found:
            raise Refused(400, _in_words(found), body=found)
        notes = _look_at_user(event)
        if event["type"] == "order":
            order = event["order"]["id"]
            if not self._orders.put((request.headers["x-api-id"], order), None):
                notes += (f"order.id: {order} came before; the duplicate is filtered",)
        return Answer(200, notes=notes)

    def _validate(self, request: Received, _now: float) -> Answer:
        found = findings(EVENT, json_object(request))
        return Answer(200, found, refused=_in_words(found) if found else "")


def _in_words(found: list[Finding]) -> str:
    return "; ".join(f"{one['instancePath'] or '/'} {one['message']}" for one in found)


def _look_at_user(event: Mapping[str, Any]) -> tuple[str, ...]:
    users = [context["user"]["id"] for context in event["context"] if context["type"] == "user"]
    return tuple("context.user.id: is no UUID" for user in users if not _UUID.fullmatch(user))
