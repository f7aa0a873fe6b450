"""What an answer means for an event: delivered, tried again and when, or given up with the evidence."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from server import delivery
from server.store.history import History
from tests.relay.clock import DAY, HOUR, MINUTE, SECOND
from tests.relay.listener import Answer, Listener, raw, reset, say
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage

WAITS = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 2 * HOUR, 4 * HOUR, 4 * HOUR]


@pytest.fixture
def short_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor is given half a second to answer."""
    made = delivery.Delivery.__init__
    monkeypatch.setattr(delivery.Delivery, "__init__", lambda *args: made(*args, time_limit=0.5))


# Tried again.


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 529])
def test_an_error_that_may_pass_is_tried_again(stage: Stage, vendor: Listener, status: int) -> None:
    vendor.answer = lambda _: say(status, "down")
    stage.keep("e1")
    stage.start()
    assert stage.until_waiting("e1")["e1"].reason == f"HTTP {status}: down"
    vendor.answer = lambda _: say()
    stage.forward(6 * SECOND + 1)
    assert stage.until_settled()["e1"].state == "delivered"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reset(), "the connection broke before the answer"),
        (raw(b""), "the connection was closed in the middle of an answer"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), "the connection was closed in the middle of an answer"),
        (raw(b"\x16\x03\x01 no HTTP at all\r\n\r\n"), "the connection was closed in the middle of an answer"),
    ],
    ids=["reset", "silence", "half an answer", "garbage"],
)
def test_a_request_without_an_answer_is_tried_again(
    stage: Stage, vendor: Listener, answer: Answer, reason: str
) -> None:
    vendor.answer = lambda _: answer
    stage.keep("e1")
    stage.start()
    assert stage.until_waiting("e1")["e1"].reason == reason
    vendor.answer = lambda _: say()
    stage.forward(6 * SECOND + 1)
    assert stage.until_settled()["e1"].state == "delivered"


@pytest.mark.usefixtures("short_time_limit")
def test_a_vendor_that_does_not_answer_in_time_is_asked_again(stage: Stage, vendor: Listener) -> None:
    never = threading.Event()
    vendor.answer = lambda _: vendor.hold(never)
    stage.keep("e1")
    stage.start()
    reason = stage.until_waiting("e1")["e1"].reason
    assert reason in ("no answer within 0.5 seconds", "the answer did not come in time")
    vendor.answer = lambda _: say()
    stage.forward(6 * SECOND + 1)
    assert stage.until_settled()["e1"].state == "delivered"


def test_a_vendor_that_is_not_there_is_tried_again(stage_of: Callable[..., Stage]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    stage = stage_of({Parrot(): f"http://127.0.0.1:{port}"})
    stage.keep("e1")
    stage.start()
    assert stage.until_waiting("e1")["e1"].reason.startswith("could not connect")


def test_the_waits_grow_and_vary_by_a_fifth(stage: Stage, vendor: Listener) -> None:
    """5 s, half a minute, 2, 10, 30 minutes, 2 hours, then every four; a purchase lives long enough."""
    vendor.answer = lambda _: say(500)
    stage.keep("e1", name="purchase", transaction_id="o-1")
    stage.start()
    for attempts, planned in enumerate(WAITS, 1):
        next_at = stage.until_waiting("e1", attempts=attempts)["e1"].next_at
        assert next_at is not None
        waits = next_at - stage.clock()
        assert planned * 0.8 <= waits <= planned * 1.2
        stage.forward(waits - 1)
        assert (stage.under_way(), len(vendor.heard)) == (0, attempts), "not a millisecond early"
        stage.forward(1)
    stage.until_waiting("e1", attempts=len(WAITS) + 1)


def test_the_waits_of_several_events_differ(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(500)
    visitors = [f"v{n}" for n in range(4)]
    for visitor in visitors:
        stage.keep(f"e-{visitor}", visitor=visitor)
    stage.start()
    stage.until(lambda: len(stage.rows()) == 4)
    assert len({row.next_at for row in stage.rows().values()}) > 1


@pytest.mark.parametrize(
    ("asked", "at_least", "at_most"),
    [
        ("90", 90 * SECOND, 90 * SECOND),
        ("1", 4 * SECOND, 6 * SECOND),
        ("0", 4 * SECOND, 6 * SECOND),
        ("86400", HOUR, HOUR),
        ("9" * 400, HOUR, HOUR),
        ("soon", 4 * SECOND, 6 * SECOND),
        ("\u00b2", 4 * SECOND, 6 * SECOND),
        ("-5", 4 * SECOND, 6 * SECOND),
        (format_datetime(datetime.now(UTC) + timedelta(days=2), usegmt=True), HOUR, HOUR),
        ("Mon, 01 Jan 0001 00:00:00 GMT", 4 * SECOND, 6 * SECOND),
        (format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True), 4 * SECOND, 6 * SECOND),
    ],
    ids=lambda value: repr(value)[:12] if isinstance(value, str) else "",
)
def test_retry_after_is_honoured_up_to_an_hour(
    stage: Stage, vendor: Listener, asked: str, at_least: int, at_most: int
) -> None:
    vendor.answer = lambda _: say(503, headers={"Retry-After": asked})
    stage.keep("e1")
    stage.start()
    next_at = stage.until_waiting("e1")["e1"].next_at
    assert next_at is not None
    assert at_least <= next_at - stage.clock() <= at_most


# Given up.


@pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 413, 422])
def test_a_refusal_is_kept_with_request_and_reply_and_not_tried_again(
    stage: Stage, vendor: Listener, status: int
) -> None:
    vendor.answer = lambda heard: say(status, {"error": "no such product"}) if "bad" in heard.ids else say()
    stage.keep("bad", "good")
    stage.start()
    rows = stage.until_settled()
    assert (rows["bad"].state, rows["good"].state) == ("dead", "delivered")
    assert rows["bad"].reason == f'HTTP {status}: {{"error": "no such product"}}'
    assert rows["bad"].attempts == 1
    (exchange,) = History(stage.database).find("bad")[0].fates[0].exchanges
    assert exchange.messages == [
        {"id": "bad", "n": 0, "name": None, "visitor": vendor.heard[0].body["visitor"]}
    ]
    assert (exchange.method, exchange.path, exchange.status) == ("POST", "/tell", status)
    assert exchange.reply == '{"error": "no such product"}'
    assert vendor.ids == ["bad", "good"]


@pytest.mark.parametrize(
    ("name", "lifetime", "words"),
    [
        ("view_item", 4 * HOUR, "within 4 hours"),
        ("search", 4 * HOUR, "within 4 hours"),
        ("own_event", 4 * HOUR, "within 4 hours"),
        ("update_cart", DAY, "within 24 hours"),
        ("add_to_wishlist", DAY, "within 24 hours"),
        ("identify", DAY, "within 24 hours"),
        ("purchase", 7 * DAY, "within 168 hours"),
        ("subscription_billing", 7 * DAY, "within 168 hours"),
        ("refund", 7 * DAY, "within 168 hours"),
    ],
)
def test_an_event_is_given_up_when_it_is_worth_nothing_any_more(
    stage: Stage, vendor: Listener, name: str, lifetime: int, words: str
) -> None:
    vendor.answer = lambda _: say(500)
    stage.keep("e1", name=name, transaction_id="o-1")
    stage.start()
    stage.until_waiting("e1")
    stage.forward(lifetime)
    assert stage.until_waiting("e1", attempts=2)["e1"].next_at == stage.clock() + 1, "not kept for longer"
    stage.forward(1)
    row = stage.until_settled()["e1"]
    assert (row.state, row.attempts) == ("dead", 2)
    assert row.reason == f"too late: not delivered {words}"
    assert len(vendor.heard) == 2


def test_the_last_answer_is_kept_of_what_is_given_up(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(503, "closed for the season")
    stage.keep("e1")
    stage.start()
    stage.until_waiting("e1")
    stage.forward(5 * HOUR)
    stage.until_settled()
    (exchange,) = History(stage.database).find("e1")[0].fates[0].exchanges
    assert (exchange.status, exchange.reply) == (503, "closed for the season")


def test_what_follows_an_event_that_is_given_up_goes_on(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda heard: say(500) if heard.ids == ["view"] else say()
    stage.keep("view")
    stage.keep("order", name="purchase", transaction_id="o-1")
    stage.start()
    stage.until_waiting("view")
    stage.forward(5 * HOUR)
    rows = stage.until_settled()
    assert (rows["view"].state, rows["order"].state) == ("dead", "delivered")


# States that a newer event tells anew.


@pytest.mark.parametrize("name", ["update_cart", "update_wishlist"])
def test_of_several_whole_carts_that_wait_only_the_newest_is_sent(
    stage: Stage, vendor: Listener, name: str
) -> None:
    vendor.answer = lambda _: say(500)
    stage.keep("cart-1", name=name)
    stage.start()
    stage.until_waiting("cart-1")
    stage.keep("view")
    stage.keep("cart-2", "cart-3", name=name)
    stage.keep("others-cart", name=name, visitor="bob")
    stage.until(lambda: "cart-3" in stage.rows())
    vendor.answer = lambda _: say()
    stage.forward(6 * SECOND + 1)
    rows = stage.until_settled()
    assert [id for id in vendor.ids[1:] if id != "others-cart"] == ["view", "cart-3"]
    assert {id: row.state for id, row in rows.items()} == {
        "cart-1": "not_wanted",
        "view": "delivered",
        "cart-2": "not_wanted",
        "cart-3": "delivered",
        "others-cart": "delivered",
    }
    assert rows["cart-1"].reason == rows["cart-2"].reason == "a newer one tells the whole state"


def test_a_change_of_the_cart_is_sent_even_when_another_follows(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(500)
    stage.keep("one", "two", name="add_to_cart")
    stage.start()
    stage.until_waiting("one")
    vendor.answer = lambda _: say()
    stage.forward(6 * SECOND + 1)
    stage.until_settled()
    assert vendor.ids[1:] == ["one", "two"]
