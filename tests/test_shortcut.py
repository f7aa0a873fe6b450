"""The short way of POST …/e answers exactly as Flask would, whatever is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, EnvironBuilder

from server.app import close, create_app
from server.configure import read_settings
from server.shortcut import Shortcut
from tests.gateway import DENIED, GRANTED, NOW, ORIGIN, configuration, event, toml

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
OTHER = "https://shop.myshop.example"

Make = Callable[..., Flask]


@pytest.fixture
def make(tmp_path: Path) -> Any:
    made: list[Flask] = []

    def one(name: str, **top: Any) -> Flask:
        folder = tmp_path / name
        folder.mkdir()
        file = folder / "gatepost.toml"
        file.write_text(toml(configuration({"origins": [ORIGIN, OTHER]}, **top)), "utf-8")
        made.append(create_app(read_settings(file), lambda: NOW))
        return made[-1]

    yield one
    for app in made:
        close(app)


def asked(application: Any, body: object, headers: dict[str, str], path: str, method: str) -> tuple[Any, ...]:
    """Status, headers in any order and body, without what is random: ids and signatures."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    builder = EnvironBuilder(path=path, method=method, data=data, headers={"User-Agent": CHROME, **headers})
    response = Client(application).open(builder)
    said = sorted(
        (name, value.partition("=")[0] + value.partition(";")[2] if name == "Set-Cookie" else value)
        for name, value in response.headers
    )
    return response.status, said, response.get_json()


@pytest.mark.parametrize("origin", [ORIGIN, OTHER, "https://evil.example", "null", ""])
@pytest.mark.parametrize("path", ["/gp/demo/e", "/gp/nobody/e", "/gp/demo/e/", "/gp/demo"])
@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
def test_every_request_is_answered_as_flask_answers_it(
    make: Make, origin: str, path: str, method: str
) -> None:
    app = make("short")
    assert isinstance(app.wsgi_app, Shortcut)
    whole = make("whole")
    headers = {"Origin": origin} if origin else {}
    if method == "OPTIONS":
        headers["Access-Control-Request-Method"] = "POST"
    body = {"consent": GRANTED, "events": [event("page_view"), event("view_item")]}
    flask = whole.wsgi_app._application  # type: ignore[attr-defined]
    assert asked(app, body, headers, path, method) == asked(flask, body, headers, path, method)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"consent": GRANTED, "events": [event("page_view")]}, 200),
        ({"consent": DENIED, "events": [event("page_view")]}, 200),
        ({"events": [event("page_view")]}, 200),
        ({"consent": GRANTED, "events": [event("view_item")]}, 422),
        (b"no JSON", 400),
        (b"x" * 70_000, 413),
    ],
)
def test_every_answer_is_the_one_that_flask_gives(make: Make, body: object, status: int) -> None:
    headers = {"Origin": ORIGIN}
    short = asked(make("short"), body, headers, "/gp/demo/e", "POST")
    flask = make("whole").wsgi_app._application  # type: ignore[attr-defined]
    assert short == asked(flask, body, headers, "/gp/demo/e", "POST")
    assert short[0].startswith(str(status))


def test_too_many_requests_are_told_so_the_short_way_too(make: Make) -> None:
    headers = {"Origin": ORIGIN}
    app = make("short", requests_per_minute=1)
    client = Client(app)
    environ = {"REMOTE_ADDR": "203.0.113.7"}
    answers = [
        client.post("/gp/demo/e", data=b"{}", headers=headers, environ_overrides=environ) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["Access-Control-Allow-Origin"] == ORIGIN
    assert 0 < int(answers[1].headers["Retry-After"]) <= 60


def test_what_goes_wrong_inside_is_answered_in_one_sentence(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = make("short")

    def fail(*_: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(app.wsgi_app._answerer._collector, "take", fail)  # type: ignore[attr-defined]
    response = Client(app).post("/gp/demo/e", data=b"{}", headers={"Origin": ORIGIN})
    assert response.status_code == 500
    assert "the inside" not in response.text
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "could not be answered" in caplog.text
