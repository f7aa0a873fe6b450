"""The browser tag as one file: its modules joined, minified and compressed once, then served from memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import brotli  # type: ignore[import-untyped]
import flask
import minify  # type: ignore[import-untyped]
import msgspec
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_etags

from server.errors import GatepostError
from server.files import folder
from server.settings import Settings, TagSettings

_IMPORT = re.compile(r'import \{(\w+(?:, \w+)*)\} from "\./([\w-]+\.js)";')
_DECLARATION = re.compile(r"(?P<export>export )?(?:async function|function|const|let|class) (?P<name>\w+)")
_CONSTANT = re.compile(r"^const ([A-Z][A-Z_]+) = (\d[\de]*|true|false);$", re.MULTILINE)
_CONST = re.compile(r"^( *(?:for \()?)const\b", re.MULTILINE)
_OTHER_FORM = re.compile(r"^\s*(?:import\b(?!\(ENDPOINT)|export\b)|^[^*]*\bimport\s*(?:\.|\((?!ENDPOINT))")
"""The second half leaves JSDoc's `{import("./file.js").Type}` alone. Nothing may be loaded later but what
lies below the address of events: the overlay for developers."""

CACHE_CONTROL = "public, max-age=300, stale-while-revalidate=86400"
"""A change of the tag or of its settings reaches every browser within minutes."""


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

    Raises GatepostError when a module is missing or has a form that joining them does not know.
    """
    script = join_modules(folder("static") / "tag", replaced(endpoint, consent, reading))
    script = _CONST.sub(r"\1let", script)  # shorter, and the same to a program that runs
    plain: bytes = minify.string("text/javascript", f"(()=>{{{script}}})()").encode()
    return encoded(plain)


def encoded(plain: bytes) -> Tag:
    """A script in each encoding."""
    return Tag(
        plain=plain,
        gzip=gzip.compress(plain, 9, mtime=0),
        brotli=brotli.compress(plain, mode=brotli.MODE_TEXT, quality=11),
        etag=f'W/"{hashlib.sha256(plain).hexdigest()[:20]}"',
    )


def replaced(
    endpoint: str, consent: Literal["required", "not_required"], reading: TagSettings
) -> dict[str, str]:
    """The modules of static/tag that a shop's own take the place of, by file name."""
    return {"settings.js": _settings(endpoint, consent, reading), **_left_out(reading)}


def _left_out(reading: TagSettings) -> dict[str, str]:
    """What takes the place of the modules that this shop does not need."""
    found = {}
    if reading.routes == "path" and not reading.query:
        found["place.js"] = "export const place = () => location.pathname;"
    if not reading.data_layers:
        found["layers.js"] = "export function findLayers() {}"
    if not reading.consent_tools:
        found["tools.js"] = "export async function look() {}\nexport function updated() {}"
    if not reading.structured_data:
        found["product.js"] = "export const described = (name, params) => params;"
    if not reading.attributes:
        found["elements.js"] = "export function watchElements() {}"
    return found


def _settings(endpoint: str, consent: Literal["required", "not_required"], reading: TagSettings) -> str:
    """The module that takes the place of settings.js.

    The address is percent-encoded where others would escape it: the minifier undoes escapes, and an address
    without quotes, backslashes, braces and angle brackets is safe in every literal and every page. The names
    that a shop may configure hold no such character.
    """
    values = {
        "ENDPOINT": quote(endpoint, safe="/:?#[]@!$&()*+,;=%~"),
        "REQUIRED": consent == "required",
        "HASH_ROUTES": reading.routes == "hash",
        "QUERY": reading.query,
        "DATA_LAYERS": reading.data_layers,
        "ITEM_ID": reading.item_id,
    }
    return "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in values.items())


class _Module(msgspec.Struct, frozen=True):
    """One module, read: what joining needs to know, and its code without `import` and `export`."""

    imports: dict[str, list[str]]
    """The names it takes from each file."""
    exports: set[str]
    declares: list[str]
    code: str


def join_modules(directory: Path, instead: Mapping[str, str]) -> str:
    """main.js and all it imports as one script, each module after those it needs.

    `instead` holds the text of modules that are not read from the directory. Raises GatepostError when
    joining them would give a script that means something else: a form of `import` or `export` other than the
    two the tag uses, a name that is not exported, a name declared twice, a circle.
    """
    modules: dict[str, _Module] = {}
    wanted = ["main.js"]
    while wanted:
        name = wanted.pop()
        if name not in modules:
            modules[name] = _parse(name, instead[name] if name in instead else _read(directory / name))
            wanted.extend(modules[name].imports)
    _check_names(modules)
    try:
        order = [
            *TopologicalSorter({name: module.imports for name, module in modules.items()}).static_order()
        ]
    except CycleError as error:
        raise GatepostError(
            f"static/tag: modules import each other in a circle: {' > '.join(error.args[1])}."
        ) from None
    return _inlined({name: modules[name].code for name in order}, instead)


def _inlined(codes: Mapping[str, str], instead: Mapping[str, str]) -> str:
    """All modules, with numbers and switches in place of the constants that name them.

    The minifier would leave a variable for each. In the modules of `instead` only their own declarations are
    touched: their texts are the shop's, and might hold such a name.
    """
    values = {name: value for code in codes.values() for name, value in _CONSTANT.findall(code)}
    names = re.compile(rf"\b(?:{'|'.join(values)})\b" if values else r"(?!)")
    return "\n".join(
        code if file in instead else names.sub(lambda found: values[found[0]], code)
        for file, code in ((file, _CONSTANT.sub("", code)) for file, code in codes.items())
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise GatepostError(
            f"The tag's file {path} cannot be read ({error.strerror}): install Gatepost again."
        ) from None


def _parse(name: str, text: str) -> _Module:
    """Take a module apart line by line; it is written with one declaration or import on a line of its own."""
    module = _Module(imports={}, exports=set(), declares=[], code="")
    code = []
    for line in text.splitlines():
        if found := _IMPORT.fullmatch(line):
            module.imports[found[2]] = found[1].split(", ")
            continue
        if found := _DECLARATION.match(line):
            module.declares.append(found["name"])
            if found["export"]:
                module.exports.add(found["name"])
                line = line.removeprefix(found["export"])
        if _OTHER_FORM.search(line):
            raise GatepostError(f"static/tag/{name}: joining the tag does not know this form: {line.strip()}")
        code.append(line)
    return msgspec.structs.replace(module, code="\n".join(code))


def _check_names(modules: Mapping[str, _Module]) -> None:
    """Every name that is imported is exported, and no two modules declare the same name."""
    declared: dict[str, str] = {}
    for name, module in modules.items():
        for other, names in module.imports.items():
            for missing in set(names) - modules[other].exports:
                raise GatepostError(f"static/tag/{name}: {other} does not export {missing}.")
        for what in module.declares:
            if what in declared:
                raise GatepostError(
                    f"static/tag: {declared[what]} and {name} both declare {what}; rename one."
                )
            declared[what] = name


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
        return tag_response(tags[shop], headers.get("Accept-Encoding"), headers.get("If-None-Match"))

    return routes
