"""The sandbox's page for people."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page


def test_it_shows_the_newest_first_and_why_one_was_refused(sandbox):
    sandbox.get("/alana/older")
    sandbox.post("/alana/api/v1/events", json={})
    html = sandbox.get("/_sandbox/").text
    assert html.index("/api/v1/events") < html.index("/older")
    assert "refused: the API key is missing" in html


def test_what_was_sent_is_text_and_never_markup(sandbox):
    sandbox.post("/alana/<script>alert(1)</script>", json={"a": "<script>alert(2)</script>"})
    sandbox.post("/alana/x", data="<script>alert(3)</script>")
    assert "<script" not in sandbox.get("/_sandbox/").text


def test_it_can_show_one_vendor(sandbox):
    sandbox.get("/alana/one")
    sandbox.get("/blueshift/two")
    html = sandbox.get("/_sandbox/?vendor=blueshift").text
    assert "/two" in html
    assert "/one" not in html
    assert sandbox.get("/_sandbox/?vendor=amazon").status_code == 400


def test_it_says_when_nothing_came_and_names_faults_in_force(sandbox):
    sandbox.post("/_sandbox/faults", json={"vendor": "alana", "status": 503})
    html = sandbox.get("/_sandbox/").text
    assert "Nothing came yet" in html
    assert "alana: status 503; until cleared" in html


def test_the_front_door_leads_to_it(sandbox):
    for path in ("/", "/_sandbox"):
        answer = sandbox.get(path, follow_redirects=True)
        assert (answer.status_code, answer.request.path) == (200, "/_sandbox/")


def test_on_a_phone_nothing_is_wider_than_the_screen_and_details_open(server, page: Page):
    long = {"eventType": "x" * 300, "visitorId": "v"}
    httpx.post(f"{server.url}/alana/api/v1/events", json={"events": [long]}, headers={"x-api-key": "ak_1"})
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(f"{server.url}/_sandbox/")
    page.locator("summary").click()
    assert page.get_by_text('"visitorId": "v"').is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
