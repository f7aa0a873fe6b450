"""A vendor of the tests' own, which repeats every event; how it misbehaves is said in the event's parameters.

parts        how many messages the event makes (1)
path         where they go ("/tell")
size         how many characters longer each message is
unwanted     a reason for which the vendor does not want it
breaks       at which step the adapter stumbles over it: wants, introduction, messages, request
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from server.event import Event
from server.settings import Secret, VendorSettings
from server.vendors.base import Limits, Message, Reply, Request, Verdict, Visitor, judge
from server.vendors.words import said

KEY = "pk-9f2c4be71d"
"""The credential of every Parrot; it must never be seen again."""


class ParrotSettings(VendorSettings, frozen=True, kw_only=True):
    base_url: str
    api_key: Secret = Secret(KEY)
    purpose: str = "personalization"


class Stumble(Exception):
    """An adapter's mistake."""


class Parrot:
    """Answers: 404 with "who" means that the visitor's ids are worthless; all else goes by the status."""

    def __init__(self, name: str = "parrot", introduces: bool = False, **limits: Any) -> None:
        self.name = name
        self.limits = Limits(**{"window": (100_000, 1), **limits})
        self._introduces = introduces

    def __call__(self, settings: ParrotSettings) -> Parrot:
        """What the relay does with a vendor's class."""
        self._settings = settings
        return self

    def credentials(self) -> Mapping[str, str]:
        return {"x-api-key": self._settings.api_key.reveal()}

    def wants(self, event: Event) -> str | None:
        _stumble(event.params, "wants")
        return event.params.get("unwanted")

    def introduction(self, event: Event, visitor: Visitor) -> Request | None:
        _stumble(event.params, "introduction")
        if not self._introduces or "name" in visitor.ids:
            return None
        return Request("GET", "/hello", query={"visitor": visitor.pseudonym})

    def introduced(self, event: Event, visitor: Visitor, reply: Reply) -> dict[str, str] | None:
        answer = reply.json()
        return {"name": answer["name"]} if isinstance(answer, dict) and "name" in answer else None

    def messages(self, event: Event, visitor: Visitor) -> list[Message]:
        _stumble(event.params, "messages")
        body: dict[str, Any] = {"id": event.id, "visitor": visitor.pseudonym, "name": visitor.ids.get("name")}
        if event.source:
            body["source"] = event.source.code
        if "size" in event.params:
            body["filling"] = "x" * event.params["size"]
        if event.params.get("breaks") == "request":
            body["breaks"] = "request"
        path = event.params.get("path", "/tell")
        return [Message(path, {**body, "n": n}) for n in range(event.params.get("parts", 1))]

    def request(self, messages: Sequence[Message]) -> Request:
        for message in messages:
            _stumble(message.body, "request")
        bodies = [message.body for message in messages]
        return Request("POST", messages[0].path, bodies[0] if self.limits.batch == 1 else {"events": bodies})

    def verdict(self, request: Request, reply: Reply) -> Verdict:
        if reply.body == b"stumble":
            raise Stumble("verdict")
        verdict = judge(reply, said(reply))
        if reply.status == 404 and reply.body == b"who":
            return msgspec.structs.replace(verdict, outcome="later", forget=True)
        return verdict


def _stumble(params: Mapping[str, Any], step: str) -> None:
    if params.get("breaks") == step:
        raise Stumble(step)
