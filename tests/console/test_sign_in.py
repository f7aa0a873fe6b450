"""Who gets into the console, for how long, and who can change anything from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from server.console.session import LIFE
from server.store.signins import ALL, FIRST_WAIT, FREE
from tests.console.conftest import HASH
from tests.console.operator import PASSWORD, Operator
from tests.gateway import GRANTED, HOUR, LOCALHOST, OTHER_SECRET, PATH_MODE, SECRET, Gateway, event

OVERVIEW = "/console/shops/demo/"


def test_without_a_password_in_the_configuration_the_console_says_how_to_open_it(
    gateways: Callable[..., Gateway],
) -> None:
    stranger = Operator(gateways())
    for path in ("/console/", OVERVIEW, "/console/sign-in"):
        answer = stranger.get(path)
        assert answer.status_code == 403
        assert "gatepost password" in answer.text
        assert "console_password" not in answer.text
    assert stranger.sign_in().status_code == 403


def test_whoever_has_not_signed_in_is_asked_to_and_then_comes_to_where_they_wanted(
    stranger: Operator,
) -> None:
    asked = stranger.get(OVERVIEW + "?span=week")
    assert asked.status_code == 303
    form = stranger.get(asked.location)
    assert form.status_code == 200
    assert "demo" not in re.sub(r'name="next" value="[^"]*"', "", form.text), "no shop's name is told"
    to = re.search(r'name="next" value="([^"]*)"', form.text)
    assert to
    answer = stranger.post("/console/sign-in", {"password": PASSWORD, "next": to[1]})
    assert answer.location == OVERVIEW + "?span=week"
    assert stranger.get(answer.location).status_code == 200


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/console/",
        "//evil.example/console/",
        "/\\evil.example/console/",
        "/console/../gp/demo/e",
        "javascript:alert(1)",
        "/console/\nSet-Cookie: a=b",
    ],
)
def test_signing_in_leads_nowhere_but_into_the_console(stranger: Operator, to: str) -> None:
    answer = stranger.post("/console/sign-in", {"password": PASSWORD, "next": to})
    assert (answer.status_code, answer.location) == (303, "/console/")


def test_a_wrong_password_does_not_let_in_and_is_not_repeated(stranger: Operator) -> None:
    answer = stranger.sign_in("wrong-horse-battery")
    assert answer.status_code == 403
    assert "wrong-horse" not in answer.text
    assert stranger.get(OVERVIEW).status_code == 303


@pytest.mark.parametrize(
    ("public_url", "opened", "cookie"),
    [
        ("https://gp.myshop.example", "https://gp.myshop.example", "__Host-gp_console"),
        (PATH_MODE, "https://www.myshop.example", "__Host-gp_console"),
        ("https://gp.myshop.example", "http://localhost:8000", "gp_console"),
        (LOCALHOST, LOCALHOST, "gp_console"),
    ],
)
def test_the_cookie_is_for_this_host_its_server_and_this_site_alone(
    gateways: Callable[..., Gateway], public_url: str, opened: str, cookie: str
) -> None:
    answer = Operator(gateways(public_url=public_url, console_password=HASH), opened).sign_in()
    line = answer.headers["Set-Cookie"]
    attributes = set(line.partition("; ")[2].split("; "))
    assert line.startswith(f"{cookie}=")
    assert {"Path=/", "HttpOnly", "SameSite=Strict", f"Max-Age={LIFE // 1000}"} <= attributes
    assert ("Secure" in attributes) == cookie.startswith("__Host-")


def test_a_session_ends_after_its_time_whatever_was_done_meanwhile(
    gateway: Gateway, operator: Operator
) -> None:
    gateway.clock.forward(LIFE - 1)
    assert operator.get(OVERVIEW).status_code == 200
    gateway.clock.forward(1)
    assert operator.get(OVERVIEW).status_code == 303


def test_signing_out_forgets_the_session(operator: Operator) -> None:
    assert operator.post("/console/sign-out").status_code == 303
    assert operator.get(OVERVIEW).status_code == 303


def cookie_of(operator: Operator) -> str:
    return operator.sign_in().headers["Set-Cookie"].partition(";")[0]


def test_another_secret_in_front_or_another_password_signs_everybody_out(
    gateways: Callable[..., Gateway],
) -> None:
    cookie = cookie_of(Operator(gateways(console_password=HASH)))

    def status(password: str = HASH, *secrets: str) -> int:
        gateway = gateways(console_password=password, secrets=list(secrets))
        return Operator(gateway, cookie=cookie).get(OVERVIEW).status_code

    assert status(HASH, SECRET, OTHER_SECRET) == 200
    assert status(HASH, OTHER_SECRET, SECRET) == 303
    assert status(HASH.replace("scrypt:1024", "scrypt:2048"), SECRET) == 303


def test_a_visitors_cookie_opens_no_console(gateways: Callable[..., Gateway]) -> None:
    gateway = gateways(console_password=HASH)
    browser = gateway.browser()
    browser.send(event("page_view"), consent=GRANTED)
    for value in browser.cookies.values():
        forger = Operator(gateway, cookie=f"__Host-gp_console={value}")
        assert forger.get(OVERVIEW).status_code == 303


# Guessing.


def test_guessing_is_slowed_down_even_for_the_right_password(gateway: Gateway, stranger: Operator) -> None:
    for _ in range(FREE):
        assert "not the password" in stranger.sign_in("wrong-wrong-wrong").text
    assert "Try again in 30 seconds" in stranger.sign_in().text
    gateway.clock.forward(FIRST_WAIT)
    assert "not the password" in stranger.sign_in("wrong-wrong-wrong").text
    gateway.clock.forward(FIRST_WAIT)
    assert "Try again in 30 seconds" in stranger.sign_in().text, "each further wait is twice as long"
    gateway.clock.forward(FIRST_WAIT)
    assert stranger.sign_in().status_code == 303
    assert "not the password" in Operator(gateway).sign_in("wrong-wrong-wrong").text, "and all is forgiven"


def test_another_web_process_on_the_same_data_counts_the_same_tries(
    gateways: Callable[..., Gateway], tmp_path: object
) -> None:
    data = str(tmp_path) + "/shared"
    one, other = (gateways(console_password=HASH, data_dir=data) for _ in range(2))
    for _ in range(FREE):
        Operator(one).sign_in("wrong-wrong-wrong")
    assert "Too many" in Operator(other).sign_in().text
    assert Operator(other, address="198.51.100.9").sign_in().status_code == 303


def test_guessing_from_many_addresses_is_stopped_as_well(gateway: Gateway) -> None:
    for number in range(ALL):
        one = Operator(gateway, address=f"198.51.{number // 250}.{number % 250 + 1}")
        assert "not the password" in one.sign_in("wrong-wrong-wrong").text
    fresh = Operator(gateway, address="192.0.2.5")
    assert "Too many" in fresh.sign_in().text
    gateway.clock.forward(HOUR)
    assert fresh.sign_in().status_code == 303


def test_no_address_is_kept_of_those_who_guess(gateway: Gateway, stranger: Operator) -> None:
    stranger.sign_in("wrong-wrong-wrong")
    rows = gateway.rows("SELECT who FROM sign_ins")
    assert rows
    assert stranger.address not in str(rows)


# From elsewhere.


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "", "Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "", "Origin": "null"},
        {"Sec_Fetch_Site": "", "Origin": ""},
    ],
)
def test_a_change_that_no_page_of_the_console_asked_for_is_refused(
    operator: Operator, headers: dict[str, str]
) -> None:
    assert operator.post("/console/sign-out", **headers).status_code == 403
    assert operator.get(OVERVIEW).status_code == 200, "and still signed in"


def test_an_old_browser_that_names_only_its_origin_may_change_things(operator: Operator) -> None:
    assert operator.post("/console/sign-out", Sec_Fetch_Site="").status_code == 303


def test_a_password_is_not_taken_over_plain_http_from_another_machine(gateway: Gateway) -> None:
    answer = Operator(gateway, "http://10.0.0.5:8000").sign_in()
    assert answer.status_code == 403
    assert "https" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_link_from_another_site_comes_in_by_a_page_of_our_own(stranger: Operator) -> None:
    """The browser holds a Strict cookie back from such a request; from our own page it sends it."""
    answer = stranger.get(OVERVIEW, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    assert answer.status_code == 200
    assert f'<meta http-equiv="refresh" content="0; url={OVERVIEW}">' in answer.text
    assert "received" not in answer.text


# What every answer says.


def test_no_answer_of_the_console_may_be_cached_framed_or_run_anything_inline(operator: Operator) -> None:
    for path in ("/console/sign-in", OVERVIEW, "/console/nowhere", "/console/shops/nobody/"):
        headers = operator.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Frame-Options"] == "DENY"
        assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
        assert {source for sources in policy.values() for source in sources.split()} == {"'self'", "'none'"}


def test_what_is_not_there_is_a_page_that_says_so(operator: Operator) -> None:
    for path in ("/console/nowhere", "/console/shops/nobody/", "/console/static/nothing.js"):
        answer = operator.get(path)
        assert answer.status_code == 404
        assert "<html" in answer.text


def test_pages_hold_no_inline_style_script_or_handler(operator: Operator) -> None:
    for path in ("/console/sign-in", OVERVIEW):
        text = operator.get(path).text
        assert not re.search(r"<style|<script(?![^>]* src=)|\sstyle=|\son\w+=", text)
