"""The console's pages put together."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from flask import Blueprint, Flask, Response, abort, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound
from werkzeug.wrappers import Response as AnyResponse

from server.console import (
    assets,
    dead,
    door,
    events,
    install,
    live,
    overview,
    privacy,
    protection,
    trying,
    words,
)
from server.console.assets import Assets
from server.console.conditions import attention
from server.console.console import Console
from server.errors import BadRequest, CannotKeep
from server.files import folder
from server.settings import Settings

log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """A line of the navigation."""

    title: str
    endpoint: str
    icon: str
    """A symbol of templates/console/icons.svg."""
    key: str
    """Pressed after g, it goes there."""


NAVIGATION = (
    Entry("Overview", "console.overview.page", "overview", "o"),
    Entry("Live", "console.live.page", "live", "l"),
    Entry("Dead letters", "console.dead.page", "dead", "d"),
    Entry("Install", "console.install.page", "install", "i"),
    Entry("Try an event", "console.try.page", "try", "t"),
    Entry("Privacy", "console.privacy.page", "privacy", "p"),
)


def blueprint(console: Console) -> Blueprint:
    """Every page, with its css and js, below /console."""
    pages = Blueprint("console", __name__, url_prefix="/console", template_folder=folder("templates"))
    files = Assets(folder("static") / "console")
    guard = door.Door(console.settings, console.database, console.proxies, console.clock)
    pages.register_blueprint(assets.blueprint(files))
    pages.register_blueprint(door.blueprint(guard))
    for rooms in (overview, live, events, dead, install, trying, privacy):
        pages.register_blueprint(rooms.blueprint(console))
    pages.before_request(protection.refuse_other_sites)
    pages.before_request(guard.check)
    pages.before_request(lambda: _refuse_unknown_shop(console.settings))
    pages.after_request(protection.protect)
    pages.context_processor(lambda: _everywhere(console, files))
    pages.record_once(_prepare)
    _say_errors(pages)

    @pages.get("/")
    def front() -> AnyResponse | str:
        shops = console.settings.shops
        if len(shops) == 1:
            return redirect(url_for("console.overview.page", shop=next(iter(shops))))
        return overview.all_shops(console)

    @pages.route("/<path:rest>")
    def nowhere(rest: str) -> AnyResponse:
        abort(404, f"There is no page {rest!r} in this console.")

    return pages


def _prepare(state: BlueprintSetupState) -> None:
    """Blanks that only the templates need are left out; the words that they speak with."""
    app: Flask = state.app  # type: ignore[assignment]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(words.FILTERS)


def _refuse_unknown_shop(settings: Settings) -> None:
    shop = (request.view_args or {}).get("shop")
    if shop is not None and shop not in settings.shops:
        abort(404, f"There is no shop {shop!r}; there is {', '.join(settings.shops)}.")


def _everywhere(console: Console, files: Assets) -> dict[str, Any]:
    """What every template may use. Nothing of a shop, where nobody has signed in."""
    common: dict[str, Any] = {"asset": files.url, "now": console.clock()}
    if not door.is_open():
        return common
    shops = console.settings.shops
    shop = (request.view_args or {}).get("shop")
    shop = shop if shop in shops else next(iter(shops))
    return {
        **common,
        "shop": shop,
        "shops": list(shops),
        "navigation": NAVIGATION,
        # Asked for by the templates that show it: a page that says the database is gone must not need it.
        "attention": lambda: attention(
            console.settings, console.counts(), console.dead(shop), shop, console.clock()
        ),
    }


def _say_errors(pages: Blueprint) -> None:
    """Every refusal is a page, or for htmx a sentence that the page shows."""

    def say(status: int, title: str, says: str) -> AnyResponse:
        if request.headers.get("HX-Request"):
            return Response(says, status, mimetype="text/plain")
        return Response(render_template("console/problem.html", title=title, says=says), status)

    @pages.errorhandler(HTTPException)
    def refused(error: HTTPException) -> AnyResponse:
        if isinstance(error, InternalServerError):
            return failed(error)
        title = "Nothing here" if isinstance(error, NotFound) else "That did not work"
        return say(error.code or 400, title, error.description or "Go back and try again.")

    @pages.errorhandler(BadRequest)
    def wrong(error: BadRequest) -> AnyResponse:
        return say(error.status, "That did not work", str(error))

    @pages.errorhandler(CannotKeep)
    def later(error: CannotKeep) -> AnyResponse:
        log.error("the console could not use the database: %s", error)
        return say(503, "Not now", f"{str(error).capitalize()}. Try again in a moment.")

    @pages.errorhandler(Exception)
    def failed(error: Exception) -> AnyResponse:
        log.error("a page of the console failed", exc_info=error)
        return say(500, "Something broke", "It is Gatepost's fault, and its log tells more. Events go on.")
