"""What a vendor is: a pure translator between our events and its API.

A vendor file turns an event into messages, packs messages into request *values* and judges replies. It
touches no network, no database and no clock; the relay does. The order of one event through a vendor:

    wants(event)                 None, or the reason why not: the event is settled as "not wanted"
    introduction(event, visitor) a request that must come first (PersonaClick's /init), or None
    messages(event, visitor)     one or more messages, in order
    request(messages)            up to `limits.batch` messages of one path as one request
    verdict(request, reply)      sent, later, never or stop
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import msgspec

from server.event import Event
from server.settings import VendorSettings

Outcome: TypeAlias = Literal["sent", "later", "never", "stop"]


class Limits(msgspec.Struct, frozen=True):
    """What a vendor's published page allows."""

    batch: int = 1
    """Messages in one request."""
    max_bytes: int = 1_000_000
    """Bytes of one request's body."""
    window: tuple[int, int] = (200, 1000)
    """At most so many requests started within so many milliseconds: the vendor's published limit, or a
    courtesy where it publishes none."""
    concurrency: int = 8
    """Requests under way at once."""


class Visitor(msgspec.Struct, frozen=True):
    """What a vendor may know of the visitor: never our own id."""

    pseudonym: str
    """A UUID, the same for this visitor and this vendor for ever; no other vendor gets it."""
    segment: Literal["A", "B"] | None = None
    """The half this visitor belongs to, when the shop splits its visitors."""
    ids: Mapping[str, str] = {}
    """What the vendor itself gave us for this visitor, by an introduction."""


class Message(msgspec.Struct, frozen=True):
    """The smallest thing that can be told to a vendor: a whole request, or one object of a bulk call."""

    path: str
    """Below `base_url`, beginning with a slash."""
    body: dict[str, Any]


class Request(msgspec.Struct, frozen=True):
    """A request as a value. Credentials are not in it, so it can be kept and shown."""

    method: Literal["GET", "POST"]
    path: str
    body: Any = None
    """What becomes the JSON body; None: no body."""
    query: Mapping[str, str] = {}


class Reply(msgspec.Struct, frozen=True):
    """What came back; the body is cut at 10 KB."""

    status: int
    body: bytes = b""
    retry_after: float | None = None
    """Seconds, from the header of that name."""

    def json(self) -> Any:
        """The body as JSON; None when it is not."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None


class Verdict(msgspec.Struct, frozen=True):
    """What a reply means.

    sent: the vendor has it. later: try again. never: trying again cannot help. stop: nothing will go
    through until the destination's owner mends something, so hold everything and lose nothing.
    """

    outcome: Outcome
    reason: str = ""
    """In words, for a person; carries the vendor's own words where it gave any."""
    retry_after: float | None = None
    forget: bool = False
    """The ids that the vendor gave for this visitor are worthless to it: introduce the visitor again."""


class Vendor(ABC):
    """One destination of one shop: made once from the shop's settings for it."""

    name: ClassVar[str]
    Settings: ClassVar[type[VendorSettings]]
    limits: Limits

    @abstractmethod
    def __init__(self, settings: Any) -> None: ...

    @abstractmethod
    def credentials(self) -> Mapping[str, str]:
        """Headers that authenticate; added at the moment of sending and never kept."""

    def proof(self) -> Request | None:
        """The cheapest harmless request that shows whether the credential works; None where there is none."""
        return None

    @abstractmethod
    def wants(self, event: Event) -> str | None:
        """None when this vendor wants the event, else the reason why not: a fixed phrase, no data in it."""

    def introduction(self, event: Event, visitor: Visitor) -> Request | None:
        """What must be asked before this event's messages can be made; None when nothing is missing."""
        return None

    def introduced(self, event: Event, visitor: Visitor, reply: Reply) -> dict[str, str] | None:
        """The visitor's ids after a successful introduction; None when the reply does not hold them."""
        return None

    @abstractmethod
    def messages(self, event: Event, visitor: Visitor) -> list[Message]:
        """The event in the vendor's words; the same every time it is asked."""

    @abstractmethod
    def request(self, messages: Sequence[Message]) -> Request:
        """Pack messages of one path, at most `limits.batch`."""

    @abstractmethod
    def verdict(self, request: Request, reply: Reply) -> Verdict:
        """Judge a reply to one of our requests, introductions included."""


def judge(reply: Reply, said: str = "") -> Verdict:
    """The verdict by status alone, which most vendors share; `said` is the vendor's own explanation.

    Every 2xx is a success: several pages name 200 where the API answers 204, or leave it open. But no vendor
    answers with a page: that is a proxy's or a notice of maintenance, and nothing has arrived.
    """
    reason = f"HTTP {reply.status}" + (f": {said}" if said else "")
    if 200 <= reply.status < 300:
        if reply.body.lstrip().startswith(b"<"):
            return Verdict("later", f"HTTP {reply.status}: a page in place of an answer; is base_url right?")
        return Verdict("sent", reason)
    if reply.status in (401, 403):
        return Verdict("stop", reason)
    if reply.status in (408, 425, 429) or reply.status >= 500:
        return Verdict("later", reason, reply.retry_after)
    if 300 <= reply.status < 400:
        return Verdict("stop", f"{reason}: a redirect; is base_url right?")
    return Verdict("never", reason)


MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_LONG = ("purchase", "subscription_", "refund")
_MEDIUM = ("cart", "wishlist", "identify", "begin_checkout")


def lifetime(name: str) -> int:
    """How long an event of this name is worth delivering after it was received, in milliseconds.

    Purchases, subscriptions and refunds are money: seven days. Carts, wishlists and identities describe a
    state that lasts: a day. The rest describes a moment, and vendors without a time field would count a late
    one as now: four hours.
    """
    if name.startswith(_LONG):
        return 7 * DAY
    if any(word in name for word in _MEDIUM):
        return DAY
    return 4 * HOUR
