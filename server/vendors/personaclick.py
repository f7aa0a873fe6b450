"""PersonaClick: one event per request to /push, a visitor it must first have been introduced to.

Source: PersonaClick's pages "User Activity Tracking (REST API)" and "Initialization (REST API)". PersonaClick
is REES46 under another name, so what those leave open (statuses, empty values, reserved keys) follows REES46.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeAlias, TypeGuard

import msgspec
from msgspec import Meta

from server.event import Event
from server.settings import VendorSettings
from server.values import format_number
from server.vendors.base import Limits, Message, Reply, Request, Vendor, Verdict, Visitor, judge
from server.vendors.words import one_line, said
from server.vocabulary import RULES

Params: TypeAlias = Mapping[str, Any]
Body: TypeAlias = dict[str, Any]


def _named(params: Params, names: Mapping[str, str]) -> Body:
    """What was said, under PersonaClick's names. An empty value would have the whole request refused."""
    return {theirs: params[ours] for ours, theirs in names.items() if params.get(ours) not in (None, "")}


# One item in PersonaClick's words.


def _only_id(item: Params) -> Body:
    return {"id": item["item_id"]}


def _with_amount(item: Params) -> Body:
    return {"id": item["item_id"], "amount": item.get("quantity", 1)}


def _with_quantity(item: Params) -> Body:
    return {"id": item["item_id"], "quantity": item.get("quantity", 1)}


def _bought(item: Params) -> Body:
    return _with_amount(item) | _named(item, {name: name for name in ("price", "line_id", "fashion_size")})


# One event as one or more bodies for /push.

RECOMMENDED = {"recommended_by": "recommended_by", "recommended_code": "recommended_code"}
SEARCH = {"search_term": "search_query", "recommended_code": "recommended_code"}
ORDER = {
    "value": "order_price",
    "cash": "order_cash",
    "bonuses": "order_bonuses",
    "shipping": "order_delivery",
    "discount": "order_discount",
    "coupon": "promocode",
    "delivery_type": "delivery_type",
    "delivery_address": "delivery_address",
    "payment_type": "payment_type",
    "tax_free": "tax_free",
}
UUID_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _each(
    event: str, item: Callable[[Params], Body], names: Mapping[str, str] | None = None
) -> Callable[[Params], list[Body]]:
    """One body for each item, because these events take exactly one."""
    return lambda params: [
        {"event": event, "items": [item(one)], **_named(params, names or {})} for one in params["items"]
    ]


def _whole(event: str, flag: str, item: Callable[[Params], Body]) -> Callable[[Params], list[Body]]:
    """The whole cart or wishlist in one body; no items: it was emptied.

    A line whose quantity is 0 is not in the cart any more, and PersonaClick would count it as 1.
    """
    return lambda params: [
        {
            "event": event,
            flag: True,
            "items": [item(one) for one in params["items"] if one.get("quantity", 1) > 0],
        }
    ]


def _category(params: Params) -> list[Body]:
    return [{"event": "category", "category_id": params["category_id"]}]


def _search(params: Params) -> list[Body]:
    return [{"event": "search", **_named(params, SEARCH)}]


def _purchase(params: Params) -> list[Body]:
    order_id = params["transaction_id"]
    if UUID_FORM.fullmatch(order_id):
        order_id = f"order-{order_id}"  # the dashboard shows a bare UUID as "---"
    body = {"event": "purchase", "order_id": order_id, **_named(params, ORDER)}
    body["items"] = [_bought(item) for item in params["items"]]
    custom = {key: value for key, value in params.get("custom", {}).items() if type(value) in (str, int)}
    return [body | ({"custom": custom} if custom else {})]


PUSHES: Mapping[str, Callable[[Params], list[Body]]] = {
    "view_item": _each("view", _only_id, RECOMMENDED),
    "view_category": _category,
    "search": _search,
    "add_to_cart": _each("cart", _with_amount, RECOMMENDED),
    "remove_from_cart": _each("remove_from_cart", _only_id),
    "update_cart": _whole("cart", "full_cart", _with_quantity),
    "view_cart": _whole("cart", "full_cart", _with_quantity),
    "add_to_wishlist": _each("wish", _only_id),
    "remove_from_wishlist": _each("remove_wish", _only_id),
    "update_wishlist": _whole("wish", "full_wish", _only_id),
    "purchase": _purchase,
}
TRACKS = {
    "message_received": "/track/received",
    "message_clicked": "/track/clicked",
    "message_closed": "/track/closed",
}
UNWANTED = {
    "page_view": "PersonaClick counts views of products and categories, not of pages",
    "view_item_list": "PersonaClick has no event for a list of products",
    "begin_checkout": "PersonaClick has no event for a checkout that begins",
    "view_recommendation": "PersonaClick has no event for a recommendation shown",
    "select_recommendation": "recommended_by and recommended_code belong on the next view_item",
    "identify": "PersonaClick knows a visitor by the device id it gave, not by name",
    **{name: "PersonaClick has no subscription events" for name in RULES if name.startswith("subscription_")},
}

# Events of the shop's own, for /push/custom.

RESERVED = frozenset(
    {"shop_id", "did", "seance", "sid", "segment", "stream", "referer", "event", "time", "category", "label"}
    | {"value", "source", "payload", "from", "code"}
    | {"email", "phone", "external_id", "loyalty_id", "telegram_id"}
)
"""Keys with a meaning of their own; by the last five PersonaClick would recognise a person."""
EXTRA = re.compile(r"[a-z0-9_]+")


def _custom(event: Event) -> Body:
    body: Body = {
        key: value
        for key, value in event.params.items()
        if EXTRA.fullmatch(key) and key not in RESERVED and isinstance(value, str | int | float)
    }
    for key in ("category", "label"):
        given = event.params.get(key)
        if isinstance(given, str):
            body[key] = given
        elif _is_number(given):
            body[key] = format_number(given)
    value = event.params.get("value")
    if _is_number(value) and value == int(value):
        body["value"] = int(value)
    return body | {"event": event.name, "time": event.at // 1000}


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


# What PersonaClick answers.

DEVICE = re.compile(r"\b(did|device)\b", re.IGNORECASE)
SHOP = re.compile(r"\bshop([ _](id|key)\b| (is |was )?(not|unknown|inactive|invalid)\b)", re.IGNORECASE)


def _given(reply: Reply) -> dict[str, str] | None:
    """The ids in an answer of /init; None when one is missing."""
    answer = reply.json()
    ids = {key: answer.get(key) for key in ("did", "seance")} if isinstance(answer, dict) else {}
    strings = {key: value for key, value in ids.items() if isinstance(value, str) and value}
    return strings if len(strings) == 2 else None


def _explanation(reply: Reply) -> tuple[bool, str]:
    """Did it say "error", and in which words: at the top, or in `payload` as newer answers have it."""
    answer = reply.json()
    if not isinstance(answer, dict):
        return False, ""
    payload = answer.get("payload")
    inner = payload.get("message") if isinstance(payload, dict) else None
    return answer.get("status") == "error", one_line(str(answer.get("message") or inner or ""))


def _refusal(request: Request, status: int, reason: str, words: str) -> Verdict:
    """Whose fault it is: the device id's, the settings' or the event's.

    A device id that PersonaClick does not know says nothing of the event: the visitor is to be introduced
    again. An /init without one holds nothing but settings, so it is they that are wrong.
    """
    if "did" in request.query or _blames_device(request, status, words):
        return Verdict("later", f"{reason}: the visitor has to be introduced again", forget=True)
    if request.path == "/init" or status == 401 or SHOP.search(words):
        return Verdict("stop", f"{reason}: are shop_id and base_url right?")
    return Verdict("never", reason)


def _blames_device(request: Request, status: int, words: str) -> bool:
    """By its words; or by a 404 without any, unless a category or a custom event may be what is unknown."""
    if not request.path.startswith("/push") or SHOP.search(words):
        return False
    unnamed = status == 404 and not words
    return bool(DEVICE.search(words)) or (unnamed and request.body["event"] in KNOWN_THERE)


KNOWN_THERE = frozenset({"view", "search", "cart", "remove_from_cart", "wish", "remove_wish", "purchase"})
"""Events that refer to nothing PersonaClick could fail to find, but the shop and the device."""


class PersonaClick(Vendor):
    """PersonaClick for one shop."""

    name: ClassVar[str] = "personaclick"

    class Settings(VendorSettings, frozen=True, kw_only=True):
        """`[shops.<shop>.vendors.personaclick]`."""

        shop_id: Annotated[str, Meta(pattern=r"^\S+\Z")]
        """The store key; no secret, it is in the body of every request."""
        stream: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{1,16}\Z")] = "web"
        """Where events come from: letters and digits, at most 16."""
        base_url: str = "https://api.personaclick.com"
        purpose: str = "personalization"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.limits = Limits()

    def credentials(self) -> Mapping[str, str]:
        """None: `shop_id` in the body is all PersonaClick asks for."""
        return {}

    def wants(self, event: Event) -> str | None:
        return UNWANTED.get(event.name)

    def introduction(self, event: Event, visitor: Visitor) -> Request | None:
        """Ask /init for the device id, once, and for a seance with every session of ours.

        An event without a session, from the shop's server, uses the seance there is.
        """
        if event.name in TRACKS:
            return None
        known = "did" in visitor.ids and "seance" in visitor.ids
        if known and event.session in ("", visitor.ids.get("session")):
            return None
        query = {"shop_id": self._settings.shop_id, "stream": self._settings.stream}
        if "did" in visitor.ids:
            query["did"] = visitor.ids["did"]
        return Request("GET", "/init", query=query)

    def introduced(self, event: Event, visitor: Visitor, reply: Reply) -> dict[str, str] | None:
        ids = _given(reply)
        return None if ids is None else {**ids, "session": event.session}

    def messages(self, event: Event, visitor: Visitor) -> list[Message]:
        if event.name in TRACKS:
            return [Message(TRACKS[event.name], self._track(event))]
        common = self._common(event, visitor)
        if event.name in PUSHES:
            return [Message("/push", common | body) for body in PUSHES[event.name](event.params)]
        return [Message("/push/custom", common | _custom(event))]

    def request(self, messages: Sequence[Message]) -> Request:
        (message,) = messages
        return Request("POST", message.path, message.body)

    def verdict(self, request: Request, reply: Reply) -> Verdict:
        """By status, and by the words: 200 may carry an error, and 404 has several causes."""
        error, words = _explanation(reply)
        verdict = judge(reply, words or said(reply))
        if verdict.outcome == "sent" and not error:
            if request.path == "/init" and not _given(reply):
                return Verdict("later", f"{verdict.reason}: the answer lacks did or seance")
            return verdict
        if verdict.outcome == "later" or reply.status == 403 or 300 <= reply.status < 400:
            return verdict
        return _refusal(request, reply.status, verdict.reason, words)

    def _common(self, event: Event, visitor: Visitor) -> Body:
        body = {
            "shop_id": self._settings.shop_id,
            "did": visitor.ids["did"],
            "seance": visitor.ids["seance"],
            "stream": self._settings.stream,
        }
        if visitor.segment:
            body["segment"] = visitor.segment
        if event.page.url:
            body["referer"] = event.page.url
        if event.source and event.source.from_ and event.source.code:
            source = {"from": event.source.from_, "code": event.source.code}
            body["source"] = msgspec.json.encode(source).decode()
        return body

    def _track(self, event: Event) -> Body:
        return {
            "shop_id": self._settings.shop_id,
            "code": event.params["code"],
            "type": event.params["type"],
            "stream": event.params.get("stream", self._settings.stream),
        }
