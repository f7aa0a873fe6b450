"""The rules no vendor may break, held against every event of every case, and against made-up ones."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invariants import check
from vendor_case import CaseVisitor, case_files, load, make_event, make_settings, make_vendor, make_visitor

from server.event import Event
from server.vendors import vendor_types
from server.vendors.base import Reply, Vendor, Visitor
from server.vocabulary import MESSAGE_TYPES, RULES, read_params

EVENTS = [
    (make_event(given), make_visitor(case.visitor))
    for file in case_files()
    for case in [load(file)]
    for given in case.events
]
NAMES = list(vendor_types())
SETTINGS = {name: load(case_files(name)[0]).settings for name in NAMES}


def named(name: str) -> Vendor:
    return make_vendor(name, SETTINGS[name])


@pytest.mark.parametrize("name", NAMES)
def test_no_case_of_any_vendor_breaks_a_rule(name: str) -> None:
    vendor, vendor_settings = named(name), make_settings(name, SETTINGS[name])
    for event, visitor in EVENTS:
        check(vendor, vendor_settings, event, visitor)


@pytest.mark.parametrize("name", NAMES)
def test_every_event_of_the_vocabulary_has_a_case(name: str) -> None:
    told = {event["name"] for file in case_files(name) for event in load(file).events}
    assert set(RULES) <= told
    assert told - set(RULES), "an event of the shop's own has none"


# Made-up events, normalised as the collector does it.

words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12)
ids = st.one_of(words, st.integers(0, 10**12), st.uuids().map(str), st.just("a" * 255))
amounts = st.one_of(st.integers(0, 10**9), st.integers(0, 10**7).map(lambda cents: cents / 100))
flags = st.booleans()
scalars = st.one_of(words, amounts, flags, st.lists(words, max_size=3))
extras = st.dictionaries(
    st.sampled_from(
        ["colour", "email", "did", "cookie", "event", "Size", "customer_id", "first_name", "joined_at"]
    ),
    scalars,
    max_size=3,
)
item = st.builds(
    lambda known, more: {**more, **known},
    st.fixed_dictionaries(
        {"item_id": ids},
        optional={
            "item_name": words,
            "price": amounts,
            "quantity": st.integers(0, 5),
            "discount": amounts,
            "in_stock": flags,
            "item_category": words,
            "line_id": ids,
        },
    ),
    extras,
)
contents = st.fixed_dictionaries(
    {
        "vendor": st.sampled_from(["eightselect", "esputnik", "personaclick"]),
        "type": st.sampled_from(["customSet", "similarProducts", "block"]),
        "id": st.one_of(ids, st.just("r12v34")),
    }
)
moments = st.one_of(st.integers(0, 10**15), st.just("2015-03-17T17:27:20+00:00"))
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "currency": st.sampled_from(["EUR", "USD", "uah"]),
    "value": amounts,
    "tax": amounts,
    "shipping": amounts,
    "discount": amounts,
    "coupon": ids,
    "cash": amounts,
    "bonuses": amounts,
    "tax_free": flags,
    "delivery_address": words,
    "custom": extras,
    "cart_id": ids,
    "category_path": st.lists(words, min_size=1, max_size=3),
    "results": st.integers(0, 9),
    "recommended_by": words,
    "recommended_code": words,
    "action": words,
    "stream": words,
    "label": words,
    "period": words,
    "period_length": st.integers(1, 12),
    "started_at": moments,
    "ends_at": moments,
    "billed_at": moments,
    "canceled_at": moments,
}
NEEDED: dict[str, st.SearchStrategy[Any]] = {
    "category_id": ids,
    "search_term": words,
    "transaction_id": ids,
    "content": contents,
    "plan": ids,
    "value": amounts,
    "code": ids,
    "type": st.sampled_from(MESSAGE_TYPES),
}
COUNTS = {"one": (1, 1), "some": (1, 4), "any": (0, 4)}


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event of the vocabulary, or of the shop's own, with any of what it may have."""
    name = draw(st.sampled_from([*RULES, "quiz_done"]))
    rule = RULES.get(name)
    params = draw(extras) | draw(st.fixed_dictionaries({}, optional=OPTIONAL))
    if not rule or name == "identify":
        params.pop("custom", None)  # an order's properties: nowhere else may a value be an object
    if rule:
        params |= draw(st.fixed_dictionaries({key: NEEDED[key] for key in rule.needs}))
        if rule.items or draw(flags):
            least, most = COUNTS.get(rule.items, (0, 4))
            params["items"] = draw(st.lists(item, min_size=least, max_size=most))
    seen = draw(st.integers(1_700_000_000_000, 1_800_000_000_000))
    fields: dict[str, Any] = {
        "name": name,
        "at": seen,
        "received": seen,
        "params": read_params(name, params),
        "cart": str(draw(st.uuids())),
    }
    url = draw(st.sampled_from(["", "https://www.myshop.example/p/1?q=ü"]))
    fields["page"] = {"url": url, "referrer": url, "type": draw(st.sampled_from(["", "home", "product"]))}
    user = st.fixed_dictionaries({}, optional={"id": ids.map(str), "email": words, "phone": words})
    fields["user"] = draw(user)
    if draw(flags):
        fields["source"] = {"from": draw(words), "code": draw(words), "seen": seen}
    return make_event(fields)


visitors = st.builds(
    Visitor,
    pseudonym=st.uuids().map(str),
    segment=st.sampled_from([None, "A", "B"]),
)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=100, deadline=None)
@given(event=events(), visitor=visitors)
def test_no_event_makes_a_vendor_break_a_rule(name: str, event: Event, visitor: Visitor) -> None:
    check(named(name), make_settings(name, SETTINGS[name]), event, visitor)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_in_place_of_an_answer_says_that_nothing_has_arrived(name: str) -> None:
    vendor = named(name)
    event, visitor = next(pair for pair in EVENTS if vendor.wants(pair[0]) is None)
    visitor = msgspec.structs.replace(visitor, ids={"did": "d", "seance": "s"})
    request = vendor.request(vendor.messages(event, visitor)[:1])
    page = b"\n<!doctype html><title>We are back soon</title>"
    assert vendor.verdict(request, Reply(200, page)).outcome == "later"


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_setting_is_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        make_vendor(name, {**SETTINGS[name], "surprise": 1})


def test_a_rule_is_broken_by_an_invented_value() -> None:
    """The check itself: a vendor that fills in a currency is caught."""
    vendor = named("blueshift")

    class Inventive(type(vendor)):  # type: ignore[misc]
        def messages(self, event: Event, visitor: Visitor) -> Any:
            return [
                msgspec.structs.replace(message, body={**message.body, "currency": "XTS"})
                for message in super().messages(event, visitor)
            ]

    given_settings = make_settings("blueshift", SETTINGS["blueshift"])
    event = make_event({"name": "page_view"})
    with pytest.raises(AssertionError, match="nothing is invented"):
        check(Inventive(given_settings), given_settings, event, make_visitor(CaseVisitor()))
