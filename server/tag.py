"""The browser tag as one file: the built script with a shop's settings, compressed once, served from memory.

The script is built from the modules in static/tag when they change (`make tag`), not here: it is a function
of the settings, up to its opening parenthesis, so that one source map holds for every shop.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Literal
from urllib.parse import quote

import brotli  # type: ignore[import-untyped]
import flask
import msgspec
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_etags

from server.errors import GatepostError
from server.files import folder
from server.settings import Settings, TagSettings

SCRIPT = "tag.min.js"
MAP = "tag.min.js.map"

CACHE_CONTROL = "public, max-age=300, stale-while-revalidate=86400"
"""A change of the tag or of its settings reaches every browser within minutes."""

_NOTHING = "'_'"
"""A selector that no element has."""


class Tag(msgspec.Struct, frozen=True):
    """One shop's tag, the same for every visitor, in each encoding it is served in."""

    plain: bytes
    gzip: bytes
    brotli: bytes
    etag: str
    """Weak, because it names the script and not one encoding of it (RFC 9110, 8.8.1)."""


_DEFAULTS = TagSettings()


def build_tag(
    endpoint: str, consent: Literal["required", "not_required"], reading: TagSettings = _DEFAULTS
) -> Tag:
    """Make the tag of a shop that sends to `endpoint`, the full URL of `POST .../e`.

    Raises GatepostError when the built script is missing.
    """
    values = expressions(endpoint, consent, reading)
    return encoded(built(SCRIPT) + f"{','.join(values.values())})".encode())


@cache
def built(name: str) -> bytes:
    """The script or its map as they were built. Raises GatepostError when that cannot be read."""
    path = folder("static") / name
    try:
        return path.read_bytes().rstrip()
    except OSError as error:
        raise GatepostError(
            f"The tag's file {path} cannot be read ({error.strerror}): install Gatepost again."
        ) from None


def encoded(plain: bytes) -> Tag:
    """A script in each encoding."""
    return Tag(
        plain=plain,
        gzip=gzip.compress(plain, 9, mtime=0),
        brotli=brotli.compress(plain, mode=brotli.MODE_TEXT, quality=11),
        etag=f'W/"{hashlib.sha256(plain).hexdigest()[:20]}"',
    )


def expressions(
    endpoint: str, consent: Literal["required", "not_required"], reading: TagSettings
) -> dict[str, str]:
    """The exports of static/tag/settings.js, in that order, as this shop has them: JavaScript expressions.

    The address is percent-encoded where others would escape it: one without quotes, backslashes, braces and
    angle brackets is safe in every literal and every page. The names that a shop may configure hold no such
    character.
    """
    return {
        "ENDPOINT": _json(quote(endpoint, safe="/:?#[]@!$&()*+,;=%~")),
        "REQUIRED": "!0" if consent == "required" else "!1",
        "place": _place(reading),
        "DATA_LAYERS": _json(reading.data_layers),
        "ITEM_ID": _json(reading.item_id),
        "TOOLS": "window" if reading.consent_tools else "{}",
        "EVENTS": _json("[data-gp-event]") if reading.attributes else _NOTHING,
        "PRODUCTS": _json("script[type*='ld+json']") if reading.structured_data else _NOTHING,
    }


def settings_module(endpoint: str, consent: Literal["required", "not_required"], reading: TagSettings) -> str:
    """What takes the place of static/tag/settings.js where the modules are served as they are."""
    values = expressions(endpoint, consent, reading)
    return "".join(f"export const {name} = {value};\n" for name, value in values.items())


def _place(reading: TagSettings) -> str:
    """The function that gives what of the address makes the page."""
    parts = ["location.pathname"]
    if reading.routes == "hash":
        parts.append('location.hash.split("?")[0]')
    if reading.query:
        parts.append(f"...{_json(reading.query)}.map(e=>new URLSearchParams(location.search).getAll(e))")
    return f"()=>{parts[0]}" if len(parts) == 1 else f"()=>[{','.join(parts)}].join()"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def tag_response(
    tag: Tag,
    accept_encoding: str | None,
    if_none_match: str | None,
    content_type: str = "text/javascript",
    cache_control: str = CACHE_CONTROL,
) -> flask.Response:
    """The answer to `GET .../tag.js`, and to what lies beside it, given those two request headers.

    Nothing in it depends on the visitor and it sets no cookie, so shared caches may keep it.
    """
    encoding = _encoding(accept_encoding)
    if parse_etags(if_none_match).contains_raw(tag.etag):
        response = flask.Response(status=304)
    else:
        response = flask.Response({"br": tag.brotli, "gzip": tag.gzip}.get(encoding, tag.plain))
        response.headers["Content-Type"] = f"{content_type}; charset=utf-8"
        if encoding != "identity":
            response.headers["Content-Encoding"] = encoding
    response.headers["ETag"] = tag.etag
    response.headers["Cache-Control"] = cache_control
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _encoding(accept_encoding: str | None) -> str:
    """The encoding to answer in: what the browser weighs highest, the smallest of equals, else none.

    A weight of 0 rules an encoding out; a browser that rules out all of them is answered without any.
    """
    accepted = parse_accept_header(accept_encoding, Accept)
    weights = {name: accepted.quality(name) for name in ("br", "gzip", "identity")}
    best = max(weights, key=lambda name: weights[name])
    return best if weights[best] else "identity"


def tags_of(settings: Settings) -> dict[str, Tag]:
    """Every shop's tag, by the shop's name."""
    return {
        name: build_tag(settings.endpoint(name), shop.consent, shop.tag)
        for name, shop in settings.shops.items()
    }


def blueprint(settings: Settings, tags: Mapping[str, Tag]) -> flask.Blueprint:
    """`GET …/{shop}/tag.js`."""
    routes = flask.Blueprint("tag", __name__, url_prefix=settings.prefix)

    @routes.get("/<shop>/tag.js")
    def tag(shop: str) -> flask.Response:
        if shop not in tags:
            flask.abort(404, "no such shop; check the name in the tag's URL")
        headers = flask.request.headers
        response = tag_response(tags[shop], headers.get("Accept-Encoding"), headers.get("If-None-Match"))
        response.headers["SourceMap"] = "tag.js.map"  # a comment that says so would cost every visitor bytes
        return response

    return routes
