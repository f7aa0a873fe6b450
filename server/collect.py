"""POST what happened: origin, limits, parse, consent, keep, cookies, answer.

`Collector.take` is the whole decision and knows nothing of Flask; `blueprint` is its HTTP dress.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.sansio.http import parse_cookie

from server.batch import (
    EVENT_DECODER,
    MAX_BODY,
    Batch,
    Carts,
    Reading,
    completed,
    decode_event,
    merged,
    read_batch,
    read_event,
)
from server.bots import REASON, Bots
from server.client import TrustedProxies, is_loopback
from server.clock import Clock
from server.consent import ERASED, NOTHING_SAID, Consent, may_keep, updated
from server.cookies import DAY, Cookies, Visit, renewed, source_in
from server.errors import BadRequest, CannotKeep, InvalidEvent
from server.event import Event, User
from server.gpc import says_gpc
from server.pseudonyms import Pseudonyms
from server.rates import RateLimit
from server.settings import Settings, Shop
from server.store.intake import Intake
from server.store.keeping import Arrival, CartOf, KnownVisitor, seen

BROWSER = "browser"
"""Who told us of a choice, as the ledger calls it."""
MAX_DISCARDED = 1_000_000
"""Bytes of a body that are read only so that its sender hears that it is too large."""


class Sent(msgspec.Struct, frozen=True):
    """What of a request matters here."""

    shop: str
    origin: str
    body: bytes
    cookies: Mapping[str, str] = {}
    gpc: str = ""
    """The Sec-GPC header."""
    user_agent: str = ""
    purpose: str = ""
    """The Sec-Purpose header, or the older Purpose."""


class Dropped(msgspec.Struct, frozen=True):
    """One event that was not taken."""

    index: int
    reason: str


class Answer(msgspec.Struct, frozen=True):
    """What the browser gets."""

    status: int
    body: dict[str, object]
    cookies: Sequence[str] = ()
    retry_after: int | None = None


class Collector:
    """Takes what browsers send, for every shop of the installation."""

    def __init__(
        self, settings: Settings, intake: Intake, cookies: Cookies, pseudonyms: Pseudonyms, clock: Clock
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._cookies = cookies
        self._pseudonyms = pseudonyms
        self._clock = clock
        self._bots = Bots()

    def take(self, sent: Sent) -> Answer:
        """Decide, keep and answer. Every accepted event is on disk when this returns."""
        try:
            shop = self._shop(sent)
            return self._take(sent, shop, read_batch(sent.body))
        except BadRequest as error:
            return Answer(error.status, {"error": str(error)})
        except CannotKeep as error:
            return Answer(503, {"error": str(error)}, retry_after=error.retry_after)

    def _shop(self, sent: Sent) -> Shop:
        shop = self._settings.shops.get(sent.shop)
        if shop is None:
            raise BadRequest("no such shop; check the name in the tag's URL", 404)
        if sent.origin not in shop.origins:
            told = (
                f"{sent.origin[:200]} is not among"
                if sent.origin
                else "no Origin header, which must be one of"
            )
            raise BadRequest(f"{told} the origins of shop {sent.shop}; see `origins` in gatepost.toml", 403)
        return shop

    def _take(self, sent: Sent, shop: Shop, batch: Batch) -> Answer:
        if self._bots.is_bot(sent.user_agent, sent.purpose):
            return self._refused(sent, batch, REASON, ())
        now = self._clock()
        before = self._cookies.read(sent.cookies, now)
        gpc = batch.gpc or says_gpc(sent.gpc)
        if not before.visitor and not _may_keep(
            updated(NOTHING_SAID, batch.consent, gpc, now, BROWSER), shop
        ):
            return self._without_consent(sent, batch)  # nobody to look up, nothing to keep
        after = renewed(before, source_in(batch.page.url, now) if batch.page else None, now)
        events, dropped = self._read(sent.shop, batch, after, now)
        taking = _Taking(sent.shop, shop, batch, gpc, before, after, events, self._pseudonyms, now)
        new = self._intake.take(taking)
        if taking.refused:
            return self._without_consent(sent, batch)
        dropped += taking.dropped
        dropped += [
            Dropped(i, "duplicate") for i, is_new in zip(taking.places, new, strict=True) if not is_new
        ]
        dropped.sort(key=lambda one: one.index)
        self._count(sent.shop, dropped)
        cookies = self._cookies.write(before, after) if taking.known or taking.keeps else ()
        if batch.events and not taking.places:
            return Answer(422, {"error": f"every event is invalid; the first: {dropped[0].reason}"}, cookies)
        return Answer(200, {"accepted": len(batch.events) - len(dropped), "dropped": dropped}, cookies)

    def _without_consent(self, sent: Sent, batch: Batch) -> Answer:
        """Nothing of it may be kept; what the browser keeps for us goes too."""
        return self._refused(sent, batch, "consent", self._cookies.clear(sent.cookies))

    def _refused(self, sent: Sent, batch: Batch, reason: str, cookies: Sequence[str]) -> Answer:
        dropped = [Dropped(i, reason) for i in range(len(batch.events))]
        self._count(sent.shop, dropped)
        return Answer(200, {"accepted": 0, "dropped": dropped}, cookies)

    def _count(self, shop: str, dropped: Sequence[Dropped]) -> None:
        if dropped:
            self._intake.count_dropped(shop, (one.reason for one in dropped))

    def _read(
        self, shop: str, batch: Batch, visit: Visit, now: int
    ) -> tuple[list[tuple[int, Event]], list[Dropped]]:
        """The valid events with their places in the batch, and what is wrong with the others."""
        reading = Reading(
            shop=shop,
            visitor=visit.visitor,
            session=visit.session,
            now=now,
            oldest=now - self._settings.retention_days * DAY,
            sent_at=batch.sent_at,
            page=batch.kept_page(),
            source=visit.source,
        )
        events: list[tuple[int, Event]] = []
        dropped: list[Dropped] = []
        for i, raw in enumerate(batch.events):
            try:
                event = read_event(decode_event(EVENT_DECODER, raw), reading)
            except InvalidEvent as error:
                dropped.append(Dropped(i, f"invalid: {error}"))
                continue
            events.append((i, event))
        return events, dropped


class _Taking:
    """One request, ready to be kept but for what depends on what is known of its visitor.

    See `server.store.keeping.Taking`; the attributes in the lower half of `__init__` are what was decided.
    """

    def __init__(
        self,
        name: str,
        shop: Shop,
        batch: Batch,
        gpc: bool,
        before: Visit,
        after: Visit,
        events: Sequence[tuple[int, Event]],
        pseudonyms: Pseudonyms,
        now: int,
    ) -> None:
        self.shop = name
        self.visitor = after.visitor
        self._shop = shop
        self._batch = batch
        self._gpc = gpc
        self._first_seen = after.first_seen
        self._events = events
        self._pseudonyms = pseudonyms
        self._now = now

        self.known = False
        self.refused = False
        """Consent forbids to keep anything of it, or its visitor was erased while it was on its way."""
        self.keeps = False
        self.places: list[int] = []
        """Where in the batch the events of the arrival stand."""
        self.dropped: list[Dropped] = []

    def decide(self, known: KnownVisitor | None, cart_of: CartOf) -> Arrival:
        """What to keep."""
        past = known.consent if known else NOTHING_SAID
        self.known = known is not None
        consent = updated(past, self._batch.consent, self._gpc, self._now, BROWSER)
        change = consent if consent is not past else None
        self.refused = past is ERASED or not _may_keep(consent, self._shop)
        if self.refused:
            self.keeps = False
            return self._arrival(consent=change if known else None)
        before = known.user if known else User()
        user = _user(before, self._batch)
        events = self._completed(user, known.purchases if known else 0, cart_of)
        arrival = self._arrival(
            events=events,
            consent=change,
            user=user if user != before else None,
            is_new=known is None,
            seen=seen(known, self._now),
        )
        self.keeps = bool(events or arrival.consent or arrival.user is not None)
        return arrival if self.keeps else self._arrival()

    def _arrival(self, **what: Any) -> Arrival:
        return Arrival(self.shop, self.visitor, self._first_seen, **what)

    def _completed(self, user: User, purchases: int, cart_of: CartOf) -> tuple[Event, ...]:
        self.places, self.dropped = [], []
        carts = Carts(self.shop, self.visitor, purchases, self._pseudonyms, cart_of)
        kept = []
        for i, event in self._events:
            try:
                kept.append(completed(event, user, carts))
            except InvalidEvent as error:
                self.dropped.append(Dropped(i, f"invalid: {error}"))
                continue
            self.places.append(i)
        return tuple(kept)


def _may_keep(consent: Consent, shop: Shop) -> bool:
    return may_keep(consent, shop.consent, shop.purposes)


def _user(before: User, batch: Batch) -> User:
    """Who the visitor is from now on: as before, named again, or (null) forgotten."""
    if batch.user is msgspec.UNSET:
        return before
    return User() if batch.user is None else merged(before, batch.user.user())


_encode = msgspec.json.Encoder().encode


def blueprint(collector: Collector, prefix: str, proxies: TrustedProxies, limit: RateLimit) -> Blueprint:
    """The routes that browsers post to. CORS is the app's; see app.py."""
    routes = Blueprint("collect", __name__, url_prefix=prefix)

    @routes.post("/<shop>/e")
    def post_events(shop: str) -> Response:
        environ = request.environ  # werkzeug's headers cost more than all that is done with them here
        sender = proxies.sender(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""))
        if not is_loopback(sender) and (wait := limit.wait(sender)):
            return _response(Answer(429, {"error": "too many requests"}, retry_after=wait))
        sent = Sent(
            shop=shop,
            origin=environ.get("HTTP_ORIGIN", ""),
            body=_body(),
            cookies=parse_cookie(environ.get("HTTP_COOKIE")),
            gpc=environ.get("HTTP_SEC_GPC", ""),
            user_agent=environ.get("HTTP_USER_AGENT", ""),
            purpose=environ.get("HTTP_SEC_PURPOSE") or environ.get("HTTP_PURPOSE", ""),
        )
        return _response(collector.take(sent))

    return routes


def _body() -> bytes:
    """The request's body; of one that is too large, more than is allowed.

    What is too much is read all the same, within reason: a sender who is answered while it still sends sees a
    connection that broke, not the answer, and would try again for ever.
    """
    body = request.stream.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        request.stream.read(MAX_DISCARDED)
    return body


def _response(answer: Answer) -> Response:
    response = Response(_encode(answer.body), answer.status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Origin"
    for cookie in answer.cookies:
        response.headers.add("Set-Cookie", cookie)
    if answer.retry_after is not None:
        response.headers["Retry-After"] = str(answer.retry_after)
    return response
