"""Looking through events: nothing is missed and nothing is shown twice, however they are looked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from benchmarks.history import fill, visitor_id
from benchmarks.traffic import SHOP
from server.store.database import Database
from server.store.feed import STEP, Feed, Line, Wanted
from tests.gateway import NOW

EVENTS = 2 * STEP + 5_000


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Many events, at two vendors."""
    one = Database(tmp_path_factory.mktemp("feed"))
    with one.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO destinations (shop, vendor, position, held_reason) VALUES (?, 'blueshift', 0, ''),"
            " (?, 'alana', 0, '')",
            (SHOP, SHOP),
        )
    fill(one.folder, EVENTS, NOW)
    with one.writing() as connection:  # the newest are not even read
        connection.exec_driver_sql("DELETE FROM deliveries WHERE event > ?", (EVENTS - 100,))
        connection.exec_driver_sql("UPDATE destinations SET position = ?", (EVENTS - 100,))
    yield one
    one.close()


@pytest.fixture(scope="module")
def every(database: Database) -> list[Line]:
    """All there are, newest first."""
    return Feed(database).find(SHOP, Wanted(), None, EVENTS + 1).lines


def fits(line: Line, wanted: Wanted) -> bool:
    """The same question, asked of one event after the other."""
    standings = {
        vendor: standing.state for vendor, standing in line.standings.items() if wanted.vendor in ("", vendor)
    }
    return (
        wanted.name in ("", line.event.name)
        and wanted.visitor in ("", line.event.visitor)
        and wanted.page in line.event.page.url
        and (not wanted.vendor or bool(standings))
        and (not wanted.outcome or wanted.outcome in standings.values())
    )


WANTED = [
    Wanted(*values)  # type: ignore[arg-type]
    for values in itertools.product(
        ("", "purchase", "refund"),
        ("", visitor_id(7919)),
        ("", "/p/100001"),
        ("", "alana", "nobody"),
        ("", "delivered", "waiting", "dead"),
    )
]


def test_there_are_as_many_as_were_kept(every: list[Line]) -> None:
    assert [line.seq for line in every] == [*range(EVENTS, 0, -1)]


@pytest.mark.parametrize("wanted", WANTED, ids=lambda one: "-".join(msgspec.structs.astuple(one)) or "all")
def test_what_is_found_page_by_page_is_all_that_fits(
    database: Database, every: list[Line], wanted: Wanted
) -> None:
    expected = [line.seq for line in every if fits(line, wanted)][:300]
    seqs: list[int] = []
    before = None
    while len(seqs) < 300:
        found = Feed(database).find(SHOP, wanted, before, 70)
        seqs += [line.seq for line in found.lines]
        before = found.older
        if before is None:
            break
    assert seqs[:300] == expected


def test_looking_ends_after_a_while_and_says_how_far_it_came(database: Database) -> None:
    hours = itertools.count(0, 3600)
    feed = Feed(database, stopwatch=lambda: float(next(hours)))
    wanted = Wanted(page="/p/100003")  # the 3rd event's, and the 20,003rd's
    seqs, times, before = [], [], None
    for _ in range(3):
        found = feed.find(SHOP, wanted, before, 50)
        seqs.append([line.seq for line in found.lines])
        times.append(found.looked_back_to)
        before = found.older
    assert seqs == [[20_003], [], [3]]
    assert times[0] is not None
    assert times[1] is not None
    assert times[0] > times[1]


def test_an_event_whose_record_cannot_be_read_is_listed_all_the_same(tmp_path: Path) -> None:
    database = Database(tmp_path)
    with database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO events (shop, id, visitor, name, received, body)"
            " VALUES (?, 'x', 'v', 'page_view', ?, ?)",
            (SHOP, NOW, b"\xff not JSON"),
        )
    (line,) = Feed(database).find(SHOP, Wanted(), None, 10).lines
    assert (line.event.id, line.event.name, line.event.received) == ("x", "page_view", NOW)
    database.close()


def test_the_names_there_are_are_told_in_order(database: Database) -> None:
    feed = Feed(database)
    assert feed.names(SHOP)[:3] == ["add_to_cart", "page_view", "purchase"]
    assert feed.names("nobody") == []
