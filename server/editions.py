"""What lies beside a shop's tag for its developers.

Versions under names of their own that never change, for pages that pin one (`integrity`); the types of
`gatepost`; the overlay that shows the tag at work; the source map, which leads back to the readable modules;
and these themselves, which do the same.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import flask
from werkzeug.security import safe_join

from server.errors import GatepostError
from server.files import folder
from server.settings import Settings
from server.tag import MAP, Tag, build_tag, built, encoded, settings_module, tag_response

FOREVER = "public, max-age=31536000, immutable"
ALWAYS_ASKED = "no-cache"
_TYPES = {".js": "text/javascript", ".ts": "text/plain", ".map": "application/json"}


def version(tag: Tag) -> str:
    """The name of this very script: it changes with every byte."""
    return hashlib.sha256(tag.plain).hexdigest()[:16]


def integrity(tag: Tag) -> str:
    """What a page writes into `integrity` so that its browser runs this script and no other."""
    return "sha384-" + base64.b64encode(hashlib.sha384(tag.plain).digest()).decode()


def pinned_element(endpoint: str, tag: Tag) -> str:
    """What a page holds that loads this very script, for ever: HTML in two lines."""
    base = endpoint.removesuffix("/e")
    return (
        f'<script async src="{base}/tag.{version(tag)}.js"\n'
        f'  integrity="{integrity(tag)}" crossorigin="anonymous"></script>'
    )


class Versions:
    """Every version that was ever served, in files: a page that pinned one keeps it after an upgrade."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "tags"

    def keep(self, shop: str, tag: Tag) -> None:
        """Write it down, unless it is there. Raises GatepostError when that is not possible."""
        file = self._directory / f"{shop}.{version(tag)}.js"
        if file.exists():
            return
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._directory)
            with os.fdopen(descriptor, "wb") as new:
                new.write(tag.plain)
            Path(name).replace(file)
        except OSError as error:
            raise GatepostError(
                f"{file}: the tag's version cannot be kept ({error.strerror}); make data_dir writable"
            ) from None

    def find(self, shop: str, name: str) -> Tag | None:
        """The version of that name, in each encoding."""
        path = safe_join(str(self._directory), f"{shop}.{name}.js")
        return _read(Path(path)) if path and Path(path).is_file() else None


@cache
def _read(file: Path) -> Tag:
    return encoded(file.read_bytes())


def described(settings: Settings, shop: str) -> Iterator[str]:
    """What a developer pastes: the tag, the pinned tag, the content security policy. Raises GatepostError."""
    if shop not in settings.shops:
        raise GatepostError(f"{shop}: no such shop; the configuration has {', '.join(settings.shops)}")
    endpoint = settings.endpoint(shop)
    tag = build_tag(endpoint, settings.shops[shop].consent, settings.shops[shop].tag)
    Versions(settings.data_dir).keep(shop, tag)
    base = endpoint.removesuffix("/e")
    origin = "/".join(base.split("/")[:3])
    yield f"The tag; it changes with Gatepost and its settings, within minutes ({len(tag.brotli)} bytes):"
    yield f'  <script async src="{base}/tag.js"></script>'
    yield ""
    yield "This version of it, for ever; the browser runs it only as it is now:"
    yield from (f"  {line}" for line in pinned_element(endpoint, tag).splitlines())
    yield ""
    yield "The shop's content security policy needs:"
    yield f"  script-src {origin}; connect-src {origin}"
    yield ""
    yield "For developers:"
    yield "  the tag at work    ?gp_debug at the end of a page's address, or gatepost.debug()"
    yield f"  types              {base}/gatepost.d.ts"
    yield f'  readable modules   <script type="module" src="{base}/source/main.js"></script>'


def blueprint(settings: Settings, tags: Mapping[str, Tag]) -> flask.Blueprint:
    """`GET …/{shop}/tag.{version}.js`, `…/gatepost.d.ts`, `…/source/…` and the overlay below `…/e/`."""
    versions = Versions(settings.data_dir)
    for name, tag in tags.items():
        versions.keep(name, tag)
    routes = flask.Blueprint("editions", __name__, url_prefix=settings.prefix)

    def answer(tag: Tag | None, suffix: str, cache_control: str) -> flask.Response:
        if tag is None:
            flask.abort(404)
        headers = flask.request.headers
        asked = headers.get("Accept-Encoding"), headers.get("If-None-Match")
        return tag_response(tag, *asked, content_type=_TYPES[suffix], cache_control=cache_control)

    def file(shop: str, directory: str, name: str) -> Tag | None:
        path = safe_join(str(folder("static") / directory), name)
        known = shop in tags and path and Path(path).suffix in _TYPES and Path(path).is_file()
        return _read(Path(path)) if known and path else None

    @routes.get("/<shop>/tag.<name>.js")
    def pinned(shop: str, name: str) -> flask.Response:
        response = answer(versions.find(shop, name), ".js", FOREVER)
        if shop in tags and name == version(tags[shop]):
            response.headers["SourceMap"] = "tag.js.map"
        return response

    @routes.get("/<shop>/tag.js.map")
    def source_map(shop: str) -> flask.Response:
        return answer(encoded(built(MAP)) if shop in tags else None, ".map", ALWAYS_ASKED)

    @routes.get("/<shop>/gatepost.d.ts")
    def types(shop: str) -> flask.Response:
        return answer(file(shop, "types", "gatepost.d.ts"), ".ts", ALWAYS_ASKED)

    @routes.get("/<shop>/e/<name>")
    def overlay(shop: str, name: str) -> flask.Response:
        return answer(file(shop, "debug", name), ".js", ALWAYS_ASKED)

    @routes.get("/<shop>/source/<name>")
    def source(shop: str, name: str) -> flask.Response:
        found = file(shop, "tag", name)
        if found and name == "settings.js":
            of = settings.shops[shop]
            found = encoded(settings_module(settings.endpoint(shop), of.consent, of.tag).encode())
        return answer(found, ".js", ALWAYS_ASKED)

    return routes
