"""Events in attributes: they happen when something is clicked or sent off, and hold nothing up."""

from __future__ import annotations

from typing import Any

import pytest

from server.settings import TagSettings
from server.tag import build_tag
from tests.tag.visit import Visit


@pytest.fixture(autouse=True)
def _with_attributes(visit: Visit) -> None:
    endpoint = f"{visit.gateway.origin}/gp/open/e"
    visit.gateway.tags["open"] = build_tag(endpoint, "not_required", TagSettings(attributes=True))


def happened(visit: Visit) -> list[tuple[str, dict[str, Any]]]:
    """What came, but for page views."""
    visit.pass_time()
    visit.sent(1)
    return [(one["name"], one["params"]) for one in visit.gateway.events if one["name"] != "page_view"]


def test_a_click_on_anything_inside_is_a_click(visit: Visit) -> None:
    visit.open(
        body="""<button data-gp-event="add_to_cart" data-gp-params='{"currency": "EUR"}'
        data-gp-item='{"item_id": "100500", "price": 45.5}'><b>Buy</b></button>"""
    )
    visit.page.click("b")
    assert happened(visit) == [
        ("add_to_cart", {"currency": "EUR", "items": [{"item_id": "100500", "price": 45.5}]})
    ]


def test_the_item_may_stand_around_and_be_an_id_alone(visit: Visit) -> None:
    visit.open(
        body='<div data-gp-item="0042"><p>Shirt</p><a data-gp-event="add_to_wishlist" href="#">Wish</a></div>'
    )
    visit.page.click("p")
    visit.page.click("a")
    assert happened(visit) == [("add_to_wishlist", {"items": [{"item_id": "0042"}]})]


def test_a_form_happens_when_it_is_sent_off_with_what_was_typed(visit: Visit) -> None:
    visit.shop.put("/found", "")
    visit.open(
        body='<form data-gp-event="search" action="/found" target="other"><label>What<input name="q"'
        ' data-gp-param="search_term"></label><button>Go</button></form><iframe name="other"></iframe>'
    )
    visit.page.click("label")
    visit.page.fill("input", "blue shirt")
    visit.page.click("button")
    assert happened(visit) == [("search", {"search_term": "blue shirt"})]


def test_a_field_beside_an_item_tells_of_the_item(visit: Visit) -> None:
    visit.open(
        body='<form data-gp-event="add_to_cart" data-gp-item="1" onsubmit="return false">'
        '<input type="number" value="3" data-gp-param="quantity"><button>Buy</button></form>'
    )
    visit.page.click("button")
    assert happened(visit) == [("add_to_cart", {"items": [{"item_id": "1", "quantity": "3"}]})]


def test_a_click_is_heard_although_the_shop_stops_it(visit: Visit) -> None:
    visit.open(body='<p onclick="event.stopPropagation()"><button data-gp-event="liked">Like</button></p>')
    visit.run("void (document.querySelector('button').onclick = event => event.stopImmediatePropagation())")
    visit.page.click("button")
    assert happened(visit) == [("liked", {})]


def test_a_link_that_leaves_the_page_is_followed_and_told(visit: Visit) -> None:
    visit.shop.put("/next", "<p>next</p>")
    visit.open(body='<a href="/next" data-gp-event="leaving">Next</a>')
    visit.page.click("a")
    visit.page.wait_for_url("**/next")
    assert "leaving" in {event["name"] for event in visit.gateway.wait_for("leaving")}


def test_attributes_that_hold_rubbish_do_no_harm(visit: Visit) -> None:
    visit.open(
        body="""<i data-gp-event="one" data-gp-params="{">1</i><i data-gp-event="two" data-gp-item="{">2</i>
        <i data-gp-event="">3</i><i data-gp-event="four" data-gp-params="null">4</i>"""
    )
    for element in visit.page.query_selector_all("i"):
        element.click()
    visit.push(["track", "after"])
    assert happened(visit) == [("four", {}), ("after", {})]


def test_a_shop_that_does_not_want_them_has_none(visit: Visit) -> None:
    endpoint = f"{visit.gateway.origin}/gp/open/e"
    visit.gateway.tags["open"] = build_tag(endpoint, "not_required", TagSettings(attributes=False))
    visit.open(body='<button data-gp-event="liked">Like</button>')
    visit.page.click("button")
    visit.push(["track", "after"])
    assert happened(visit) == [("after", {})]
