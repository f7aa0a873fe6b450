"""Nudge: reminds shoppers by e-mail of what they left behind. Source: Nudge's page "Signals"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from server.event import Event
from server.settings import Secret, VendorSettings
from server.vendors.base import Limits, Message, Reply, Request, Vendor, Verdict, Visitor, judge
from server.vendors.words import said

PATH = "/v2/signals"
KINDS = {"view_item": "viewed", "add_to_cart": "carted", "purchase": "bought"}
"""Nudge's word for each event that it takes."""


class Nudge(Vendor):
    """Nudge for one shop."""

    name: ClassVar[str] = "nudge"

    class Settings(VendorSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`[shops.<shop>.vendors.nudge]`."""

        api_key: Secret
        language: Annotated[str, Meta(pattern=r"^[a-z]{2}\Z")] = "en"
        """The language of the reminders: two small letters."""
        base_url: str = "https://api.nudge.example"
        purpose: str = "marketing"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.limits = Limits(batch=20, window=(10, 1000))

    def credentials(self) -> Mapping[str, str]:
        return {"X-Nudge-Key": self._settings.api_key.reveal()}

    def proof(self) -> Request | None:
        return Request("GET", "/v2/key")

    def wants(self, event: Event) -> str | None:
        if event.name not in KINDS:
            return "Nudge has no such signal"
        return None if event.user.email else "no e-mail address"

    def messages(self, event: Event, visitor: Visitor) -> list[Message]:
        """One signal for each product. Its id lets Nudge see that a signal has come twice."""
        common = {
            "kind": KINDS[event.name],
            "email": event.user.email,
            "visitor": visitor.pseudonym,
            "language": self._settings.language,
            "at": event.at // 1000,
        }
        return [
            Message(PATH, {**common, "id": f"{event.id}/{number}", "product": item["item_id"]})
            for number, item in enumerate(event.params["items"])
        ]

    def request(self, messages: Sequence[Message]) -> Request:
        return Request("POST", PATH, {"signals": [message.body for message in messages]})

    def verdict(self, request: Request, reply: Reply) -> Verdict:
        """By status, but for 402: the month's quota is used up, which only the shop can mend."""
        answer = reply.json()
        words = str(answer.get("error") or "") if isinstance(answer, dict) else ""
        verdict = judge(reply, said(reply, words, self._settings.api_key.reveal()))
        return Verdict("stop", verdict.reason) if reply.status == 402 else verdict
