"""Alana: seven kinds of events, up to a hundred in one request.

Source: Alana's page "Events" (docs.alana.shopping, March 2026) and, for error bodies, its page "Errors". An
answer counts the events that failed and does not name them, so what Alana requires is checked before sending.
There is no field for the time, the event's id, a quantity, a price or an order number: the last three go into
`metadata`, which is free-form. The key goes into a header, never into the address, where logs would keep it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

from server.event import Event
from server.settings import Secret, VendorSettings
from server.vendors.base import Limits, Message, Outcome, Reply, Request, Vendor, Verdict, Visitor, judge
from server.vendors.words import said

Params: TypeAlias = Mapping[str, Any]
Body: TypeAlias = dict[str, Any]

PATH = "/api/v1/events"
BATCH = 100
PER_MINUTE = 100
"""Requests for one key from one address; a relay has one address. (For the key alone it is 1,000.)"""


def _metadata(given: Params, names: Mapping[str, str]) -> Body:
    """What the shop said, under `metadata`, which is left out when it said nothing."""
    found = {theirs: given[ours] for ours, theirs in names.items() if ours in given}
    return {"metadata": found} if found else {}


# The fields of each kind of event, besides eventType, visitorId and userId; one dict per event of Alana's.

LINE = {"quantity": "quantity", "price": "price"}


def _bare(params: Params) -> list[Body]:  # noqa: ARG001
    return [{}]


def _search(params: Params) -> list[Body]:
    return [{"query": params["search_term"], **_metadata(params, {"results": "results"})}]


def _category(params: Params) -> list[Body]:
    """The path as one string; a shop that gives none has told the category by its id."""
    path = params.get("category_path") or [params["category_id"]]
    return [{"categoryPath": " > ".join(path)}]


def _products(params: Params) -> list[Body]:
    """One event for each item."""
    currency = {"currency": params["currency"]} if "currency" in params else {}
    names = {**LINE, "currency": "currency"}
    return [
        {"productId": item["item_id"], **_metadata({**item, **currency}, names)} for item in params["items"]
    ]


def _purchase(params: Params) -> list[Body]:
    lines = [
        {"productId": item["item_id"], **{key: item[key] for key in LINE if key in item}}
        for item in params["items"]
    ]
    return [
        {
            "productIds": [item["item_id"] for item in params["items"]],
            "revenue": params["value"],
            "currency": params["currency"],
            "metadata": {"orderId": params["transaction_id"], "items": lines},
        }
    ]


# What must be there: the reason why an event cannot be told, or None.


def _nothing_missing(event: Event) -> str | None:  # noqa: ARG001
    return None


def _elsewhere(event: Event) -> str | None:
    return None if event.page.type == "home" else "Alana counts views of the home page only"


def _incomplete(event: Event) -> str | None:
    if "currency" not in event.params:
        return "no currency"
    return None if "value" in event.params else "no value"


class _Kind(NamedTuple):
    type: str
    fields: Callable[[Params], list[Body]]
    missing: Callable[[Event], str | None] = _nothing_missing


EVENTS: Mapping[str, _Kind] = {
    "page_view": _Kind("home-page-view", _bare, _elsewhere),
    "view_item": _Kind("detail-page-view", _products),
    "view_category": _Kind("category-view", _category),
    "search": _Kind("search", _search),
    "add_to_cart": _Kind("add-to-cart", _products),
    "view_cart": _Kind("shopping-cart-page-view", _bare),
    "purchase": _Kind("purchase-complete", _purchase, _incomplete),
}

# What Alana answers.

BY_CODE: Mapping[str, Outcome] = {"AUTH_": "stop", "RATE_": "later"}
"""Alana's error codes mean the same whatever the status, which its pages do not give for this address."""


def _error(reply: Reply) -> tuple[str, str]:
    """The code of an error, and its code, message and details in words; both "" when the reply has none."""
    answer = reply.json()
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return "", ""
    details = error.get("details")
    fields = [d for d in details if isinstance(d, dict)] if isinstance(details, list) else []
    code = str(error.get("code") or "")
    words = [code, error.get("message"), *(f"{d.get('field')}: {d.get('message')}" for d in fields)]
    return code, "; ".join(str(word) for word in words if word)


def _counted(request: Request, reply: Reply, verdict: Verdict) -> Verdict:
    """What the counts of an accepted request say: all stored, some refused and not named, or all refused."""
    answer = reply.json()
    stored, errors = (answer.get(key) if isinstance(answer, dict) else None for key in ("stored", "errors"))
    if not isinstance(stored, int) or not isinstance(errors, int) or errors <= 0:
        return verdict
    if stored == 0 and errors >= len(request.body["events"]):
        return Verdict("never", f"{verdict.reason}: stored 0, {errors} refused by Alana without saying why")
    return Verdict(
        "sent", f"{verdict.reason}: stored {stored}, {errors} refused by Alana without naming them"
    )


class Alana(Vendor):
    """Alana for one shop."""

    name: ClassVar[str] = "alana"

    class Settings(VendorSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`[shops.<shop>.vendors.alana]`."""

        api_key: Secret
        base_url: str = "https://alana.shopping"
        purpose: str = "personalization"

    def __init__(self, settings: Settings) -> None:
        self._api_key = settings.api_key
        self.limits = Limits(batch=BATCH, window=(PER_MINUTE, 60_000))

    def credentials(self) -> Mapping[str, str]:
        return {"x-api-key": self._api_key.reveal()}

    def wants(self, event: Event) -> str | None:
        kind = EVENTS.get(event.name)
        return kind.missing(event) if kind else "Alana has no such event"

    def messages(self, event: Event, visitor: Visitor) -> list[Message]:
        kind = EVENTS[event.name]
        common = {"eventType": kind.type, "visitorId": visitor.pseudonym}
        if event.user.id:
            common["userId"] = event.user.id
        return [Message(PATH, {**common, **fields}) for fields in kind.fields(event.params)]

    def request(self, messages: Sequence[Message]) -> Request:
        return Request("POST", PATH, {"events": [message.body for message in messages]})

    def verdict(self, request: Request, reply: Reply) -> Verdict:
        code, words = _error(reply)
        verdict = judge(reply, said(reply, words, self._api_key.reveal()))
        if verdict.outcome == "sent":
            return _counted(request, reply, verdict)
        outcome = next((known for start, known in BY_CODE.items() if code.startswith(start)), None)
        return Verdict(outcome, verdict.reason, reply.retry_after) if outcome else verdict
