"""What a shop pushes into its data layer for other tools becomes our events, each of them once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tag.recordings import GTAG, RECORDINGS, Recording
from tests.tag.visit import Visit

CART = '{event: "add_to_cart", ecommerce: {items: [{item_id: "1"}]}}'


def heard(visit: Visit, batches: int = 1) -> list[tuple[str, dict[str, Any]]]:
    """What came so far, but for page views, once time has passed."""
    visit.pass_time()
    visit.sent(batches)
    return [(one["name"], one["params"]) for one in visit.gateway.events if one["name"] != "page_view"]


def test_there_are_fifty_recordings() -> None:
    assert len(RECORDINGS) >= 50


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_what_was_pushed_before_the_tag_had_loaded(visit: Visit, recording: Recording) -> None:
    visit.open(head=f"<script>{recording.script}</script>")
    assert heard(visit) == recording.events


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_what_is_pushed_after_the_tag_has_loaded(visit: Visit, recording: Recording) -> None:
    visit.open()
    visit.run(recording.script)
    assert heard(visit) == recording.events


def test_push_gives_back_what_it_gave_before_and_throws_what_it_threw(visit: Visit) -> None:
    visit.open(head=f"<script>{GTAG} dataLayer.push({{}});</script>")
    assert visit.run("dataLayer.push({a: 1}, {b: 2})") == 3
    assert visit.run("dataLayer.push()") == 3
    visit.run("window.first = dataLayer[1].a; window.other = []")
    visit.run("other.push = () => { throw Error('full') }; dataLayer = other")
    visit.pass_time()
    assert (
        visit.run(
            f"(() => {{ try {{ dataLayer.push({CART}) }} catch (error) {{ return error.message }} }})()"
        )
        == "full"
    )
    assert heard(visit) == [("add_to_cart", {"items": [{"item_id": "1"}]})]


def test_tag_manager_may_wrap_push_before_or_after(visit: Visit) -> None:
    wrap = (
        "(() => { const layer = window.dataLayer = window.dataLayer || [], push = layer.push;"
        "layer.push = function () { window.seen = (window.seen || 0) + arguments.length;"
        "return push.apply(layer, arguments) || true } })()"
    )
    visit.open(head=f"<script>{wrap}</script>")
    visit.run(wrap)
    visit.run(f"dataLayer.push({CART})")
    assert visit.run("seen") == 2
    assert heard(visit) == [("add_to_cart", {"items": [{"item_id": "1"}]})]


def test_a_layer_that_is_replaced_is_read_on_and_its_entries_once(visit: Visit) -> None:
    visit.open(head=f"<script>{GTAG} dataLayer.push({CART})</script>")
    visit.run(f"dataLayer = [...dataLayer, {CART.replace('1', '2')}]")
    visit.pass_time()
    visit.run(f"dataLayer.push({CART.replace('1', '3')})")
    expected = [("add_to_cart", {"items": [{"item_id": number}]}) for number in ("1", "2", "3")]
    assert heard(visit, 2) == expected


def test_a_page_whose_data_layer_is_no_array_notices_nothing(visit: Visit) -> None:
    visit.open(head="<script>var dataLayer = {event: 'purchase'}</script>")
    visit.pass_time()
    visit.push(["track", "after"])
    assert heard(visit) == [("after", {})]


def test_a_frozen_data_layer_is_read_and_left_alone(visit: Visit) -> None:
    visit.open(head=f"<script>var dataLayer = Object.freeze([{CART}])</script>")
    assert heard(visit) == [("add_to_cart", {"items": [{"item_id": "1"}]})]


def test_what_is_pushed_to_both_happened_twice_but_an_order_only_once(visit: Visit) -> None:
    order = '{transaction_id: "T-1", items: [{item_id: "1"}]}'
    visit.open()
    visit.run(f"gatepost.track('purchase', {order}); gatepost.track('add_to_cart', {{items: []}})")
    visit.run(f"dataLayer.push({{event: 'purchase', ecommerce: {order}}}, {CART})")
    assert [name for name, _ in heard(visit)] == ["purchase", "add_to_cart", "add_to_cart"]


def test_events_wait_for_consent_with_their_own_time(visit: Visit) -> None:
    visit.open(asks=True, head=f"<script>{GTAG}</script>")
    visit.run(f"dataLayer.push({CART})")
    visit.pass_time(60_000)
    visit.settle()
    assert visit.gateway.batches == []
    visit.push(["consent", {"marketing": "granted"}])
    assert heard(visit) == [("add_to_cart", {"items": [{"item_id": "1"}]})]
    event = visit.gateway.events[-1]
    assert visit.gateway.batches[0].json["sent_at"] - event["at"] >= 60_000


@pytest.mark.parametrize("category", ["12", "['a', 'b']", "{}", "null"])
def test_one_odd_item_does_not_cost_the_order(visit: Visit, category: str) -> None:
    visit.open()
    products = f"[{{id: '1', category: {category}}}, null, {{id: '2', category: 'a/b'}}]"
    visit.run(
        f"dataLayer.push({{ecommerce: {{purchase: {{actionField: {{id: 'T-1'}}, products: {products}}}}}}})"
    )
    visit.pass_time()
    (order,) = (event for event in visit.sent(1)[0].events if event["name"] == "purchase")
    assert [item["item_id"] for item in order["params"]["items"]] == ["1", "2"]
    assert order["params"]["items"][1]["item_category2"] == "b"


def test_a_broken_array_of_the_page_does_not_break_its_data_layer(visit: Visit) -> None:
    visit.open()
    visit.run("dataLayer.push({event: 'scroll'})")
    told = visit.run(
        "(({map}) => { Array.prototype.map = () => { throw Error('no') };"
        "try { return dataLayer.push({event: 'scroll'}) } finally { Array.prototype.map = map } })([])"
    )
    assert told == 2


@pytest.mark.parametrize("number", ["constructor", "__proto__", "false", "undefined"])
def test_an_order_may_have_any_number_and_hides_nothing_else(visit: Visit, number: str) -> None:
    visit.open()
    order = ["track", "purchase", {"transaction_id": number, "items": [{"item_id": "1"}]}]
    visit.push(order, order, ["track", "one"], ["track", "two"])
    visit.pass_time()
    assert visit.sent(1)[0].names == ["page_view", "purchase", "one", "two"]
