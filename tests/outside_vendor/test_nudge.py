"""A vendor is pure, so its tests need nothing but values."""

from __future__ import annotations

from typing import Any

from nudge import Nudge

from server.event import Event, User
from server.settings import Secret
from server.vendors.base import Reply, Visitor

NUDGE = Nudge(Nudge.Settings(api_key=Secret("5f1e0c9ab3d24786")))
ADA = User(email="ada@customer.example")
VISITOR = Visitor(pseudonym="c57a43f7-eefc-462b-b5a8-0ef421e90f67")


def event(name: str, user: User = ADA, **params: Any) -> Event:
    moment = 1_790_000_000_123
    return Event("e-1", name, moment, moment, "demo", "our-own-id", "our-session", params, user=user)


def test_each_product_put_into_the_cart_is_a_signal_of_its_own() -> None:
    told = NUDGE.messages(event("add_to_cart", items=[{"item_id": "1"}, {"item_id": "2"}]), VISITOR)
    signal = {
        "kind": "carted",
        "email": "ada@customer.example",
        "visitor": "c57a43f7-eefc-462b-b5a8-0ef421e90f67",
        "language": "en",
        "at": 1_790_000_000,
    }
    assert NUDGE.request(told).body == {
        "signals": [
            {**signal, "id": "e-1/0", "product": "1"},
            {**signal, "id": "e-1/1", "product": "2"},
        ]
    }


def test_what_nudge_cannot_use_is_not_wanted_and_the_reason_is_said() -> None:
    assert NUDGE.wants(event("search", search_term="kettle")) == "Nudge has no such signal"
    assert NUDGE.wants(event("view_item", User(), items=[{"item_id": "1"}])) == "no e-mail address"


def test_a_quota_that_is_used_up_holds_the_events_and_a_bad_signal_does_not() -> None:
    request = NUDGE.request(NUDGE.messages(event("view_item", items=[{"item_id": "1"}]), VISITOR))
    assert NUDGE.verdict(request, Reply(202)).outcome == "sent"
    assert NUDGE.verdict(request, Reply(402, b'{"error": "quota"}')).outcome == "stop"
    refused = NUDGE.verdict(request, Reply(422, b'{"error": "product is unknown"}'))
    assert (refused.outcome, refused.reason) == ("never", "HTTP 422: product is unknown")
