"""Which event reaches which vendor, found out by asking the adapters themselves.

For each name there is the least that an event must hold to be taken, and one that says all a shop could say.
What an adapter makes of the second is the cell; if it does not want the first, the cell has a star, and the
reason is among `conditions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from server.event import Event, Page, User
from server.settings import Secret
from server.vendors import VENDORS
from server.vendors.base import Message, Vendor, Visitor
from server.vocabulary import RULES, read_params

ITEMS = [{"item_id": "1", "price": 5}, {"item_id": "2", "price": 7}]
LEAST: dict[str, Any] = {
    "items": ITEMS,
    "category_id": "c",
    "search_term": "kettle",
    "transaction_id": "o-1",
    "content": {"vendor": "another", "id": "1"},
    "plan": "gold",
    "value": 12,
    "code": "m",
    "type": "bulk",
}
"""A value for whatever some event needs."""
CONTENTS = (
    {"vendor": "eightselect", "type": "customSet", "id": "s-1"},
    {"vendor": "esputnik", "id": "r1v2"},
)
CUSTOM = "anything_else"
NAMES = (*RULES, CUSTOM)

_SETTINGS = {"shop_id": "s", "api_key": Secret("k"), "api_id": "i"}
_VISITOR = Visitor("0d4c0f0e-0000-4000-8000-000000000000", ids={"did": "d", "seance": "s", "session": ""})


def vendors() -> dict[str, Vendor]:
    """Each of Gatepost's own vendors, with settings as they come."""
    made = {}
    for kind in VENDORS:
        fields = kind.Settings.__struct_fields__
        given = {key: value for key, value in _SETTINGS.items() if key in fields}
        made[kind.name] = kind(kind.Settings(**given))
    return made


def least(name: str) -> Event:
    """An event that holds what its name needs, and nothing else."""
    rule = RULES.get(name)
    params = {key: LEAST[key] for key in rule.needs} if rule else {}
    if rule and rule.items:
        params["items"] = [{"item_id": item["item_id"]} for item in _items(name)]
    return _event(name, params)


def fullest(name: str) -> list[Event]:
    """Events that say all a shop could: one, or one for each vendor's own recommendations."""
    params = dict(least(name).params)
    if "items" in params or "content" in params:
        params |= {"currency": "EUR", "value": 12, "items": _items(name)}
    contents = CONTENTS if "content" in params else (None,)
    return [
        _event(
            name,
            {**params, **({"content": content} if content else {})},
            page=Page("https://www.myshop.example/", type="home"),
            user=User("c-42"),
        )
        for content in contents
    ]


def _items(name: str) -> list[dict[str, Any]]:
    rule = RULES.get(name)
    return ITEMS[:1] if rule and rule.items == "one" else ITEMS


def _event(name: str, params: dict[str, Any], **more: Any) -> Event:
    read = read_params(name, params)
    return Event("e", name, 1_790_000_000_000, 1_790_000_000_000, "demo", "v", "", read, cart="c", **more)


def cell(vendor: Vendor, name: str) -> str:
    """What stands in the table: "–", or the vendor's own word for the event, and how often it is said."""
    found = [vendor.messages(event, _VISITOR) for event in fullest(name) if vendor.wants(event) is None]
    if not found:
        return "–"
    messages = found[0]
    (word,) = {_word(vendor.name, message) for told in found for message in told}
    text = f"`{word}`"
    if len(messages) > 1:
        text += " per item"
    if any(key.startswith("full_") for key in messages[0].body):
        text += ", whole"
    return text + (" \\*" if vendor.wants(least(name)) is not None else "")


def conditions(vendor: Vendor) -> set[str]:
    """Why this vendor does not want some event that it would want if the shop had said one thing more."""
    poorer = (one for name in NAMES for event in fullest(name) for one in _poorer(event))
    return {
        reason for event, full in poorer if vendor.wants(full) is None and (reason := vendor.wants(event))
    }


def _poorer(event: Event) -> Iterator[tuple[Event, Event]]:
    """The event with one thing missing or strange, beside the whole."""
    params = event.params
    for key in params.keys() - least(event.name).params.keys():
        yield replace(event, params={name: value for name, value in params.items() if name != key}), event
    if "items" in params:
        bare = [{"item_id": item["item_id"]} for item in params["items"]]
        yield replace(event, params={**params, "items": bare}), event
    if "content" in params:
        for change in ({"vendor": "another"}, {"type": "another", "id": "another"}):
            yield replace(event, params={**params, "content": {**params["content"], **change}}), event
    yield replace(event, user=User()), event
    yield replace(event, page=replace(event.page, url="")), event
    yield replace(event, page=replace(event.page, type="other")), event


PERSON = User("the-customer", "the.customer@mail.example", "49305550184")
PERSONAL = {
    "a pseudonym": _VISITOR.pseudonym,
    "the customer's id": PERSON.id,
    "e-mail": PERSON.email,
    "phone": PERSON.phone,
}


def told_of_person(vendor: Vendor) -> set[str]:
    """What of a person reaches this vendor with some event or other."""
    events = [replace(event, user=PERSON) for name in NAMES for event in fullest(name)]
    wanted = [event for event in events if vendor.wants(event) is None]
    said = str([message for event in wanted for message in vendor.messages(event, _VISITOR)])
    return {what for what, value in PERSONAL.items() if value and value in said}


def _word(vendor: str, message: Message) -> str:
    """By what the vendor's page calls it: a field of the message, or its address where that says it."""
    field = {
        "personaclick": "event",
        "blueshift": "event",
        "esputnik": "eventTypeKey",
        "alana": "eventType",
        "eightselect": "type",
    }[vendor]
    apart = message.path.startswith("/track/") or message.path == "/api/v1/orders"
    return message.path if apart else str(message.body[field])


def rows() -> list[list[str]]:
    """Each name with its cell for each vendor."""
    made = vendors()
    return [[name, *(cell(vendor, name) for vendor in made.values())] for name in NAMES]
