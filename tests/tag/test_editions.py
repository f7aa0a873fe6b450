"""What lies beside the tag: versions that never change, types, readable modules, and what to paste."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Page

from server.editions import Versions, integrity, version
from server.tag import build_tag, encoded, tag_response
from tests.gateway import Gateway as Real
from tests.gateway import gatepost
from tests.tag.servers import Gateway, Shop, reply
from tests.tag.visit import Visit

BASE = "/gp/demo"


@pytest.fixture
def client(gateways: Callable[..., Real]) -> httpx.Client:
    """Asks a real gateway, whose application answers in this process."""
    real = gateways()
    return httpx.Client(transport=httpx.WSGITransport(app=real.app), base_url=real.settings.public_url)


def test_a_version_is_served_for_ever_and_to_every_origin(client: httpx.Client) -> None:
    live = client.get(f"{BASE}/tag.js")
    name = hashlib.sha256(live.content).hexdigest()[:16]
    pinned = client.get(f"{BASE}/tag.{name}.js")
    assert pinned.status_code == 200
    assert pinned.content == live.content
    assert pinned.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert pinned.headers["Access-Control-Allow-Origin"] == "*"
    assert pinned.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "Set-Cookie" not in pinned.headers


@pytest.mark.parametrize("name", ["0123456789abcdef", "", "..%2f..%2fgatepost", "%2e%2e", "js"])
def test_a_version_that_never_was_is_not_found(client: httpx.Client, name: str) -> None:
    assert client.get(f"{BASE}/tag.{name}.js").status_code == 404


def test_a_version_outlives_an_upgrade(tmp_path: Path) -> None:
    old, new = encoded(b"old()"), encoded(b"new()")
    Versions(tmp_path).keep("demo", old)
    versions = Versions(tmp_path)
    versions.keep("demo", new)
    for tag in (old, new):
        found = versions.find("demo", version(tag))
        assert found
        assert found.plain == tag.plain
    assert versions.find("other", version(old)) is None


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("gatepost.d.ts", "text/plain", "interface Window"),
        ("source/main.js", "text/javascript", 'from "./commands.js"'),
        ("tag.js.map", "application/json", '"source/main.js"'),
        ("source/settings.js", "text/javascript", "https://gp.myshop.example/gp/demo/e"),
        ("e/debug.js", "text/javascript", "export function show"),
        ("e/style.js", "text/javascript", "export const style"),
        ("e/advice.js", "text/javascript", "export function missing"),
    ],
)
def test_what_developers_are_given(client: httpx.Client, path: str, kind: str, words: str) -> None:
    answer = client.get(f"{BASE}/{path}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert words in answer.text


def test_the_script_names_a_source_map_that_leads_to_the_modules(client: httpx.Client) -> None:
    live = client.get(f"{BASE}/tag.js")
    assert urljoin(f"{BASE}/tag.js", live.headers["SourceMap"]) == f"{BASE}/tag.js.map"
    assert b"sourceMappingURL" not in live.content
    name = version(encoded(live.content))
    assert client.get(f"{BASE}/tag.{name}.js").headers["SourceMap"] == "tag.js.map"
    sources = client.get(f"{BASE}/tag.js.map").json()["sources"]
    for source in sources:
        assert client.get(f"{BASE}/{source}").status_code == 200


@pytest.mark.parametrize(
    "path", ["source/none.js", "source/jsconfig.json", "e/..%2ftag%2fmain.js", "e/none.js", "source/"]
)
def test_nothing_else_lies_there(client: httpx.Client, path: str) -> None:
    assert client.get(f"{BASE}/{path}").status_code == 404
    assert client.get(f"/gp/nobody/{path}").status_code == 404


def test_the_command_says_what_to_paste(gateways: Callable[..., Real]) -> None:
    real = gateways()
    told = gatepost("tag", "--config", str(real.file), "--shop", "demo", folder=real.file.parent)
    assert told.returncode == 0, told.stderr
    tag = build_tag(real.settings.endpoint("demo"), "required")
    digest = base64.b64encode(hashlib.sha384(tag.plain).digest()).decode()
    assert f'integrity="sha384-{digest}" crossorigin="anonymous"' in told.stdout
    assert f'src="https://gp.myshop.example/gp/demo/tag.{version(tag)}.js"' in told.stdout
    assert '<script async src="https://gp.myshop.example/gp/demo/tag.js"></script>' in told.stdout
    policy = "script-src https://gp.myshop.example; connect-src https://gp.myshop.example"
    assert policy in told.stdout
    wrong = gatepost("tag", "--config", str(real.file), "--shop", "nobody", folder=real.file.parent)
    assert wrong.returncode == 2
    assert re.fullmatch(r"gatepost: nobody: no such shop.*demo\n", wrong.stderr)


@pytest.mark.parametrize("changed", [False, True])
def test_a_browser_runs_a_pinned_tag_and_no_other(visit: Visit, changed: bool) -> None:
    tag = visit.gateway.tags["open"]
    if changed:
        visit.gateway.tags["open"] = encoded(tag.plain + b";")
    script = (
        f'<script src="{visit.gateway.origin}/gp/open/tag.js" integrity="{integrity(tag)}"'
        ' crossorigin="anonymous"></script>'
    )
    visit.page.goto(visit.shop.put("/", f"<!doctype html><head>{script}</head>"))
    assert visit.run("!!(window.gatepost && gatepost.track)") is not changed


def test_the_readable_modules_do_the_same(page: Page, client: httpx.Client, shop: Shop) -> None:
    class Modules(Gateway):
        def answer(self, handler):  # type: ignore[no-untyped-def]
            if "/source/" not in handler.path:
                return super().answer(handler)
            text = client.get(handler.path).content.replace(
                b"https://gp.myshop.example/gp/demo/e", f"{self.origin}/gp/open/e".encode()
            )
            found = tag_response(encoded(text), None, None)
            return reply(handler, 200, dict(found.headers), found.get_data())

    running = Modules()
    try:
        source = f'<script type="module" src="{running.origin}/gp/demo/source/main.js"></script>'
        page.goto(shop.put("/", f"<!doctype html><title>Shirts</title>{source}"))
        page.evaluate("gatepost.push(['consent', {marketing: 'granted'}], ['track', 'liked'])")
        assert {"page_view", "liked"} <= {event["name"] for event in running.wait_for("page_view", "liked")}
    finally:
        running.stop()
