"""`GET /metrics`: the numbers, and who may see them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.gateway import BLUESHIFT_KEY, DENIED, GRANTED, ITEM, Gateway, event


def scrape(gateway: Gateway, host: str = "127.0.0.1:8000", **headers: str) -> tuple[int, str]:
    client = gateway.app.test_client()
    answer = client.get(
        "/metrics",
        base_url=f"http://{host}",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    return answer.status_code, answer.text


def numbers(text: str) -> dict[str, float]:
    """Every sample by its name and labels."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_what_was_received_and_what_was_not_taken_is_counted(gateway: Gateway) -> None:
    browser = gateway.browser()
    browser.send(event("page_view"), event("view_item"), event("view_item", items=[ITEM]), consent=GRANTED)
    browser.send(event("page_view", id="again"))
    browser.send(event("page_view", id="again"))
    gateway.browser().send(event("page_view"), event("page_view"), consent=DENIED)

    status, text = scrape(gateway)
    assert status == 200
    found = numbers(text)
    assert found['gatepost_events_received_total{shop="demo"}'] == 3
    assert found['gatepost_events_dropped_total{reason="invalid",shop="demo"}'] == 1
    assert found['gatepost_events_dropped_total{reason="duplicate",shop="demo"}'] == 1
    assert found['gatepost_events_dropped_total{reason="consent",shop="demo"}'] == 2


def test_what_waits_is_counted_and_how_long(gateways: Callable[..., Gateway]) -> None:
    gateway = gateways(shop={"vendors": {"blueshift": {"api_key": BLUESHIFT_KEY}}})
    gateway.browser().send(event("page_view"), consent=GRANTED)
    gateway.clock.forward(90_000)
    found = numbers(scrape(gateway)[1])
    waiting = {name: value for name, value in found.items() if name.startswith("gatepost_deliveries_waiting")}
    assert waiting
    assert set(waiting.values()) == {1}
    ages = [value for name, value in found.items() if name.startswith("gatepost_oldest_waiting_seconds")]
    assert set(ages) == {90}


def test_an_empty_gateway_counts_nothing(gateway: Gateway) -> None:
    status, text = scrape(gateway)
    assert status == 200
    assert set(numbers(text).values()) <= {0}


def test_a_label_holds_no_value_that_a_visitor_chose(gateway: Gateway) -> None:
    gateway.browser().send(event("attack_at_dawn"), {"id": "x", "name": "Dawn!"}, consent=GRANTED)
    _, text = scrape(gateway)
    assert not re.search("dawn", text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("host", "headers"),
    [("gp.myshop.example", {}), ("127.0.0.1:8000", {"X_Forwarded_For": "203.0.113.7"})],
)
def test_who_comes_through_the_front_door_sees_no_metrics(
    gateway: Gateway, host: str, headers: dict[str, str]
) -> None:
    status, text = scrape(gateway, host, **headers)
    assert status == 403
    assert "gatepost_events" not in text
