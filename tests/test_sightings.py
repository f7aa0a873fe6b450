"""Which pages loaded the tag, and which were refused: noted cheaply, boundedly, and without who it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway import DAY, GRANTED, ORIGIN, Gateway, event

TAG = "/gp/demo/tag.js"
SCRIPT = {"Sec-Fetch-Dest": "script"}


@pytest.fixture
def noted(gateway: Gateway) -> Iterator[Any]:
    """What is noted of the shop: kind, origin and time."""
    return lambda: sorted(gateway.rows("SELECT kind, origin, at FROM sightings WHERE shop = 'demo'"))


def send_from(gateway: Gateway, origin: str) -> int:
    return gateway.browser(origin=origin).send(event("page_view"), consent=GRANTED).status


def test_a_page_that_may_not_send_is_noted_by_its_origin(gateway: Gateway, noted: Any) -> None:
    assert send_from(gateway, "https://staging.myshop.example:8443") == 403
    assert send_from(gateway, "null") == 403
    assert noted() == [
        ("refused", "https://staging.myshop.example:8443", gateway.clock.now),
        ("refused", "null", gateway.clock.now),
    ]


def test_a_page_that_loads_the_tag_is_noted_by_its_origin_and_nothing_else(
    gateway: Gateway, noted: Any
) -> None:
    headers = {"Referer": f"{ORIGIN}/p/100500?email=ada%40customer.example#top", **SCRIPT}
    assert gateway.request("GET", TAG, headers=headers).status == 200
    assert noted() == [("tag", ORIGIN, gateway.clock.now)]


def test_a_page_that_does_not_tell_where_it_is_counts_when_it_loads_a_script(
    gateway: Gateway, noted: Any
) -> None:
    gateway.request("GET", TAG)
    gateway.request("GET", TAG, headers={"Sec-Fetch-Dest": "document"})
    assert noted() == []
    gateway.request("GET", TAG, headers=SCRIPT)
    assert noted() == [("tag", "", gateway.clock.now)]


@pytest.mark.parametrize(
    "origin",
    ["", "https://", "javascript:alert(1)", "https://<b>.example", "https://" + "a" * 300, "file://"],
)
def test_what_is_no_origin_of_a_page_is_not_noted(gateway: Gateway, noted: Any, origin: str) -> None:
    assert send_from(gateway, origin) == 403
    gateway.request("GET", TAG, headers={"Referer": origin})
    assert noted() == []


def test_what_is_taken_costs_no_note(gateway: Gateway, noted: Any) -> None:
    assert send_from(gateway, ORIGIN) == 200
    assert noted() == []


def test_an_origin_is_noted_once_a_day(gateway: Gateway, noted: Any) -> None:
    first = gateway.clock.now
    send_from(gateway, "https://other.example")
    gateway.clock.forward(DAY - 1)
    send_from(gateway, "https://other.example")
    assert noted() == [("refused", "https://other.example", first)]
    gateway.clock.forward(1)
    send_from(gateway, "https://other.example")
    assert noted() == [("refused", "https://other.example", first + DAY)]


def test_however_many_origins_somebody_makes_up_few_are_kept_and_the_last_ones_win(
    gateway: Gateway, noted: Any
) -> None:
    for day in range(3):
        for number in range(30):
            send_from(gateway, f"https://made-up-{day}-{number}.example")
        gateway.clock.forward(DAY)
    assert [origin for _, origin, _ in noted()] == sorted(f"https://made-up-2-{n}.example" for n in range(20))


def test_pages_of_the_shop_are_noted_whatever_others_make_up(gateway: Gateway, noted: Any) -> None:
    for number in range(30):
        gateway.request("GET", TAG, headers={"Referer": f"https://made-up-{number}.example/"})
    gateway.clock.forward(1)
    gateway.request("GET", TAG, headers={"Referer": f"{ORIGIN}/"})
    assert ("tag", ORIGIN, gateway.clock.now) in noted()
    assert len(noted()) == 20


def test_while_the_database_is_locked_nobody_hears_of_it_and_it_is_noted_later(
    gateway: Gateway, noted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.store.database.BUSY_SECONDS", 0.05)
    with gateway.locked():
        assert send_from(gateway, "https://other.example") == 403
    send_from(gateway, "https://other.example")
    assert noted() == []
    gateway.clock.forward(60_000)
    send_from(gateway, "https://other.example")
    assert noted() == [("refused", "https://other.example", gateway.clock.now)]


def test_a_shop_that_is_not_there_is_not_noted(gateway: Gateway) -> None:
    gateway.request("GET", "/gp/nobody/tag.js", headers=SCRIPT)
    assert gateway.rows("SELECT * FROM sightings") == []
