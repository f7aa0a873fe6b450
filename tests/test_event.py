"""The vocabulary: what each event needs, what its parameters become, and what is refused."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.errors import InvalidEvent
from server.event import corrected
from server.vocabulary import read_params

ITEM = {"item_id": "100500"}
OTHER = {"item_id": "100501"}
CONTENT = {"vendor": "eightselect", "type": "customSet", "id": "set-1"}
MESSAGE = {"code": "m-1", "type": "bulk"}

LEAST: dict[str, dict[str, Any]] = {
    "page_view": {},
    "view_item": {"items": [ITEM]},
    "view_category": {"category_id": "7"},
    "view_item_list": {"items": [ITEM, OTHER]},
    "search": {"search_term": "shirt"},
    "add_to_cart": {"items": [ITEM, OTHER]},
    "remove_from_cart": {"items": [ITEM]},
    "view_cart": {"items": []},
    "update_cart": {"items": []},
    "add_to_wishlist": {"items": [ITEM]},
    "remove_from_wishlist": {"items": [ITEM, OTHER]},
    "update_wishlist": {"items": []},
    "begin_checkout": {"items": [ITEM]},
    "purchase": {"transaction_id": "o-1", "items": [ITEM, OTHER]},
    "view_recommendation": {"content": CONTENT},
    "select_recommendation": {"content": CONTENT, "items": [ITEM]},
    "identify": {},
    "subscription_start": {"plan": "gold"},
    "subscription_upgrade": {"plan": "gold"},
    "subscription_downgrade": {"plan": "gold"},
    "subscription_billing": {"value": 9.9},
    "subscription_cancel": {"plan": "gold"},
    "message_received": MESSAGE,
    "message_clicked": MESSAGE,
    "message_closed": MESSAGE,
    "size_guide_opened": {},
}
"""Every event of the vocabulary with no more than it needs, and one of a shop's own."""


def refused(name: str, params: Any) -> str:
    """The field that the refusal names; the text goes on to say what is wrong with it."""
    with pytest.raises(InvalidEvent) as refusal:
        read_params(name, params)
    assert str(refusal.value) == f"{refusal.value.field}: {refusal.value.what}"
    assert refusal.value.what
    return refusal.value.field


# What each event needs.


@pytest.mark.parametrize(("name", "params"), LEAST.items())
def test_an_event_with_no_more_than_it_needs_is_kept_as_it_is(name: str, params: dict[str, Any]) -> None:
    """Nothing is invented: no quantity, no currency, no price."""
    assert read_params(name, params) == params


@pytest.mark.parametrize(
    ("name", "missing"), [(name, field) for name, params in LEAST.items() for field in params]
)
@pytest.mark.parametrize("absent", ["left out", None, ""])
def test_an_event_without_what_it_needs_is_refused_by_the_name_of_that(
    name: str, missing: str, absent: str | None
) -> None:
    params = {**LEAST[name], missing: absent}
    if absent == "left out":
        del params[missing]
    assert refused(name, params) == missing


@pytest.mark.parametrize("name", ["view_item", "select_recommendation"])
@pytest.mark.parametrize("items", [[], [ITEM, OTHER]])
def test_a_view_and_a_choice_are_of_exactly_one_item(name: str, items: list[Any]) -> None:
    assert refused(name, {**LEAST[name], "items": items}) == "items"


@pytest.mark.parametrize(
    "name",
    ["add_to_cart", "remove_from_cart", "add_to_wishlist", "remove_from_wishlist", "purchase"],
)
def test_what_is_put_in_taken_out_or_bought_is_at_least_one_item(name: str) -> None:
    assert refused(name, {**LEAST[name], "items": []}) == "items"
    assert len(read_params(name, {**LEAST[name], "items": [ITEM] * 3})["items"]) == 3


@pytest.mark.parametrize("name", ["view_cart", "update_cart", "update_wishlist"])
def test_a_whole_cart_or_wishlist_may_be_empty_but_not_absent(name: str) -> None:
    assert read_params(name, {"items": []}) == {"items": []}
    assert refused(name, {}) == "items"


def test_a_recommendation_names_its_vendor_and_its_id() -> None:
    assert refused("view_recommendation", {"content": {"type": "x", "id": "1"}}) == "content.vendor"
    assert refused("view_recommendation", {"content": {"vendor": "x", "type": "y"}}) == "content.id"
    assert refused("view_recommendation", {"content": "set-1"}) == "content"


@pytest.mark.parametrize("kind", ["bulk", "chain", "transactional"])
def test_a_message_is_of_one_of_three_types(kind: str) -> None:
    assert read_params("message_clicked", {"code": "1", "type": kind})["type"] == kind
    assert refused("message_clicked", {"code": "1", "type": "spam"}) == "type"


@pytest.mark.parametrize("name", ["a", "x1_", "gift_wrapped", "a" * 64])
def test_a_shop_may_have_events_of_its_own(name: str) -> None:
    params = {"category": "video", "label": "intro", "value": 3, "tags": ["a", 1, True], "seen": False}
    assert read_params(name, params) == params


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "_a", "add-to-cart", "add to cart", "größe", "a" * 65, "a\n", "a.b", " page_view"]
)
def test_other_names_are_refused(name: str) -> None:
    assert refused(name, {}) == "name"


@pytest.mark.parametrize("params", [[], "text", 7, True, [ITEM]])
def test_parameters_are_an_object(params: Any) -> None:
    assert refused("page_view", params) == "params"


# What the values become.


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("100500", "100500"),
        (100500, "100500"),
        (100500.0, "100500"),
        (0, "0"),
        (-7, "-7"),
        (1.5, "1.5"),
        (12345678901234567890, "12345678901234567890"),
        ("  100500 ", "100500"),
        ("007", "007"),
        ("A/b c-1", "A/b c-1"),
        ("товар", "товар"),
        ("a\x00b\x1f", "ab"),
    ],
)
def test_ids_are_strings_whatever_they_were_given_as(given: Any, kept: str) -> None:
    assert read_params("view_item", {"items": [{"item_id": given}]})["items"][0]["item_id"] == kept
    assert read_params("purchase", {"transaction_id": given, "items": [ITEM]})["transaction_id"] == kept
    assert read_params("view_category", {"category_id": given})["category_id"] == kept
    assert read_params("update_cart", {"items": [], "cart_id": given})["cart_id"] == kept
    content = {"content": {"vendor": "x", "id": given}}
    assert read_params("view_recommendation", content)["content"]["id"] == kept
    assert read_params("subscription_start", {"plan": given})["plan"] == kept


@pytest.mark.parametrize("given", ["", "   ", None, "\x00", True, False, [], ["1"], {}, {"id": 1}])
def test_what_is_no_id_is_refused(given: Any) -> None:
    assert refused("view_item", {"items": [{"item_id": given}]}) == "items[0].item_id"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("45.50", 45.5),
        ("45", 45),
        (" 45.5 ", 45.5),
        ("-3.25", -3.25),
        (19.99, 19.99),
        ("19.99", 19.99),
        (0, 0),
        (0.1, 0.1),
        (1e15, 1e15),
        (999_999_999_999.99, 999_999_999_999.99),
    ],
)
def test_amounts_are_numbers_and_stay_exactly_what_they_were(given: Any, kept: float) -> None:
    params = read_params("view_cart", {"value": given, "items": [{**ITEM, "price": given}]})
    assert params["value"] == params["items"][0]["price"] == kept
    assert type(params["value"]) is type(kept)
    assert json.dumps(params["value"]) == json.dumps(kept)


@pytest.mark.parametrize(
    "given",
    [
        "19,90",
        "1.299,00",
        "1,299.00",
        "EUR 5",
        "5 €",
        "0x10",
        "1e5",
        "NaN",
        "Infinity",
        ".5",
        "5.",
        True,
        False,
        [5],
        {"amount": 5},
        1e16,
        -1e16,
        10**400,
        math.inf,
        math.nan,
    ],
)
def test_what_is_no_amount_is_refused_and_not_guessed_at(given: Any) -> None:
    assert refused("view_cart", {"items": [], "value": given}) == "value"
    assert refused("view_cart", {"items": [{**ITEM, "price": given}]}) == "items[0].price"


@pytest.mark.parametrize(("given", "kept"), [("EUR", "EUR"), ("eur", "EUR"), (" uah ", "UAH")])
def test_a_currency_is_three_capital_letters(given: str, kept: str) -> None:
    assert read_params("view_cart", {"items": [], "currency": given})["currency"] == kept


@pytest.mark.parametrize("given", ["€", "EURO", "EU", "E1R", 978, True, "ЕВР", ["EUR"]])
def test_what_is_no_currency_is_refused(given: Any) -> None:
    assert refused("view_cart", {"items": [], "currency": given}) == "currency"


@pytest.mark.parametrize(
    ("given", "kept"),
    [(True, True), (1, True), ("1", True), ("true", True), (False, False), (0, False), ("false", False)],
)
def test_yes_and_no_may_be_written_in_several_ways(given: Any, kept: bool) -> None:
    assert read_params("view_item", {"items": [{**ITEM, "in_stock": given}]})["items"][0]["in_stock"] is kept
    assert read_params("purchase", {**LEAST["purchase"], "tax_free": given})["tax_free"] is kept


@pytest.mark.parametrize("given", ["yes", 2, [], {}, "TRUE!"])
def test_what_is_neither_yes_nor_no_is_refused(given: Any) -> None:
    assert refused("purchase", {**LEAST["purchase"], "tax_free": given}) == "tax_free"


def test_a_category_path_is_a_list_and_one_name_is_a_list_of_one() -> None:
    read = read_params("view_category", {"category_id": 7, "category_path": ["Men", 12, " Shirts "]})
    assert read == {"category_id": "7", "category_path": ["Men", "12", "Shirts"]}
    assert read_params("view_category", {"category_id": 7, "category_path": "Men"})["category_path"] == [
        "Men"
    ]


@pytest.mark.parametrize("given", ["2026-11-21", "2026-11-21T10:00:00+02:00", 1_790_000_000_000])
def test_a_moment_is_a_text_or_milliseconds(given: Any) -> None:
    assert read_params("subscription_start", {"plan": "x", "ends_at": given})["ends_at"] == given


def test_every_parameter_of_the_vocabulary_is_kept() -> None:
    item = {
        "item_id": "100500",
        "item_name": "Shirt",
        "price": 45.5,
        "quantity": 2,
        "discount": 4.5,
        "coupon": "SPRING",
        "item_brand": "Lin",
        **{f"item_category{n}": f"c{n}" for n in ("", 2, 3, 4, 5)},
        "item_variant": "blue",
        "in_stock": True,
        "item_list_id": "l-1",
        "index": 3,
        "fashion_size": "XL",
        "materials": ["cotton", "linen"],
    }
    params = {
        "transaction_id": "o-1",
        "items": [item],
        "currency": "EUR",
        "value": 91,
        "tax": 14.5,
        "shipping": 4.9,
        "discount": 9,
        "coupon": "SPRING",
        "cash": 80,
        "bonuses": 11,
        "delivery_type": "courier",
        "delivery_address": "Kyiv, Хрещатик 1",
        "payment_type": "card",
        "tax_free": False,
        "cart_id": "k-1",
        "custom": {"gift": True, "note": "for Ada", "rank": 3},
        "affiliation": "web",
        "recommended_by": "dynamic",
        "recommended_code": "r-1",
    }
    assert read_params("purchase", params) == params


def test_what_says_nothing_is_left_out() -> None:
    given = {"items": [{**ITEM, "price": None, "coupon": "", "item_name": "  "}], "value": "", "x": None}
    assert read_params("view_cart", given) == {"items": [ITEM]}


@pytest.mark.parametrize(
    "extra",
    [{"a": 1}, [{"a": 1}], [[1]], [1, [2]], [[]], {}],
    ids=json.dumps,
)
def test_objects_within_objects_are_refused(extra: Any) -> None:
    assert refused("page_view", {"extra": extra}).startswith("extra")
    assert refused("our_own", {"extra": extra}).startswith("extra")
    assert refused("view_item", {"items": [{**ITEM, "extra": extra}]}).startswith("items[0].extra")
    assert refused("purchase", {**LEAST["purchase"], "custom": {"extra": extra}}).startswith("custom.extra")


@pytest.mark.parametrize("items", [{}, "100500", 100500, ["100500"], [["100500"]], [None], [7]])
def test_items_are_a_list_of_objects(items: Any) -> None:
    assert refused("view_item", {"items": items}).startswith("items")
    assert refused("our_own", {"items": items}).startswith("items")


def test_the_refusal_of_an_item_says_which() -> None:
    assert refused("add_to_cart", {"items": [ITEM, {"item_name": "x"}]}) == "items[1].item_id"


# Limits.


def test_an_id_has_at_most_255_characters() -> None:
    assert read_params("view_category", {"category_id": "ü" * 255})
    assert refused("view_category", {"category_id": "ü" * 256}) == "category_id"


def test_a_text_has_at_most_2000_characters() -> None:
    assert read_params("search", {"search_term": "ü" * 2000})
    assert refused("search", {"search_term": "ü" * 2001}) == "search_term"
    assert refused("our_own", {"note": "ü" * 2001}) == "note"


def test_an_object_has_at_most_100_keys() -> None:
    most = {f"k{i}": i for i in range(100)}
    assert read_params("our_own", most) == most
    assert refused("our_own", {**most, "one_more": 1}) == "params"
    assert refused("view_item", {"items": [{**most, **ITEM}]}) == "items[0]"


def test_a_cart_has_at_most_500_items_and_a_list_200_values() -> None:
    assert len(read_params("view_cart", {"items": [ITEM] * 500})["items"]) == 500
    assert refused("view_cart", {"items": [ITEM] * 501}) == "items"
    assert len(read_params("our_own", {"sizes": [1] * 200})["sizes"]) == 200
    assert refused("our_own", {"sizes": [1] * 201}) == "sizes"


@pytest.mark.parametrize("key", ["", "a b", "größe", "a" * 65, "1a", "a\n", "$x", '"', "<script>"])
def test_a_key_is_a_name(key: str) -> None:
    assert refused("our_own", {key: 1}) == "params"
    assert refused("view_item", {"items": [{**ITEM, key: 1}]}) == "items[0]"


# Whatever comes.

_keys = st.sampled_from(
    [
        "items",
        "item_id",
        "price",
        "value",
        "currency",
        "content",
        "custom",
        "vendor",
        "id",
        "type",
        "code",
        "transaction_id",
        "category_path",
        "in_stock",
        "plan",
        "starts_at",
        "ends_at",
        "tags",
        "x",
        "",
        "ü",
    ]
)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**320)
    | st.floats()
    | st.sampled_from(["1", "45.50", "eur", "true", " ", "\ud800", "a\x00"])
    | st.text(max_size=10)
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=10,
)
_least = st.sampled_from(sorted(LEAST))


@given(name=_least | st.text(max_size=5), params=_values)
@settings(max_examples=300, deadline=None)
def test_whatever_is_given_is_read_or_refused(name: str, params: Any) -> None:
    try:
        read = read_params(name, params)
    except InvalidEvent:
        return
    assert msgspec.json.decode(msgspec.json.encode(read)) == read


@given(name=_least, more=st.dictionaries(_keys, _values, max_size=3))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_reading_what_was_read_changes_nothing(name: str, more: dict[str, Any]) -> None:
    try:
        read = read_params(name, {**LEAST[name], **more})
    except InvalidEvent:
        return
    assert read_params(name, read) == read


# Time.

NOW = 1_790_000_000_000
OLDEST = NOW - 7 * 86_400_000

_times = st.floats(allow_nan=False, allow_infinity=False) | st.integers(OLDEST, NOW).map(float)


@given(at=_times, sent_at=st.none() | _times)
@settings(max_examples=300, deadline=None)
def test_every_time_becomes_one_between_the_oldest_and_now(at: float, sent_at: float | None) -> None:
    time = corrected(at, sent_at, NOW, OLDEST)
    assert isinstance(time, int)
    assert OLDEST <= time <= NOW


@given(at=_times, later=_times, sent_at=st.none() | _times)
@settings(max_examples=300, deadline=None)
def test_what_was_earlier_by_the_senders_clock_is_not_later_by_ours(
    at: float, later: float, sent_at: float | None
) -> None:
    first, second = sorted((at, later))
    assert corrected(first, sent_at, NOW, OLDEST) <= corrected(second, sent_at, NOW, OLDEST)


@pytest.mark.parametrize("delay", [0, 1, 4_999, 5_000])
def test_the_networks_delay_is_not_taken_for_a_wrong_clock(delay: int) -> None:
    assert corrected(NOW - 60_000, NOW - delay, NOW, OLDEST) == NOW - 60_000


@pytest.mark.parametrize("skew", [-86_400_000, -5_001, 5_001, 86_400_000])
def test_a_wrong_clock_keeps_the_age_of_what_happened(skew: int) -> None:
    assert corrected(NOW + skew - 60_000, NOW + skew, NOW, OLDEST) == NOW - 60_000
