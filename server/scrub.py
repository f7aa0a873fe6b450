"""What is taken out of URLs before anything is kept.

A page's URL is written by the shop's software, which puts bearer secrets into it: order keys, reset links,
e-mail addresses. So query parameters are kept by an allow-list, and everything else of a URL that could
carry one is dropped.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

MAX_URL = 2048
MAX_READ = 8192
"""Characters of a URL that are looked at."""

KEPT_QUERY = frozenset(
    {
        # the source parameters
        "recommended_by",
        "recommended_code",
        "bulk_code",
        "personaclick_mail_code",
        # campaigns
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "utm_term",
        "utm_content",
        "utm_id",
        # search, paging, sorting and choosing
        "q",
        "s",
        "query",
        "search",
        "page",
        "p",
        "sort",
        "order",
        "orderby",
        "category",
        "variant",
        "color",
        "colour",
        "size",
    }
)


def split_url(url: str) -> SplitResult | None:
    """The parts of an absolute http(s) URL; None when it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def scrub_url(url: str) -> str:
    """A URL with its path and the allowed query names, without user, fragment or anything else.

    What is no absolute http(s) URL becomes the empty string.
    """
    return _scrubbed(url[:MAX_READ])


@lru_cache(maxsize=4096)
def _scrubbed(url: str) -> str:
    parts = split_url(url.strip())
    if parts is None:
        return ""
    host = parts.netloc.rpartition("@")[2]
    query = [(name, value) for name, value in parse_qsl(parts.query) if name.lower() in KEPT_QUERY]
    return SplitResult(parts.scheme, host, parts.path, urlencode(query), "").geturl()[:MAX_URL]
