"""The shop without a browser: addresses, forms and headers."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from server.demo import create_shop
from server.demo.catalogue import CATALOGUE

TAG = "https://gp.myshop.example/gp/demo/tag.js"
PAGES = [
    "/",
    "/c/kitchen",
    "/c/table",
    "/c/outdoors",
    "/search",
    "/search?q=wool",
    "/cart",
    "/wishlist",
    "/sign-in",
]
ADDRESS = {
    "email": "a@b.example",
    "first_name": "A",
    "last_name": "B",
    "street": "C 1",
    "postcode": "1",
    "city": "D",
    "delivery": "parcel",
    "payment": "card",
}


@pytest.fixture
def client() -> FlaskClient:
    shop = create_shop(tag_url=TAG, live=lambda after: [], sandbox_url="http://localhost:9400")
    return shop.test_client()


@pytest.mark.parametrize("path", PAGES + [f"/p/{item_id}" for item_id in CATALOGUE.by_id])
def test_every_page_has_the_tag_as_one_plain_script(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.text.count(f'<script async src="{TAG}"></script>') == 1


def test_pages_may_load_and_reach_the_shop_and_the_gateway_and_run_nothing_inline(
    client: FlaskClient,
) -> None:
    for path in ("/", "/nowhere", "/picture/100500.svg", "/static/shop.js"):
        with client.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == rules["connect-src"] == "'self' https://gp.myshop.example"
        assert "unsafe" not in policy


@pytest.mark.parametrize("item_id", CATALOGUE.by_id)
def test_every_variant_has_a_picture_in_its_own_colour(client: FlaskClient, item_id: str) -> None:
    answer = client.get(f"/picture/{item_id}.svg")
    assert answer.mimetype == "image/svg+xml"
    assert ElementTree.fromstring(answer.data).tag == "{http://www.w3.org/2000/svg}svg"
    _, variant = CATALOGUE.by_id[item_id]
    assert item_id.startswith("1007") or variant.colour in answer.text  # wood is painted as wood


@pytest.mark.parametrize("path", ["/p/1", "/c/garden", "/order/HT-00000000", "/nowhere"])
def test_an_address_without_anything_is_a_page_that_says_so(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "nothing at this address" in answer.text


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "many", "", "²", "9" * 9])
def test_a_cart_takes_whole_numbers_only(client: FlaskClient, quantity: str) -> None:
    form = {"item_id": "100500", "quantity": quantity}
    answer = client.post("/cart/add", data=form, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert "whole number" in answer.json["say"]
    assert "Nothing in it yet" in client.get("/cart").text


def test_a_cart_never_holds_more_than_there_is(client: FlaskClient) -> None:
    form = {"item_id": "300220", "quantity": "9"}
    answer = client.post("/cart/add", data=form, headers={"Accept": "application/json"})
    assert answer.json["cart"] == CATALOGUE.by_id["300220"][1].stock
    assert "all we have" in answer.json["say"]
    again = client.post("/cart/add", data=form, headers={"Accept": "application/json"})
    assert again.status_code == 422
    assert "in your cart already" in again.json["say"]


def test_what_is_sold_out_cannot_be_put_in_the_cart(client: FlaskClient) -> None:
    answer = client.post("/cart/add", data={"item_id": "100502"}, headers={"Accept": "application/json"})
    assert answer.json["say"] == "It is sold out."


def test_without_scripts_the_forms_lead_on_to_a_page_that_says_what_happened(client: FlaskClient) -> None:
    answer = client.post("/cart/add", data={"item_id": "100500"}, follow_redirects=True)
    assert answer.request.path == "/p/100500"
    assert "in your cart" in answer.text
    answer = client.post("/newsletter", data={"email": "not an address"}, follow_redirects=True)
    assert "Please give an e-mail address" in answer.text


def test_the_order_button_pressed_twice_places_one_order(client: FlaskClient) -> None:
    client.post("/cart/add", data={"item_id": "100500"})
    client.get("/checkout")
    cookie = client.get_cookie("demo_shop")
    assert cookie is not None
    first = client.post("/checkout", data=ADDRESS).location
    client.set_cookie("demo_shop", cookie.value)  # the second press was sent before the first was answered
    assert client.post("/checkout", data=ADDRESS).location == first


def test_the_next_order_has_a_number_of_its_own(client: FlaskClient) -> None:
    numbers = set()
    for _ in range(2):
        client.post("/cart/add", data={"item_id": "100500"})
        client.get("/checkout")
        numbers.add(client.post("/checkout", data=ADDRESS).location)
    assert len(numbers) == 2


def test_a_checkout_with_gaps_says_next_to_each_field_what_is_missing(client: FlaskClient) -> None:
    client.post("/cart/add", data={"item_id": "100500"})
    client.get("/checkout")
    answer = client.post("/checkout", data={**ADDRESS, "email": "nobody", "city": " "})
    assert answer.status_code == 422
    assert "2 fields need another look" in answer.text
    assert answer.text.count('aria-invalid="true"') == 2
    assert "Please give a town." in answer.text


def test_an_empty_cart_has_no_checkout(client: FlaskClient) -> None:
    assert client.get("/checkout").location == "/cart"
    assert client.post("/checkout", data=ADDRESS).location == "/cart"


def test_a_search_for_markup_shows_it_as_text(client: FlaskClient) -> None:
    answer = client.get("/search", query_string={"q": "<script>alert(1)</script>"})
    assert "<script>alert" not in answer.text
    assert "Nothing for “&lt;script&gt;" in answer.text


def test_a_button_on_another_site_does_nothing_here(client: FlaskClient) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/cart/add", data={"item_id": "100500"}, headers=foreign).status_code == 403
    assert client.post("/_live/switch", data={"switch": "all-well"}, headers=foreign).status_code == 403


def test_the_feed_wants_a_number(client: FlaskClient) -> None:
    answer = client.get("/_live?after=yesterday")
    assert answer.status_code == 400
    assert "after" in answer.json["error"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tag_url", "/gp/demo/tag.js"),
        ("tag_url", "https://a.example/;b"),
        ("sandbox_url", ""),
        ("currency", "euro"),
    ],
)
def test_an_argument_that_cannot_be_right_is_refused_by_name(name: str, value: str) -> None:
    arguments = {"tag_url": TAG, "sandbox_url": "http://localhost:9400", "currency": "EUR", name: value}
    with pytest.raises(ValueError, match=f"^{name}: "):
        create_shop(live=lambda after: [], **arguments)


def test_prices_are_shown_in_the_shop_s_currency() -> None:
    shop = create_shop(
        tag_url=TAG, live=lambda after: [], sandbox_url="http://localhost:9400", currency="CHF"
    )
    assert "CHF 45.50" in shop.test_client().get("/p/100500").text
