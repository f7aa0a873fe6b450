"""Numbers, times and JSON as people read them; filters of the templates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from server.event import Event

_NAMES = {
    "personaclick": "PersonaClick",
    "blueshift": "Blueshift",
    "esputnik": "eSputnik",
    "alana": "Alana",
    "eightselect": "8SELECT",
}
_SECOND = 1000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_UNITS = ((_DAY, "day"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s"))

_TOKEN = re.compile(r'(?P<key>"(?:[^"\\]|\\.)*")(?=: )|(?P<text>"(?:[^"\\]|\\.)*")|(?P<bare>[-\w.+]+)')
"""Of JSON as `json.dumps` lays it out."""


def vendor_name(vendor: str) -> str:
    """A vendor as it spells itself; one from another package by its own name."""
    return _NAMES.get(vendor, vendor.replace("_", " ").capitalize())


def number(value: int) -> str:
    """12,480."""
    return f"{value:,}"


def counted(value: int, one: str, many: str = "") -> str:
    """1 event, 2 events."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def lasting(milliseconds: int) -> str:
    """A stretch of time, to the largest unit of which there are at least two: 90 min, 3 days."""
    milliseconds = max(0, milliseconds)
    for unit, name in _UNITS:
        if milliseconds >= 2 * unit or name == "s":
            whole = round(milliseconds / unit)
            return f"{whole} {name}{'s' if name == 'day' and whole != 1 else ''}"
    raise AssertionError


def iso(milliseconds: int) -> str:
    """A moment for machines: 2026-11-21T14:02:11Z."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc(milliseconds: int) -> str:
    """A moment for people without a script that knows their time zone: 2026-11-21 14:02:11 UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def as_json(value: Any) -> Markup:
    """JSON over several lines, its parts told apart; whatever is in it is text."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    shown, last = Markup(), 0
    for token in _TOKEN.finditer(text):
        kind = str(token.lastgroup)
        shown += escape(text[last : token.start()])
        shown += Markup('<span class="j-{}">{}</span>').format(kind, token[0])
        last = token.end()
    return shown + escape(text[last:])


def readable_reply(reply: str) -> Markup:
    """A vendor's reply: JSON laid out, anything else as it came."""
    try:
        value = json.loads(reply)
    except ValueError:
        return escape(reply)
    return as_json(value) if isinstance(value, dict | list) else escape(reply)


def gist(event: Event) -> str:
    """What an event is about, in a few words; empty when its page is all there is."""
    params = event.params
    for name in ("transaction_id", "search_term", "category_id", "plan", "code"):
        if name in params:
            return str(params[name])
    items = params.get("items", [])
    named = ", ".join(str(item.get("item_name") or item["item_id"]) for item in items[:3])
    return f"{named} and {len(items) - 3} more" if len(items) > 3 else named


def place(url: str) -> str:
    """The part of an address that tells pages of one shop apart."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}".rstrip("?") if parts.path else url


def capitalize_first(text: str) -> str:
    """A sentence's beginning; the rest stays as it is."""
    return text[:1].upper() + text[1:]


FILTERS: Mapping[str, Callable[..., Any]] = {
    "vendor_name": vendor_name,
    "number": number,
    "counted": counted,
    "lasting": lasting,
    "iso": iso,
    "utc": utc,
    "as_json": as_json,
    "readable_reply": readable_reply,
    "gist": gist,
    "place": place,
    "capitalize_first": capitalize_first,
}
