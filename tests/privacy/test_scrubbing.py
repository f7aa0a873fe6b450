"""What is in a URL, a title, a search term or a parameter and must not be kept, is not kept."""

from __future__ import annotations

import base64
import json
import string
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.redact import as_read
from server.scrub import KEPT_QUERY, scrub_link, scrub_params, scrub_text, scrub_url
from tests.gateway import GRANTED, ITEM, Gateway, event

AWKWARD = json.loads(Path(__file__).with_name("awkward_urls.json").read_text("utf-8"))


def test_there_are_at_least_forty_awkward_urls() -> None:
    assert len({one["url"] for one in AWKWARD}) == len(AWKWARD) >= 40


@pytest.mark.parametrize("one", AWKWARD, ids=[one["what"] for one in AWKWARD])
def test_of_an_awkward_url_only_what_is_harmless_is_kept(one: dict[str, str]) -> None:
    assert scrub_url(one["url"]) == one["kept"]


@pytest.mark.parametrize("one", AWKWARD, ids=[one["what"] for one in AWKWARD])
def test_what_was_scrubbed_once_stays_as_it_is(one: dict[str, str]) -> None:
    assert scrub_url(one["kept"]) == one["kept"]


# Everything that may stay.


@pytest.mark.parametrize("name", sorted(KEPT_QUERY))
def test_campaign_search_paging_and_source_parameters_are_kept(name: str) -> None:
    url = f"https://www.myshop.example/shirts?{name}=summer-24"
    assert scrub_url(f"{url}&email=a%40b.example&key=wc_order_x") == url


@pytest.mark.parametrize(
    "name",
    [
        *("key", "token", "email", "e", "mail", "code", "uid", "user", "phone", "name", "address", "sid"),
        *(
            "session",
            "sig",
            "signature",
            "auth",
            "access_token",
            "id_token",
            "reset",
            "hash",
            "gclid",
            "state",
        ),
    ],
)
def test_a_parameter_of_any_other_name_is_dropped(name: str) -> None:
    assert scrub_url(f"https://www.myshop.example/?{name}=1&page=2") == "https://www.myshop.example/?page=2"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/p/100500",
        "/Mens-Organic-Cotton-T-Shirt-2024-Edition-Navy-Blue-XL",
        "/collections/summer/products/mens-organic-cotton-t-shirt-with-long-sleeves-size-xl-100500",
        "/p/3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "/p/red-shirt-3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "/iPhone-15-Pro-Max-256GB-Blue-Titanium",
        "/SamsungGalaxyS24Ultra256GB",
        "/gtin/4006381333931",
        "/%D0%BA%D0%B0%D1%82%D0%B0%D0%BB%D0%BE%D0%B3/%D1%80%D1%83%D0%B1%D0%B0%D1%88%D0%BA%D0%B8",
        "/рубашки/красные",
        "/dp/B0C1234567/ref=sr_1_3",
        "/blog/2026/11/21/what-to-wear",
        "/@brand/shirts",
        "/checkout/order-received/1234/",
        "/subscriptions/coffee-box-250g",
        "/authors/jane-doe-1975",
        "/media/4f3e2d1c9b8a7f6e5d4c3b2a19087f6e.jpg",
    ],
)
def test_a_path_of_words_and_product_numbers_is_kept(path: str) -> None:
    assert scrub_url(f"https://www.myshop.example{path}") == f"https://www.myshop.example{path}"


@pytest.mark.parametrize(
    "text",
    [
        "red shirt, size L",
        "50% off everything & free shipping",
        "4006381333931",  # a product's EAN
        "0 4006381 33393 1",
        "iphone 15 pro max 256gb",
        "shirts 3 @ 5.99",
        "from 2026-11-21 14:03:22 on",
        "@brand",
        "рубашка мужская, хлопок 100%",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "4111 1111 1111 1112",  # its check digit is wrong
        "1234567890123456789012345",
        "UNIVERSAL ADAPTER INTERNATIONAL QATAR",
        "width=40cm",
        "400638133393140063813339",
        r"C:\users\x",
    ],
)
def test_an_ordinary_search_is_kept(text: str) -> None:
    assert scrub_text(text) == text


# What may not.


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("john@gmail.com", "[redacted]"),
        (
            "where is the order of john.doe+shop@mail.example.com please",
            "where is the order of [redacted] please",
        ),
        ("john @ gmail.com", "[redacted]"),
        ("john@gmail", "[redacted]"),
        ("<John@Example.COM>", "[redacted]"),
        ("a@b.example,c@d.example shirts", "[redacted] shirts"),
        ('"John Doe"@mail.example', "[redacted]"),
        ("josé@münchen.example", "[redacted]"),
        ("用户@例え.テスト", "[redacted]"),
        ("john＠gmail．com", "[redacted]"),  # full-width, as some keyboards write it
        ("john%40gmail.com", "[redacted]"),
        ("john%2540gmail.com", "[redacted]"),
        ("john&#64;gmail.com", "[redacted]"),
        ("john&commat;gmail.com", "[redacted]"),
        ("12345@163.example", "[redacted]"),
        ("a@[192.0.2.1]", "[redacted]"),
        (r"john\u0040gmail.com", "[redacted]"),  # as a script writes it
        (r"john\x40gmail.com", "[redacted]"),
        ("for am9obkBnbWFpbC5jb20= only", "for [redacted] only"),  # base64: RFC 4648
        ("am9obkBnbWFpbC5jb20", "[redacted]"),
        ("user_am9obkBnbWFpbC5jb20", "[redacted]"),
        ("6a6f686e40676d61696c2e636f6d", "[redacted]"),  # hexadecimal
        ("4111\u00a01111\u00a01111\u00a01111", "[redacted]"),  # spaces at which no line breaks
        ("my card 4111 1111 1111 1111 does not work", "my card [redacted] does not work"),
        ("4111-1111-1111-1111", "[redacted]"),
        ("378282246310005", "[redacted]"),
        ("5555555555554444", "[redacted]"),
        ("order 7 4111 1111 1111 1111", "order [redacted]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl", "[redacted]"),
        ("token d41d8cd98f00b204e9800998ecf8427e", "token [redacted]"),
        ("Zk3vQ9sT1xYbN7mR4wLpA8cD2eFgH5jK6uVi0oXq", "[redacted]"),
        ("wc_order_AbC123dEf456G", "[redacted]"),
        ("see https://www.myshop.example/reset?key=abc", "see https://www.myshop.example/reset"),
        ("ftp://john:secret@files.example", "[redacted]"),
    ],
)
def test_what_names_a_person_or_opens_a_door_is_taken_out_of_text(text: str, kept: str) -> None:
    assert scrub_text(text) == kept


_LOCAL = st.text(string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~.", min_size=1, max_size=24)
_EMAILS = st.emails() | st.builds(
    "{}@{}".format,
    _LOCAL,
    st.sampled_from(["gmail.com", "mail.example.co.uk", "xn--mnchen-3ya.de", "münchen.de"]),
)
_EMAILS = _EMAILS.filter(lambda email: any(letter.isalnum() for letter in email.partition("@")[0]))
_LAYERS = st.integers(0, 4)


def _encoded(text: str, layers: int) -> str:
    """As it can stand in a URL: what would end the path or the query is always encoded."""
    if not layers:
        return quote(text, safe="".join(set(string.printable) - set("/?#\\")))
    for _ in range(layers):
        text = quote(text, safe="")
    return text


def _holds(kept: str, email: str) -> bool:
    """Whether an address is in a text, however it is read."""
    readings, text = [kept], kept
    for _ in range(8):
        text = unquote(text)
        readings.append(text)
    return any(email.lower() in reading.lower() for reading in readings)


@settings(deadline=None)
@given(email=_EMAILS, layers=_LAYERS)
@example(email="a+b@c.example", layers=2)
@example(email="%40@c.example", layers=3)
@pytest.mark.parametrize(
    "form",
    [
        "https://www.myshop.example/{}",
        "https://www.myshop.example/unsubscribe/{}/now",
        "https://www.myshop.example/hello-{}?page=2",
        "https://www.myshop.example/search?q={}",
        "https://www.myshop.example/search?q=shirts+{}&page=2",
        "https://www.myshop.example/?email={}",
        "https://www.myshop.example/?utm_content={}",
        "https://www.myshop.example/?recommended_by={}",
        "https://www.myshop.example/#{}",
        "https://www.myshop.example/;user={}",
        "https://{}/",
        "https://{}:secret@www.myshop.example/",
    ],
)
def test_no_email_address_gets_through_a_url(form: str, email: str, layers: int) -> None:
    assert not _holds(scrub_url(form.format(_encoded(email, layers))), email)


@settings(deadline=None)
@given(email=_EMAILS, layers=_LAYERS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_email_address_gets_through_a_title_or_a_search(
    email: str, layers: int, before: str, after: str
) -> None:
    assert not _holds(scrub_text(f"{before} {_encoded(email, layers)} {after}"), email)


_PACKINGS = {
    "base64": base64.b64encode,
    "base64 for URLs": base64.urlsafe_b64encode,
    "base64 without padding": lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"="),
    "hexadecimal": lambda raw: raw.hex().encode(),
}


@settings(deadline=None)
@given(email=_EMAILS)
@pytest.mark.parametrize("packing", _PACKINGS)
@pytest.mark.parametrize(
    "form",
    [
        "https://www.myshop.example/u/{}/orders",
        "https://www.myshop.example/?utm_content={}",
        "https://www.myshop.example/?q=of+{}",
        "https://www.myshop.example/?recommended_by={}",
    ],
)
def test_no_email_address_gets_through_in_base64_or_hexadecimal(form: str, packing: str, email: str) -> None:
    packed = _PACKINGS[packing](email.encode()).decode()
    kept = unquote(scrub_url(form.format(quote(packed, safe=""))))
    assert packed.rstrip("=") not in kept


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_scrubbed_and_nothing_is_left_to_scrub(text: str) -> None:
    once = scrub_text(text)
    assert scrub_text(once) == once


@settings(deadline=None)
@given(st.text(max_size=200) | st.from_regex(r"https?://[^\s]{1,60}", fullmatch=True))
def test_any_url_can_be_scrubbed_and_nothing_is_left_to_scrub(url: str) -> None:
    once = scrub_url(url)
    assert scrub_url(once) == once


@settings(deadline=None)
@given(st.text("%0245EDdC@a.", max_size=60))
def test_text_is_read_as_far_as_it_is_encoded(text: str) -> None:
    read = as_read(text)
    assert read is None or unquote(read) == read


# Parameters.


def _scrubbed(**params: Any) -> dict[str, Any]:
    scrub_params(params)
    return params


@pytest.mark.parametrize(
    "name", ["image_url", "item_url", "url", "link", "links", "page_location", "return_url", "referrer"]
)
def test_a_parameter_that_is_a_link_is_scrubbed_as_one(name: str) -> None:
    assert _scrubbed(**{name: "https://www.myshop.example/p/1?key=secret&page=2#top"}) == {
        name: "https://www.myshop.example/p/1?page=2"
    }


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("/p/100500?page=2&token=abc#x", "/p/100500?page=2"),
        ("//cdn.myshop.example/a.jpg?v=3", "//cdn.myshop.example/a.jpg"),
        ("p/100500", "p/100500"),
        ("?q=a%40b.example", "?q=[redacted]"),
        ("mailto:a@b.example", ""),
        ("javascript:alert(1)", ""),
        ("data:text/plain,a@b.example", ""),
        ("https://a:b@www.myshop.example/", "https://www.myshop.example/"),
        ("//[", ""),
        ("", ""),
    ],
)
def test_a_link_may_be_relative_and_never_of_another_scheme(link: str, kept: str) -> None:
    assert scrub_link(link) == kept


def test_a_link_of_which_nothing_is_left_is_no_parameter() -> None:
    assert _scrubbed(url="mailto:a@b.example", links=["javascript:x", "/p/1"], label="x") == {
        "links": ["/p/1"],
        "label": "x",
    }


def test_ids_of_products_and_orders_are_not_taken_for_tokens() -> None:
    hexadecimal, digits = "d41d8cd98f00b204e9800998ecf8427e", "4111111111111111"
    params: dict[str, Any] = {
        "transaction_id": hexadecimal,
        "cart_id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "category_id": digits,
        "coupon": hexadecimal,
        "recommended_code": hexadecimal,
        "product_ids": [hexadecimal, digits],
        "items": [{"item_id": hexadecimal, "sku": digits, "item_name": "Shirt"}],
        "content": {"vendor": "eightselect", "id": hexadecimal},
    }
    assert _scrubbed(**json.loads(json.dumps(params))) == params


def test_free_text_is_scrubbed_wherever_it_stands() -> None:
    assert _scrubbed(
        search_term="a@b.example",
        label="4111 1111 1111 1111",
        tags=["new", "a@b.example"],
        items=[{"item_id": "1", "item_name": "for a@b.example"}],
        custom={"note": "call a@b.example", "customer_id": "a@b.example"},
        value=4,
        gift=True,
    ) == {
        "search_term": "[redacted]",
        "label": "[redacted]",
        "tags": ["new", "[redacted]"],
        "items": [{"item_id": "1", "item_name": "for [redacted]"}],
        "custom": {"note": "call [redacted]", "customer_id": "[redacted]"},
        "value": 4,
        "gift": True,
    }


# On the way in.


def test_what_a_browser_sends_is_scrubbed_before_it_is_kept(gateway: Gateway) -> None:
    page = {
        "url": "https://www.myshop.example/checkout/order-received/17/?key=wc_order_AbC123dEf456G&page=2",
        "referrer": "https://a:b@www.myshop.example/reset?token=abc",
        "title": "Thank you, a@b.example",
    }
    answer = gateway.browser().send(
        event("search", search_term="a@b.example"),
        event("view_item", items=[{**ITEM, "item_url": "https://www.myshop.example/p/1?key=s"}]),
        consent=GRANTED,
        page=page,
    )
    assert answer.accepted == 2
    search, view = gateway.events()
    assert search.page.url == "https://www.myshop.example/checkout/order-received/17/?page=2"
    assert search.page.referrer == "https://www.myshop.example/reset"
    assert search.page.title == "Thank you, [redacted]"
    assert search.params == {"search_term": "[redacted]"}
    assert view.params["items"] == [{**ITEM, "item_url": "https://www.myshop.example/p/1"}]


def test_an_events_own_page_is_scrubbed_too(gateway: Gateway) -> None:
    one = {
        **event("page_view"),
        "page": {"url": "https://www.myshop.example/a@b.example?email=a%40b.example"},
    }
    gateway.browser().send(one, consent=GRANTED)
    assert gateway.events()[0].page.url == "https://www.myshop.example/[redacted]"


def test_the_traits_of_identify_are_what_the_shop_says_and_stay(gateway: Gateway) -> None:
    gateway.browser().send(
        event("identify", second_email="b@c.example", first_name="Ann"),
        consent=GRANTED,
        user={"id": "c-42", "email": "a@b.example"},
    )
    assert gateway.events()[0].params == {"second_email": "b@c.example", "first_name": "Ann"}
    assert gateway.events()[0].user.email == "a@b.example"


def test_an_email_address_is_no_campaign(gateway: Gateway) -> None:
    browser = gateway.browser()
    url = "https://www.myshop.example/?recommended_by=a%40b.example&bulk_code=x"
    browser.send(event("page_view"), consent=GRANTED, page={"url": url})
    assert browser.cookie("gp_src") is None
    assert gateway.events()[0].source is None
