"""Which of several choices counts: the newest, whichever tab or server told it last, and for how long."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from server.consent import Consent, may_keep, refusal, updated
from tests.gateway import API_KEY, DENIED, GRANTED, HOUR, ITEM, MINUTE, NOW, SECOND, Gateway, event
from tests.privacy.installation import Installation

Gateways = Callable[..., Gateway]

BLUESHIFT = {"blueshift": {"api_key": "5e0c731de3b111ebba800242ac130004"}}


def purposes(gateway: Gateway) -> dict[str, str]:
    """What the last line of the ledger says."""
    return dict(last(gateway).purposes)


def last(gateway: Gateway) -> Consent:
    ((consent,),) = gateway.rows("SELECT consent FROM consents ORDER BY seq DESC LIMIT 1")
    return msgspec.json.decode(consent, type=Consent)


# Several tabs.


def test_a_tab_that_was_open_before_another_withdrew_does_not_grant_again(gateway: Gateway) -> None:
    browser = gateway.browser()
    opened = {"personalization": NOW, "marketing": NOW}
    browser.send(event("page_view"), consent=GRANTED, consent_at=opened, sent_at=NOW)
    gateway.clock.forward(HOUR)
    browser.send(consent={"marketing": "denied"}, consent_at={"marketing": NOW + HOUR}, sent_at=NOW + HOUR)
    gateway.clock.forward(MINUTE)
    browser.send(event("page_view"), consent=GRANTED, consent_at=opened, sent_at=NOW + HOUR + MINUTE)
    assert purposes(gateway) == {**GRANTED, "marketing": "denied"}


def test_whoever_changes_their_mind_again_has_granted(gateway: Gateway) -> None:
    browser = gateway.browser()
    for minute, choice in enumerate(("granted", "denied", "granted")):
        at = NOW + minute * MINUTE
        gateway.clock.now = at
        browser.send(
            event("page_view"),
            consent={"personalization": "granted", "marketing": choice},
            consent_at={"personalization": NOW, "marketing": at},
            sent_at=at,
        )
    assert purposes(gateway) == GRANTED
    assert last(gateway).decision("marketing").at == NOW + 2 * MINUTE
    assert last(gateway).decision("personalization").at == NOW


def test_the_time_of_a_decision_is_corrected_by_a_clock_that_is_wrong(gateway: Gateway) -> None:
    wrong = NOW - 30 * HOUR
    gateway.browser().send(
        event("page_view"),
        consent={"marketing": "granted"},
        consent_at={"marketing": wrong - MINUTE},
        sent_at=wrong,
    )
    assert last(gateway).decision("marketing").at == NOW - MINUTE


def test_no_decision_is_of_another_age(gateway: Gateway) -> None:
    gateway.browser().send(
        event("page_view"), consent={"marketing": "granted"}, consent_at={"marketing": -1e308}
    )
    assert last(gateway).decision("marketing").at == NOW - 400 * 24 * HOUR


def test_no_decision_is_of_the_future(gateway: Gateway) -> None:
    gateway.browser().send(
        event("page_view"), consent={"marketing": "granted"}, consent_at={"marketing": NOW + HOUR}
    )
    assert last(gateway).decision("marketing").at == NOW


@pytest.mark.parametrize(
    ("choice", "earlier", "counts"),
    [
        ("granted", 1, False),
        ("granted", 0, True),
        ("denied", 5 * SECOND, True),  # in doubt about the clocks
        ("denied", 5 * SECOND + 1, False),
    ],
)
def test_what_is_older_than_what_is_known_counts_only_to_decline_in_doubt(
    choice: Any, earlier: int, counts: bool
) -> None:
    known = updated(
        Consent(), {"marketing": "denied" if choice == "granted" else "granted"}, False, NOW, "browser"
    )
    after = updated(known, {"marketing": choice}, False, NOW, "browser", {"marketing": NOW - earlier})
    assert (after.purposes["marketing"] == choice) is counts
    assert (after is known) is not counts


def test_two_tabs_that_decide_on_different_purposes_at_once_are_both_heard(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(event("page_view"), consent={"own": "granted"})
    words = ["analytics", "personalization", "marketing", "first", "second", "third"]
    ready = threading.Barrier(len(words))

    def decide(word: str) -> None:
        tab = gateway.browser()
        tab.cookies = dict(browser.cookies)
        ready.wait(10)
        tab.send(consent={word: "granted"})

    tabs = [threading.Thread(target=decide, args=(word,)) for word in words]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert set(purposes(gateway)) == {"own", *words}


# The shop's server.


def server_sends(gateway: Gateway, **sent: Any) -> Any:
    body = json.dumps({"events": [{**event("page_view"), **sent}]}).encode()
    return gateway.request("POST", "/v1/demo/events", body, {"Authorization": f"Bearer {API_KEY}"}).body


@pytest.fixture
def with_server(gateways: Gateways) -> Gateway:
    return gateways(shop={"api_keys": [API_KEY]})


def test_an_old_order_that_is_told_late_does_not_undo_a_withdrawal(with_server: Gateway) -> None:
    browser = with_server.browser()
    browser.send(event("page_view"), consent=GRANTED)
    with_server.clock.forward(HOUR)
    browser.send(consent={"marketing": "denied"})
    with_server.clock.forward(HOUR)
    server_sends(with_server, visitor=browser.visitor, at=NOW + MINUTE, consent=GRANTED)
    assert purposes(with_server) == {**GRANTED, "marketing": "denied"}
    server_sends(with_server, visitor=browser.visitor, at=NOW + 2 * HOUR, consent=GRANTED)
    assert purposes(with_server) == GRANTED


def test_a_server_may_decline_with_an_event_of_any_age(with_server: Gateway) -> None:
    browser = with_server.browser()
    with_server.clock.forward(HOUR)
    browser.send(event("page_view"), consent=GRANTED)
    server_sends(with_server, visitor=browser.visitor, at=NOW, consent={"marketing": "denied"})
    assert purposes(with_server) == {**GRANTED, "marketing": "denied"}


def test_a_person_who_declined_at_the_shops_server_is_remembered_where_nobody_asks(
    gateways: Gateways,
) -> None:
    gateway = gateways(shop={"api_keys": [API_KEY], "consent": "not_required", "vendors": BLUESHIFT})
    person = {"user": {"email": "ann@mail.example"}}
    assert server_sends(gateway, **person, consent={"marketing": "denied"})["errors"] == [
        {"index": 0, "reason": "consent"}
    ]
    assert server_sends(gateway, **person)["errors"] == [{"index": 0, "reason": "consent"}]
    assert b"ann@mail.example" not in str(gateway.rows("SELECT * FROM visitors")).encode()
    assert server_sends(gateway, **person, consent={"marketing": "granted"})["stored"] == 1


# What came before the grant, or during a withdrawal.


def test_a_grant_covers_what_comes_from_then_on() -> None:
    consent = updated(Consent(), {"marketing": "granted"}, False, NOW, "browser")
    assert refusal(consent, "required", "marketing", NOW) is None
    assert (
        refusal(consent, "required", "marketing", NOW - 1)
        == "consent: marketing was not granted yet when it came"
    )
    assert refusal(consent, "not_required", "marketing", NOW - 1) is None


def test_what_waited_during_a_withdrawal_is_not_sent_after_another_grant(installation: Installation) -> None:
    browser = installation.browser()
    installation.fault("blueshift", status=503)
    browser.send(event("purchase", "bought", transaction_id="o-1", items=[ITEM]), consent=GRANTED)
    installation.until_tried("blueshift", 1)
    tried = len(installation.requests("blueshift"))
    browser.send(consent={"marketing": "denied"})
    browser.send(consent={"marketing": "granted"})
    installation.mend("blueshift")
    installation.later(HOUR)
    ((_, state, reason), *_) = installation.until_settled("blueshift", 1)
    assert state == "not_wanted"
    assert reason.startswith("consent: marketing was")
    assert len(installation.requests("blueshift")) == tried


@pytest.mark.parametrize("said", [{"consent": {"marketing": "denied"}}, {"gpc": True}])
def test_what_waits_is_given_up_at_once_when_it_is_declined(
    installation: Installation, said: dict[str, Any]
) -> None:
    """Not only when its time comes, which may be in four hours: until then it would be shown as waiting."""
    browser = installation.browser()
    installation.fault("blueshift", status=503)
    browser.send(event("purchase", "bought", transaction_id="o-1", items=[ITEM]), consent=GRANTED)
    installation.until_tried("blueshift", 1)
    tried = len(installation.requests("blueshift"))
    browser.send(**said)
    ((_, state, _),) = installation.until_settled("blueshift", 1)
    assert state == "not_wanted"
    assert len(installation.requests("blueshift")) == tried


def test_a_clock_that_was_set_back_does_not_make_events_older_than_their_consent(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(consent=GRANTED)
    gateway.clock.forward(-HOUR)
    browser.send(event("page_view"), consent=GRANTED)
    (kept,) = gateway.events()
    assert refusal(last(gateway), "required", "marketing", kept.received) is None


# Where nobody is asked.


@pytest.fixture
def unasked(gateways: Gateways) -> Gateway:
    return gateways(shop={"consent": "not_required", "vendors": BLUESHIFT})


def test_whoever_declined_stays_so_before_the_banner_has_spoken_on_the_next_page(unasked: Gateway) -> None:
    browser = unasked.browser()
    assert browser.send(event("page_view")).accepted == 1
    visitor = browser.visitor
    answer = browser.send(event("page_view"), consent={"marketing": "denied"})
    assert visitor not in str(answer.set_cookies)
    assert set(browser.cookies) == {"__Host-gp_no"}
    unasked.clock.forward(HOUR)
    answer = browser.send(event("page_view"))
    assert (answer.accepted, answer.reasons, answer.set_cookies) == (0, ["consent"], {})
    assert len(unasked.events()) == 1


def test_what_a_browser_remembers_of_it_says_nothing_of_who_it_is(unasked: Gateway) -> None:
    one, other = unasked.browser(), unasked.browser()
    for browser in (one, other):
        browser.send(event("page_view"), consent={"marketing": "denied"})
    assert one.cookies == other.cookies != {}
    (line,) = unasked.browser().send(consent={"marketing": "denied"}).set_cookies.values()
    _, *told = line.split("; ")
    assert set(told) == {"Path=/", "Secure", "HttpOnly", "SameSite=Lax", f"Max-Age={390 * 86400}"}


def test_whoever_grants_after_all_is_a_new_visitor_and_only_for_that(gateways: Gateways) -> None:
    vendors = {**BLUESHIFT, "alana": {"api_key": "ak_0123456789abcdef"}}
    gateway = gateways(shop={"consent": "not_required", "vendors": vendors})
    browser = gateway.browser()
    browser.send(event("page_view"), consent=DENIED)
    answer = browser.send(event("page_view"), consent={"personalization": "granted"})
    assert answer.accepted == 1
    assert "__Host-gp_no" not in browser.cookies
    assert refusal(last(gateway), "not_required", "personalization") is None
    assert refusal(last(gateway), "not_required", "marketing") == "consent: marketing was denied"


def test_a_forged_refusal_is_none(unasked: Gateway) -> None:
    browser = unasked.browser()
    browser.cookies["__Host-gp_no"] = "1790000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    assert browser.send(event("page_view")).accepted == 1


def test_an_id_is_not_taken_for_a_refusal_nor_the_other_way_round(unasked: Gateway) -> None:
    browser, other = unasked.browser(), unasked.browser()
    browser.send(event("page_view"), consent={"marketing": "denied"})
    other.cookies["__Host-gp_v"] = browser.cookies["__Host-gp_no"]
    assert other.send(event("page_view")).accepted == 1


def test_nothing_is_kept_for_vendors_all_of_which_global_privacy_control_closes(unasked: Gateway) -> None:
    browser = unasked.browser()
    answer = browser.send(event("page_view"), headers={"Sec-GPC": "1"})
    assert (answer.accepted, answer.set_cookies) == (0, {})
    assert unasked.events() == []
    assert not may_keep(Consent(gpc=True), "not_required", {"marketing"})
    assert may_keep(Consent(gpc=True), "not_required", {"marketing", "personalization"})
