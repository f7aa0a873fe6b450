"""Signing in and out; without, nothing of the console is shown."""

from __future__ import annotations

import hashlib
import math
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.client import TrustedProxies, subscriber
from server.clock import Clock
from server.console.assets import ENDPOINT as ASSETS
from server.console.session import Session, is_local
from server.password import matches
from server.settings import Settings
from server.store.database import Database
from server.store.signins import SignIns

FRONT = "/console/"


def is_open() -> bool:
    """Whether the present request comes from one who has signed in."""
    return bool(g.get("console_open"))


class Door:
    """Lets in who knows the password, and tells everybody else how to get in."""

    def __init__(self, settings: Settings, database: Database, proxies: TrustedProxies, clock: Clock) -> None:
        self._password = settings.console_password.reveal()
        self._key = hashlib.sha256(settings.secrets[0].reveal().encode()).digest()
        self._proxies = proxies
        self._clock = clock
        self._tries = SignIns(database)
        self.session = Session(settings)

    def check(self) -> AnyResponse | None:
        """Before every request: None when it may go on, else the answer."""
        if request.endpoint == ASSETS:
            return None
        if not self._password:
            return Response(render_template("console/closed.html"), 403)
        g.console_open = self.session.is_valid(request.cookies, request.host, self._clock())
        if is_open() or request.endpoint == "console.door.sign_in":
            return None
        if _was_followed_from_elsewhere():
            return Response(render_template("console/knock.html", to=request.full_path.rstrip("?")))
        return _to_sign_in()

    def wrong(self, password: str) -> str:
        """Why this password does not let in; empty when it does. Raises CannotKeep."""
        if origin := _unsafe_origin():
            return (
                f"This page was opened as {origin}, where others can read a password on its way. Open it by "
                "https, or through a tunnel as http://localhost."
            )
        who = self._who()
        if wait := self._tries.claim(who, self._clock()):
            return f"Too many wrong passwords. Try again in {_spoken(wait)}."
        if not matches(self._password, password):
            return "That is not the password. `gatepost password` makes a new one."
        self._tries.succeeded(who)
        return ""

    def begin(self) -> str:
        """The cookie of one who has signed in."""
        return self.session.begin(request.host, self._clock())

    def _who(self) -> str:
        """Whoever asks, as something that tells nobody the address."""
        peer, forwarded = request.remote_addr or "", request.headers.get("X-Forwarded-For", "")
        sender = subscriber(self._proxies.sender(peer, forwarded))
        return hashlib.blake2b(sender.encode(), key=self._key, digest_size=16).hexdigest()


def blueprint(door: Door) -> Blueprint:
    """`/console/sign-in` and `/console/sign-out`."""
    routes = Blueprint("door", __name__)

    @routes.route("/sign-in", methods=["GET", "POST"])
    def sign_in() -> AnyResponse:
        to = _inside(request.values.get("next", ""))
        if request.method == "GET":
            return redirect(to, 303) if is_open() else _form(to, "", 200)
        if why := door.wrong(request.form.get("password", "").strip()):
            return _form(to, why, 403)
        response = redirect(to, 303)
        response.headers.add("Set-Cookie", door.begin())
        return response

    @routes.post("/sign-out")
    def sign_out() -> AnyResponse:
        response = redirect(url_for("console.door.sign_in"), 303)
        response.headers.add("Set-Cookie", door.session.end(request.host))
        return response

    return routes


def _form(to: str, why: str, status: int) -> Response:
    return Response(render_template("console/sign_in.html", to=to, why=why), status)


def _to_sign_in() -> AnyResponse:
    """Where to sign in, and to come back from; htmx is told to take the whole page there."""
    if request.headers.get("HX-Request"):
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        to = url_for("console.door.sign_in", next=f"{page.path}?{page.query}".rstrip("?"))
        return Response("sign in again", 401, {"HX-Redirect": to}, mimetype="text/plain")
    asked = request.full_path.rstrip("?") if request.method == "GET" else FRONT
    return redirect(url_for("console.door.sign_in", next=None if asked == FRONT else asked), 303)


def _was_followed_from_elsewhere() -> bool:
    """Whether another site's link led here: then the browser held back the cookie, which is SameSite=Strict.

    A page of ours that goes on to the same address by itself gets it.
    """
    headers = request.headers
    return (
        request.method == "GET"
        and headers.get("Sec-Fetch-Site") == "cross-site"
        and headers.get("Sec-Fetch-Mode") == "navigate"
    )


def _inside(to: str) -> str:
    """Where to go on to: a page of the console, whatever the address says."""
    parts = urlsplit(to)
    plain = to.isprintable() and "\\" not in to and not parts.scheme and not parts.netloc
    return to if plain and parts.path.startswith(FRONT) and ".." not in parts.path else FRONT


def _unsafe_origin() -> str:
    """The origin of the page that asks, when it came over plain http from another machine; else empty."""
    origin = request.headers.get("Origin", "")
    parts = urlsplit(origin)
    return origin if parts.scheme == "http" and not is_local(parts.netloc) else ""


def _spoken(wait: int) -> str:
    seconds = math.ceil(wait / 1000)
    if seconds <= 90:
        return f"{seconds} seconds"
    return f"{math.ceil(seconds / 60)} minutes"
