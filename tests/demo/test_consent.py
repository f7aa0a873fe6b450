"""The banner: nothing is granted before a choice, and a choice is told on every page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.demo.browsing import Command, hook, pushed
from tests.demo.conftest import Shop

pytestmark = pytest.mark.browser

ALL = {"personalization": "granted", "marketing": "granted", "analytics": "granted"}
NONE = dict.fromkeys(ALL, "denied")


def told(page: Page) -> list[Command]:
    return [command for command in pushed(page) if command[0] == "consent"]


def test_before_a_choice_nothing_is_said_of_consent_on_any_page(shop: Shop, page: Page) -> None:
    for path in ("/", "/p/100500", "/cart"):
        page.goto(shop.url + path)
        expect(hook(page, "consent")).to_be_visible()
        assert told(page) == []


@pytest.mark.parametrize(("button", "choice"), [("accept-all", ALL), ("only-necessary", NONE)])
def test_a_choice_is_told_at_once_and_first_on_every_later_page(
    shop: Shop, page: Page, button: str, choice: dict[str, str]
) -> None:
    page.goto(shop.url)
    hook(page, button).click()
    assert told(page) == [["consent", choice]]
    page.goto(f"{shop.url}/p/100500")
    assert pushed(page)[0] == ["consent", choice]
    expect(hook(page, "consent")).to_be_hidden()


def test_single_purposes_can_be_chosen(shop: Shop, page: Page) -> None:
    page.goto(shop.url)
    hook(page, "choose").click()
    page.get_by_label("Marketing").check()
    hook(page, "save-choice").click()
    assert told(page) == [["consent", {**NONE, "marketing": "granted"}]]


def test_a_choice_can_be_taken_back_from_the_footer(shop: Shop, page: Page) -> None:
    page.goto(shop.url)
    hook(page, "accept-all").click()
    hook(page, "cookie-choices").click()
    expect(page.get_by_label("Personalization")).to_be_checked()
    hook(page, "only-necessary").click()
    assert told(page)[-1] == ["consent", NONE]
    page.goto(f"{shop.url}/cart")
    assert told(page) == [["consent", NONE]]


def test_a_choice_made_in_one_tab_holds_in_the_other(shop: Shop, page: Page) -> None:
    page.goto(shop.url)
    other = page.context.new_page()
    other.goto(f"{shop.url}/p/100500")
    hook(page, "accept-all").click()
    expect(hook(other, "consent")).to_be_hidden()
    assert told(other) == [["consent", ALL]]


@pytest.mark.parametrize(
    "kept", ["{", "null", '"granted"', '{"personalization": "granted"}', '{"marketing": 1}']
)
def test_what_is_no_choice_of_this_banner_is_asked_anew(shop: Shop, page: Page, kept: str) -> None:
    page.goto(shop.url)
    page.evaluate("(kept) => localStorage.setItem('demo_shop.consent', kept)", kept)
    page.reload()
    expect(hook(page, "consent")).to_be_visible()
    assert told(page) == []


def test_a_browser_that_lets_pages_keep_nothing_is_asked_on_every_page_and_heard(
    shop: Shop, page: Page
) -> None:
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('closed') }})"
    )
    page.goto(shop.url)
    hook(page, "accept-all").click()
    assert told(page) == [["consent", ALL]]
    expect(hook(page, "consent")).to_be_hidden()
    page.goto(f"{shop.url}/cart")
    expect(hook(page, "consent")).to_be_visible()
