"""create_sandbox: the five stand-ins, the ledger and the faults behind one Flask app.

A request's way: it is entered in the ledger, meets a fault if there is one, is judged by its vendor's
stand-in, and the outcome is entered beside it. So a request whose sender gave up waiting is there too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import msgspec
from flask import Flask, Response, redirect, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers.response import Response as Redirect

from server.sandbox.alana import Alana
from server.sandbox.blueshift import Blueshift
from server.sandbox.control import control
from server.sandbox.eightselect import EightSelect
from server.sandbox.esputnik import ESputnik
from server.sandbox.faults import Fault, Faults
from server.sandbox.ledger import Entry, Ledger, Outcome
from server.sandbox.personaclick import PersonaClick
from server.sandbox.standin import NOT_JSON, Answer, Received, StandIn

VENDORS: tuple[type[StandIn], ...] = (PersonaClick, Blueshift, ESputnik, Alana, EightSelect)
LARGEST_BODY = 8 * 1024 * 1024
"""Bytes; a larger body is refused with 413 unread, whoever it is for."""
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_SECRET_HEADERS = {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-api-id"}


def create_sandbox(
    clock: Callable[[], float] = time.time, credentials: Mapping[str, str] | None = None
) -> Flask:
    """The sandbox as a WSGI app.

    `clock` gives the time in seconds since 1970, for rate windows and the ledger. `credentials` maps a
    vendor's name to the only credential it accepts; a vendor not named accepts any that is well-formed.
    ValueError when a name in `credentials` is no vendor's.
    """
    credentials = credentials or {}
    known = {vendor.name for vendor in VENDORS}
    if not credentials.keys() <= known:
        raise ValueError(f"credentials: no such vendor: {', '.join(sorted(credentials.keys() - known))}")
    standins = {vendor.name: vendor(credentials.get(vendor.name)) for vendor in VENDORS}
    ledger, faults = Ledger(), Faults()

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.url_map.merge_slashes = False
    app.register_blueprint(control(standins, ledger, faults))

    def receive(vendor: str, path: str = "") -> Response:
        return _receive(standins[vendor], f"/{path}", ledger, faults, clock)

    vendors = f"<any({','.join(standins)}):vendor>"
    for rule in (f"/{vendors}/<path:path>", f"/{vendors}/"):
        app.add_url_rule(rule, view_func=receive, methods=_METHODS, provide_automatic_options=False)

    @app.get("/")
    def front() -> Redirect:
        return redirect("/_sandbox/")

    @app.errorhandler(HTTPException)
    def sentence(error: HTTPException) -> Response:
        if error.response is not None or (error.code or 500) < 400:
            return error.get_response()  # type: ignore[return-value]
        text = f"{error.name}: vendors are at /{', /'.join(standins)}, the ledger at /_sandbox/."
        return _response(Answer(error.code or 500, {"error": text}))

    return app


def _receive(
    standin: StandIn, path: str, ledger: Ledger, faults: Faults, clock: Callable[[], float]
) -> Response:
    received, too_large = _read(path)
    entry = _enter(standin, received, ledger, clock)
    fault = faults.take(standin.name, path)
    if fault is not None and fault.delay_ms:
        time.sleep(fault.delay_ms / 1000)
    if fault is not None and fault.answers:
        return _misbehave(fault, entry)
    if too_large:
        why = f"the body is larger than {LARGEST_BODY} bytes"
        answer = Answer(413, {"message": why}, refused=why)
    else:
        answer = standin.answer(received, clock())
    response = _response(answer)
    judgement = f"refused: {answer.refused}" if answer.refused else "accepted"
    entry.outcome = Outcome(judgement, answer.status, _answer_as_json(answer), answer.notes)
    return _drip(response) if fault is not None and fault.drip else response


def _read(path: str) -> tuple[Received, bool]:
    """The request as a value, and whether its body was too large to be read."""
    too_large = False
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raw, too_large = b"", True
    received = Received(
        method=request.method,
        path=path,
        query=request.args.to_dict(),
        headers={name.lower(): value for name, value in request.headers.items()},
        raw=raw,
        body=_parse(raw),
        remote=request.remote_addr or "",
    )
    return received, too_large


def _parse(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NOT_JSON


def _enter(standin: StandIn, received: Received, ledger: Ledger, clock: Callable[[], float]) -> Entry:
    """Put the request into the ledger, its credential replaced by whether it was right."""
    verdict = "*** (right)" if standin.authorised(received) else "*** (wrong)"
    headers = dict(received.headers)
    for name in _SECRET_HEADERS & headers.keys():
        headers[name] = verdict if name == standin.credential_header else "*** (not asked for)"
    query = dict(received.query)
    if standin.credential_query in query:
        query[standin.credential_query] = verdict
    entry = Entry(standin.name, received, headers, query, round(clock() * 1000))
    ledger.add(entry)
    return entry


def _misbehave(fault: Fault, entry: Entry) -> Response:
    """The fault's own answer, or none."""
    if fault.reset:
        entry.outcome = Outcome("fault")
        return Response(_hang_up())
    answer = msgspec.json.encode(fault.body()) if fault.garbage else fault.body().encode()
    entry.outcome = Outcome("fault", fault.http_status, msgspec.Raw(answer))
    kind = "text/html; charset=utf-8" if fault.garbage else "application/json"
    response = Response(fault.body(), fault.http_status, content_type=kind)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return _drip(response) if fault.drip else response


def _response(answer: Answer) -> Response:
    if answer.body is None:
        return Response(b"", answer.status, answer.headers)
    if isinstance(answer.body, str):
        return Response(answer.body, answer.status, answer.headers, content_type="text/plain; charset=utf-8")
    body = msgspec.json.encode(answer.body)
    return Response(body, answer.status, answer.headers, content_type="application/json")


def _answer_as_json(answer: Answer) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(answer.body))


def _hang_up() -> Iterator[bytes]:
    """A body that is no answer: a WSGI server that meets a ConnectionError closes the connection."""
    raise ConnectionResetError("a fault closes this connection")
    yield b""


def _drip(response: Response) -> Response:
    """The same answer at one byte a second, its length announced."""
    body = response.get_data()
    slow = Response(_one_by_one(body), response.status, response.headers)
    slow.headers["Content-Length"] = str(len(body))
    return slow


def _one_by_one(body: bytes) -> Iterator[bytes]:
    for index in range(len(body)):
        if index:
            time.sleep(1)
        yield body[index : index + 1]
