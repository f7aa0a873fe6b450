"""POST what happened: origin, limits, parse, consent, keep, cookies, answer.

`Collector.take` is the whole decision and knows nothing of Flask; `blueprint` is its HTTP dress.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from flask import Blueprint, Response, request

from server.batch import (
    EVENT_DECODER,
    MAX_BODY,
    Batch,
    Reading,
    decode_event,
    read_batch,
    read_event,
)
from server.bots import REASON, Bots
from server.client import TrustedProxies, is_loopback
from server.clock import Clock
from server.consent import ERASED, NOTHING_SAID, Consent, declined, updated
from server.cookies import DAY, Cookies, Jar, Visit, jar_of, renewed, source_in
from server.errors import BadRequest, CannotKeep, InvalidEvent
from server.event import Event
from server.gpc import says_gpc
from server.pseudonyms import Pseudonyms
from server.rates import RateLimit
from server.settings import Settings, Shop
from server.store.intake import Intake
from server.taking import BROWSER, DUPLICATE, Dropped, Taking, may_keep_for

NULL = "null"
"""The origin of a page in a sandbox, which could be anybody's: https://html.spec.whatwg.org/#sandboxed-origin"""
MAX_DISCARDED = 1_000_000
"""Bytes of a body that are read only so that its sender hears that it is too large."""


class Sent(msgspec.Struct, frozen=True):
    """What of a request matters here."""

    shop: str
    origin: str
    body: bytes
    cookies: Jar = {}
    gpc: str = ""
    """The Sec-GPC header."""
    user_agent: str = ""
    purpose: str = ""
    """The Sec-Purpose header, or the older Purpose."""


class Answer(msgspec.Struct, frozen=True):
    """What the browser gets."""

    status: int
    body: dict[str, object]
    cookies: Sequence[str] = ()
    retry_after: int | None = None


class _Begun(NamedTuple):
    """A request that was read, and is to be kept."""

    sent: Sent
    shop: Shop
    batch: Batch
    before: Visit
    after: Visit
    invalid: Sequence[Dropped]
    taking: Taking


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
        begun = self._begin(sent)
        if isinstance(begun, Answer):
            return _fit(sent, begun)
        try:
            return _fit(sent, self._answer(begun, self._intake.take(begun.taking)))
        except CannotKeep as error:
            return _not_now(error)

    async def take_soon(self, sent: Sent) -> Answer:
        """`take` for a coroutine, which waits for the disk without holding a thread."""
        begun = self._begin(sent)
        if isinstance(begun, Answer):
            return _fit(sent, begun)
        try:
            return _fit(sent, self._answer(begun, await self._intake.take_soon(begun.taking)))
        except CannotKeep as error:
            return _not_now(error)

    def _begin(self, sent: Sent) -> Answer | _Begun:
        """All that needs nothing from the disk."""
        try:
            shop = self._shop(sent)
            if sent.origin == NULL:  # cookies that come from a sandbox say nothing here
                sent = msgspec.structs.replace(sent, cookies={})
            return self._prepare(sent, shop, read_batch(sent.body))
        except BadRequest as error:
            return Answer(error.status, {"error": str(error)})

    def _shop(self, sent: Sent) -> Shop:
        shop = self._settings.shops.get(sent.shop)
        if shop is None:
            raise BadRequest("no such shop; check the name in the tag's URL", 404)
        if sent.origin == NULL and shop.null_origin:
            return shop
        if sent.origin not in shop.origins:
            told = (
                f"{sent.origin[:200]} is not among"
                if sent.origin
                else "no Origin header, which must be one of"
            )
            raise BadRequest(f"{told} the origins of shop {sent.shop}; see `origins` in gatepost.toml", 403)
        return shop

    def _prepare(self, sent: Sent, shop: Shop, batch: Batch) -> Answer | _Begun:
        if self._bots.is_bot(sent.user_agent, sent.purpose):
            return self._refused(sent, batch, REASON, ())
        now = self._clock()
        before = self._cookies.read(sent.cookies, now)
        gpc = batch.gpc or says_gpc(sent.gpc)
        stranger = declined(shop.purposes, before.declined) if before.declined else NOTHING_SAID
        if not before.visitor:
            said = updated(stranger, batch.consent, gpc, now, BROWSER, batch.decided(now))
            if not may_keep_for(shop, said):
                return self._without_consent(sent, shop, batch, said)  # nobody to look up, nothing to keep
        after = renewed(before, source_in(batch.page.url, now) if batch.page else None, now)
        events, dropped, after = self._read(sent.shop, batch, after, now)
        lasts = sent.origin != NULL
        taking = Taking(sent.shop, shop, batch, gpc, stranger, after, events, self._pseudonyms, now, lasts)
        return _Begun(sent, shop, batch, before, after, dropped, taking)

    def _answer(self, begun: _Begun, new: Sequence[bool]) -> Answer:
        """What the browser gets; `new` says which of the events that were to be kept were not kept before."""
        sent, shop, batch, before, after, invalid, taking = begun
        if taking.refused:
            return self._without_consent(sent, shop, batch, taking.consent)
        again = [Dropped(i, DUPLICATE) for i, is_new in zip(taking.places, new, strict=True) if not is_new]
        dropped = sorted([*invalid, *taking.dropped, *again], key=lambda one: one.index)
        self._count(sent.shop, dropped)
        cookies = self._cookies.write(before, after) if taking.known or taking.keeps else ()
        if batch.events and all(one.reason.startswith("invalid") for one in dropped) and not taking.places:
            return Answer(422, {"error": f"every event is invalid; the first: {dropped[0].reason}"}, cookies)
        return Answer(200, {"accepted": len(batch.events) - len(dropped), "dropped": dropped}, cookies)

    def _without_consent(self, sent: Sent, shop: Shop, batch: Batch, said: Consent) -> Answer:
        """Nothing of it may be kept; what the browser keeps for us goes too.

        But where saying nothing would let events flow, the browser has to remember that its owner declined.
        """
        has_declined = said is not ERASED and "denied" in said.purposes.values()
        if shop.consent == "not_required" and has_declined:
            cookies = self._cookies.decline(sent.cookies, self._clock())
        else:
            cookies = self._cookies.clear(sent.cookies)
        return self._refused(sent, batch, "consent", cookies)

    def _refused(self, sent: Sent, batch: Batch, reason: str, cookies: Sequence[str]) -> Answer:
        dropped = [Dropped(i, reason) for i in range(len(batch.events))]
        self._count(sent.shop, dropped)
        return Answer(200, {"accepted": 0, "dropped": dropped}, cookies)

    def _count(self, shop: str, dropped: Sequence[Dropped]) -> None:
        if dropped:
            self._intake.count_dropped(shop, (one.reason for one in dropped))

    def _read(
        self, shop: str, batch: Batch, visit: Visit, now: int
    ) -> tuple[list[tuple[int, Event]], list[Dropped], Visit]:
        """The valid events with their places in the batch, what is wrong with the others, and how the visit
        goes on: an event may have been on a page of its own, to which another campaign has led.
        """
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
                sent = decode_event(EVENT_DECODER, raw)
                if sent.page and (found := source_in(sent.page.url, now)):
                    visit = renewed(visit, found, now)
                    reading = msgspec.structs.replace(reading, session=visit.session, source=visit.source)
                event = read_event(sent, reading)
            except InvalidEvent as error:
                dropped.append(Dropped(i, f"invalid: {error}"))
                continue
            events.append((i, event))
        return events, dropped, visit


def _fit(sent: Sent, answer: Answer) -> Answer:
    """In a sandbox no cookie is set or cleared."""
    return msgspec.structs.replace(answer, cookies=()) if sent.origin == NULL else answer


def _not_now(error: CannotKeep) -> Answer:
    return Answer(503, {"error": str(error)}, retry_after=error.retry_after)


class Gate:
    """Lets so many requests of one sender in, and no more."""

    def __init__(self, proxies: TrustedProxies, limit: RateLimit) -> None:
        self._proxies = proxies
        self._limit = limit

    def refusal(self, peer: str, forwarded_for: str) -> Answer | None:
        """None for a request that may come in, which this counts. See `TrustedProxies.sender`."""
        sender = self._proxies.sender(peer, forwarded_for)
        if not is_loopback(sender) and (wait := self._limit.wait(sender)):
            return Answer(429, {"error": "too many requests"}, retry_after=wait)
        return None


def blueprint(collector: Collector, gate: Gate, prefix: str, shops: Mapping[str, Shop]) -> Blueprint:
    """The route that browsers post to; most of their requests take a shorter way, see front.py."""
    routes = Blueprint("collect", __name__, url_prefix=prefix)

    @routes.post("/<shop>/e")
    def post_events(shop: str) -> Response:
        environ = request.environ
        answer = gate.refusal(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""))
        if answer is None:
            sent = Sent(
                shop=shop,
                origin=environ.get("HTTP_ORIGIN", ""),
                body=_body(),
                cookies=jar_of(environ.get("HTTP_COOKIE", "")),
                gpc=environ.get("HTTP_SEC_GPC", ""),
                user_agent=environ.get("HTTP_USER_AGENT", ""),
                purpose=environ.get("HTTP_SEC_PURPOSE") or environ.get("HTTP_PURPOSE", ""),
            )
            answer = collector.take(sent)
        return Response(body_of(answer), answer.status, headers_of(answer))

    @routes.after_request
    def let_sandboxes_read(response: Response) -> Response:
        """A sandbox hears the answer and may ask beforehand, but never with credentials: app.py answers those
        that have an origin.
        """
        shop = shops.get((request.view_args or {}).get("shop", ""))
        if shop is not None and shop.null_origin and request.headers.get("Origin") == NULL:
            response.headers["Access-Control-Allow-Origin"] = NULL
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"
            response.headers["Vary"] = "Origin"
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "POST"
                response.headers["Access-Control-Allow-Headers"] = "Content-Type"
                response.headers["Access-Control-Max-Age"] = "86400"
        return response

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


_encode = msgspec.json.Encoder().encode


def body_of(answer: Answer) -> bytes:
    """The answer's body."""
    return _encode(answer.body)


def headers_of(answer: Answer) -> list[tuple[str, str]]:
    """The answer's headers but for those of CORS."""
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Vary", "Origin")]
    headers += [("Set-Cookie", cookie) for cookie in answer.cookies]
    if answer.retry_after is not None:
        headers.append(("Retry-After", str(answer.retry_after)))
    return headers
