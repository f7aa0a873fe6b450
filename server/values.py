"""Reading one value of what a sender sent.

Each function takes the value and its path, and returns it normalised, None when it says nothing, or raises
InvalidEvent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from server.errors import InvalidEvent

MAX_STRING = 2000
MAX_ID = 255
MAX_KEYS = 100
MAX_LIST = 200

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")
_CURRENCY = re.compile(r"[A-Za-z]{3}\Z")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[\ud800-\udfff]")

Reader: TypeAlias = Callable[[Any, str], Any]


@lru_cache(maxsize=4096)
def _is_key(key: str) -> bool:
    """Remembered, because every event has twenty of them and they are always the same."""
    return _KEY.match(key) is not None


def text(value: Any, field: str, limit: int = MAX_STRING) -> str | None:
    """A string; numbers become strings, since shops give ids and codes as either."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidEvent(field, "must be a string")
    string = value if isinstance(value, str) else format_number(value)
    if not string.isprintable():
        string = _UNPRINTABLE.sub("", string)
    string = string.strip()
    if len(string) > limit:
        raise InvalidEvent(field, f"longer than {limit} characters")
    return string or None


def format_number(value: int | float) -> str:
    """A number as a shop would write it as an id: 100500.0 is 100500."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def identifier(value: Any, field: str) -> str | None:
    """An id: a string of at most 255 characters."""
    return text(value, field, MAX_ID)


def number(value: Any, field: str) -> int | float | None:
    """A finite number; "19.90" counts, "19,90" and true do not."""
    if isinstance(value, str):
        stripped = value.strip()
        if not stripped:
            return None
        if not _NUMBER.match(stripped):
            raise InvalidEvent(field, "must be a number")
        value = float(stripped) if "." in stripped else int(stripped)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidEvent(field, "must be a number")
    if not abs(value) <= 1e15:  # what is no number is not less than anything
        raise InvalidEvent(field, "must be a number below 10^15")
    return value


def currency(value: Any, field: str) -> str | None:
    """Three letters, as ISO 4217 writes them."""
    code = text(value, field)
    if code is not None and not _CURRENCY.match(code):
        raise InvalidEvent(field, 'must be three letters, such as "EUR"')
    return code.upper() if code else None


def boolean(value: Any, field: str) -> bool:
    """True or false, also as 0, 1, "true" and "false"."""
    if value in (True, 1, "1", "true"):
        return True
    if value in (False, 0, "0", "false"):
        return False
    raise InvalidEvent(field, "must be true or false")


def moment(value: Any, field: str) -> str | int | None:
    """A point in time: a string such as ISO 8601, or milliseconds since 1970."""
    if isinstance(value, str):
        return text(value, field, 40)
    amount = number(value, field)
    return None if amount is None else int(amount)


def scalar(value: Any, field: str) -> Any:
    """A string, number or boolean; or a list of them."""
    if not isinstance(value, list):
        return _one_scalar(value, field)
    if len(value) > MAX_LIST:
        raise InvalidEvent(field, f"more than {MAX_LIST} values")
    read = [_one_scalar(entry, f"{field}[{i}]") for i, entry in enumerate(value)]
    return [one for one in read if one is not None]


def _one_scalar(value: Any, field: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return number(value, field)
    if isinstance(value, str):
        return text(value, field)
    raise InvalidEvent(field, "must be a string, a number, a boolean or a list of them")


def strings(value: Any, field: str) -> list[str] | None:
    """A list of strings; one string is a list of one."""
    entries = value if isinstance(value, list) else [value]
    if len(entries) > MAX_LIST:
        raise InvalidEvent(field, f"more than {MAX_LIST} values")
    found = [one for i, entry in enumerate(entries) if (one := text(entry, f"{field}[{i}]"))]
    return found or None


def mapping(value: Any, field: str) -> dict[str, Any]:
    """An object of at most 100 keys, each a name."""
    if not isinstance(value, dict):
        raise InvalidEvent(field, "must be an object")
    if len(value) > MAX_KEYS:
        raise InvalidEvent(field, f"more than {MAX_KEYS} keys")
    for key in value:
        if not _is_key(key):
            raise InvalidEvent(field, f"the key {key[:40]!r} is not a name of letters, digits and _")
    return value


def read(given: Mapping[str, Any], field: str, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Each value by its reader, any other as a scalar; what says nothing is left out."""
    read: dict[str, Any] = {}
    for key, value in given.items():
        if value is None:
            continue
        normal = readers.get(key, scalar)(value, f"{field}.{key}" if field else key)
        if normal is not None:
            read[key] = normal
    return read


def scalars(value: Any, field: str) -> dict[str, Any] | None:
    """An object of scalars."""
    return read(mapping(value, field), field, {}) or None
