"""What is taken out of URLs and parameters before anything is kept.

A page's URL is written by the shop's software, which puts bearer secrets into it: order keys, reset links,
e-mail addresses. So query parameters are kept by an allow-list, everything else of a URL that could carry one
is dropped, and what remains is redacted. Free text (titles, search terms, any parameter that is no id) is
redacted too; the ids of products and orders are what a vendor knows them by, and stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from server.redact import HEXED_AT, PACKED_AT, REDACTED, is_random, redact, redact_addresses

MAX_URL = 2048
MAX_READ = 8192
"""Characters of a URL that are looked at."""

SOURCE_QUERY = frozenset({"recommended_by", "recommended_code", "bulk_code", "personaclick_mail_code"})
"""Codes that a vendor made and has to get back as they are."""

KEPT_QUERY = SOURCE_QUERY | {
    # campaigns
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "utm_id",
    "utm_source_platform",
    "utm_creative_format",
    "utm_marketing_tactic",
    # search
    "q",
    "s",
    "query",
    "search",
    "search_query",
    "search_term",
    "keyword",
    "keywords",
    # paging, sorting and choosing
    "page",
    "paged",
    "p",
    "per_page",
    "limit",
    "offset",
    "sort",
    "sort_by",
    "order",
    "orderby",
    "category",
    "variant",
    "color",
    "colour",
    "size",
}

_HOST = re.compile(r"[^%\s\\<>\"{}|^`]+\Z")
_PARAMETERS = re.compile(r";[^/]*")
"""What some servers put behind a segment, such as ;jsessionid=…"""
_DOORS = (
    *("reset", "token", "passw", "magic", "verif", "confirm", "activat", "invit", "subscri", "recover"),
    *("session", "login", "log-in", "signin", "sign-in", "oauth", "checkout", "orders", "download", "share"),
)
"""Words of a path after which a secret may stand that is short, such as /password/reset/<token>."""
SHORT = 12
"""Characters from which on a segment behind such a word may be a secret."""
_PATH_PERHAPS = re.compile(
    r"[^\w/.~-]|[\w.~-]{32}|eyJ|(?:order|secret|live|test|whsec)_|\d(?:[-._]?\d){13}"
    rf"|{PACKED_AT}|{HEXED_AT}"
)
_IMAGE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|svg)\Z", re.I)
"""Pictures are often called by a hash of what they show, which is no secret."""

_LINK_KEY = re.compile(r"(?:.*_)?(?:url|link|href)s?\Z|(?:page_)?(?:location|referrer|referer)\Z", re.I)
_ID_KEY = re.compile(r"(?:.*_)?(?:ids?|codes?|by|sku|coupon|plan)\Z", re.I)
_IDS = frozenset({"item_id", "transaction_id", "category_id", "cart_id", "item_list_id"})
"""What the shop and its vendors call things by: changing it would be telling of another thing."""
_LINK = re.compile(r"(https?://[^\s<>\"]+)", re.I)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)


def split_url(url: str) -> SplitResult | None:
    """The parts of an absolute http(s) URL; None when it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def scrub_url(url: str) -> str:
    """A URL with its path and the allowed query names, redacted, without user, fragment or anything else.

    What is no absolute http(s) URL becomes the empty string.
    """
    return _scrubbed(url[:MAX_READ])


@lru_cache(maxsize=2048)
def _scrubbed(url: str) -> str:
    parts = split_url(url.strip())
    if parts is None:
        return ""
    host = parts.netloc.rpartition("@")[2]
    if not _HOST.match(host):
        return ""
    return _joined(parts.scheme, host, parts)


def _joined(scheme: str, host: str, parts: SplitResult) -> str:
    query = _query(parts.query) if parts.query else ""
    return SplitResult(scheme, host, _path(parts.path), query, "").geturl()[:MAX_URL]


def _query(query: str) -> str:
    kept = []
    for name, value in parse_qsl(query):
        lower = name.lower()
        if lower in KEPT_QUERY:
            kept.append((name, redact_addresses(value) if lower in SOURCE_QUERY else scrub_text(value)))
    return urlencode(kept, safe="[]") if kept else ""


def _path(path: str) -> str:
    has_door = _is_door(path)
    if not has_door and not _PATH_PERHAPS.search(path):
        return path
    segments = _PARAMETERS.sub("", path).split("/")
    behind_door = False
    for i, segment in enumerate(segments):
        if segment and _tells(segment, behind_door):
            segments[i] = REDACTED
        behind_door = behind_door or (has_door and _is_door(segment))
    return "/".join(segments)


def _is_door(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _DOORS)


def _tells(segment: str, behind_door: bool) -> bool:
    """Whether a segment of a path holds what must not be kept."""
    if redact(segment) != segment:
        return not _IMAGE.search(segment) or redact_addresses(segment) != segment
    return behind_door and len(segment) >= SHORT and is_random(segment)


def scrub_link(link: str) -> str:
    """A link as `scrub_url` leaves it; one without a host is a path of the shop.

    Any other scheme than http and https becomes the empty string.
    """
    link = link.strip()[:MAX_READ]
    if link.startswith("//"):
        return scrub_url(f"https:{link}").removeprefix("https:")
    if _SCHEME.match(link):
        return scrub_url(link)
    try:
        return _joined("", "", urlsplit(link))
    except ValueError:
        return ""


def scrub_text(text: str) -> str:
    """Text without what must not be kept; links in it are scrubbed as links."""
    if "://" not in text:
        return redact(text)
    pieces = _LINK.split(text)
    pieces[::2] = map(redact, pieces[::2])
    pieces[1::2] = (scrub_url(link) or REDACTED for link in pieces[1::2])
    return "".join(pieces)


def scrub_params(params: dict[str, Any]) -> None:
    """Scrub an event's parameters where they stand: links and free text, in lists and objects too."""
    empty = []
    for key, value in params.items():
        scrubbed = _value(key, value)
        if scrubbed is not value:
            params[key] = scrubbed
        if scrubbed == "":
            empty.append(key)
    for key in empty:
        del params[key]


def _value(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return value if key in _IDS else _scrubber(key)(value)
    if isinstance(value, list):
        return [scrubbed for one in value if (scrubbed := _value(key, one)) != ""]
    if isinstance(value, dict):
        scrub_params(value)
    return value


@lru_cache(maxsize=1024)
def _scrubber(key: str) -> Callable[[str], str]:
    """How the strings of a parameter of this name are scrubbed."""
    if _LINK_KEY.match(key):
        return scrub_link
    return redact_addresses if _ID_KEY.match(key) else scrub_text
