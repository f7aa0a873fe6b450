"""The three cookies: how they look, how long each is good for, and that none can be made up."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.configure import read_settings
from server.cookies import Cookies, Jar, Visit
from server.event import Source
from tests.gateway import (
    DAY,
    GRANTED,
    HOUR,
    LOCALHOST,
    MINUTE,
    NOW,
    ORIGIN,
    OTHER_SECRET,
    PATH_MODE,
    SECOND,
    SECRET,
    SUBDOMAIN,
    Browser,
    Clock,
    Gateway,
    configuration,
    event,
    write_configuration,
)

Gateways = Callable[..., Gateway]

NEWEST_SECRET = "1e5b7f30c8a94d62b0f4937d5a6c2e18"
VISITOR_LIFE = 390 * DAY


def page(**query: str) -> dict[str, str]:
    return {"url": f"{ORIGIN}/p/100500?{urlencode(query)}"}


def campaign(code: str, by: str = "chain") -> dict[str, str]:
    return page(recommended_by=by, personaclick_mail_code=code)


def visit(browser: Browser, **batch: Any) -> set[str]:
    """One page view of a visitor who has consented; the names of the cookies that were set."""
    answer = browser.send(event("page_view"), consent=GRANTED, **batch)
    assert (answer.status, answer.accepted) == (200, 1)
    return {name.rpartition("-")[2] for name in answer.set_cookies}


def last_source(gateway: Gateway) -> tuple[str, str] | None:
    source = gateway.events()[-1].source
    return (source.from_, source.code) if source else None


# Their form.


@pytest.mark.parametrize(
    ("public_url", "prefix", "attributes"),
    [
        (SUBDOMAIN, "__Host-", {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"}),
        (PATH_MODE, "__Secure-", {"Path=/gp", "Secure", "HttpOnly", "SameSite=Lax"}),
        (
            "https://www.myshop.example/a/b/",
            "__Secure-",
            {"Path=/a/b", "Secure", "HttpOnly", "SameSite=Lax"},
        ),
        (LOCALHOST, "", {"Path=/", "HttpOnly", "SameSite=Lax"}),
    ],
)
def test_each_form_of_installation_has_its_form_of_cookie(
    gateways: Gateways, public_url: str, prefix: str, attributes: set[str]
) -> None:
    answer = (
        gateways(public_url=public_url)
        .browser()
        .send(event("page_view"), consent=GRANTED, page=campaign("x"))
    )
    lives = {"gp_v": 390 * 86400, "gp_s": 30 * 60, "gp_src": 48 * 3600}
    assert set(answer.set_cookies) == {prefix + name for name in lives}
    for name, seconds in lives.items():
        _, *told = answer.set_cookies[prefix + name].split("; ")
        assert set(told) == attributes | {f"Max-Age={seconds}"}
        assert len(told) == len(set(told))


@pytest.mark.parametrize("public_url", [SUBDOMAIN, PATH_MODE, LOCALHOST])
def test_a_cookie_is_cleared_in_the_form_it_was_set_in(gateways: Gateways, public_url: str) -> None:
    """A browser ignores a __Host- cookie that clears without Secure, and another path is another cookie."""
    browser = gateways(public_url=public_url).browser()
    was = browser.send(event("page_view"), consent=GRANTED, page=campaign("x")).set_cookies
    gone = browser.send(consent={"personalization": "denied", "marketing": "denied"}).set_cookies
    assert set(gone) == set(was)
    for name, line in gone.items():
        value, *told = line.split("; ")
        assert value == f"{name}="
        assert "Max-Age=0" in told
        assert {one for one in told if not one.startswith("Max-Age")} == {
            one for one in was[name].split("; ")[1:] if not one.startswith("Max-Age")
        }


def test_the_visitor_is_a_random_uuid(gateway: Gateway) -> None:
    visitors = set()
    for _ in range(20):
        browser = gateway.browser()
        visit(browser)
        assert UUID(browser.visitor).version == 4
        visitors.add(browser.visitor)
    assert len(visitors) == 20


def test_the_event_carries_the_ids_of_the_cookies(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser)
    (kept,) = gateway.events()
    assert (kept.visitor, kept.session) == (browser.visitor, browser.session)


def test_no_cookie_is_set_again_that_did_not_change(gateway: Gateway) -> None:
    browser = gateway.browser()
    assert visit(browser, page=campaign("x")) == {"gp_v", "gp_s", "gp_src"}
    gateway.clock.forward(59 * SECOND)
    assert visit(browser, page=campaign("x")) == set()


# The visitor: 390 days from the first visit.


def test_a_visitor_stays_the_same_for_390_days_and_no_visit_prolongs_that(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser)
    first = browser.visitor
    for _ in range(19):
        gateway.clock.forward(20 * DAY)
        assert "gp_v" not in visit(browser)
    gateway.clock.now = NOW + VISITOR_LIFE - 1
    assert "gp_v" not in visit(browser)
    assert browser.visitor == first

    gateway.clock.now = NOW + VISITOR_LIFE
    assert visit(browser) == {"gp_v", "gp_s"}
    assert browser.visitor != first


def test_who_comes_back_after_390_days_is_a_stranger_who_has_not_consented(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser, user={"id": "c-42"})
    gateway.clock.forward(VISITOR_LIFE)
    answer = browser.send(event("page_view"))
    assert answer.reasons == ["consent"]
    visit(browser)
    assert gateway.events()[-1].user.id is None


# The session: 30 minutes without an event end it.


def test_a_session_goes_on_while_events_come(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser)
    first = browser.session
    for _ in range(10):
        gateway.clock.forward(28 * MINUTE)
        visit(browser)
    assert {one.session for one in gateway.events()} == {first}


def test_thirty_minutes_without_an_event_begin_a_new_session_of_the_same_visitor(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser)
    session, visitor = browser.session, browser.visitor
    gateway.clock.forward(30 * MINUTE)
    assert visit(browser) == {"gp_s"}
    assert browser.session != session
    assert browser.visitor == visitor


def test_an_event_within_the_same_minute_still_counts(gateway: Gateway) -> None:
    """The cookie tells the minute of the last use; that must not cost the session a whole event."""
    browser = gateway.browser()
    visit(browser)
    first = browser.session
    gateway.clock.forward(59 * SECOND)
    visit(browser)
    gateway.clock.forward(29 * MINUTE)
    visit(browser)
    assert browser.session == first


def test_the_session_cookie_is_set_at_most_once_a_minute(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser)
    times = []
    for _ in range(60):
        gateway.clock.forward(7 * SECOND)
        if "gp_s" in visit(browser):
            times.append(gateway.clock.now)
    assert len(times) > 3
    assert all(later - earlier >= MINUTE for earlier, later in zip([NOW, *times], times, strict=False))


def test_a_session_without_its_visitor_begins_anew(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser)
    first = browser.session
    browser.cookies.pop("__Host-gp_v")
    visit(browser)
    assert browser.session != first


# The source: 48 hours from when it was seen.


def test_a_source_is_told_with_every_event_for_48_hours_and_never_after(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser, page=campaign("abc"))
    for moment, expected in (
        (47 * HOUR, ("chain", "abc")),
        (48 * HOUR - 1, ("chain", "abc")),
        (48 * HOUR, None),
        (49 * HOUR, None),
    ):
        gateway.clock.now = NOW + moment
        visit(browser, page=page())
        assert last_source(gateway) == expected, moment


def test_the_signed_time_decides_whatever_the_browser_keeps(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser, page=campaign("abc"))
    gateway.clock.forward(300 * DAY)
    assert browser.cookie("gp_src")
    visit(browser)
    assert last_source(gateway) is None


def test_the_same_source_again_prolongs_nothing_and_begins_no_session(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser, page=campaign("abc"))
    gateway.clock.forward(20 * MINUTE)
    first = browser.session
    assert "gp_src" not in visit(browser, page=campaign("abc"))
    assert browser.session == first
    gateway.clock.now = NOW + 48 * HOUR
    visit(browser)
    assert last_source(gateway) is None


def test_the_same_source_after_its_48_hours_counts_anew(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser, page=campaign("abc"))
    gateway.clock.forward(48 * HOUR)
    assert "gp_src" in visit(browser, page=campaign("abc"))
    gateway.clock.forward(47 * HOUR)
    visit(browser)
    assert last_source(gateway) == ("chain", "abc")


def test_a_new_source_replaces_the_old_and_has_48_hours_of_its_own(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser, page=campaign("abc"))
    gateway.clock.forward(47 * HOUR)
    visit(browser, page=campaign("def"))
    assert last_source(gateway) == ("chain", "def")
    gateway.clock.forward(47 * HOUR)
    visit(browser)
    assert last_source(gateway) == ("chain", "def")
    gateway.clock.forward(HOUR)
    visit(browser)
    assert last_source(gateway) is None


def test_a_new_source_begins_a_new_session(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser, page=campaign("abc"))
    first = browser.session
    gateway.clock.forward(MINUTE)
    assert visit(browser, page=campaign("def")) == {"gp_s", "gp_src"}
    assert browser.session != first
    assert gateway.events()[-1].session == browser.session


def test_the_event_that_brings_a_source_carries_it(gateway: Gateway) -> None:
    visit(gateway.browser(), page=campaign("abc"))
    assert last_source(gateway) == ("chain", "abc")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"recommended_by": "bulk", "bulk_code": "b1"}, ("bulk", "b1")),
        ({"recommended_by": "chain", "personaclick_mail_code": "m1"}, ("chain", "m1")),
        (
            {"recommended_by": "bulk", "personaclick_mail_code": "m1", "bulk_code": "b1"},
            ("bulk", "b1"),
        ),
        (
            {"recommended_by": "chain", "bulk_code": "", "personaclick_mail_code": "m1"},
            ("chain", "m1"),
        ),
        ({"recommended_by": "chain"}, None),
        ({"recommended_by": "", "bulk_code": "b1"}, None),
        ({"bulk_code": "b1"}, None),
        ({"recommended_by": "chain", "bulk_code": "b\x00"}, None),
        ({"recommended_by": "chain", "bulk_code": "b" * 5000}, None),
        ({}, None),
    ],
)
def test_a_source_is_read_from_the_address_by_personaclicks_rule(
    gateway: Gateway, query: dict[str, str], expected: tuple[str, str] | None
) -> None:
    visit(gateway.browser(), page=page(**query))
    assert last_source(gateway) == expected


@pytest.mark.parametrize("code", ["été – 50 %", "спина.код", "a.b.c", "日本語", "a=b;c,d\"e'", "👕" * 40])
def test_a_source_may_be_written_in_any_script(gateway: Gateway, code: str) -> None:
    browser = gateway.browser()
    assert "gp_src" in visit(browser, page=campaign(code))
    value = browser.cookie("gp_src") or ""
    assert set(value) <= set(string.ascii_letters + string.digits + "-_.")
    gateway.clock.forward(HOUR)
    visit(browser)
    assert last_source(gateway) == ("chain", code)


def test_the_longest_source_fits_into_a_cookie(gateway: Gateway) -> None:
    """Browsers refuse cookies whose name and value exceed 4096 bytes together."""
    answer = gateway.browser().send(
        event("page_view"), consent=GRANTED, page={"url": f"{ORIGIN}/?{_longest_query()}"}
    )
    line = answer.set_cookies["__Host-gp_src"]
    assert len(line.partition(";")[0].encode()) <= 4096


def _longest_query() -> str:
    character = quote("𠜎")
    return f"recommended_by={character * 200}&bulk_code={character * 200}"


# What was not made here is worth nothing.


def test_a_made_up_visitor_cookie_is_silently_replaced(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.cookies["__Host-gp_v"] = "07f684a7-e476-447f-bbe3-c921efd2984b.1790000000.AAAA"
    assert visit(browser) == {"gp_v", "gp_s"}
    assert browser.visitor != "07f684a7-e476-447f-bbe3-c921efd2984b"


@pytest.mark.parametrize("secret", ["", "x", OTHER_SECRET])
def test_a_cookie_signed_with_another_key_is_silently_replaced(
    gateways: Gateways, tmp_path: Path, secret: str
) -> None:
    gateway = gateways()
    browser = gateway.browser()
    if secret == OTHER_SECRET:
        elsewhere = gateways(secrets=[OTHER_SECRET]).browser()
        visit(elsewhere, page=campaign("x"))
        browser.cookies = dict(elsewhere.cookies)
    else:
        browser.cookies = dict.fromkeys(("__Host-gp_v", "__Host-gp_s", "__Host-gp_src"), secret)
    before = dict(browser.cookies)
    assert visit(browser) == {"gp_v", "gp_s"}
    assert browser.cookies["__Host-gp_v"] != before["__Host-gp_v"]
    assert last_source(gateway) is None


def test_no_cookie_can_be_replayed_as_another(gateway: Gateway) -> None:
    browser = gateway.browser()
    visit(browser, page=campaign("x"))
    genuine = dict(browser.cookies)
    for name in genuine:
        for other in genuine:
            if name == other:
                continue
            browser.cookies = {**genuine, name: genuine[other]}
            read = Cookies(gateway.settings).read(browser.cookies, NOW)
            if name.endswith("gp_v"):
                assert read.visitor == read.session == ""
            elif name.endswith("gp_s"):
                assert read.session == ""
            else:
                assert read.source is None


@pytest.mark.parametrize("prefix", ["", "__Secure-", "__host-"])
def test_a_cookie_of_another_form_is_not_read(gateway: Gateway, prefix: str) -> None:
    """A bare name can be set by any other subdomain of the shop: only the prefix says who set it."""
    browser = gateway.browser()
    visit(browser)
    first = browser.visitor
    browser.cookies = {name.replace("__Host-", prefix): value for name, value in browser.cookies.items()}
    answer = browser.send(event("page_view"), consent=GRANTED)
    assert not answer.set_cookies["__Host-gp_v"].startswith(f"__Host-gp_v={first}")


# Keys.


def rotated(tmp_path: Path, *secrets: str) -> Cookies:
    return Cookies(read_settings(write_configuration(tmp_path, configuration(secrets=list(secrets)))))


def jar(lines: list[str]) -> dict[str, str]:
    """What a browser sends after these Set-Cookie lines."""
    return {name: morsel.value for line in lines for name, morsel in SimpleCookie(line).items()}


def listed(sent: Mapping[str, str]) -> Jar:
    """A jar in which every name stands once."""
    return {name: [value] for name, value in sent.items()}


def sent_after(cookies: Cookies) -> Jar:
    """What a browser sends that these cookies were set for."""
    return listed(jar(cookies.write(Visit(), SEEN)))


SEEN = Visit(
    visitor="07f684a7-e476-447f-bbe3-c921efd2984b",
    first_seen=NOW - 100 * DAY,
    session="98d4b22e-dfc2-4e9f-8396-cd9395d13f11",
    active=NOW,
    source=Source("chain", "x", NOW),
)


def test_after_a_rotation_the_first_key_signs_and_every_key_verifies(tmp_path: Path) -> None:
    old = rotated(tmp_path, SECRET)
    both = rotated(tmp_path, OTHER_SECRET, SECRET)
    new = rotated(tmp_path, OTHER_SECRET)
    assert both.read(sent_after(old), NOW) == SEEN
    assert new.read(sent_after(both), NOW) == SEEN
    assert old.read(sent_after(both), NOW) == Visit()
    third = rotated(tmp_path, NEWEST_SECRET, OTHER_SECRET, SECRET)
    assert third.read(sent_after(old), NOW) == SEEN


def test_a_removed_key_verifies_nothing_any_more(tmp_path: Path) -> None:
    old, new = rotated(tmp_path, SECRET), rotated(tmp_path, OTHER_SECRET)
    assert new.read(sent_after(old), NOW) == Visit()


# Of every value.

_texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=200)
_seconds = st.integers(0, 400 * 86400).map(lambda seconds: NOW - seconds * SECOND)
_ids = st.uuids(version=4).map(str)


@pytest.fixture(scope="module")
def cookies(tmp_path_factory: pytest.TempPathFactory) -> Cookies:
    return rotated(tmp_path_factory.mktemp("cookies"), SECRET)


@given(visitor=_ids, session=_ids, age=st.integers(0, 29 * 60), from_=_texts, code=_texts)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_again(
    cookies: Cookies, visitor: str, session: str, age: int, from_: str, code: str
) -> None:
    then = NOW - age * SECOND
    written = Visit(visitor, then, session, then, Source(from_, code, then))
    sent = jar(cookies.write(Visit(), written))
    assert all(len(name + value) <= 4096 for name, value in sent.items())
    assert cookies.read(listed(sent), NOW) == written
    assert cookies.write(written, written) == []


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_cookie_with_any_byte_changed_is_none(cookies: Cookies, data: st.DataObject) -> None:
    sent = jar(cookies.write(Visit(), SEEN))
    name = data.draw(st.sampled_from(sorted(sent)))
    value = sent[name]
    place = data.draw(st.integers(0, len(value) - 1))
    changed = data.draw(
        st.sampled_from(string.ascii_letters + string.digits + "-_.=! é").filter(lambda c: c != value[place])
    )
    read = cookies.read(listed({**sent, name: value[:place] + changed + value[place + 1 :]}), NOW)
    lost = {
        "__Host-gp_v": {"visitor": "", "first_seen": 0, "session": "", "active": 0},
        "__Host-gp_s": {"session": "", "active": 0},
        "__Host-gp_src": {"source": None},
    }
    assert read == msgspec.structs.replace(SEEN, **lost[name])


def test_the_last_character_of_a_signature_counts_like_every_other(cookies: Cookies) -> None:
    """Base64 leaves two bits of it over, and a lenient reader takes four spellings of the same signature."""
    value = jar(cookies.write(Visit(), SEEN))["__Host-gp_v"]
    for last in set(string.ascii_letters + string.digits + "-_=") - {value[-1]}:
        assert cookies.read({"__Host-gp_v": [value[:-1] + last]}, NOW).visitor == "", last


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_cookie_cut_short_or_with_something_added_is_none(cookies: Cookies, data: st.DataObject) -> None:
    value = jar(cookies.write(Visit(), SEEN))["__Host-gp_v"]
    cut = data.draw(st.integers(0, len(value) - 1))
    added = data.draw(st.text(string.ascii_letters + string.digits + "-_.=!\n ", min_size=1, max_size=3))
    for wrong in (
        value[:cut],
        value[cut + 1 :],
        value + added,
        added + value,
        value[:cut] + added + value[cut:],
    ):
        assert cookies.read({"__Host-gp_v": [wrong]}, NOW).visitor == ""


@given(value=st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_no_text_reads_as_a_cookie(cookies: Cookies, value: str) -> None:
    sent = dict.fromkeys(("__Host-gp_v", "__Host-gp_s", "__Host-gp_src"), value)
    assert cookies.read(listed(sent), NOW) == Visit()


# Against a model of the rules.


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    made = Gateway(tmp_path_factory.mktemp("gateway"), Clock())
    yield made
    made.close()


_gaps = st.one_of(
    st.integers(0, 28 * 60),
    st.integers(31 * 60, 60 * 3600),
    st.sampled_from([47 * 3600, 48 * 3600 - 1, 48 * 3600, 48 * 3600 + 1, 49 * 3600]),
)
_visits = st.lists(st.tuples(_gaps, st.sampled_from([None, None, "a", "b", "ü"])), min_size=1, max_size=8)


@given(visits=_visits)
@settings(max_examples=60, deadline=None)
def test_sources_and_sessions_follow_their_rules_through_any_sequence_of_visits(
    running: Gateway, visits: list[tuple[int, str | None]]
) -> None:
    running.clock.now = NOW
    browser = running.browser()
    before = len(running.events())
    source: tuple[str, int] | None = None
    sessions = 0
    expected = []
    for i, (gap, code) in enumerate(visits):
        running.clock.forward(gap * SECOND)
        now = running.clock.now
        visit(browser, page=campaign(code) if code else page())
        if source and now - source[1] >= 48 * HOUR:
            source = None
        new = code is not None and (source is None or source[0] != code)
        if new:
            source = (code or "", now)
        sessions += i == 0 or new or gap >= 30 * 60
        expected.append((source[0] if source else None, sessions))
    kept = running.events()[before:]
    seen: dict[str, int] = {}
    found = [
        (one.source.code if one.source else None, seen.setdefault(one.session, len(seen) + 1)) for one in kept
    ]
    assert found == expected
    assert len({one.visitor for one in kept}) == 1
