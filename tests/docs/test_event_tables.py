"""The tables of events say what the gateway and the adapters do: each row is tried out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server import api, batch, values, vocabulary
from server.errors import InvalidEvent
from server.vocabulary import RULES, read_params
from tests.docs.vendor_table import (
    CUSTOM,
    LEAST,
    NAMES,
    PERSONAL,
    cell,
    conditions,
    told_of_person,
    vendors,
)
from tests.gateway import ROOT
from tests.markdown import code, section, tables

README = ROOT / "README.md"
EVENTS = ROOT / "docs" / "events.md"

HEADINGS = {
    "PersonaClick": "personaclick",
    "Blueshift": "blueshift",
    "eSputnik": "esputnik",
    "Alana": "alana",
    "8SELECT": "eightselect",
}


def names(text: str) -> list[str]:
    """The events that a row is about."""
    return code(text) or {"any other name": [CUSTOM]}[text]


# What each event needs.


@pytest.mark.parametrize(
    ("file", "heading"), [(README, "Events"), (EVENTS, "Names")], ids=["readme", "events"]
)
def test_each_event_needs_exactly_what_the_table_says(file: Path, heading: str) -> None:
    (table,) = tables(section(file, heading))
    told = {name: row["needs"] for row in table for name in names(row["name"])}
    assert sorted(told) == sorted(NAMES)
    for name, needs in told.items():
        params = {key: LEAST[key] for key in code(needs)}
        if "exactly one" in needs:
            params["items"] = LEAST["items"][:1]
        read_params(name, params)
        for key in params:
            with pytest.raises(InvalidEvent) as refused:
                read_params(name, {other: value for other, value in params.items() if other != key})
            assert refused.value.field == key
        if "items" in params:
            assert _takes(name, {**params, "items": LEAST["items"]}) == ("exactly one" not in needs)
            assert _takes(name, {**params, "items": []}) == ("may be empty" in needs)


def _takes(name: str, params: dict[str, Any]) -> bool:
    try:
        read_params(name, params)
    except InvalidEvent:
        return False
    return True


def test_every_further_parameter_named_is_one_that_gatepost_reads() -> None:
    (table,) = tables(section(EVENTS, "Names"))
    known = {key for row in tables(section(EVENTS, "Parameters"))[0] for key in code(row["parameter"])}
    for row in table:
        if set(names(row["name"])) & RULES.keys() and row["name"] != "`identify`":
            assert set(code(row["may also have"])) <= known | {"period_length"}, row["name"]


# What each parameter is.

IN_AND_OUT: dict[str, tuple[list[tuple[Any, Any]], list[Any]]] = {
    "an id": ([(100500, "100500"), ("x" * 255, "x" * 255)], ["x" * 256, True, []]),
    "a number": ([("19.90", 19.9), (5, 5)], ["19,90", True, "many"]),
    "a currency": ([("eur", "EUR")], ["EURO", "€"]),
    "a text": ([("kettle", "kettle"), ("x" * 2000, "x" * 2000)], ["x" * 2001, True]),
    "a boolean": ([(1, True), ("false", False)], ["yes", 2]),
    "a list of texts": ([(["a", "b"], ["a", "b"])], [[["a"]]]),
    "a moment": ([(1_790_000_000_000, 1_790_000_000_000), ("2026-11-21T10:00:00Z",) * 2], [True, []]),
    "an object": ([({"gift": True, "lines": [1, 2]},) * 2], [{"a": {"b": 1}}, "text"]),
    "a recommendation": (
        [({"vendor": "esputnik", "id": 5}, {"vendor": "esputnik", "id": "5"})],
        [{"id": "5"}],
    ),
    "a list of items": ([([{"item_id": 5}], [{"item_id": "5"}])], [[{}], "text"]),
}
"""What goes in and comes out, and what is refused."""


def _kind(said: str) -> str:
    return said.partition(";")[0]


def _checked(read: Any, key: str, kind: str) -> None:
    accepted, refused = IN_AND_OUT[kind]
    for given, kept in accepted:
        assert read(given) == kept, f"{key} is {kind}"
    for given in refused:
        with pytest.raises(InvalidEvent):
            read(given)


def test_each_parameter_is_what_the_table_says() -> None:
    (table,) = tables(section(EVENTS, "Parameters"))
    told = {key: _kind(row["is"]) for row in table for key in code(row["parameter"])}
    assert told.keys() == vocabulary._KNOWN.keys()
    for key, kind in told.items():
        _checked(lambda given, key=key: values.read({key: given}, "", vocabulary._KNOWN)[key], key, kind)


def test_each_key_of_an_item_is_what_the_table_says() -> None:
    (table,) = tables(section(EVENTS, "Items"))
    told = {key: _kind(row["is"]) for row in table for key in code(row["key"])}
    assert told.keys() == vocabulary._ITEM.keys()
    for key, kind in told.items():
        _checked(
            lambda given, key=key: vocabulary.items([{"item_id": "1", key: given}], "items")[0][key],
            key,
            kind,
        )


def test_the_limits_are_those_of_the_code() -> None:
    (table,) = tables(section(EVENTS, "Limits"))
    found = {row[""]: (int(row["a browser"]), int(row["the shop's server"])) for row in table}
    assert found == {
        "bytes in one request": (batch.MAX_BODY, api.MAX_BODY),
        "events in one request": (batch.MAX_EVENTS, api.MAX_EVENTS),
        "items in one event": (vocabulary.MAX_ITEMS, vocabulary.MAX_ITEMS),
        "keys in one object": (values.MAX_KEYS, values.MAX_KEYS),
    }


# Which event reaches which vendor.

REACH, CONDITIONS = tables(section(README, "Which event reaches which vendor"))


def test_the_table_of_vendors_holds_every_event_and_every_vendor() -> None:
    assert sorted(name for row in REACH for name in names(row["event"])) == sorted(NAMES)
    assert {HEADINGS[heading] for heading in REACH[0] if heading != "event"} == set(vendors())


@pytest.mark.parametrize("heading", HEADINGS)
def test_each_event_reaches_a_vendor_as_the_table_says(heading: str) -> None:
    vendor = vendors()[HEADINGS[heading]]
    for row in REACH:
        row_names = names(row["event"])
        cells = [cell(vendor, name) for name in row_names]
        same = [found.replace(f"`{name}`", "the same") for found, name in zip(cells, row_names, strict=True)]
        possible = {", ".join(cells)} | {
            form for forms in (cells, same) if len(set(forms)) == 1 for form in forms
        }
        assert row[heading] in possible, f"{row['event']} at {heading}: {' or '.join(sorted(possible))}"


@pytest.mark.parametrize("heading", HEADINGS)
def test_each_reason_why_a_vendor_may_not_want_an_event_is_told(heading: str) -> None:
    told = {code(row["not wanted because"])[0] for row in CONDITIONS if heading in row["vendor"].split(", ")}
    assert told == conditions(vendors()[HEADINGS[heading]])


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_vendor_gets_of_a_person_what_the_table_says(heading: str) -> None:
    (table,) = tables(section(ROOT / "docs" / "privacy.md", "What vendors get"))
    (row,) = [row for row in table if row["vendor"] == heading]
    assert set(row.values()) - {heading} <= {"yes", "–"}
    assert {what for what in PERSONAL if row[what] == "yes"} == told_of_person(vendors()[HEADINGS[heading]])
