"""Pages without an origin, as the sandbox of Shopify's pixels: a channel of its own, without cookies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium

from server.check import check
from tests.gateway import API_KEY, DENIED, GRANTED, ITEM, ORIGIN, Browser, Gateway, event
from tests.privacy.https import FLAGS, shopper_in, two_hosts

Gateways = Callable[..., Gateway]

NULL = "null"


@pytest.fixture
def gateway(gateways: Gateways) -> Gateway:
    return gateways(shop={"null_origin": True, "api_keys": [API_KEY]})


def sandbox(gateway: Gateway) -> Browser:
    return gateway.browser(origin=NULL)


def test_no_page_without_an_origin_may_send_unless_the_shop_says_so(gateways: Gateways) -> None:
    gateway = gateways()
    answer = sandbox(gateway).send(event("page_view"), consent=GRANTED)
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers
    assert gateway.events() == []


def test_it_may_where_the_shop_says_so_and_gets_no_cookie(gateway: Gateway) -> None:
    answer = sandbox(gateway).send(event("page_view"), consent=GRANTED)
    assert (answer.status, answer.accepted, answer.set_cookies) == (200, 1, {})
    assert answer.headers["access-control-allow-origin"] == NULL
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["vary"] == "Origin"


def test_cookies_that_come_with_it_say_nothing_and_stay(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(event("page_view"), consent=GRANTED)
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    box = sandbox(gateway)
    assert box.send(event("page_view"), headers=cookie).reasons == ["consent"]
    assert box.send(consent=DENIED, headers=cookie).set_cookies == {}
    box.send(event("page_view", "boxed"), consent=GRANTED, headers=cookie)
    kept = {one.id: one.visitor for one in gateway.events()}
    assert kept["boxed"] != browser.visitor
    assert browser.send(event("page_view")).accepted == 1


def test_consent_is_closed_by_default_there_too(gateway: Gateway) -> None:
    assert sandbox(gateway).send(event("page_view")).reasons == ["consent"]
    assert sandbox(gateway).send(event("page_view"), consent=DENIED).reasons == ["consent"]
    assert gateway.rows("SELECT * FROM visitors") == []


def test_nobody_becomes_another_person_by_naming_one(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(event("page_view"), consent=GRANTED, user={"id": "c-42"})
    sandbox(gateway).send(
        event("purchase", "bought", transaction_id="o-1", items=[ITEM]), consent=GRANTED, user={"id": "c-42"}
    )
    (bought,) = [one for one in gateway.events() if one.id == "bought"]
    assert bought.user.id == "c-42"
    assert bought.visitor != browser.visitor
    body = json.dumps({"events": [{**event("page_view", "told"), "user": {"id": "c-42"}}]}).encode()
    gateway.request("POST", "/v1/demo/events", body, {"Authorization": f"Bearer {API_KEY}"})
    assert {one.id: one.visitor for one in gateway.events()}["told"] == browser.visitor


def test_a_repeated_event_is_known_again(gateway: Gateway) -> None:
    one = event("page_view", "same")
    assert sandbox(gateway).send(one, consent=GRANTED).accepted == 1
    assert sandbox(gateway).send(one, consent=GRANTED).reasons == ["duplicate"]


def test_it_may_ask_beforehand_and_never_for_credentials(gateway: Gateway) -> None:
    asked = {
        "Origin": NULL,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = gateway.request("OPTIONS", "/gp/demo/e", headers=asked)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == NULL
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "Content-Type"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_a_visitors_data_is_given_to_no_page_without_an_origin(gateway: Gateway, method: str) -> None:
    browser = gateway.browser()
    browser.send(event("page_view"), consent=GRANTED)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    answer = gateway.request(method, "/gp/demo/me", headers={"Origin": NULL, "Cookie": cookie})
    assert answer.status == (200 if method == "OPTIONS" else 403)
    assert "access-control-allow-origin" not in answer.headers
    assert len(gateway.events()) == 1


def test_an_origin_of_the_shop_is_answered_as_ever(gateway: Gateway) -> None:
    answer = gateway.browser().send(event("page_view"), consent=GRANTED)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert len(answer.set_cookies) == 2


def test_check_says_what_it_opens(gateway: Gateway) -> None:
    said = [
        one
        for one in check(gateway.file, send_test=False, resolve=lambda _: None)
        if "null_origin" in one.says
    ]
    assert [one.level for one in said] == ["note"]


def test_a_sandboxed_frame_in_a_real_browser_sends_and_hears_the_answer(
    launch: Callable[..., Chromium], tmp_path: Path
) -> None:
    chromium = launch(*FLAGS)
    with two_hosts(tmp_path, null_origin=True) as site:
        shopper = shopper_in(chromium, site)
        batch: dict[str, Any] = {"events": [event("page_view")], "consent": GRANTED}
        script = f"""
            const send = (headers) => fetch("{site.endpoint}", {{method: "POST", headers, credentials: "omit",
                body: {json.dumps(json.dumps(batch))}}}).then((answer) => answer.json())
            send({{}}).then((first) => send({{"content-type": "application/json"}}).then((second) =>
                parent.postMessage([self.origin, first, second], "*")))
        """
        said = shopper.page.evaluate(
            """(script) => new Promise((done) => {
                addEventListener("message", ({data}) => done(data))
                const frame = document.createElement("iframe")
                frame.sandbox = "allow-scripts"
                frame.srcdoc = `<script>${script}</` + "script>"
                document.body.append(frame)
            })""",
            script,
        )
        assert said[0] == NULL
        assert said[1] == {"accepted": 1, "dropped": []}
        assert [one["reason"] for one in said[2]["dropped"]] == ["duplicate"]
        assert shopper.cookies() == {}
    chromium.close()
