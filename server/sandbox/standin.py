"""What a vendor's stand-in is: it takes a request as a value and answers as the vendor's page says it would.

A stand-in knows nothing of Flask, of faults or of what is recorded. It is written from the vendor's published
page alone and shares no code with the adapters, so that a mistake made in one is not made in the other.
"""

from __future__ import annotations

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar

import msgspec

NOT_JSON: Any = object()
"""Stands for a body that is no JSON; JSON's own `null` is None."""

Shape = TypeVar("Shape", bound=msgspec.Struct)


class Received(msgspec.Struct, frozen=True):
    """One request as it arrived."""

    method: str
    path: str
    """Below the vendor's own path, beginning with a slash."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    raw: bytes
    body: Any
    """The parsed JSON, or NOT_JSON."""
    remote: str
    """The sender's IP address."""


class Answer(msgspec.Struct, frozen=True):
    """What the vendor says. `body`: None for none, a string for plain text, anything else for JSON."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}
    refused: str = ""
    """Why the request was refused, in words; empty when it was accepted."""
    notes: tuple[str, ...] = ()
    """What the vendor would accept in silence and yet not do, such as an item it drops."""


class Refused(Exception):
    """The vendor would refuse this request with `status`, because of `why`."""

    def __init__(
        self,
        status: int,
        why: str,
        *,
        field: str = "",
        code: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.field = field
        """The field at fault, for vendors whose error names it."""
        self.code = code
        """The vendor's own error code, where it has them."""
        self.body = body
        """The answer's body, when it is not the one that `StandIn.error` makes."""
        self.headers: Mapping[str, str] = headers or {}


Handler: TypeAlias = Callable[[Received, float], Answer]
"""Answers one endpoint; the float is now, in seconds since 1970. Raises Refused."""


class StandIn(ABC):
    """One vendor. Safe to call from many threads."""

    name: ClassVar[str]
    credential_header: ClassVar[str] = ""
    """The header that authenticates, in lower case; empty when none does."""
    credential_query: ClassVar[str] = ""
    """The query parameter that authenticates."""

    def __init__(self, credential: str | None) -> None:
        """`credential`: the only one accepted; None: any that is well-formed."""
        self._credential = credential
        self.endpoints: Mapping[str, Mapping[str, Handler]] = self._endpoints()
        """Path to method to handler."""

    @abstractmethod
    def _endpoints(self) -> Mapping[str, Mapping[str, Handler]]:
        """What the vendor's page names."""

    @abstractmethod
    def authorise(self, request: Received) -> None:
        """Raise Refused when the vendor would not let this sender in."""

    @abstractmethod
    def error(self, refused: Refused) -> Any:
        """The body of a refusal in this vendor's form."""

    def forget(self) -> None:  # noqa: B027 - a vendor without a memory has nothing to forget
        """Forget everything that earlier requests left behind."""

    def knows(self, credential: str) -> bool:
        """Whether this well-formed credential is the one expected, or any is."""
        return self._credential is None or credential == self._credential

    def authorised(self, request: Received) -> bool:
        """Whether the request's credential is right."""
        try:
            self.authorise(request)
        except Refused:
            return False
        return True

    def answer(self, request: Received, now: float) -> Answer:
        """Judge one request; `now` in seconds since 1970."""
        try:
            handler = self._handler(request)
            self.authorise(request)
            return handler(request, now)
        except Refused as refused:
            body = self.error(refused) if refused.body is None else refused.body
            return Answer(refused.status, body, refused.headers, refused=refused.why)

    def _handler(self, request: Received) -> Handler:
        methods = self.endpoints.get(request.path)
        if methods is None:
            raise Refused(404, f"there is no {request.path} here; there is {', '.join(self.endpoints)}")
        if request.method not in methods:
            allowed = ", ".join(methods)
            raise Refused(405, f"{request.path} takes {allowed} alone", headers={"Allow": allowed})
        return methods[request.method]


def json_object(request: Received) -> dict[str, Any]:
    """The body as a JSON object; refused with 400 when it is none."""
    if request.body is NOT_JSON:
        raise Refused(400, "the body is not JSON")
    if not isinstance(request.body, dict):
        raise Refused(400, "the body is not a JSON object")
    return request.body


def read_as(shape: type[Shape], value: Any, status: int, where: str = "") -> Shape:
    """`value` read as `shape`, or Refused with `status`, naming the field; `where` is put before it."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        field, what = _explain(str(error))
        place = ".".join(part for part in (where, field) if part)
        raise Refused(status, f"{place}: {what}" if place else what, field=place) from None


def _explain(text: str) -> tuple[str, str]:
    """Split msgspec's sentence into the field and what is wrong with it."""
    what, _, path = text.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    if what.startswith("Object missing required field"):
        missing = what.split("`")[1]
        return ".".join(part for part in (path, missing) if part), "is missing"
    return path, what[:1].lower() + what[1:]


def unknown_fields(value: Mapping[str, Any], shape: type[msgspec.Struct], where: str = "") -> tuple[str, ...]:
    """A note for each field that the vendor's page does not name, and so would be ignored."""
    fields = sorted(value.keys() - set(shape.__struct_encode_fields__))
    return tuple(f"{where + '.' if where else ''}{field}: not a field the page names" for field in fields)


def basic_credentials(request: Received) -> tuple[str, str] | None:
    """User and password of HTTP Basic, or None when the header is missing or no Basic."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, colon, password = pair.partition(":")
    return (user, password) if colon else None


def is_key(text: str) -> bool:
    """Whether `text` could be a key at all: printable ASCII without spaces."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
