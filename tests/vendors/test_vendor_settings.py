"""What gatepost.toml may say of PersonaClick and Blueshift, what it need not, and what is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from vendor_case import make_settings, make_vendor

from server.vendors import VENDORS, vendor_types

KEY = {"api_key": "0123456789abcdef0123456789abcdef"}
SHOP = {"shop_id": "0d42fd8b713d0752776ca589cc0056"}


@pytest.mark.parametrize(
    ("name", "given", "base_url", "purpose"),
    [
        ("personaclick", SHOP, "https://api.personaclick.com", "personalization"),
        ("blueshift", KEY, "https://api.getblueshift.com", "marketing"),
    ],
)
def test_the_address_and_the_purpose_need_not_be_said(
    name: str, given: dict[str, Any], base_url: str, purpose: str
) -> None:
    settings = make_settings(name, given)
    assert (settings.base_url, settings.purpose) == (base_url, purpose)

    other = make_settings(name, {**given, "base_url": "http://127.0.0.1:9400/x", "purpose": "analytics"})
    assert (other.base_url, other.purpose) == ("http://127.0.0.1:9400/x", "analytics")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("personaclick", {}),
        ("personaclick", {"shop_id": ""}),
        ("personaclick", {"shop_id": "0d42 fd8b"}),
        ("personaclick", {"shop_id": "0d42fd8b\n"}),
        ("personaclick", {**SHOP, "stream": ""}),
        ("personaclick", {**SHOP, "stream": "my-shop"}),
        ("personaclick", {**SHOP, "stream": "a" * 17}),
        ("personaclick", {**SHOP, "stream": "web\n"}),
        ("blueshift", {}),
        ("blueshift", {**KEY, "batch": 0}),
        ("blueshift", {**KEY, "batch": 101}),
        ("blueshift", {**KEY, "batch": "30"}),
    ],
)
def test_settings_a_vendor_would_refuse_are_refused_at_once(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        make_settings(name, given)


def test_a_stream_is_sixteen_letters_and_digits_at_most() -> None:
    make_vendor("personaclick", {**SHOP, "stream": "iOSapp2026Kitten"})


def test_blueshift_takes_thirty_events_five_times_a_second_unless_told_otherwise() -> None:
    limits = make_vendor("blueshift", KEY).limits
    assert (limits.batch, limits.max_bytes, limits.window) == (30, 1_000_000, (5, 1000))
    assert make_vendor("blueshift", {**KEY, "batch": 100}).limits.batch == 100


def test_personaclick_takes_one_event_at_a_time() -> None:
    assert make_vendor("personaclick", SHOP).limits.batch == 1


def test_the_api_key_is_not_shown_with_the_settings() -> None:
    assert KEY["api_key"] not in repr(make_settings("blueshift", KEY))


def test_vendors_are_found_by_the_names_of_the_configuration() -> None:
    assert list(vendor_types().values()) == list(VENDORS)
    assert set(vendor_types()) == {"personaclick", "blueshift", "esputnik", "alana", "eightselect"}
