"""What a sender sends: the JSON body of `POST …/e`, decoded and turned into events."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec

from server.consent import Choice
from server.errors import BadRequest, InvalidEvent
from server.event import ID, PAGE_TYPES, Event, Page, Source, User, corrected
from server.pseudonyms import Pseudonyms
from server.scrub import scrub_params, scrub_text, scrub_url
from server.values import text
from server.vocabulary import CART_EVENTS, read_params

MAX_BODY = 64 * 1024
MAX_EVENTS = 100
MAX_TITLE = 500
LONGEST_OPEN = 400 * 86_400_000
"""Milliseconds since the earliest decision that is believed: no browser keeps a cookie for longer, so what is
said to be older is a clock's mistake."""

_Shape = TypeVar("_Shape")
_Sent = TypeVar("_Sent", bound="SentEvent")
_Purpose = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]
_Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair, which is one character
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half of a pair
    rb"|\\.",  # any other, so that none begins in the middle of an escaped backslash
    re.DOTALL,
)

SentConsent: TypeAlias = dict[_Purpose, Choice]


class SentPage(msgspec.Struct, frozen=True):
    """The page as the browser names it, not yet scrubbed."""

    url: str = ""
    referrer: str = ""
    title: str = ""
    type: str = ""

    def page(self) -> Page:
        """The page as it is kept."""
        kind = self.type if self.type in PAGE_TYPES else "other" if self.type else ""
        title = scrub_text(self.title[: 4 * MAX_TITLE].strip())[:MAX_TITLE]
        return Page(scrub_url(self.url), scrub_url(self.referrer), title, kind)


class SentUser(msgspec.Struct, frozen=True):
    """Who the shop says the visitor is, as sent."""

    id: Annotated[str, msgspec.Meta(max_length=255)] | _Whole | None = None
    email: Annotated[str, msgspec.Meta(max_length=254)] | None = None
    phone: Annotated[str, msgspec.Meta(max_length=32)] | _Whole | None = None

    def user(self) -> User:
        """The user as kept; empty strings say nothing."""
        return User(
            _read_name(self.id, "user.id"),
            _read_name(self.email, "user.email"),
            _read_name(self.phone, "user.phone"),
        )


class SentEvent(msgspec.Struct, frozen=True):
    """One event as sent."""

    id: str
    name: str
    at: float | None = None
    params: Any = None
    page: SentPage | None = None


class Batch(msgspec.Struct, frozen=True):
    """One request's body."""

    events: list[msgspec.Raw] = []
    sent_at: float | None = None
    page: SentPage | None = None
    consent: SentConsent | None = None
    consent_at: dict[_Purpose, float] | None = None
    """When the page learnt of each decision, by the browser's clock; of the others, just now."""
    gpc: bool = False
    user: SentUser | msgspec.UnsetType | None = msgspec.UNSET
    """Absent: as before. null: forget who it was, from now on."""

    def decided(self, now: int) -> dict[str, int]:
        """When decisions were made, as far as it is said, by our clock."""
        if not self.consent_at:
            return {}
        oldest = now - LONGEST_OPEN
        return {purpose: corrected(at, self.sent_at, now, oldest) for purpose, at in self.consent_at.items()}

    def kept_page(self) -> Page:
        """The page as it is kept; an empty one when the sender named none."""
        return self.page.page() if self.page else Page()


_batch_decoder = msgspec.json.Decoder(Batch)
EVENT_DECODER = msgspec.json.Decoder(SentEvent)


def read_batch(body: bytes) -> Batch:
    """Decode a request's body. Raises BadRequest when it is not JSON, not a batch, or too large."""
    if len(body) > MAX_BODY:
        raise BadRequest(f"the body is larger than {MAX_BODY} bytes; send fewer events at once", 413)
    batch = read_shape(_batch_decoder, body)
    if len(batch.events) > MAX_EVENTS:
        raise BadRequest(f"more than {MAX_EVENTS} events; send them in several batches", 413)
    return batch


def read_shape(decoder: msgspec.json.Decoder[_Shape], body: bytes) -> _Shape:
    """Decode a body. Raises BadRequest when it is not JSON or not of the decoder's shape."""
    try:
        return _decode(decoder, body)
    except msgspec.ValidationError as error:
        raise BadRequest(f"not the shape of a batch: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("the body is not JSON") from None


class Carts:
    """The carts of one visitor, one after the other: a purchase ends one."""

    def __init__(
        self,
        shop: str,
        visitor: str,
        purchases: int,
        pseudonyms: Pseudonyms,
        kept: Callable[[str], str | None],
    ) -> None:
        """`purchases` is how many the visitor has made; `kept` knows the cart of an order that is kept."""
        self._shop = shop
        self._visitor = visitor
        self._purchases = purchases
        self._pseudonyms = pseudonyms
        self._kept = kept
        self._ended: dict[str, str] = {}

    def of(self, name: str, params: Mapping[str, Any]) -> str:
        """The id of the cart that this event belongs to; empty when it belongs to none.

        An order that is told again, by a repeated request, a reloaded page or the shop's own server, belongs
        to the cart that it ended the first time and leaves the next one alone.
        """
        if name not in CART_EVENTS:
            return ""
        present = self._pseudonyms.cart(self._shop, self._visitor, self._purchases)
        cart = str(params.get("cart_id") or present)
        if name != "purchase":
            return cart
        order = params["transaction_id"]
        ended = self._ended.get(order) or self._kept(order)
        if ended is None:
            self._purchases += 1
        self._ended[order] = ended or cart
        return self._ended[order]


class Reading(msgspec.Struct, frozen=True):
    """What one request's events have in common."""

    shop: str
    visitor: str
    session: str
    now: int
    oldest: int
    """The earliest time that an event may have happened, in milliseconds since 1970."""
    sent_at: float | None
    page: Page
    source: Source | None
    origin: Literal["browser", "server"] = "browser"


def read_event(sent: SentEvent, reading: Reading) -> Event:
    """One event, complete but for what only the store knows; see `completed`.

    Raises InvalidEvent naming the field.
    """
    if not ID.match(sent.id):
        raise InvalidEvent("id", "must be 1 to 64 letters, digits, -, _, . and :")
    params = read_params(sent.name, {} if sent.params is None else sent.params)
    if sent.name != "identify":  # its traits are what the shop says of the person, and means to
        scrub_params(params)
    at = reading.now if sent.at is None else sent.at
    return Event(
        id=sent.id,
        name=sent.name,
        at=corrected(at, reading.sent_at, reading.now, reading.oldest),
        received=reading.now,
        shop=reading.shop,
        visitor=reading.visitor,
        session=reading.session,
        params=params,
        page=sent.page.page() if sent.page else reading.page,
        source=reading.source,
        origin=reading.origin,
    )


def completed(event: Event, user: User, carts: Carts, said: int) -> Event:
    """The event as it will be kept: with who its visitor is, and the cart it belongs to.

    `said` is when the visitor last said anything about consent, which is earlier than now unless our clock
    was set back meanwhile: what comes under a consent must not look older than it.

    Raises InvalidEvent naming the field.
    """
    if event.name == "identify" and not user:
        raise InvalidEvent("user", "is missing; identify needs its id, email or phone")
    cart = carts.of(event.name, event.params)
    if not (user or cart or said > event.received):
        return event
    return msgspec.structs.replace(event, user=user, cart=cart, received=max(event.received, said))


def decode_event(decoder: msgspec.json.Decoder[_Sent], raw: msgspec.Raw) -> _Sent:
    """Decode one event of a batch. Raises InvalidEvent naming the field."""
    try:
        return _decode(decoder, raw)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        if missing := re.match(r"Object missing required field `(.*)`", what):
            raise InvalidEvent(missing[1], "is missing") from None
        raise InvalidEvent(where.replace("[...]", "").strip(".`") or "event", what.replace("`", "")) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidEvent("event", "is not JSON") from None


def _decode(decoder: msgspec.json.Decoder[_Shape], body: bytes | msgspec.Raw) -> _Shape:
    """Decode, and where half a character is all that hinders it, take U+FFFD in its place.

    Shops cut names to a length; JavaScript cuts between the two halves of an emoji, and its JSON.stringify
    writes the half as an escape that no character has.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        mended = _ESCAPES.sub(lambda found: b"\\ufffd" if found[1] else found[0], bytes(body))
        if mended == bytes(body):
            raise
        return decoder.decode(mended)


def merged(known: User, said: User) -> User:
    """Who the visitor is after being named again: what is new is added, another id is another person."""
    if known.id and said.id and known.id != said.id:
        return said
    return User(said.id or known.id, said.email or known.email, said.phone or known.phone)


def _read_name(value: str | int | None, field: str) -> str | None:
    return None if value is None else text(value, field)
