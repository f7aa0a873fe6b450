"""Puts the rooms of the web side together, and nothing else."""

from __future__ import annotations

import re

from flask import Flask, Response, jsonify
from flask_cors import CORS
from werkzeug.exceptions import HTTPException

from server import api, collect, description, editions, gpc, health, me, metrics, tag
from server.client import TrustedProxies
from server.clock import Clock, system_clock
from server.console import Console
from server.console import blueprint as console
from server.cookies import Cookies
from server.front import Front
from server.pseudonyms import Pseudonyms
from server.rates import RateLimit
from server.rights import Subjects
from server.settings import Settings
from server.sightings import Watch
from server.store.database import Database
from server.store.history import History
from server.store.intake import Intake
from server.store.outbox import register

_STORE = "gatepost.store"
_COLLECT = "gatepost.collect"


def create_front(settings: Settings, clock: Clock = system_clock) -> Front:
    """The gateway as it is served: an RSGI application, with Flask behind it. Raises as `create_app` does."""
    app = create_app(settings, clock)
    collector, gate = app.extensions[_COLLECT]
    return Front(settings, collector, gate, app)


def create_app(settings: Settings, clock: Clock = system_clock) -> Flask:
    """The gateway as a Flask application, on the database in `settings.data_dir`.

    Raises GatepostError when that cannot be used.
    """
    app = Flask("server", static_folder=None)
    database = Database(settings.data_dir)
    register(database, settings)
    intake = Intake(database)
    pseudonyms = Pseudonyms(database.key("pseudonyms"))
    cookies = Cookies(settings)
    collector = collect.Collector(settings, intake, cookies, pseudonyms, clock)
    own = me.Me(settings, Subjects(database), cookies, clock)
    proxies = TrustedProxies(settings.trusted_proxies)
    limit = RateLimit(settings.requests_per_minute)
    gate = collect.Gate(proxies, limit)
    app.register_blueprint(collect.blueprint(collector, gate, settings.prefix, settings.shops))
    app.register_blueprint(me.blueprint(own, settings.prefix, proxies, limit))
    tags = tag.tags_of(settings)
    app.register_blueprint(tag.blueprint(settings, tags))
    app.register_blueprint(editions.blueprint(settings, tags))
    app.register_blueprint(api.blueprint(api.Api(settings, intake, pseudonyms, clock), History(database)))
    app.register_blueprint(health.blueprint(intake, clock))
    app.register_blueprint(gpc.blueprint())
    app.register_blueprint(description.blueprint(settings))
    app.register_blueprint(metrics.blueprint(settings, database, intake, clock))
    pinned = {shop: editions.pinned_element(settings.endpoint(shop), of) for shop, of in tags.items()}
    app.register_blueprint(console(Console(settings, database, intake, proxies, clock, pinned)))
    app.register_error_handler(HTTPException, _as_json)
    app.after_request(Watch(settings, database, clock).look)
    _allow_origins(app, settings)
    app.extensions[_COLLECT] = (collector, gate)
    app.extensions[_STORE] = (intake, database)
    return app


def close(app: Flask) -> None:
    """Write what waits and let go of the database; the application answers no more after that."""
    intake, database = app.extensions.pop(_STORE)
    intake.close()
    database.close()


def _allow_origins(app: Flask, settings: Settings) -> None:
    """Answer cross-origin questions about each shop's paths, for that shop's own origins."""
    CORS(
        app,
        resources={
            rf"{re.escape(settings.prefix)}/{re.escape(name)}/{path}$": {
                # Patterns, because strings would be compared without regard to case, and one that holds
                # brackets (an IPv6 address) would be taken for a pattern.
                "origins": [re.compile(re.escape(origin) + r"\Z") for origin in shop.origins],
                "methods": methods,
            }
            for name, shop in settings.shops.items()
            for path, methods in (("e", ["POST"]), ("me", ["GET", "DELETE"]))
        },
        allow_headers=["Content-Type"],
        expose_headers=["Retry-After"],
        supports_credentials=True,
        always_send=False,  # nor to one that names no origin, which would be told all of them
        max_age=86400,
        vary_header=False,  # said only where several origins are configured; collect says it always
    )


def _as_json(error: HTTPException) -> Response:
    """What werkzeug refuses (no such page, wrong method), in the form of every other refusal."""
    response = jsonify(error=error.description)
    response.status_code = error.code or 500
    for name, value in error.get_headers():
        if name.lower() == "allow":
            response.headers[name] = value
    return response
