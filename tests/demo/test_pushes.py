"""What each page tells Gatepost, read from `window.gatepost` in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.demo.browsing import hook, order, pushed, put_in_cart, tracked
from tests.demo.conftest import Shop

pytestmark = pytest.mark.browser

KETTLE = {
    "item_id": "100500",
    "item_name": "Enamel kettle",
    "item_brand": "Hob & Tarn",
    "item_category": "kitchen",
    "item_variant": "Juniper",
    "price": 45.5,
    "in_stock": True,
}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "home"),
        ("/c/table", "category"),
        ("/p/100500", "product"),
        ("/search?q=mug", "search"),
        ("/cart", "cart"),
        ("/wishlist", "other"),
        ("/nowhere", "other"),
    ],
)
def test_a_page_says_what_it_is_once_and_first(shop: Shop, page: Page, path: str, kind: str) -> None:
    page.goto(shop.url + path)
    assert pushed(page)[0] == ["page", {"type": kind}]
    assert [command[0] for command in pushed(page)].count("page") == 1


def test_the_home_page_shows_a_list(shop: Shop, page: Page) -> None:
    page.goto(shop.url)
    shown = tracked(page)["view_item_list"]
    assert shown["item_list_id"] == "home_picks"
    assert [item["index"] for item in shown["items"]] == [0, 1, 2, 3, 4, 5]


def test_a_category_page_is_viewed_with_its_items(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.url}/c/outdoors")
    viewed = tracked(page)["view_category"]
    assert (viewed["category_id"], viewed["category_path"]) == ("outdoors", ["Outdoors"])
    assert [item["item_id"] for item in viewed["items"]] == ["300200", "300210", "300220"]


def test_a_product_is_viewed_with_its_id_as_text_and_its_price_as_a_decimal(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.url}/p/100500")
    assert tracked(page) == {"view_item": {"currency": "EUR", "value": 45.5, "items": [KETTLE]}}


def test_another_colour_is_another_item(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.url}/p/100500")
    page.get_by_role("link", name="Ember").click()
    page.wait_for_url("**/p/100501")
    assert tracked(page)["view_item"]["items"][0]["item_id"] == "100501"


def test_a_search_tells_the_words_and_what_they_found(shop: Shop, page: Page) -> None:
    page.goto(shop.url)
    hook(page, "search").fill("stoneware")
    hook(page, "search").press("Enter")
    page.wait_for_url("**/search?*")
    searched = tracked(page)["search"]
    assert (searched["search_term"], searched["results"]) == ("stoneware", 1)
    assert [item["item_id"] for item in searched["items"]] == ["200110"]


def test_a_search_that_finds_nothing_is_told_too(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.url}/search?q=unicorn")
    assert tracked(page) == {"search": {"search_term": "unicorn", "results": 0, "items": []}}


def test_the_cart_tells_what_was_added_and_then_the_whole_of_it(shop: Shop, page: Page) -> None:
    put_in_cart(page, shop.url, "200100")
    put_in_cart(page, shop.url, "100500", 2)
    told = tracked(page)
    assert list(told) == ["view_item", "add_to_cart", "update_cart"]
    assert told["add_to_cart"] == {"currency": "EUR", "value": 91, "items": [{**KETTLE, "quantity": 2}]}
    assert told["update_cart"]["value"] == 105.5
    held = [(item["item_id"], item["quantity"]) for item in told["update_cart"]["items"]]
    assert held == [("200100", 1), ("100500", 2)]


def test_the_cart_s_own_page_tells_that_it_is_viewed_and_then_only_what_changed(
    shop: Shop, page: Page
) -> None:
    put_in_cart(page, shop.url, "100500")
    page.goto(f"{shop.url}/cart")
    assert list(tracked(page)) == ["view_cart"]
    hook(page, "quantity").fill("3")
    hook(page, "quantity").press("Tab")
    expect(page.get_by_text("Your cart is up to date.")).to_be_visible()
    assert list(tracked(page)) == ["update_cart"]
    assert tracked(page)["update_cart"]["items"][0]["quantity"] == 3


def test_an_emptied_cart_is_told_as_an_empty_list(shop: Shop, page: Page) -> None:
    put_in_cart(page, shop.url, "100500", 2)
    page.goto(f"{shop.url}/cart")
    hook(page, "remove-from-cart").click()
    expect(page.get_by_text("Taken out of your cart.")).to_be_visible()
    told = tracked(page)
    assert told["remove_from_cart"]["items"] == [{**KETTLE, "quantity": 2}]
    assert told["update_cart"] == {"currency": "EUR", "value": 0, "items": []}


def test_the_wishlist_tells_both_ways_and_the_whole_of_it(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.url}/p/100500")
    hook(page, "add-to-wishlist").click()
    hook(page, "remove-from-wishlist").click()
    expect(hook(page, "add-to-wishlist")).to_be_visible()
    names = [command[1] for command in pushed(page) if command[0] == "track"]
    assert names == [
        "view_item",
        "add_to_wishlist",
        "update_wishlist",
        "remove_from_wishlist",
        "update_wishlist",
    ]
    first, last = (command[2]["items"] for command in pushed(page) if command[1] == "update_wishlist")
    assert (first, last) == ([KETTLE], [])


def test_the_wishlist_is_still_there_on_the_next_page(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.url}/p/100500")
    hook(page, "add-to-wishlist").click()
    expect(hook(page, "remove-from-wishlist")).to_be_visible()
    page.goto(f"{shop.url}/wishlist")
    expect(page.locator('[data-item="100500"]')).to_be_visible()
    page.goto(f"{shop.url}/p/100500")
    expect(hook(page, "remove-from-wishlist")).to_be_visible()


def test_the_checkout_is_begun_with_the_whole_cart(shop: Shop, page: Page) -> None:
    put_in_cart(page, shop.url, "100500", 2)
    page.goto(f"{shop.url}/checkout")
    begun = {"currency": "EUR", "value": 91, "items": [{**KETTLE, "quantity": 2}]}
    assert tracked(page) == {"begin_checkout": begun}


def test_a_purchase_is_told_with_its_sums_and_once_however_often_its_page_is_loaded(
    shop: Shop, page: Page
) -> None:
    put_in_cart(page, shop.url, "100500")
    number = order(page, shop.url)
    told = tracked(page)["purchase"]
    # 45.50 of goods and a parcel for 4.90; a sixth of the sum of 50.40 is the 20 % VAT in it.
    assert told == {
        "transaction_id": number,
        "currency": "EUR",
        "value": 45.5,
        "shipping": 4.9,
        "tax": 8.4,
        "delivery_type": "parcel",
        "payment_type": "card",
        "items": [{**KETTLE, "quantity": 1}],
    }
    thanks = page.url
    page.reload()
    assert tracked(page) == {}
    second = page.context.new_page()
    second.goto(thanks)
    assert tracked(second) == {}


def test_each_order_is_told(shop: Shop, page: Page) -> None:
    numbers = []
    for _ in range(2):
        put_in_cart(page, shop.url, "100500")
        numbers.append(order(page, shop.url))
        assert tracked(page)["purchase"]["transaction_id"] == numbers[-1]
    assert numbers[0] != numbers[1]


def test_a_guest_who_orders_is_known_by_what_they_wrote_before_the_purchase_is_told(
    shop: Shop, page: Page
) -> None:
    put_in_cart(page, shop.url, "100500")
    order(page, shop.url)
    names = [command[1] if command[0] == "track" else command[0] for command in pushed(page)]
    assert names == ["page", "identify", "purchase"]
    assert pushed(page)[1][1] == {
        "email": "ada@customer.example",
        "phone": "+493055501842",
        "first_name": "Ada",
        "last_name": "Sommer",
    }


def test_signing_in_identifies_and_signing_out_resets(shop: Shop, page: Page) -> None:
    page.goto(shop.url)
    hook(page, "sign-in").click()
    hook(page, "sign-in-submit").click()
    expect(hook(page, "sign-out")).to_be_visible()
    (known,) = [command[1] for command in pushed(page) if command[0] == "identify"]
    assert (known["email"], known["first_name"]) == ("ada@customer.example", "Ada")
    assert known["id"].startswith("c-")
    hook(page, "sign-out").click()
    expect(hook(page, "sign-in")).to_be_visible()
    assert ["reset"] in pushed(page)
    page.goto(shop.url)
    assert ["reset"] not in pushed(page)


def test_the_newsletter_is_an_identify_and_an_event_of_the_shop_s_own(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.url}/cart")
    page.get_by_label("Your e-mail address").fill("zoe@customer.example")
    hook(page, "newsletter").click()
    expect(page.locator("#said")).to_contain_text("Thank you")
    assert ["identify", {"email": "zoe@customer.example"}] in pushed(page)
    assert tracked(page)["newsletter_signup"] == {"category": "newsletter", "label": "footer"}


def test_the_letter_s_link_leads_to_a_product_with_its_campaign_in_the_address(
    shop: Shop, page: Page
) -> None:
    page.goto(shop.url)
    hook(page, "campaign-link").click()
    page.wait_for_url(f"{shop.url}/p/100500?recommended_by=chain&personaclick_mail_code=kettle-letter-3")
    assert "view_item" in tracked(page)


def test_when_the_shop_does_not_answer_a_form_is_sent_as_a_plain_page_and_told_there(
    shop: Shop, page: Page
) -> None:
    page.goto(f"{shop.url}/p/100500")
    page.route(
        "**/cart/add",
        lambda route: route.abort() if route.request.resource_type == "fetch" else route.continue_(),
    )
    hook(page, "add-to-cart").click()
    expect(page.locator(".notice")).to_contain_text("in your cart")
    assert {"add_to_cart", "update_cart"} <= tracked(page).keys()


def test_no_page_makes_the_browser_complain(shop: Shop, page: Page, complaints: list[str]) -> None:
    put_in_cart(page, shop.url, "100500")
    for path in ("/", "/c/kitchen", "/search?q=mug", "/cart", "/wishlist", "/sign-in", "/checkout"):
        page.goto(shop.url + path, wait_until="networkidle")
    order(page, shop.url)
    assert complaints == []
