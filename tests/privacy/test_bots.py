"""Bots are told so, get no cookie, are kept and relayed nowhere, and are counted."""

from __future__ import annotations

import pytest

from server.bots import Bots
from tests.gateway import GRANTED, Gateway, event
from tests.privacy.installation import Installation

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
HEADLESS = CHROME.replace("Chrome/", "HeadlessChrome/")
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": GOOGLEBOT},
        {
            "User-Agent": "Mozilla/5.0 (Linux; Android 6; Nexus 5X) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/140.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
            "+http://www.google.com/bot.html)"
        },
        {"User-Agent": "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"},
        {"User-Agent": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)"},
        {"User-Agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
        {"User-Agent": CHROME, "Sec-Purpose": "prefetch"},
        {"User-Agent": CHROME, "Sec-Purpose": "prefetch;prerender"},
        {"User-Agent": CHROME, "Purpose": "prefetch"},
        {"User-Agent": CHROME, "Purpose": "Preview"},
        {"User-Agent": CHROME, "Sec-Purpose": "prerender"},
    ],
)
def test_a_bot_is_told_so_and_nothing_of_it_is_kept(gateway: Gateway, headers: dict[str, str]) -> None:
    browser = gateway.browser()
    answer = browser.send(
        event("page_view"), event("nonsense"), consent=GRANTED, user={"id": "c-42"}, headers=headers
    )
    assert (answer.status, answer.accepted, answer.reasons) == (200, 0, ["bot", "bot"])
    assert answer.set_cookies == {}
    for table in ("events", "visitors", "identities", "consents"):
        assert gateway.rows(f"SELECT * FROM {table}") == []


def test_bots_are_counted(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(event("page_view"), event("page_view"), consent=GRANTED, headers={"User-Agent": GOOGLEBOT})
    browser.send(event("page_view"), consent=GRANTED)
    assert ("demo", "bot", 2) in gateway.rows("SELECT shop, reason, count FROM dropped")


@pytest.mark.parametrize(
    "agent",
    [
        CHROME,
        HEADLESS,  # the shop's own tests
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.5 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Mobile/15E148 Instagram 330.0.0.40.92 (iPhone14,5; iOS 18_5; de_DE; de; scale=3.00; 1170x2532; 1)",
        "Mozilla/5.0 (Linux; Android 15; SM-S918B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
        "Chrome/140.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/480.0.0.0;]",
        "Mozilla/5.0 (Linux; Android 15; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
        "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
        "Safari/537.36 Edg/140.0.0.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 "
        "YaBrowser/25.8.0.0 Safari/537.36",
        "python-requests/2.32",
        "curl/8.5",
        "",
    ],
)
def test_a_browser_and_a_program_that_calls_itself_nothing_else_are_no_bots(
    gateway: Gateway, agent: str
) -> None:
    answer = gateway.browser().send(event("page_view"), consent=GRANTED, headers={"User-Agent": agent})
    assert answer.accepted == 1


def test_nothing_of_a_bot_is_relayed(installation: Installation) -> None:
    browser = installation.browser()
    browser.send(event("page_view", "bots"), consent=GRANTED, headers={"User-Agent": GOOGLEBOT})
    browser.send(event("page_view", "hers"), consent=GRANTED)
    installation.until_settled("blueshift", 1)
    assert [one["event_uuid"] for one in installation.bulk_events()] == ["hers"]


def test_a_user_agent_of_any_length_is_read() -> None:
    assert not Bots().is_bot("a" * 1_000_000, "")
