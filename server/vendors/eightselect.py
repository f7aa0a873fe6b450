"""8SELECT: its outfits and similar products shown in the shop, and the orders that came of them.

Source: 8SELECT's "API Tracking" pages: introduction, context, user identification, and the events view,
interact and order (1.3.0 of July 2024). One event per request; no rate, size limit or time field is known.
Objects inside `context` and the payload refuse keys they do not know (8SELECT's JSON Schema of 2021), so
exactly the documented ones are sent. An `order` sent twice is told by its id and filtered over there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple, TypeAlias

from msgspec import Meta

from server.event import Event
from server.settings import VendorSettings
from server.vendors.base import Limits, Message, Reply, Request, Vendor, Verdict, Visitor, judge
from server.vendors.words import said

Params: TypeAlias = Mapping[str, Any]
Body: TypeAlias = dict[str, Any]

PATH = "/analytics/v3/events"
CONTENT_TYPES = frozenset({"customSet", "similarProducts", "matchingProductClusters"})

# What must be there: the reason why an event cannot be told, or None.


def _foreign(params: Params) -> str | None:
    content = params["content"]
    if content["vendor"] != EightSelect.name:
        return "the recommendation is not 8SELECT's"
    return None if content.get("type") in CONTENT_TYPES else "not a type of content that 8SELECT knows"


def _incomplete(params: Params) -> str | None:
    if "currency" not in params:
        return "no currency"
    return None if all("price" in item for item in params["items"]) else "no price"


# The payload of each type of event.


def _content(params: Params) -> Body:
    """A piece of 8SELECT's content: a set by its own id, the others by the product they were asked for."""
    content = params["content"]
    return {"type": content["type"], content["type"]: {"id": content["id"]}}


def _interaction(params: Params) -> Body:
    """A product inside the content; without an action when the shop did not say which, as 8SELECT asks."""
    product = {"type": "product", "product": {"sku": params["items"][0]["item_id"]}}
    return {"action": params["action"], **product} if "action" in params else product


def _order(params: Params) -> Body:
    """`grossPrice` is that of one piece with VAT, as a decimal: what `price` is."""
    return {
        "id": params["transaction_id"],
        "lines": [
            {
                "sku": item["item_id"],
                "grossPrice": {"amount": item["price"], "currency": params["currency"]},
                "quantity": item.get("quantity", 1),
            }
            for item in params["items"]
        ],
    }


class _Kind(NamedTuple):
    type: str
    payload: Callable[[Params], Body]
    missing: Callable[[Params], str | None]


EVENTS: Mapping[str, _Kind] = {
    "view_recommendation": _Kind("view", _content, _foreign),
    "select_recommendation": _Kind("interact", _interaction, _foreign),
    "purchase": _Kind("order", _order, _incomplete),
}


def _context(event: Event, visitor: Visitor) -> list[Body]:
    """Who it was, always; and, where something was done inside 8SELECT's content, in which piece of it."""
    context: list[Body] = [{"type": "user", "user": {"id": visitor.pseudonym}}]
    inside = event.name != "view_recommendation" and "content" in event.params
    if inside and _foreign(event.params) is None:
        context.append({"type": "content", "content": _content(event.params)})
    return context


def _violations(reply: Reply) -> str:
    """8SELECT's list of schema violations in words, each once; "" when the reply is something else."""
    found = reply.json()
    if not isinstance(found, list):
        return ""
    errors = [error for error in found if isinstance(error, dict) and "message" in error]
    return "; ".join(dict.fromkeys(f"{e.get('instancePath', '')} {e['message']}".strip() for e in errors))


class EightSelect(Vendor):
    """8SELECT for one shop."""

    name: ClassVar[str] = "eightselect"

    class Settings(VendorSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`[shops.<shop>.vendors.eightselect]`."""

        api_id: Annotated[str, Meta(pattern=r"^[!-~]+\Z")]
        """From the account manager; no secret, it is part of the address of 8SELECT's own script."""
        base_url: str = "https://api.8select.io"
        purpose: str = "personalization"

    def __init__(self, settings: Settings) -> None:
        self._api_id = settings.api_id
        self.limits = Limits()

    def credentials(self) -> Mapping[str, str]:
        return {"x-api-id": self._api_id}

    def proof(self) -> Request | None:
        """Its validator takes an event without counting it."""
        user = {"type": "user", "user": {"id": "00000000-0000-4000-8000-000000000000"}}
        view = {"type": "customSet", "customSet": {"id": "gatepost-check"}}
        return Request("POST", f"{PATH}/validate", {"type": "view", "view": view, "context": [user]})

    def wants(self, event: Event) -> str | None:
        kind = EVENTS.get(event.name)
        return kind.missing(event.params) if kind else "8SELECT has no such event"

    def messages(self, event: Event, visitor: Visitor) -> list[Message]:
        kind = EVENTS[event.name]
        payload = kind.payload(event.params)
        return [Message(PATH, {"type": kind.type, kind.type: payload, "context": _context(event, visitor)})]

    def request(self, messages: Sequence[Message]) -> Request:
        (message,) = messages
        return Request("POST", message.path, message.body)

    def verdict(self, request: Request, reply: Reply) -> Verdict:
        return judge(reply, said(reply, _violations(reply)))
