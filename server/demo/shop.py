"""create_shop(): the demo shop as a Flask application."""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException

from server.demo import visit
from server.demo.account import account
from server.demo.basket import basket
from server.demo.browse import browse
from server.demo.catalogue import CATALOGUE
from server.demo.checkout import checkout
from server.demo.live import SWITCHES, Live, panel
from server.demo.pages import money, show
from server.files import folder

LARGEST_FORM = 16 * 1024
PANEL_STATES = ("open", "closed")


class InOrder(DefaultJSONProvider):
    """JSON with its keys as they were put: the panel shows requests as they were sent."""

    sort_keys = False


def create_shop(*, tag_url: str, live: Live, sandbox_url: str, currency: str = "EUR") -> Flask:
    """The shop.

    `tag_url`: where the tag is, `{gateway}/{path}/tag.js`; its origin is the only other one pages may use.
    `live`: the events Gatepost kept with a `seq` above the one given; called in request threads.
    `sandbox_url`: where the vendors' stand-ins are, for the panel's switches.
    `currency`: three capital letters. Raises ValueError when an argument cannot be right.

    Carts live in a cookie signed with a key of this one application: run it in a single process.
    """
    gateway = _origin("tag_url", tag_url)
    _origin("sandbox_url", sandbox_url)
    if not re.fullmatch("[A-Z]{3}", currency):
        raise ValueError(f"currency: {currency!r} is not three capital letters, such as EUR")
    app = Flask(
        "gatepost-demo-shop",
        static_folder=folder("static") / "demo",
        static_url_path="/static",
        template_folder=folder("templates") / "demo",
    )
    app.json = InOrder(app)
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        # Cookies do not know ports: a plain "session" would be shared with whatever else runs on localhost.
        SESSION_COOKIE_NAME="demo_shop",
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        CURRENCY=currency,
        LIVE=live,
        SANDBOX_URL=sandbox_url,
    )
    app.jinja_env.filters["money"] = money
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for rooms in (browse, basket, checkout, account, panel):
        app.register_blueprint(rooms)
    app.before_request(_refuse_other_sites)
    app.register_error_handler(HTTPException, _say_error)

    @app.context_processor
    def everywhere() -> dict[str, Any]:
        return {
            "catalogue": CATALOGUE,
            "shopper": visit.shopper(),
            "cart_size": visit.cart_size(),
            "wishlist_size": len(visit.wishlist()),
            "tag_url": tag_url,
            "sandbox_url": sandbox_url.rstrip("/"),
            "switches": SWITCHES,
            "panel_state": kept if (kept := request.cookies.get("demo_panel")) in PANEL_STATES else "auto",
        }

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = content_policy(gateway)
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.mimetype == "text/html":
            # A cart that the back button brings back must be the cart of now.
            response.cache_control.no_cache = True
        return response

    return app


def content_policy(gateway: str) -> str:
    """The Content-Security-Policy of every answer: this shop and the gateway's origin, and nothing inline.

    Scripts may not even turn strings into markup (Trusted Types), the strictest a shop can ask of a tag.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {gateway}",
            f"connect-src 'self' {gateway}",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _origin(name: str, url: str) -> str:
    """The origin of a URL. Raises ValueError, naming the argument, when it has none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s;,'\"]", url):
        raise ValueError(f"{name}: {url!r} is not a web address, such as http://localhost:8000/")
    return f"{parts.scheme}://{parts.netloc}"


def _refuse_other_sites() -> None:
    """Another site's page may link here, but not press a button here."""
    sender = request.headers.get("Sec-Fetch-Site", "none")
    if request.method == "POST" and sender not in ("same-origin", "none"):
        abort(403, "This form was sent by another site.")


def _say_error(error: HTTPException) -> Response:
    """Any refusal as a page of the shop; what no person asks for gets a plain sentence."""
    status = error.code or 500
    if request.path.startswith(("/static/", "/picture/", "/_live")):
        return Response(error.description, status, mimetype="text/plain")
    title, say = "That did not work", error.description or "Go back and try again."
    if status == 404:
        title, say = "We looked everywhere", "There is nothing at this address."
    elif status >= 500:
        title, say = "Something broke", "It is our fault. Try again in a moment."
    return Response(show("problem.html", "other", title=title, say=say), status)
