"""A view_item that names no item is completed from what the page tells search engines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.settings import TagSettings
from server.tag import build_tag
from tests.tag.visit import Visit

SHIRT = {"@type": "Product", "name": "Shirt", "sku": "100500"}
OFFER = {"@type": "Offer", "price": "45.50", "priceCurrency": "EUR"}
VIEW = {"currency": "EUR", "items": [{"item_id": "100500", "item_name": "Shirt", "price": 45.5}]}


def build(visit: Visit, **settings: Any) -> None:
    endpoint = f"{visit.gateway.origin}/gp/open/e"
    reading = TagSettings(structured_data=True, **settings)
    visit.gateway.tags["open"] = build_tag(endpoint, "not_required", reading)


@pytest.fixture(autouse=True)
def _with_structured_data(visit: Visit) -> None:
    build(visit)


def block(*described: Any) -> str:
    """Each as a block of JSON-LD; a text as it is."""
    texts = [one if isinstance(one, str) else json.dumps(one) for one in described]
    return "".join(f'<script type="application/ld+json">{text}</script>' for text in texts)


def viewed(visit: Visit, *described: Any, params: Any = None) -> Any:
    """What becomes of a view_item on a page with these blocks."""
    visit.open(body=block(*described))
    visit.push(["track", "view_item", params])
    visit.pass_time()
    visit.sent(1)
    return visit.gateway.events[-1]["params"]


PAGES: dict[str, list[Any]] = {
    "one offer": [{**SHIRT, "offers": OFFER}],
    "a list of offers": [{**SHIRT, "offers": [OFFER, {**OFFER, "price": 50}]}],
    "WooCommerce": [
        {
            "@context": "https://schema.org/",
            "@graph": [
                {"@type": "BreadcrumbList"},
                {
                    **SHIRT,
                    "offers": [
                        {
                            "@type": "Offer",
                            "priceSpecification": [
                                {"@type": "UnitPriceSpecification", "price": "45.50", "priceCurrency": "EUR"}
                            ],
                        }
                    ],
                },
            ],
        }
    ],
    "a variable product": [
        {
            **SHIRT,
            "offers": {
                "@type": "AggregateOffer",
                "lowPrice": "45.50",
                "highPrice": "60",
                "priceCurrency": "EUR",
            },
        }
    ],
    "several types": [{**SHIRT, "@type": ["Product", "Thing"], "offers": OFFER}],
    "the type as an address": [{**SHIRT, "@type": "http://schema.org/Product", "offers": OFFER}],
    "a list of blocks": [[{"@type": "Organization", "name": "Shop"}, {**SHIRT, "offers": OFFER}]],
    "broken blocks before": ["{", "", "null", "[1]", '{"@type": "Product"}', {**SHIRT, "offers": OFFER}],
    "a line break in a text": [
        '{"@type": "Product", "name": "Shirt", "sku": "100500", "description": "two\nlines",'
        '"offers": {"price": "45.50", "priceCurrency": "EUR"}}'
    ],
    "the number at the offer": [{"@type": "Product", "name": "Shirt", "offers": {**OFFER, "sku": "100500"}}],
}


@pytest.mark.parametrize("what", PAGES)
def test_a_view_without_an_item_is_completed(visit: Visit, what: str) -> None:
    assert viewed(visit, *PAGES[what]) == VIEW


def test_what_the_page_says_itself_counts_more(visit: Visit) -> None:
    said = {"currency": "USD", "recommended_by": "chain"}
    assert viewed(visit, {**SHIRT, "offers": OFFER}, params=said) == {**VIEW, **said}


def test_a_view_that_names_its_item_is_left_alone(visit: Visit) -> None:
    said = {"items": [{"item_id": "2"}]}
    assert viewed(visit, {**SHIRT, "offers": OFFER}, params=said) == said


def test_brands_have_names(visit: Visit) -> None:
    shirt = {**SHIRT, "brand": {"@type": "Brand", "name": "Ada"}, "offers": OFFER}
    assert viewed(visit, shirt)["items"][0]["item_brand"] == "Ada"


def test_the_shop_says_which_number_is_the_products(visit: Visit) -> None:
    build(visit, item_id="gtin13")
    shirt = {**SHIRT, "gtin13": "4006381333931", "offers": OFFER}
    assert viewed(visit, shirt)["items"][0]["item_id"] == "4006381333931"


def test_a_page_that_says_nothing_completes_nothing(visit: Visit) -> None:
    assert viewed(visit, {"@type": "Organization", "name": "Shop"}) == {}


def test_no_view_is_made_of_it(visit: Visit) -> None:
    visit.open(body=block({**SHIRT, "offers": OFFER}))
    visit.pass_time()
    assert visit.sent(1)[0].names == ["page_view"]


def test_what_a_single_page_shop_leaves_behind_is_not_the_next_product(visit: Visit) -> None:
    assert viewed(visit, {**SHIRT, "offers": OFFER}) == VIEW
    visit.run("history.pushState(null, '', '/trousers')")
    visit.push(["track", "view_item"])
    visit.pass_time()
    visit.sent(2)
    assert visit.gateway.events[-1]["params"] == {}
