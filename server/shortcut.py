"""The short way of `POST …/e`: from the server to the collector, past Flask.

Nearly half of what this request cost the processor was Flask's routing, contexts and response objects and
Flask-CORS's matching; see benchmarks/RESULTS.md. So the usual case, a page of a shop's own origin sending to
that shop, is answered here, with the very headers that Flask and Flask-CORS would give it, which a test
compares. Everything else goes on to Flask: questions (OPTIONS), other methods, other shops, other origins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from server.collect import Answer, Answerer, body_of, headers_of
from server.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

_STATUS = {status.value: f"{status.value} {status.phrase.upper()}" for status in HTTPStatus}


class Shortcut:
    """A WSGI application in front of another."""

    def __init__(self, settings: Settings, answerer: Answerer, application: WSGIApplication) -> None:
        self._answerer = answerer
        self._application = application
        self._shops = {
            f"{settings.prefix}/{name}/e": (name, frozenset(shop.origins))
            for name, shop in settings.shops.items()
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or have the application answer."""
        shop, origins = self._shops.get(environ["PATH_INFO"], ("", ()))
        origin = environ.get("HTTP_ORIGIN", "")
        if origin not in origins or environ["REQUEST_METHOD"] != "POST":
            return self._application(environ, start_response)
        try:
            answer = self._answerer.answer(environ, shop)
        except Exception:
            log.exception("a request could not be answered")
            answer = Answer(500, {"error": "this went wrong here; the log tells more"})
        body = body_of(answer)
        headers = [
            *headers_of(answer),
            ("Content-Length", str(len(body))),
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", "Retry-After"),
        ]
        start_response(_STATUS[answer.status], headers)
        return [body]
