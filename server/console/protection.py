"""The headers of every answer of the console, and whose pages may change something."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import abort, request
from werkzeug.wrappers import Response

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Nothing from elsewhere and nothing inline: whatever an event brings is text."""

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


def protect(response: Response) -> Response:
    """Put the headers on; nothing of a page stays in a cache."""
    response.headers.update(_HEADERS)
    if "immutable" not in response.headers.get("Cache-Control", ""):
        response.headers["Cache-Control"] = "no-store"
    return response


def refuse_other_sites() -> None:
    """Let a change through only when a page of this console asks for it: 403 otherwise.

    Browsers say whose page asks: https://www.w3.org/TR/fetch-metadata/ and, those that do not, name its
    origin with every change. Whoever says neither is no browser with a page of ours.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = urlsplit(request.headers.get("Origin", "")).netloc
    if (site != "same-origin") if site else (not origin or origin != request.host):
        abort(403, "This was not asked for by a page of this console, so nothing was done.")
