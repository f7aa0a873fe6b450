"""What charts are made of: how the counts stood once a minute, and what happened in between."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from server.store.counts import count
from server.store.database import Database
from server.store.outbox import Outbox
from server.store.readings import DAY, HOUR, MINUTE, SPANS, Course, courses, thin
from tests.console.test_overview import send
from tests.gateway import GRANTED, NOW, Gateway, event
from tests.world import World, eventually

SHOP = "demo"


@pytest.fixture
def database(gateway: Gateway) -> Iterator[Database]:
    """A second process's view of the gateway's database."""
    one = Database(gateway.settings.data_dir)
    yield one
    one.close()


def received(gateway: Gateway, database: Database, span: str = "hour", vendor: str = "") -> list[int]:
    """What the chart shows, oldest step first."""
    return course(gateway, database, span, vendor).received


def course(gateway: Gateway, database: Database, span: str, vendor: str) -> Course:
    return courses(database, count(database), SHOP, SPANS[span], gateway.clock())[vendor]


def come(gateway: Gateway, number: int) -> None:
    if number:
        gateway.browser().send(*(event("page_view") for _ in range(number)), consent=GRANTED)


def test_each_minutes_events_stand_in_that_minute(gateway: Gateway, database: Database) -> None:
    gateway.clock.now = NOW - NOW % MINUTE
    relay = Outbox(database)
    numbers = [3, 0, 7, 1]
    for number in numbers:
        relay.beat(gateway.clock())
        come(gateway, number)
        gateway.clock.forward(MINUTE)
    relay.beat(gateway.clock())
    come(gateway, 2)
    gateway.clock.forward(MINUTE // 2)
    assert received(gateway, database)[-5:] == [*numbers, 2], "the last minute is not over, and shown"
    assert sum(received(gateway, database)) == 13
    assert received(gateway, database, vendor="blueshift") == received(gateway, database)


@pytest.mark.parametrize("span", SPANS)
def test_whatever_the_step_of_time_all_that_came_is_in_the_chart(
    gateway: Gateway, database: Database, span: str
) -> None:
    chance = random.Random(7)
    relay = Outbox(database)
    total = 0
    relay.beat(gateway.clock())
    for _ in range(30):
        number = chance.randrange(5)
        come(gateway, number)
        total += number
        gateway.clock.forward(chance.randrange(5_000, 110_000))
        relay.beat(gateway.clock())
    come(gateway, 3)
    shown = received(gateway, database, span)
    assert len(shown) == SPANS[span].steps
    assert sum(shown) == total + 3


def test_what_came_while_no_relay_was_at_work_is_spread_over_that_time(
    gateway: Gateway, database: Database
) -> None:
    gateway.clock.now = NOW - NOW % MINUTE
    Outbox(database).beat(gateway.clock())
    come(gateway, 30)
    gateway.clock.forward(10 * MINUTE)
    Outbox(database).beat(gateway.clock())
    assert received(gateway, database)[-11:] == [3] * 10 + [0]


def test_what_there_was_before_the_first_reading_is_not_taken_for_new(
    gateway: Gateway, database: Database
) -> None:
    come(gateway, 20)
    gateway.clock.forward(HOUR)
    Outbox(database).beat(gateway.clock())
    gateway.clock.forward(MINUTE)
    come(gateway, 1)
    assert sum(received(gateway, database)) == 1


def test_a_clock_that_was_set_back_shows_no_negative_numbers(gateway: Gateway, database: Database) -> None:
    relay = Outbox(database)
    for forward in (10 * MINUTE, -25 * MINUTE, MINUTE):
        relay.beat(gateway.clock())
        come(gateway, 2)
        gateway.clock.forward(forward)
    assert min(received(gateway, database)) >= 0


def test_only_one_reading_is_taken_in_a_minute(gateway: Gateway, database: Database) -> None:
    gateway.clock.now = NOW - NOW % MINUTE
    relay = Outbox(database)
    for _ in range(12):
        relay.beat(gateway.clock())
        gateway.clock.forward(10_000)
    assert gateway.rows("SELECT count(DISTINCT at) FROM readings") == [(2,)]


def test_old_readings_are_thinned_out_and_the_chart_of_the_week_stays_the_same(
    gateway: Gateway, database: Database
) -> None:
    now = NOW - NOW % DAY
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO shops (shop, received) VALUES ('demo', 11520)")
        connection.exec_driver_sql(
            "WITH RECURSIVE minutes (m) AS (SELECT 0 UNION ALL SELECT m + 1 FROM minutes WHERE m < 11520)"
            " INSERT INTO readings SELECT 'demo', '', ? + m * 60000, m, 0, 0, 0 FROM minutes",
            (now - 8 * DAY,),
        )
    gateway.clock.now = now
    before = received(gateway, database, "week")
    with database.writing() as connection:
        assert thin(connection, now) > 0
        assert thin(connection, now) == 0
    assert received(gateway, database, "week") == before
    assert received(gateway, database, "hour")[:-1] == [1] * 59
    kept = gateway.rows("SELECT count(*) FROM readings")[0][0]
    assert kept <= 26 * 60 + 1 + 4 * 24 * 7, "a minute's each for 26 hours, a quarter of an hour's for a week"
    with database.writing() as connection:
        thin(connection, now + 30 * DAY)
    assert gateway.rows("SELECT count(*) FROM readings") == [(0,)]


def test_readings_show_what_became_of_events_as_the_counts_do(living: World) -> None:
    send(living, event("page_view"), event("page_view"))
    database = Database(living.settings.data_dir)
    eventually(lambda: not any(one.waiting for one in count(database).destinations))
    counts = count(database)
    for one in counts.destinations:
        shown = courses(database, counts, SHOP, SPANS["hour"], living.clock())[one.vendor]
        assert sum(shown.received) == 2
        assert sum(shown.delivered) == one.delivered
        assert sum(shown.not_wanted) == sum(one.not_wanted.values())
    database.close()
