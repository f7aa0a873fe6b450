"""`GET` and `DELETE /gp/{shop}/me`: the visitor's own data, known by the cookie alone.

A cookie goes along with requests that its owner knows nothing of. So nothing is answered to a page of another
site, and nothing is erased but for a script of one of the shop's own pages: a browser names the page's origin
with every DELETE, and no page can forge it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from flask import Blueprint, Response, request

from server.client import TrustedProxies, is_loopback
from server.clock import Clock
from server.cookies import Cookies, Jar, jar_of
from server.errors import BadRequest, CannotKeep
from server.rates import RateLimit
from server.rights import Subjects, moment, shown
from server.settings import Settings

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode


class Asked(msgspec.Struct, frozen=True):
    """What of a request matters here."""

    shop: str
    cookies: Jar = {}
    origin: str = ""
    site: str = ""
    """The Sec-Fetch-Site header: whose page asks. https://www.w3.org/TR/fetch-metadata/"""
    mode: str = ""
    """The Sec-Fetch-Mode header: navigate, when it becomes a page of its own."""


class Me:
    """Answers visitors about themselves."""

    def __init__(self, settings: Settings, subjects: Subjects, cookies: Cookies, clock: Clock) -> None:
        self._settings = settings
        self._subjects = subjects
        self._cookies = cookies
        self._clock = clock

    def export(self, asked: Asked) -> Iterable[bytes]:
        """What is kept of the visitor whose cookie this is, as the pieces of one JSON object.

        Raises BadRequest: 403 when a page of another site asks, 404 when nothing is kept; CannotKeep.
        """
        self._check(asked, bool(asked.origin) or is_by_hand(asked))
        visitor = self._cookies.read(asked.cookies, self._clock()).visitor
        export = self._subjects.export(asked.shop, visitor, proven=False) if visitor else None
        if export is None:
            raise BadRequest("nothing is kept about this browser", 404)
        return export

    def erase(self, asked: Asked) -> tuple[Mapping[str, object], Sequence[str]]:
        """Erase the visitor whose cookie this is; what was done, and the cookies that clear theirs.

        Raises BadRequest: 403 when no page of the shop asks, 404 when nothing is kept; CannotKeep.
        """
        self._check(asked, bool(asked.origin))
        now = self._clock()
        visitor = self._cookies.read(asked.cookies, now).visitor
        if not visitor or not self._is_known(asked.shop, visitor):
            raise BadRequest("nothing is kept about this browser", 404)
        erased = self._subjects.erase(asked.shop, visitor, now)
        done = {
            "erased": {"visitor": visitor, "events": erased.events, "at": moment(now)},
            "told": shown(erased.told, erased.known_as),
        }
        return done, self._cookies.clear(asked.cookies)

    def _is_known(self, shop: str, visitor: str) -> bool:
        """An erased one too: perhaps the disk refused before all of it was gone."""
        found = self._subjects.find(shop, visitor=visitor)
        return bool(found) or self._subjects.erased_at(shop, visitor) is not None

    def _check(self, asked: Asked, may: bool) -> None:
        shop = self._settings.shops.get(asked.shop)
        if shop is None:
            raise BadRequest("no such shop; check the name in the URL", 404)
        foreign = asked.site == "cross-site" or (asked.origin and asked.origin not in shop.origins)
        if foreign or not may:
            raise BadRequest(f"only the pages of shop {asked.shop} may ask for this", 403)


def is_by_hand(asked: Asked) -> bool:
    """Whether a request without an Origin comes from whom it concerns: typed, a link, or our own page."""
    if asked.site == "same-site":
        return asked.mode == "navigate"
    return asked.site in ("", "none", "same-origin")


def blueprint(me: Me, prefix: str, proxies: TrustedProxies, limit: RateLimit) -> Blueprint:
    """The routes. CORS is the app's; see app.py."""
    routes = Blueprint("me", __name__, url_prefix=prefix)

    @routes.before_request
    def limit_rate() -> Response | None:
        sender = proxies.sender(request.remote_addr or "", request.headers.get("X-Forwarded-For", ""))
        if not is_loopback(sender) and (wait := limit.wait(sender)):
            return _refusal("too many requests", 429, wait)
        return None

    @routes.get("/<shop>/me")
    def export(shop: str) -> Response:
        pieces = me.export(_asked(shop))
        response = _response(Response(pieces, mimetype="application/json"))
        response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
        return response

    @routes.delete("/<shop>/me")
    def erase(shop: str) -> Response:
        done, cookies = me.erase(_asked(shop))
        response = _response(Response(_encode(done), mimetype="application/json"))
        for cookie in cookies:
            response.headers.add("Set-Cookie", cookie)
        return response

    @routes.errorhandler(BadRequest)
    def refuse(error: BadRequest) -> Response:
        return _refusal(str(error), error.status)

    @routes.errorhandler(CannotKeep)
    def come_back(error: CannotKeep) -> Response:
        log.error("a visitor's data could not be given or erased: %s", error)
        return _refusal("not now; try again", 503, error.retry_after)

    return routes


def _asked(shop: str) -> Asked:
    headers = request.headers
    return Asked(
        shop,
        jar_of(request.environ.get("HTTP_COOKIE", "")),
        headers.get("Origin", ""),
        headers.get("Sec-Fetch-Site", ""),
        headers.get("Sec-Fetch-Mode", ""),
    )


def _refusal(error: str, status: int, retry_after: int | None = None) -> Response:
    response = _response(Response(_encode({"error": error}), status, mimetype="application/json"))
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _response(response: Response) -> Response:
    """For this browser alone, as a document alone: no cache, and no element of a page, can hold it."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
