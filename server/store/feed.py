"""Events as they came, newest first, narrowed down; however many are kept, an answer takes no longer.

What no index tells is looked for in one event after the other, for a limited time: then the answer says how
far it looked, and the next one goes on from there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, String, and_, cast, func, literal, or_, select

from server.event import Event
from server.store import tables
from server.store.database import Database

Outcome: TypeAlias = Literal["delivered", "not_wanted", "waiting", "dead"]

LOOKED = 500
"""Events looked at in one step."""
PATIENCE = 0.12
"""Seconds after which no further step is begun."""

_events = tables.events.c
_deliveries = tables.deliveries.c
_destinations = tables.destinations.c
_event_decoder = msgspec.json.Decoder(Event)


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
        with self._database.reading() as connection:
            places = _places(connection, shop)
            seqs: list[int] = []
            while len(seqs) < limit:
                candidates = _candidates(connection, shop, wanted, places, before)
                if not candidates:
                    return Found(_lines(connection, seqs, places), None, None)
                for seq in _fitting(connection, shop, wanted, places, candidates):
                    seqs.append(seq)
                    if len(seqs) == limit:
                        return Found(_lines(connection, seqs, places), seq, None)
                before = candidates[-1]
                if len(seqs) < limit and self._stopwatch() - begun > PATIENCE:
                    back_to = connection.scalar(select(_events.received).where(_events.seq == before))
                    return Found(_lines(connection, seqs, places), before, back_to)
        return Found([], None, None)  # for a limit of none

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


def _candidates(
    connection: Connection, shop: str, wanted: Wanted, places: Sequence[_Place], before: int | None
) -> list[int]:
    """The next seqs that may be wanted, newest first, from the index that tells most."""
    if wanted.outcome in ("dead", "waiting"):
        return _unsettled(connection, shop, wanted, places, before)
    mine = [_events.shop == shop]
    if wanted.visitor:
        mine.append(_events.visitor == wanted.visitor)
    elif wanted.name:
        mine.append(_events.name == wanted.name)
    return _newest(connection, mine, before)


def _newest(connection: Connection, mine: Sequence[ColumnElement[bool]], before: int | None) -> list[int]:
    earlier = [] if before is None else [_events.seq < before]
    statement = select(_events.seq).where(*mine, *earlier).order_by(_events.seq.desc()).limit(LOOKED)
    return list(connection.execute(statement).scalars())


def _unsettled(
    connection: Connection, shop: str, wanted: Wanted, places: Sequence[_Place], before: int | None
) -> list[int]:
    """Those that are dead, or wait: few beside all others, and with an index of their own."""
    found: set[int] = set()
    for place in _meant(wanted, places):
        earlier = [] if before is None else [_deliveries.event < before]
        found.update(
            connection.execute(
                select(_deliveries.event)
                .where(
                    _deliveries.destination == place.id,
                    # In the statement itself: an index of some rows serves only who asks for just those.
                    _deliveries.state == literal(wanted.outcome, literal_execute=True),
                    *earlier,
                )
                .order_by(_deliveries.event.desc())
                .limit(LOOKED)
            ).scalars()
        )
        if wanted.outcome == "waiting":
            unread = [_events.shop == shop, _events.seq > place.position]
            found.update(_newest(connection, unread, before))
    return sorted(found, reverse=True)[:LOOKED]


def _fitting(
    connection: Connection,
    shop: str,
    wanted: Wanted,
    places: Sequence[_Place],
    candidates: Sequence[int],
) -> Iterator[int]:
    """Those of the candidates that are wanted, newest first."""
    conditions = [_events.seq.in_(candidates), _events.shop == shop, *_told_by_event(wanted)]
    if wanted.vendor or wanted.outcome:
        conditions.append(or_(*(_stands(place, wanted.outcome) for place in _meant(wanted, places))))
    statement = select(_events.seq).where(*conditions).order_by(_events.seq.desc())
    yield from connection.execute(statement).scalars().all()


def _told_by_event(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.name:
        yield _events.name == wanted.name
    if wanted.visitor:
        yield _events.visitor == wanted.visitor
    if wanted.page:
        body = cast(_events.body, String)
        # The whole record first: it is quicker to search than to take apart.
        yield func.instr(body, json.dumps(wanted.page, ensure_ascii=False)[1:-1]) > 0
        yield func.instr(func.json_extract(body, "$.page.url"), wanted.page) > 0


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
        select(_events.seq, _events.body).where(_events.seq.in_(seqs)).order_by(_events.seq.desc())
    ).all()
    standings = _standings(connection, seqs, places)
    return [Line(row.seq, _event_decoder.decode(row.body), standings[row.seq]) for row in rows]


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
