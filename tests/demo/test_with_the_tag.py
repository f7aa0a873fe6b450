"""The shop with the real tag in its pages, under the shop's policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.demo.browsing import hook, order, put_in_cart
from tests.demo.conftest import Shop, StandIn
from tests.tag.servers import Gateway

pytestmark = pytest.mark.browser


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    running = Gateway()
    yield running
    running.stop()


@pytest.fixture
def tagged(serve: Callable[[str, str], Shop], gateway: Gateway, stand_in: StandIn) -> Shop:
    return serve(f"{gateway.origin}/gp/asks/tag.js", stand_in.url)


def test_from_the_banner_to_the_order_everything_arrives_once_and_in_order(
    tagged: Shop, gateway: Gateway, page: Page, complaints: list[str]
) -> None:
    page.goto(tagged.url)
    hook(page, "accept-all").click()
    gateway.wait_for("view_item_list")
    put_in_cart(page, tagged.url, "100500")
    gateway.wait_for("update_cart")
    order(page, tagged.url)
    gateway.wait_for("purchase")
    once = {event["id"]: event["name"] for event in gateway.events}  # what was under way is told again
    assert [name for name in once.values() if name != "page_view"] == [
        "view_item_list",
        "view_item",
        "add_to_cart",
        "update_cart",
        "view_cart",
        "begin_checkout",
        "identify",
        "purchase",
    ]
    assert [*once.values()].count("page_view") == 5
    assert complaints == []


def test_a_page_view_carries_the_page_s_type(tagged: Shop, gateway: Gateway, page: Page) -> None:
    page.goto(tagged.url)
    hook(page, "accept-all").click()
    gateway.wait_for("page_view")
    first = next(batch.json for batch in gateway.batches if "page_view" in batch.names)
    assert first["page"]["type"] == "home"


def test_before_the_banner_is_answered_the_gateway_hears_nothing(
    tagged: Shop, gateway: Gateway, page: Page
) -> None:
    put_in_cart(page, tagged.url, "100500")
    hook(page, "only-necessary").click()
    expect(hook(page, "consent")).to_be_hidden()
    page.goto(tagged.url, wait_until="networkidle")
    assert gateway.names == []
