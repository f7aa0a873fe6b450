"""The real adapters against the vendors' stand-ins, through the engine, at a time of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from server.event import Source, User
from server.sandbox import SandboxServer, create_sandbox
from server.settings import Secret
from server.vendors import vendor_types
from tests.relay.clock import HOUR, MINUTE, SECOND, Clock
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage

SHOP_ID = "0d42fd8b713d0752776ca589cc0056"
KEY = "5e0c731de3b111ebba800242ac130004"
ITEMS = [
    {"item_id": "100500", "price": 45.5, "quantity": 2},
    {"item_id": "200100", "price": 9.9, "quantity": 1},
]
ORDER = {"currency": "EUR", "value": 100.9, "items": ITEMS}


class Sandbox:
    """The stand-ins on a real port; their time is the test's."""

    def __init__(self, clock: Clock) -> None:
        self.server = SandboxServer(create_sandbox(lambda: clock() / 1000))
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def requests(self, vendor: str) -> list[dict[str, Any]]:
        query = {"vendor": vendor}
        return list(httpx.get(f"{self.server.url}/_sandbox/requests", params=query, trust_env=False).json())

    def fault(self, **fault: Any) -> None:
        httpx.post(f"{self.server.url}/_sandbox/faults", json=fault, trust_env=False).raise_for_status()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    made = Sandbox(clock)
    yield made
    made.close()


@pytest.fixture
def shop(stage_of: Callable[..., Stage], sandbox: Sandbox) -> Stage:
    """A shop with all five vendors. Not started."""
    stage = stage_of({Parrot(): "http://127.0.0.1:9"})
    keys: dict[str, dict[str, Any]] = {
        "personaclick": {"shop_id": SHOP_ID},
        "blueshift": {"api_key": Secret(KEY)},
        "esputnik": {"api_key": Secret(KEY)},
        "alana": {"api_key": Secret(f"ak_{KEY}")},
        "eightselect": {"api_id": KEY},
    }
    types = vendor_types()
    stage.replace_vendors(
        {
            name: (types[name], types[name].Settings(base_url=f"{sandbox.server.url}/{name}", **settings))
            for name, settings in keys.items()
        }
    )
    return stage


def settle(shop: Stage) -> None:
    """Let seconds pass until every vendor has what it wants; rate windows need time."""
    for vendor in vendor_types():
        shop.pass_time_until_settled(SECOND, vendor=vendor)


def pushes(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [one["body"] for one in sandbox.requests("personaclick") if one["path"] == "/push"]


def test_a_purchase_reaches_all_five_as_their_pages_want_it(shop: Stage, sandbox: Sandbox) -> None:
    shop.keep("p1", name="purchase", user=User("c-42", "ann@shop.example"), transaction_id="o-1", **ORDER)
    shop.start()
    settle(shop)
    for vendor in vendor_types():
        assert shop.rows(vendor)["p1"].state == "delivered"
        assert {one["judgement"] for one in sandbox.requests(vendor)} == {"accepted"}


def test_an_anonymous_visitors_views_go_only_where_they_are_wanted(shop: Stage, sandbox: Sandbox) -> None:
    shop.keep("v1", items=ITEMS[:1])
    shop.start()
    settle(shop)
    assert {vendor: shop.rows(vendor)["v1"].state for vendor in vendor_types()} == {
        "personaclick": "delivered",
        "blueshift": "delivered",
        "esputnik": "not_wanted",
        "alana": "delivered",
        "eightselect": "not_wanted",
    }
    assert sandbox.requests("esputnik") == sandbox.requests("eightselect") == []


def test_personaclick_gives_a_device_once_and_a_seance_with_each_session(
    shop: Stage, sandbox: Sandbox
) -> None:
    shop.keep("v1", items=ITEMS[:1], session="morning")
    shop.keep("v2", items=ITEMS[:1], session="morning")
    shop.keep("v3", items=ITEMS[:1], session="evening")
    shop.start()
    settle(shop)
    first, second, third = pushes(sandbox)
    assert first["did"] == second["did"] == third["did"]
    assert first["seance"] == second["seance"] != third["seance"]
    inits = [one for one in sandbox.requests("personaclick") if one["path"] == "/init"]
    assert ["did" in one["query"] for one in inits] == [False, True]


def test_personaclick_that_has_lost_its_devices_is_asked_for_a_new_one_and_nothing_is_lost(
    shop: Stage, sandbox: Sandbox
) -> None:
    shop.keep("v1", items=ITEMS[:1])
    shop.start()
    settle(shop)
    (before,) = pushes(sandbox)
    httpx.post(f"{sandbox.server.url}/_sandbox/reset", trust_env=False)
    shop.keep("v2", "v3", items=ITEMS[:1])
    settle(shop)
    assert {row.state for row in shop.rows("personaclick").values()} == {"delivered"}
    requests = sandbox.requests("personaclick")
    assert [one["path"] for one in requests] == ["/push", "/init", "/push", "/push"]
    refused, *accepted = pushes(sandbox)
    assert refused["did"] == before["did"]
    assert len({body["did"] for body in accepted}) == 1
    assert accepted[0]["did"] != before["did"]


def test_each_item_of_a_cart_is_pushed_once_though_one_push_fails(shop: Stage, sandbox: Sandbox) -> None:
    shop.keep("v0", items=ITEMS[:1])
    shop.start()
    settle(shop)
    sandbox.fault(vendor="personaclick", path="/push", reset=True, times=1)
    shop.keep("c1", name="add_to_cart", items=ITEMS, currency="EUR")
    shop.until_waiting("c1", vendor="personaclick")
    shop.forward(7 * SECOND)
    settle(shop)
    carts = [
        (one["body"]["items"][0]["id"], one["judgement"])
        for one in sandbox.requests("personaclick")
        if one["path"] == "/push" and one["body"]["event"] == "cart"
    ]
    assert carts == [("100500", "fault"), ("100500", "accepted"), ("200100", "accepted")]


def test_a_burst_keeps_to_every_vendors_rate(shop: Stage, sandbox: Sandbox) -> None:
    """Blueshift takes 30 events in a call and five calls a second; Alana 100 in each of 100 a minute."""
    for n in range(200):
        shop.keep(f"v{n}", visitor=f"visitor-{n}", items=ITEMS[:1], user=User("c-42"))
    shop.start()
    shop.until_settled(vendor="alana")
    shop.until_settled(vendor="esputnik")
    shop.until(lambda: len(shop.rows("blueshift")) == 150)
    assert [len(one["body"]["events"]) for one in sandbox.requests("blueshift")] == [30] * 5
    shop.forward(SECOND)
    shop.until_settled(vendor="blueshift")
    sizes = sorted(len(one["body"]["events"]) for one in sandbox.requests("blueshift"))
    assert sizes == [20] + [30] * 6
    for vendor in ("blueshift", "alana", "esputnik"):
        assert {one["judgement"] for one in sandbox.requests(vendor)} == {"accepted"}


def test_a_vendor_down_for_three_hours_gets_everything_in_order_and_the_others_do_not_wait(
    shop: Stage, sandbox: Sandbox
) -> None:
    sandbox.fault(vendor="blueshift", status=503)
    for n in range(20):
        shop.keep(f"v{n:02}", visitor=f"visitor-{n % 4}", items=ITEMS[:1])
    shop.start()
    shop.pass_time_until_settled(SECOND, vendor="personaclick")
    shop.pass_time_until_settled(SECOND, vendor="alana")
    for _ in range(18):
        shop.forward(10 * MINUTE)
        shop.until(lambda: sandbox.requests("blueshift"))
    assert "delivered" not in {row.state for row in shop.rows("blueshift").values()}
    sandbox.fault(vendor="blueshift", times=0)
    shop.pass_time_until_settled(5 * SECOND, vendor="blueshift")
    arrived = [
        event["event_uuid"]
        for one in sandbox.requests("blueshift")
        if one["judgement"] == "accepted"
        for event in one["body"]["events"]
    ]
    assert sorted(arrived) == [f"v{n:02}" for n in range(20)]
    for visitor in range(4):
        mine = [id for id in arrived if int(id[1:]) % 4 == visitor]
        assert mine == sorted(mine)


def test_a_wrong_key_for_an_hour_costs_nothing(shop: Stage, sandbox: Sandbox) -> None:
    sandbox.fault(vendor="alana", status=401)
    for n in range(10):
        shop.keep(f"v{n}", items=ITEMS[:1])
    shop.start()
    shop.until(lambda: shop.held("alana"))
    for _ in range(6):
        shop.forward(10 * MINUTE)
    sandbox.fault(vendor="alana", times=0)
    rows = shop.pass_time_until_settled(5 * SECOND, vendor="alana")
    assert {(row.state, row.attempts) for row in rows.values()} == {("delivered", 1)}


def test_the_campaign_rides_to_personaclick_for_48_hours_even_on_a_retry(
    shop: Stage, sandbox: Sandbox
) -> None:
    seen = shop.clock()
    sandbox.fault(vendor="personaclick", path="/push", status=503, times=1)
    shop.forward(48 * HOUR - 2 * SECOND)
    shop.keep("o1", name="purchase", source=Source("chain", "spring", seen), transaction_id="o-1", **ORDER)
    shop.start()
    shop.until_waiting("o1", vendor="personaclick")
    shop.forward(7 * SECOND)
    settle(shop)
    assert ["source" in body for body in pushes(sandbox)] == [True, False]
