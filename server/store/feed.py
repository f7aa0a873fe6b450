"""Events as they came, newest first, narrowed down; however many are kept, an answer takes no longer.

What no index tells is looked for in one event after the other, for a limited time: then the answer says how
far it looked, and the next one goes on from there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, String, and_, cast, false, func, or_, select, text

from server.event import Event
from server.store import tables
from server.store.database import Database

Outcome: TypeAlias = Literal["delivered", "not_wanted", "waiting", "dead"]

STEP = 10_000
"""Events looked at in one step."""
LOOKED = 1000
"""Of those that an index tells to be dead or to wait."""
PATIENCE = 0.12
"""Seconds after which no further step is begun."""

_events = tables.events.c
_deliveries = tables.deliveries.c
_destinations = tables.destinations.c
_event_decoder = msgspec.json.Decoder(Event)


# The index is named, because SQLite would take the table itself, which has the same order, and read all of
# it: https://www.sqlite.org/lang_indexedby.html
_UNSETTLED = {
    state: text(
        f"SELECT event FROM deliveries INDEXED BY deliveries_{state}"  # noqa: S608
        f" WHERE destination = :destination AND state = '{state}' AND event < :before"
        " ORDER BY event DESC LIMIT :limit"
    )
    for state in ("dead", "waiting")
}


class Wanted(msgspec.Struct, frozen=True):
    """Which events of a shop are meant; what is empty does not restrict."""

    name: str = ""
    visitor: str = ""
    page: str = ""
    """What the page's address holds, to the letter."""
    vendor: str = ""
    outcome: Outcome | Literal[""] = ""
    """At that vendor, or at any."""


class Standing(msgspec.Struct, frozen=True):
    """How an event stands at one destination."""

    state: Outcome
    reason: str
    attempts: int


class Line(msgspec.Struct, frozen=True):
    """One event, and how it stands with each vendor that was there when it came."""

    seq: int
    event: Event
    standings: dict[str, Standing]


class Found(msgspec.Struct, frozen=True):
    """What was found."""

    lines: list[Line]
    """Newest first."""
    older: int | None
    """Look on before this seq; None: there is nothing before."""
    looked_back_to: int | None
    """When the oldest event that was looked at was received, where looking ended for lack of time."""


class _Place(msgspec.Struct, frozen=True):
    id: int
    vendor: str
    position: int


class Feed:
    """Reads the store; never writes."""

    def __init__(self, database: Database, stopwatch: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._stopwatch = stopwatch

    def find(self, shop: str, wanted: Wanted, before: int | None, limit: int) -> Found:
        """The newest events that are wanted, or the newest before a seq."""
        begun = self._stopwatch()
        seqs: list[int] = []
        with self._database.reading() as connection:
            places = _places(connection, shop)
            for fitting, upto in _steps(connection, shop, wanted, places, before, limit):
                seqs += fitting[: limit - len(seqs)]
                if len(seqs) == limit:
                    return Found(_lines(connection, seqs, places), seqs[-1], None)
                if self._stopwatch() - begun > PATIENCE:
                    after = select(_events.received).where(_events.seq >= upto).order_by(_events.seq).limit(1)
                    return Found(_lines(connection, seqs, places), upto, connection.scalar(after))
            return Found(_lines(connection, seqs, places), None, None)

    def names(self, shop: str, limit: int = 100) -> list[str]:
        """The names of events that are kept of a shop."""
        # One step along the index per name: https://www.sqlite.org/lang_with.html#recursive_query_examples
        first = select(func.min(_events.name).label("name")).where(_events.shop == shop)
        names = first.cte("names", recursive=True)
        later = select(
            select(func.min(_events.name))
            .where(_events.shop == shop, _events.name > names.c.name)
            .scalar_subquery()
        ).where(names.c.name.is_not(None))
        names = names.union_all(later)
        with self._database.reading() as connection:
            found = connection.execute(
                select(names.c.name).where(names.c.name.is_not(None)).limit(limit)
            ).scalars()
            return list(found)


def _places(connection: Connection, shop: str) -> list[_Place]:
    rows = connection.execute(
        select(_destinations.id, _destinations.vendor, _destinations.position)
        .where(_destinations.shop == shop)
        .order_by(_destinations.id)
    )
    return [_Place(row.id, row.vendor, row.position) for row in rows]


def _meant(wanted: Wanted, places: Sequence[_Place]) -> list[_Place]:
    return [place for place in places if wanted.vendor in ("", place.vendor)]


def _steps(
    connection: Connection,
    shop: str,
    wanted: Wanted,
    places: Sequence[_Place],
    before: int | None,
    limit: int,
) -> Iterator[tuple[Sequence[int], int]]:
    """Step by step backwards: the seqs that fit, newest first, and the seq down to which was looked."""
    if before is None:
        before = (connection.scalar(select(func.max(_events.seq))) or 0) + 1
    oldest = connection.scalar(select(func.min(_events.seq))) or before
    fits = [*_told_by_event(shop, wanted), *_told_by_standing(wanted, places)]
    here: ColumnElement[bool]
    while before > oldest:
        if wanted.outcome in ("dead", "waiting"):
            candidates = _unsettled(connection, shop, wanted, places, before)
            if not candidates:
                return
            upto, here = candidates[-1], _events.seq.in_(candidates)
        else:
            # Where everything an index leads to fits, the first step finds all that is asked for.
            upto = before - STEP if wanted.page or wanted.vendor or wanted.outcome else oldest
            here = (_events.seq < before) & (_events.seq >= upto)
        statement = select(_events.seq).where(here, *fits).order_by(_events.seq.desc()).limit(limit)
        yield connection.execute(statement).scalars().all(), upto
        before = upto


def _unsettled(
    connection: Connection, shop: str, wanted: Wanted, places: Sequence[_Place], before: int
) -> list[int]:
    """The next that are dead, or wait: few beside all others, and with an index of their own."""
    found: set[int] = set()
    for place in _meant(wanted, places):
        values = {"destination": place.id, "before": before, "limit": LOOKED}
        found.update(connection.execute(_UNSETTLED[wanted.outcome], values).scalars())
        if wanted.outcome == "waiting":
            unread = (
                select(_events.seq)
                .where(tables.shop_of_event == shop, _events.seq > place.position, _events.seq < before)
                .order_by(_events.seq.desc())
                .limit(LOOKED)
            )
            found.update(connection.execute(unread).scalars())
    return sorted(found, reverse=True)[:LOOKED]


def _told_by_event(shop: str, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    by_index = wanted.outcome not in ("dead", "waiting") and (wanted.visitor or wanted.name)
    yield (_events.shop if by_index else tables.shop_of_event) == shop
    if wanted.name:
        yield _events.name == wanted.name
    if wanted.visitor:
        yield _events.visitor == wanted.visitor
    if wanted.page:
        body = cast(_events.body, String)
        # The whole record first: it is quicker to search than to take apart.
        yield func.instr(body, json.dumps(wanted.page, ensure_ascii=False)[1:-1]) > 0
        yield func.instr(func.json_extract(body, "$.page.url"), wanted.page) > 0


def _told_by_standing(wanted: Wanted, places: Sequence[_Place]) -> Iterator[ColumnElement[bool]]:
    if wanted.vendor or wanted.outcome:
        yield or_(false(), *(_stands(place, wanted.outcome) for place in _meant(wanted, places)))


def _stands(place: _Place, outcome: Outcome | Literal[""]) -> ColumnElement[bool]:
    """Whether an event stands so at a destination; or, for "", whether it concerns that destination."""
    mine = select(_deliveries.event).where(
        _deliveries.destination == place.id, _deliveries.event == _events.seq
    )
    unread = and_(_events.seq > place.position, ~mine.exists())
    if not outcome:
        return or_(mine.exists(), unread)
    here = mine.where(_deliveries.state == outcome).exists()
    return or_(here, unread) if outcome == "waiting" else here


def _lines(connection: Connection, seqs: Sequence[int], places: Sequence[_Place]) -> list[Line]:
    if not seqs:
        return []
    rows = connection.execute(
        select(tables.events).where(_events.seq.in_(seqs)).order_by(_events.seq.desc())
    ).all()
    standings = _standings(connection, seqs, places)
    return [Line(row.seq, _event(row), standings[row.seq]) for row in rows]


def _event(row: Row[*tuple[Any, ...]]) -> Event:
    """The event; of one whose record cannot be decoded what else is known of it."""
    try:
        return _event_decoder.decode(row.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Event(row.id, row.name, row.received, row.received, row.shop, row.visitor, "", {})


def _standings(
    connection: Connection, seqs: Sequence[int], places: Sequence[_Place]
) -> Mapping[int, dict[str, Standing]]:
    rows = connection.execute(
        select(
            _deliveries.destination,
            _deliveries.event,
            _deliveries.state,
            _deliveries.reason,
            _deliveries.attempts,
        ).where(_deliveries.destination.in_([place.id for place in places]), _deliveries.event.in_(seqs))
    )
    told = {(row.destination, row.event): Standing(row.state, row.reason, row.attempts) for row in rows}
    unread = Standing("waiting", "", 0)
    return {
        seq: {
            place.vendor: told.get((place.id, seq), unread)
            for place in places
            if (place.id, seq) in told or seq > place.position
        }
        for seq in seqs
    }
