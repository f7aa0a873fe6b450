"""What `gatepost disclosure` says is sent is what the vendors' cases show, field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.disclosure import Field, disclosed
from server.planted import RAW_VISITOR
from server.settings import Secret, VendorSettings
from server.vendors import vendor_types
from tests.gateway import configuration, gatepost, write_configuration

CASES = Path(__file__).parents[1] / "vendors" / "cases"
KEY = "5e0c731de3b111ebba800242ac130004"
TABLES: dict[str, dict[str, Any]] = {
    "personaclick": {"shop_id": "0d42fd8b713d0752776ca589cc0056"},
    "blueshift": {"api_key": KEY},
    "esputnik": {"api_key": KEY},
    "alana": {"api_key": KEY},
    "eightselect": {"api_id": "ff6f-4ce0"},
}
FILES = [
    pytest.param(file, id=f"{file.parent.name}/{file.name}")
    for file in sorted(CASES.glob("*/*.json"))
    if "expect" in json.loads(file.read_text("utf-8"))
]


def read(name: str) -> VendorSettings:
    def secret(wanted: type, given: str) -> Any:
        return Secret(given)

    return msgspec.convert(TABLES[name], vendor_types()[name].Settings, dec_hook=secret)


def fields(name: str) -> list[Field]:
    settings = read(name)
    return disclosed(vendor_types()[name](settings), settings, segments=True)


def is_pair(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"name", "value"}


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Where the leaves of a request's body are, in the words of `Field.path`."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        value = json.loads(value)
    if isinstance(value, list) and value and all(is_pair(one) for one in value):
        value = {one["name"]: one["value"] for one in value}
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{path}[]")
    else:
        yield path


def as_pattern(path: str) -> re.Pattern[str]:
    """`*` stands for any one name, whose value may be a list."""
    return re.compile(re.escape(path).replace(r"\*", r"[^.\[\]]+(\[\])?") + r"\Z")


@pytest.mark.parametrize("file", FILES)
def test_no_case_sends_a_field_that_is_not_disclosed(file: Path) -> None:
    said = [as_pattern(field.path) for field in fields(file.parent.name)]
    for request in json.loads(file.read_text("utf-8"))["expect"]:
        sent = [*paths(request.get("body", {})), *(f"?{name}" for name in request.get("query", {}))]
        assert sent
        assert [path for path in sent if not any(one.match(path) for one in said)] == []


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_disclosed_field_is_one_that_some_case_sends(name: str) -> None:
    sent: set[str] = set()
    for file in CASES.glob(f"{name}/*.json"):
        for request in json.loads(file.read_text("utf-8")).get("expect", []):
            sent |= {*paths(request.get("body", {})), *(f"?{key}" for key in request.get("query", {}))}
    unseen = [field for field in fields(name) if not any(as_pattern(field.path).match(one) for one in sent)]
    # What goes as it was given has as many fields as shops have parameters: no case shows them all.
    given_as_is = {"blueshift": {"products"}, "personaclick": set(), "esputnik": set()}
    assert [
        field.path
        for field in unseen
        if not field.says.endswith((" of the event", " of a product", "if the shop gives it"))
        and not given_as_is.get(name, set()) & set(field.path.split("."))
    ] == []


@pytest.mark.parametrize(
    ("name", "personal"),
    [
        ("personaclick", {"did", "seance", "?did", "delivery_address"}),
        (
            "blueshift",
            {
                *("events[].cookie", "events[].customer_id", "events[].email", "events[].phone_number"),
                *("events[].firstname", "events[].lastname", "events[].joined_at", "events[].*"),
            },
        ),
        (
            "esputnik",
            {
                *("keyValue", "params.externalCustomerId", "params.email", "params.phone"),
                *("orders[].externalCustomerId", "orders[].email", "orders[].phone"),
                "orders[].deliveryAddress",
            },
        ),
        ("alana", {"events[].visitorId", "events[].userId"}),
        ("eightselect", {"context[].user.id"}),
    ],
)
def test_what_names_the_person_or_their_browser_is_said_to(name: str, personal: set[str]) -> None:
    assert {field.path for field in fields(name) if field.personal} == personal


@pytest.mark.parametrize("name", sorted(TABLES))
def test_no_vendor_is_sent_our_own_id_of_the_visitor(name: str) -> None:
    assert RAW_VISITOR not in str(fields(name))
    assert "our own id" not in str(fields(name))


def test_the_command_names_vendor_host_consent_and_fields_and_no_secret(tmp_path: Path) -> None:
    vendors = {
        "blueshift": {**TABLES["blueshift"], "base_url": "https://api.eu.getblueshift.com"},
        "personaclick": {**TABLES["personaclick"], "purpose": "recommendations"},
    }
    table = configuration(shop={"vendors": vendors})
    table["shops"]["second"] = {
        "origins": ["https://b.example"],
        "consent": "not_required",
        "vendors": {"alana": TABLES["alana"]},
    }
    table["shops"]["third"] = {"origins": ["https://c.example"]}
    write_configuration(tmp_path, table)
    done = gatepost("disclosure", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout
    assert "blueshift, at api.eu.getblueshift.com, once the visitor has granted marketing" in text
    assert "personaclick, at api.personaclick.com, once the visitor has granted recommendations" in text
    assert "alana, at alana.shopping, unless the visitor has declined personalization" in text
    assert "events[].email: the person's e-mail address" in text
    assert "referer: the address of the page, without what could be secret" in text
    assert "sends nothing to anybody" in text
    assert KEY not in text
    assert "planted" not in text

    one = gatepost("disclosure", "--shop", "second", folder=tmp_path)
    assert one.stdout.count("Shop ") == 1
    none = gatepost("disclosure", "--shop", "fourth", folder=tmp_path)
    assert none.returncode == 2
    assert "no such shop" in none.stderr
