"""The counts add up, whatever vendors answer and however often the relay dies."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from server.store.counts import DestinationCounts, count
from tests.relay.clock import HOUR, SECOND
from tests.relay.listener import Answer, Heard, Listener, reset, say
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage, consent

NAMES = ["view_item", "purchase", "update_cart", "identify", "search"]


def by_rows(stage: Stage, shop: str, vendor: str) -> Counter[str]:
    """What became of each event, counted one by one; what has no row is new to the relay, and waits."""
    found = stage.query(
        "SELECT coalesce(d.state, 'waiting') FROM events e"
        " JOIN destinations n ON n.shop = e.shop AND n.vendor = ?"
        " LEFT JOIN deliveries d ON d.event = e.seq AND d.destination = n.id"
        " WHERE e.shop = ? AND e.id NOT LIKE 'before%'",
        vendor,
        shop,
    )
    return Counter(state for (state,) in found)


def check(stage: Stage, received: dict[str, int]) -> None:
    """Every event that was kept is in exactly one of the counts of every destination."""
    counts = count(stage.database)
    assert counts.received == received
    assert counts.destinations
    for destination in counts.destinations:
        rows = by_rows(stage, destination.shop, destination.vendor)
        assert as_counted(destination) == +rows
        assert destination.received == rows.total()
        assert destination.waiting >= 0


def as_counted(destination: DestinationCounts) -> Counter[str]:
    return +Counter(
        {
            "delivered": destination.delivered,
            "not_wanted": sum(destination.not_wanted.values()),
            "dead": destination.dead,
            "waiting": destination.waiting,
        }
    )


@pytest.mark.parametrize("seed", [11, 12])
def test_received_is_delivered_and_not_wanted_and_dead_and_waiting(
    stage_of: Callable[..., Stage], listen: Callable[[], Listener], seed: int
) -> None:
    chance = random.Random(seed)
    lock = threading.Lock()

    def answer(weights: list[int], _: Heard) -> Answer:
        with lock:
            return chance.choices([say(), say(503), reset(), say(400), say(429), say(401)], weights)[0]

    steady, moody = listen(), listen()
    steady.answer = partial(answer, [95, 2, 1, 2, 0, 0])
    moody.answer = partial(answer, [55, 15, 10, 15, 3, 2])
    vendors = {Parrot("steady", batch=4): steady, Parrot("moody", concurrency=3): moody}
    stage = stage_of(vendors, shops=("demo", "other"))
    received: Counter[str] = Counter()
    stage.start()
    for moment in range(12):
        for n in range(chance.randrange(1, 9)):
            shop = chance.choice(["demo", "other"])
            id = f"e{moment}-{n}"
            stage.keep(
                id,
                visitor=f"v{chance.randrange(6)}",
                shop=shop,
                name=chance.choice(NAMES),
                transaction_id=id,
                parts=chance.choice([1, 1, 1, 2, 0]),
                **({"unwanted": chance.choice(["no use", "no field"])} if chance.random() < 0.2 else {}),
            )
            received[shop] += 1
        if chance.random() < 0.3:
            stage.consent(consent(personalization="denied"), visitor=f"v{chance.randrange(6)}")
        stage.forward(chance.choice([SECOND, 10 * SECOND, 60 * SECOND, HOUR]))
        if chance.random() < 0.5:
            stage.crash()
            check(stage, received)
            stage.start()
    stage.stop()
    check(stage, received)

    moody.answer = steady.answer = lambda _: say()
    stage.start()
    for vendor in ("steady", "moody"):
        stage.pass_time_until_settled(60 * SECOND, vendor=vendor)
    check(stage, received)
    assert all(destination.waiting == 0 for destination in count(stage.database).destinations)


def test_what_was_not_wanted_is_counted_by_its_reason(stage: Stage) -> None:
    stage.keep("a", "b", unwanted="no use")
    stage.keep("c", unwanted="no field")
    stage.keep("d", visitor="bob", consent=consent(marketing="granted"))
    stage.keep("e")
    stage.start()
    stage.until_settled()
    (parrot,) = count(stage.database).destinations
    assert parrot.not_wanted == {
        "no use": 2,
        "no field": 1,
        "consent: personalization was not granted": 1,
    }
    assert (parrot.delivered, parrot.dead, parrot.waiting) == (1, 0, 0)


def test_a_destination_that_came_later_is_counted_from_then_on(
    stage: Stage, listen: Callable[[], Listener]
) -> None:
    stage.keep("before-1", "before-2", "before-3")
    stage.add(Parrot("late"), listen())
    stage.keep("after")
    stage.start()
    stage.until_settled(vendor="late")
    late = next(one for one in count(stage.database).destinations if one.vendor == "late")
    assert (late.received, late.delivered, late.waiting) == (1, 1, 0)


def test_an_event_kept_twice_is_counted_once(stage: Stage) -> None:
    stage.keep("e1")
    with pytest.raises(AssertionError):
        stage.keep("e1")
    stage.start()
    stage.until_settled()
    check(stage, {"demo": 1})
