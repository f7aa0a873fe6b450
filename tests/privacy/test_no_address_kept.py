"""No address and no user agent of anybody is in the database's files, whoever names it and wherever."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable

import pytest

from tests.gateway import GRANTED, ITEM, ORIGIN, Gateway, event
from tests.privacy.installation import Installation

ADDRESSES = ("203.0.113.77", "198.51.100.9", "192.0.2.200", "2001:db8:1234:5678::9", "2001:db8:ffff::1")
AGENT = "Mozilla/5.0 (X11; PlantedBrowser) Planted/42"
KEY = "b2f0c1d6e7a849f5a3c2d1e0f9b8a7c6"


def files_of(gateway: Gateway) -> bytes:
    """Everything in data_dir, the database's log included."""
    return b"".join(path.read_bytes() for path in gateway.settings.data_dir.iterdir() if path.is_file())


def traces(kept: bytes) -> list[str]:
    """Which of the planted values are in it, in any form that a program would write."""
    forms = {AGENT: AGENT.encode(), "PlantedBrowser": b"PlantedBrowser"}
    for address in ADDRESSES:
        parsed = ipaddress.ip_address(address)
        forms[address] = address.encode()
        forms[f"{address} in full"] = parsed.exploded.encode()
        forms[f"{address} packed"] = parsed.packed
    return [name for name, form in forms.items() if form in kept]


@pytest.fixture
def behind_a_proxy(gateways: Callable[..., Gateway]) -> Gateway:
    return gateways(trusted_proxies=["10.0.0.0/8"], shop={"api_keys": [KEY], "consent": "not_required"})


def test_the_search_finds_what_is_there(behind_a_proxy: Gateway) -> None:
    browser = behind_a_proxy.browser()
    browser.send(event("page_view", note=f"{ADDRESSES[0]} {AGENT}"), consent=GRANTED)
    assert set(traces(files_of(behind_a_proxy))) >= {ADDRESSES[0], "PlantedBrowser"}


def test_no_address_and_no_user_agent_of_a_request_is_kept(behind_a_proxy: Gateway) -> None:
    gateway = behind_a_proxy
    headers = {
        "X-Forwarded-For": f"{ADDRESSES[0]}, {ADDRESSES[3]}",
        "X-Real-IP": ADDRESSES[1],
        "Forwarded": f"for={ADDRESSES[2]}",
        "CF-Connecting-IP": ADDRESSES[1],
        "User-Agent": AGENT,
        "Sec-CH-UA": AGENT,
    }
    for address in (*ADDRESSES, "10.1.2.3"):
        answer = gateway.browser(address=address).send(
            {**event("view_item", items=[ITEM]), "ip": ADDRESSES[1], "user_agent": AGENT},
            consent=GRANTED,
            user={"id": "c-42"},
            page={"url": f"{ORIGIN}/"},
            headers=headers,
        )
        assert answer.accepted == 1
    assert traces(files_of(gateway)) == []


def test_an_address_and_a_user_agent_that_a_server_names_are_not_kept(behind_a_proxy: Gateway) -> None:
    sent = [
        {**event("page_view"), "user": {"id": "c-42"}, "ip": address, "user_agent": AGENT}
        for address in ADDRESSES
    ]
    answer = behind_a_proxy.request(
        "POST", "/v1/demo/events", json.dumps({"events": sent}).encode(), {"Authorization": f"Bearer {KEY}"}
    )
    assert answer.body["stored"] == len(ADDRESSES)
    assert traces(files_of(behind_a_proxy)) == []


def test_no_vendor_is_told_an_address_or_a_user_agent(installation: Installation) -> None:
    browser = installation.browser()
    browser.send(
        {**event("view_item", "a", items=[ITEM]), "ip": ADDRESSES[0], "user_agent": AGENT},
        consent=GRANTED,
        headers={"User-Agent": AGENT, "X-Forwarded-For": ADDRESSES[1]},
    )
    installation.until_settled("blueshift", 1)
    installation.until_settled("personaclick", 1)
    told = json.dumps([installation.requests("blueshift"), installation.requests("personaclick")])
    assert traces(told.encode()) == []
