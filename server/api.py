"""POST from the shop's own server: the same events, each with its visitor or its user.

`Api.take` decides event by event, so that one that is wrong does not hold back the others; `blueprint` is its
HTTP dress.
"""

from __future__ import annotations

import hmac
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from server.batch import Reading, SentConsent, SentEvent, SentUser, decode_event, read_event, read_shape
from server.clock import Clock
from server.cookies import DAY
from server.errors import BadRequest, CannotKeep, InvalidEvent
from server.event import Event, Page, User
from server.posting import Posting
from server.pseudonyms import Pseudonyms
from server.settings import Settings, Shop
from server.store.history import History, Record
from server.store.intake import Intake

MAX_BODY = 1_000_000
MAX_EVENTS = 100
FUTURE = 5 * 60 * 1000
"""Milliseconds by which a server's clock may be ahead of ours."""


class ServerEvent(SentEvent, frozen=True):
    """One event as the shop's server sends it."""

    visitor: str | None = None
    """Our visitor id, as the visitor's own export shows it."""
    user: SentUser | None = None
    """Or who it is by the shop's own names."""
    consent: SentConsent | None = None
    ip: str | None = None
    user_agent: str | None = None
    """Taken so that a sender need not leave them out; no vendor is sent them, and neither is kept."""


class _Body(msgspec.Struct, frozen=True):
    events: list[msgspec.Raw]


class Problem(msgspec.Struct, frozen=True):
    """One event that was not stored."""

    index: int
    reason: str


class Stored(msgspec.Struct, frozen=True):
    """The answer to a request."""

    status: str
    stored: int
    errors: list[Problem]


class _Erased(Exception):
    """The event is of a visitor who was erased."""


_body_decoder = msgspec.json.Decoder(_Body)
_event_decoder = msgspec.json.Decoder(ServerEvent)


class Api:
    """Takes what the shops' own servers send."""

    def __init__(self, settings: Settings, intake: Intake, pseudonyms: Pseudonyms, clock: Clock) -> None:
        self._settings = settings
        self._intake = intake
        self._pseudonyms = pseudonyms
        self._clock = clock

    def authorize(self, shop: str, header: str) -> Shop:
        """The shop, when the Authorization header holds one of its keys. Raises BadRequest: 404, 401."""
        known = self._settings.shops.get(shop)
        if known is None:
            raise BadRequest("no such shop; check the name in the URL", 404)
        scheme, _, key = header.partition(" ")
        given = key.strip().encode() if scheme.lower() == "bearer" else b""
        # Every key is compared, each in constant time, so that the time taken tells nothing.
        matches = [hmac.compare_digest(given, own.reveal().encode()) for own in known.api_keys]
        if not given or not any(matches):
            raise BadRequest(
                "the API key is missing or wrong; send 'Authorization: Bearer <one of the shop's api_keys>'",
                401,
            )
        return known

    def take(self, name: str, shop: Shop, body: bytes) -> Stored:
        """Store a request's events and answer for each that was not.

        Raises BadRequest when nothing of it can be read, CannotKeep when it is not known to be kept.
        """
        if len(body) > MAX_BODY:
            raise BadRequest(f"the body is larger than {MAX_BODY} bytes; send fewer events at once", 413)
        raws = read_shape(_body_decoder, body).events
        if len(raws) > MAX_EVENTS:
            raise BadRequest(f"more than {MAX_EVENTS} events; send them in several requests", 413)
        request = _Request(name, shop, self._settings, self._intake, self._pseudonyms, self._clock())
        errors: list[Problem] = []
        postings: list[tuple[int, Posting]] = []
        for i, raw in enumerate(raws):
            try:
                postings.append((i, request.posting(raw)))
            except InvalidEvent as error:
                errors.append(Problem(i, str(error)))
            except _Erased:
                errors.append(Problem(i, "erased"))
        kept = self._intake.take_all([posting for _, posting in postings])
        for (i, posting), new in zip(postings, kept, strict=True):
            if posting.problem:
                errors.append(Problem(i, posting.problem))
            elif not new[0]:
                errors.append(Problem(i, "duplicate"))
        errors.sort(key=lambda problem: problem.index)
        return Stored("ok", len(raws) - len(errors), errors)


class _Request:
    """The events of one request, each read, and its visitor found."""

    def __init__(
        self, name: str, shop: Shop, settings: Settings, intake: Intake, pseudonyms: Pseudonyms, now: int
    ) -> None:
        self._name = name
        self._shop = shop
        self._intake = intake
        self._pseudonyms = pseudonyms
        self._now = now
        self._days = settings.retention_days

    def posting(self, raw: msgspec.Raw) -> Posting:
        """One event with its visitor. Raises InvalidEvent naming the field, and _Erased."""
        sent = decode_event(_event_decoder, raw)
        said = sent.user.user() if sent.user else User()
        visitor, claimed = self._visitor(sent, said)
        event = msgspec.structs.replace(self._event(sent, visitor), claimed=claimed)
        return Posting(
            self._shop, event, said, sent.consent, self._decided(sent), self._pseudonyms, self._now
        )

    def _decided(self, sent: ServerEvent) -> dict[str, int]:
        """When what was granted was: by the time of the event, with which it was told.

        So an old order that is told late does not undo what was declined since. To decline counts from now.
        """
        if sent.at is None or sent.consent is None:
            return {}
        at = min(int(sent.at), self._now)
        return {purpose: at for purpose, choice in sent.consent.items() if choice == "granted"}

    def _visitor(self, sent: ServerEvent, said: User) -> tuple[str, bool]:
        """Whose event it is: the visitor named, the one last known by the user's names, or a new one.

        And whether that visitor's browser only claims to be the user: it can have said any name.
        """
        if sent.visitor:
            if self._intake.visitor(self._name, sent.visitor) is None:
                if self._intake.is_erased(self._name, sent.visitor):
                    raise _Erased
                raise InvalidEvent("visitor", "is not known to this shop")
            return sent.visitor, False
        if not said:
            raise InvalidEvent("visitor", "is missing; name the visitor, or the user by id, email or phone")
        names = [(kind, name) for kind, name in msgspec.structs.asdict(said).items() if name]
        strangers = [self._pseudonyms.stranger(self._name, kind, name) for kind, name in names]
        visitor = self._intake.visitor_of(self._name, said)
        if visitor is not None:
            return visitor, visitor not in strangers
        for kind, name in names:
            if self._intake.is_name_erased(self._name, self._pseudonyms.name(self._name, kind, name)):
                raise _Erased
        return strangers[0], False

    def _event(self, sent: ServerEvent, visitor: str) -> Event:
        oldest = self._now - self._days * DAY
        if sent.at is not None and sent.at < oldest:
            raise InvalidEvent("at", f"is longer ago than the {self._days} days that events are kept")
        if sent.at is not None and sent.at > self._now + FUTURE:
            raise InvalidEvent("at", "is in the future; it is milliseconds since 1970")
        reading = Reading(
            shop=self._name,
            visitor=visitor,
            session="",
            now=self._now,
            oldest=oldest,
            sent_at=None,
            page=Page(),
            source=None,
            origin="server",
        )
        return read_event(sent, reading)


_encode = msgspec.json.Encoder().encode


def blueprint(api: Api, history: History) -> Blueprint:
    """`/v1/{shop}/events` and its debug page."""
    routes = Blueprint("api", __name__, url_prefix="/v1")

    @routes.post("/<shop>/events")
    def post_events(shop: str) -> Response:
        settings = api.authorize(shop, request.headers.get("Authorization", ""))
        return _json(api.take(shop, settings, request.stream.read(MAX_BODY + 1)))

    @routes.get("/<shop>/events/debug")
    def debug(shop: str) -> Response:
        api.authorize(shop, request.headers.get("Authorization", ""))
        return _json({"events": [_shown(record) for record in history.newest_of_each_name(shop)]})

    @routes.errorhandler(BadRequest)
    def refuse(error: BadRequest) -> Response:
        response = _json({"error": str(error)}, error.status)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    @routes.errorhandler(CannotKeep)
    def come_back(error: CannotKeep) -> Response:
        response = _json({"error": str(error)}, 503)
        response.headers["Retry-After"] = str(error.retry_after)
        return response

    return routes


def _json(value: object, status: int = 200) -> Response:
    response = Response(_encode(value), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _shown(record: Record) -> dict[str, Any]:
    """An event as kept, and for each vendor what it was sent and what it answered."""
    return {
        "name": record.event.name,
        "event": record.event,
        "consent": record.consent,
        "vendors": {fate.vendor: _without_vendor(fate) for fate in record.fates},
    }


def _without_vendor(fate: Any) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(fate).items() if name != "vendor"}
