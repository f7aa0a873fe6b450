"""Consent and identity: what a visitor has said decides what is kept, set, cleared and written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.consent import NOTHING_SAID, Choice, Consent, may_keep, refusal, updated
from tests.gateway import DENIED, GRANTED, HOUR, ITEM, MINUTE, NOW, ORIGIN, Browser, Gateway, event

Gateways = Callable[..., Gateway]

BLUESHIFT = {"blueshift": {"api_key": "5e0c731de3b111ebba800242ac130004"}}
PERSONACLICK = {"personaclick": {"shop_id": "0d42fd8b713d0752776ca589cc0056"}}
CAMPAIGN = {"url": f"{ORIGIN}/?recommended_by=chain&personaclick_mail_code=x"}


@pytest.fixture
def unasked(gateways: Gateways) -> Gateway:
    """A shop whose visitors are not asked, with one vendor for marketing and one for personalization."""
    return gateways(shop={"consent": "not_required", "vendors": {**BLUESHIFT, **PERSONACLICK}})


def is_empty(gateway: Gateway) -> bool:
    """Whether nothing at all is kept of anybody."""
    return not any(gateway.rows(f"SELECT 1 FROM {table}") for table in ("events", "visitors", "consents"))


def ledger(gateway: Gateway) -> list[Consent]:
    rows = gateway.rows("SELECT consent FROM consents ORDER BY seq")
    return [msgspec.json.decode(consent, type=Consent) for (consent,) in rows]


def taken(browser: Browser, **batch: Any) -> bool:
    """Whether a page view with this batch is kept."""
    answer = browser.send(event("page_view"), **batch)
    assert answer.status == 200
    assert answer.reasons in ([], ["consent"])
    return answer.accepted == 1


# Where consent is required.


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"consent": None},
        {"consent": {}},
        {"consent": DENIED},
        {"consent": {"marketing": "denied"}},
        {"gpc": False},
        {"gpc": True},
        {"user": {"id": "c-42", "email": "a@b.example"}},
        {"page": CAMPAIGN},
    ],
)
def test_without_a_grant_nothing_is_set_and_nothing_is_kept(gateway: Gateway, said: dict[str, Any]) -> None:
    answer = gateway.browser().send(event("page_view"), event("nonsense", a={}), **said)
    assert (answer.status, answer.accepted, answer.reasons) == (200, 0, ["consent", "consent"])
    assert answer.set_cookies == {}
    assert is_empty(gateway)


@pytest.mark.parametrize("purpose", ["analytics", "personalization", "marketing", "our_own_word"])
def test_a_grant_of_any_purpose_opens_the_door(gateway: Gateway, purpose: str) -> None:
    assert taken(gateway.browser(), consent={purpose: "granted"})


def test_a_grant_is_remembered_when_later_batches_do_not_repeat_it(gateway: Gateway) -> None:
    browser = gateway.browser()
    assert browser.send(consent=GRANTED).set_cookies
    gateway.clock.forward(3 * HOUR)
    assert taken(browser)
    assert taken(browser, consent={})
    assert not taken(gateway.browser()), "another visitor's grant"


def test_partial_decisions_add_up(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(consent={"personalization": "granted"})
    gateway.clock.forward(MINUTE)
    browser.send(consent={"marketing": "denied"})
    gateway.clock.forward(MINUTE)
    browser.send(consent={"marketing": "granted", "analytics": "denied"})
    assert [(one.at, one.purposes) for one in ledger(gateway)] == [
        (NOW, {"personalization": "granted"}),
        (NOW + MINUTE, {"personalization": "granted", "marketing": "denied"}),
        (
            NOW + 2 * MINUTE,
            {"personalization": "granted", "marketing": "granted", "analytics": "denied"},
        ),
    ]


def test_the_ledger_says_who_told_and_has_no_line_for_what_was_said_before(gateway: Gateway) -> None:
    browser = gateway.browser()
    for _ in range(3):
        assert taken(browser, consent=GRANTED)
    (only,) = ledger(gateway)
    assert (only.by, only.at, only.gpc) == ("browser", NOW, False)


def test_the_ledger_belongs_to_the_visitor(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(consent=GRANTED)
    assert gateway.rows("SELECT shop, visitor FROM consents") == [("demo", browser.visitor)]


def test_a_grant_in_the_same_batch_lets_its_events_in(gateway: Gateway) -> None:
    """Events from before the decision waited in the page's memory."""
    browser = gateway.browser()
    answer = browser.send(event("page_view"), event("view_item", items=[ITEM]), consent=GRANTED)
    assert answer.accepted == 2


# Withdrawal.


def test_a_withdrawal_clears_the_cookies_and_is_written_down(gateway: Gateway) -> None:
    browser = gateway.browser()
    assert taken(browser, consent=GRANTED, page=CAMPAIGN)
    gateway.clock.forward(MINUTE)

    answer = browser.send(event("page_view"), consent=DENIED)
    assert (answer.status, answer.reasons) == (200, ["consent"])
    assert set(answer.set_cookies) == {"__Host-gp_v", "__Host-gp_s", "__Host-gp_src"}
    assert all("Max-Age=0" in line for line in answer.set_cookies.values())
    assert browser.cookies == {}
    assert [one.purposes for one in ledger(gateway)] == [GRANTED, DENIED]
    assert ledger(gateway)[1].at == NOW + MINUTE
    assert len(gateway.events()) == 1


def test_after_a_withdrawal_nothing_is_kept(gateway: Gateway) -> None:
    browser = gateway.browser()
    taken(browser, consent=GRANTED)
    browser.send(consent=DENIED)
    assert not taken(browser)
    assert not taken(browser, consent=DENIED)
    assert browser.cookies == {}
    assert len(gateway.events()) == 1


def test_a_withdrawal_of_one_purpose_leaves_the_others(gateway: Gateway) -> None:
    browser = gateway.browser()
    taken(browser, consent=GRANTED)
    assert taken(browser, consent={"marketing": "denied"})
    assert browser.visitor
    assert ledger(gateway)[-1].purposes == {"personalization": "granted", "marketing": "denied"}


def test_who_consents_again_after_a_withdrawal_is_a_new_visitor(gateway: Gateway) -> None:
    browser = gateway.browser()
    taken(browser, consent=GRANTED)
    first = browser.visitor
    browser.send(consent=DENIED)
    assert taken(browser, consent=GRANTED)
    assert browser.visitor != first


def test_another_tab_that_still_holds_the_cookie_learns_of_the_withdrawal(gateway: Gateway) -> None:
    browser, tab = gateway.browser(), gateway.browser()
    taken(browser, consent=GRANTED)
    tab.cookies = dict(browser.cookies)
    browser.send(consent=DENIED)
    answer = tab.send(event("page_view"))
    assert answer.reasons == ["consent"]
    assert tab.cookies == {}


def test_a_withdrawal_that_cannot_be_written_down_is_not_answered_as_done(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.store.database.BUSY_SECONDS", 0.05)
    browser = gateway.browser()
    taken(browser, consent=GRANTED)
    with gateway.locked():
        assert browser.send(consent=DENIED).status == 503
    assert browser.visitor
    assert browser.send(consent=DENIED).status == 200
    assert ledger(gateway)[-1].purposes == DENIED


# Where it is not required.


def test_where_consent_is_not_required_events_flow_from_the_first(unasked: Gateway) -> None:
    browser = unasked.browser()
    assert taken(browser)
    assert browser.visitor
    assert taken(browser, consent=GRANTED)


def test_whoever_declines_everything_is_left_alone_even_there(unasked: Gateway) -> None:
    browser = unasked.browser()
    assert not taken(browser, consent=DENIED)
    assert set(browser.cookies) == {"__Host-gp_no"}
    assert is_empty(unasked)


def test_whoever_declines_everything_later_loses_their_cookies(unasked: Gateway) -> None:
    browser = unasked.browser()
    taken(browser)
    assert not taken(browser, consent=DENIED)
    assert set(browser.cookies) == {"__Host-gp_no"}
    assert ledger(unasked)[-1].purposes == DENIED


def test_declining_one_purpose_leaves_the_others_open_there(unasked: Gateway) -> None:
    browser = unasked.browser()
    assert taken(browser, consent={"marketing": "denied"})
    assert taken(browser)
    (known,) = ledger(unasked)
    assert refusal(known, "not_required", "marketing")
    assert refusal(known, "not_required", "personalization") is None


def test_declining_the_only_purpose_that_a_shop_has_is_declining_everything(gateways: Gateways) -> None:
    gateway = gateways(shop={"consent": "not_required", "vendors": BLUESHIFT})
    browser = gateway.browser()
    assert not taken(browser, consent={"marketing": "denied"})
    assert is_empty(gateway)


# Global Privacy Control: https://w3c.github.io/gpc/


@pytest.mark.parametrize(
    ("header", "counts"),
    [
        ("1", True),
        ("0, 1", True),
        ("1, 0", True),
        ("1,1", True),
        ("", False),
        ("0", False),
        ("true", False),
        ("?1", False),
        ("11", False),
        ('"1"', False),
        ("1;x", False),
    ],
)
def test_the_gpc_header_counts_only_as_exactly_1(gateway: Gateway, header: str, counts: bool) -> None:
    gateway.browser().send(consent=GRANTED, headers={"Sec-GPC": header})
    assert ledger(gateway)[-1].gpc is counts


@pytest.mark.parametrize("header", [{}, {"Sec-GPC": "1"}])
@pytest.mark.parametrize("body", [{}, {"gpc": True}])
def test_header_or_body_suffices(gateway: Gateway, header: dict[str, str], body: dict[str, bool]) -> None:
    """A beacon is sent by the tag, which knows it, through browsers that do not add the header."""
    gateway.browser().send(consent=GRANTED, headers=header, **body)
    assert ledger(gateway)[-1].gpc is bool(header or body)


def test_gpc_is_kept_with_the_visitor_and_closes_marketing(gateway: Gateway) -> None:
    browser = gateway.browser()
    assert taken(browser, consent=GRANTED, gpc=True)
    (known,) = ledger(gateway)
    assert known.purposes == GRANTED
    assert refusal(known, "required", "marketing") == "consent: closed by Global Privacy Control"
    assert refusal(known, "required", "personalization") is None


def test_a_visitor_who_has_granted_only_what_gpc_closes_is_left_alone(gateway: Gateway) -> None:
    browser = gateway.browser()
    assert not taken(browser, consent={"marketing": "granted"}, gpc=True)
    assert browser.cookies == {}
    assert is_empty(gateway)


def test_the_first_sign_of_gpc_is_written_down(gateway: Gateway) -> None:
    browser = gateway.browser()
    taken(browser, consent=GRANTED)
    gateway.clock.forward(MINUTE)
    taken(browser, headers={"Sec-GPC": "1"})
    assert [(one.at, one.gpc) for one in ledger(gateway)] == [(NOW, False), (NOW + MINUTE, True)]


# The rules alone.

_purposes = st.sampled_from(["analytics", "personalization", "marketing", "own"])
_choices: st.SearchStrategy[Choice] = st.sampled_from(["granted", "denied"])
_said = st.dictionaries(_purposes, _choices)


@given(said=st.lists(st.none() | _said), purpose=_purposes)
def test_under_required_only_the_last_word_on_a_purpose_opens_it(
    said: list[dict[str, Choice] | None], purpose: str
) -> None:
    consent = NOTHING_SAID
    for i, one in enumerate(said):
        consent = updated(consent, one, False, NOW + i, "browser")
    words = [one[purpose] for one in said if one and purpose in one]
    is_open = bool(words) and words[-1] == "granted"
    assert (refusal(consent, "required", purpose) is None) is is_open
    declined = bool(words) and words[-1] == "denied"
    assert (refusal(consent, "not_required", purpose) is None) is not declined


@given(purposes=_said, gpc=st.booleans(), configured=st.sets(_purposes))
def test_nothing_is_kept_of_a_visitor_of_whom_nothing_may_go_anywhere(
    purposes: dict[str, Choice], gpc: bool, configured: set[str]
) -> None:
    consent = Consent(purposes, gpc, NOW, "browser")
    if may_keep(consent, "required", configured):
        assert any(refusal(consent, "required", one) is None for one in purposes)
    else:
        assert all(refusal(consent, "required", one) for one in {*purposes, *configured})
    if not may_keep(consent, "not_required", configured):
        assert all(refusal(consent, "not_required", one) for one in {*purposes, *configured})


def test_saying_the_same_again_changes_nothing() -> None:
    known = Consent({"marketing": "granted"}, False, NOW, "browser")
    assert updated(known, {"marketing": "granted"}, False, NOW + 1, "browser") is known
    assert updated(known, None, False, NOW + 1, "browser") is known
    assert updated(known, {}, False, NOW + 1, "browser") is known


# Identity.


def users(gateway: Gateway) -> list[tuple[str | None, str | None, str | None]]:
    return [(one.user.id, one.user.email, one.user.phone) for one in gateway.events()]


def test_who_was_named_once_is_known_in_later_batches(gateway: Gateway) -> None:
    browser = gateway.browser()
    taken(browser, consent=GRANTED)
    taken(browser, user={"id": "c-42", "email": "a@b.example", "phone": "380501234567"})
    taken(browser)
    known = ("c-42", "a@b.example", "380501234567")
    assert users(gateway) == [(None, None, None), known, known]


def test_what_is_said_of_a_user_adds_up(gateway: Gateway) -> None:
    browser = gateway.browser()
    taken(browser, consent=GRANTED, user={"email": "a@b.example"})
    taken(browser, user={"id": "c-42"})
    taken(browser, user={"id": "c-42", "phone": "380501234567"})
    taken(browser, user={})
    assert users(gateway)[-1] == ("c-42", "a@b.example", "380501234567")


def test_another_id_is_another_person_who_inherits_nothing(gateway: Gateway) -> None:
    browser = gateway.browser()
    taken(browser, consent=GRANTED, user={"id": "c-42", "email": "a@b.example"})
    taken(browser, user={"id": "c-43"})
    taken(browser)
    assert users(gateway)[1:] == [("c-43", None, None)] * 2


def test_null_forgets_who_it_was(gateway: Gateway) -> None:
    browser = gateway.browser()
    taken(browser, consent=GRANTED, user={"id": "c-42", "email": "a@b.example"})
    taken(browser, user=None)
    taken(browser)
    assert users(gateway)[1:] == [(None, None, None)] * 2
    assert b"c-42" not in gateway.rows("SELECT user FROM visitors")[0][0]


def test_numbers_as_ids_and_phones_become_strings_and_blanks_say_nothing(gateway: Gateway) -> None:
    browser = gateway.browser()
    taken(browser, consent=GRANTED, user={"id": 42, "phone": 380501234567, "email": "  "})
    assert users(gateway) == [("42", None, "380501234567")]


def test_identify_without_anybody_is_invalid(gateway: Gateway) -> None:
    browser = gateway.browser()
    answer = browser.send(event("identify"), event("page_view"), consent=GRANTED)
    assert answer.accepted == 1
    assert answer.reasons[0].startswith("invalid: user: ")
    blank = browser.send(event("identify"), event("page_view"), user={"id": "", "email": None})
    assert blank.reasons[0].startswith("invalid: user: ")


def test_identify_keeps_its_attributes(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(event("identify", first_name="Ada", joined_at=1), consent=GRANTED, user={"id": "c-42"})
    (kept,) = gateway.events()
    assert (kept.user.id, kept.params) == ("c-42", {"first_name": "Ada", "joined_at": 1})


@pytest.mark.parametrize(
    "user", [{"id": "a" * 256}, {"email": "a" * 255}, {"phone": "1" * 33}, {"id": 10**30}, {"id": 1.5}]
)
def test_a_user_who_cannot_be_one_is_refused(gateway: Gateway, user: dict[str, Any]) -> None:
    answer = gateway.browser().send(event("page_view"), consent=GRANTED, user=user)
    assert answer.status == 400
    assert "user" in answer.body["error"]


# The cart, from its first item to the purchase.


def cart(gateway: Gateway, browser: Browser, *events: dict[str, Any]) -> list[str]:
    """The cart ids of these events, sent as one batch and kept."""
    answer = browser.send(*events, consent=GRANTED)
    assert answer.status == 200
    ids = {one["id"] for one in events}
    return [one.cart for one in gateway.events() if one.id in ids]


def add() -> dict[str, Any]:
    return event("add_to_cart", items=[ITEM])


def purchase(order: str, id: str | None = None) -> dict[str, Any]:
    return event("purchase", id, transaction_id=order, items=[ITEM])


def test_a_cart_has_one_id_from_its_first_item_to_the_purchase(gateway: Gateway) -> None:
    browser = gateway.browser()
    (first,) = cart(gateway, browser, add())
    gateway.clock.forward(5 * HOUR)
    rest = cart(
        gateway,
        browser,
        event("update_cart", items=[ITEM]),
        event("view_cart", items=[]),
        event("remove_from_cart", items=[ITEM]),
        event("begin_checkout", items=[ITEM]),
        purchase("o-1"),
    )
    assert len(first) == 36
    assert set(rest) == {first}


def test_after_a_purchase_the_next_cart_is_another(gateway: Gateway) -> None:
    browser = gateway.browser()
    (first,) = cart(gateway, browser, add())
    cart(gateway, browser, purchase("o-1"))
    (second,) = cart(gateway, browser, add())
    assert second != first
    in_one_batch = cart(gateway, browser, add(), purchase("o-2"), add(), purchase("o-3"), add())
    assert in_one_batch[0] == in_one_batch[1] == second
    assert in_one_batch[2] == in_one_batch[3]
    assert len({first, second, in_one_batch[2], in_one_batch[4]}) == 4


def test_a_purchase_sent_again_leaves_the_next_cart_alone(gateway: Gateway) -> None:
    browser = gateway.browser()
    cart(gateway, browser, purchase("o-1", id="p-1"))
    (second,) = cart(gateway, browser, add())
    cart(gateway, browser, purchase("o-1", id="p-1"))
    assert cart(gateway, browser, add()) == [second]


def test_a_batch_sent_again_with_something_new_after_its_purchase_keeps_the_cart(gateway: Gateway) -> None:
    """The answer was lost, and meanwhile the visitor went on."""
    browser = gateway.browser()
    bought = purchase("o-1")
    cart(gateway, browser, bought)
    _, second = cart(gateway, browser, bought, add())
    assert cart(gateway, browser, add()) == [second]


def test_an_order_told_again_when_its_page_is_reloaded_leaves_the_next_cart_alone(gateway: Gateway) -> None:
    """The page makes a new event of it; the order is the same, and is kept already."""
    browser = gateway.browser()
    (first,) = cart(gateway, browser, purchase("o-1"))
    (second,) = cart(gateway, browser, add())
    assert first != second
    assert cart(gateway, browser, purchase("o-1")) == []
    assert cart(gateway, browser, add()) == [second]


def test_two_visitors_never_share_a_cart(gateway: Gateway) -> None:
    carts = {cart(gateway, gateway.browser(), add())[0] for _ in range(5)}
    assert len(carts) == 5


def test_events_without_a_cart_name_none(gateway: Gateway) -> None:
    browser = gateway.browser()
    assert cart(gateway, browser, event("page_view"), event("view_item", items=[ITEM])) == ["", ""]


def test_a_cart_id_of_the_shops_own_is_taken(gateway: Gateway) -> None:
    browser = gateway.browser()
    assert cart(gateway, browser, event("update_cart", items=[ITEM], cart_id=77)) == ["77"]


def test_the_visitors_own_id_cannot_be_seen_in_a_cart_id(gateway: Gateway) -> None:
    browser = gateway.browser()
    assert browser.visitor not in cart(gateway, browser, add())


def test_made_up_purposes_do_not_fill_the_disk(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(consent=GRANTED)
    for n in range(20):
        browser.send(consent={f"made_up_{n}_{i}": "granted" for i in range(100)})
    ((consent,),) = gateway.rows("SELECT consent FROM visitors")
    assert len(consent) < 10_000
    browser.send(consent={"marketing": "denied"})
    ((consent,),) = gateway.rows("SELECT consent FROM visitors")
    assert b'"marketing":"denied"' in consent
