"""What becomes of events at a destination, and how it is written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from server.store import tables

State: TypeAlias = Literal["waiting", "delivered", "not_wanted", "dead"]


class Outcome(msgspec.Struct, frozen=True):
    """What became of an event at a destination."""

    event: int
    visitor: str
    state: State
    reason: str
    at: int
    receipt: str = ""
    attempts: int = 0
    told: int = 0
    next_at: int | None = None
    """Of one that waits: when to try again, or None behind an earlier one of its visitor that waits."""


class Telling(msgspec.Struct, frozen=True):
    """What a request said of one event."""

    event: int
    body: bytes
    """The messages, or the query of an introduction, as a JSON list."""


class Attempt(msgspec.Struct, frozen=True):
    """One request that was made, and what came of it."""

    at: int
    took: int
    """Milliseconds."""
    method: str
    path: str
    status: int | None
    reply: str
    outcome: str
    reason: str
    tellings: Sequence[Telling] = ()


class Hold(msgspec.Struct, frozen=True):
    """Since when and why a destination is held, and when it is tried next."""

    since: int
    reason: str
    probe_at: int


class Report(msgspec.Struct):
    """What a relay has to write down of one destination, all at once."""

    destination: int
    outcomes: list[Outcome]
    attempts: list[Attempt]
    ids: dict[str, dict[str, str]]
    """What the vendor gave us, by visitor."""
    position: int
    hold: Hold | None


_CHANGING = tuple(field for field in Outcome.__struct_fields__ if field not in ("event", "visitor"))

_encode = msgspec.json.Encoder().encode


def write(connection: Connection, report: Report, last_request: int) -> int:
    """Write a report down, its requests numbered from after `last_request`; returns the last number given.

    Nothing is written of events and visitors that were erased meanwhile: they are counted already.
    """
    report = _of_what_is_left(connection, report)
    number = _write_attempts(connection, report, last_request)
    _write_outcomes(connection, report)
    _write_ids(connection, report)
    _write_destination(connection, report)
    return number


def _of_what_is_left(connection: Connection, report: Report) -> Report:
    told = {telling.event for attempt in report.attempts for telling in attempt.tellings}
    seqs = told.union(outcome.event for outcome in report.outcomes)
    events = tables.events.c
    left = set(connection.execute(select(events.seq).where(events.seq.in_(seqs))).scalars()) if seqs else seqs
    gone = _erased(connection, report.destination, report.ids) if report.ids else set()
    if left == seqs and not gone:
        return report
    attempts = [
        msgspec.structs.replace(attempt, tellings=[one for one in attempt.tellings if one.event in left])
        for attempt in report.attempts
    ]
    return Report(
        report.destination,
        [outcome for outcome in report.outcomes if outcome.event in left],
        [attempt for attempt in attempts if attempt.tellings],
        {visitor: ids for visitor, ids in report.ids.items() if visitor not in gone},
        report.position,
        report.hold,
    )


def _erased(connection: Connection, destination: int, visitors: Iterable[str]) -> set[str]:
    stones, destinations = tables.tombstones.c, tables.destinations.c
    rows = connection.execute(
        select(stones.visitor)
        .join(tables.destinations, destinations.shop == stones.shop)
        .where(destinations.id == destination, stones.visitor.in_(list(visitors)))
    )
    return set(rows.scalars())


def _write_attempts(connection: Connection, report: Report, number: int) -> int:
    requests: list[dict[str, Any]] = []
    tellings: list[dict[str, Any]] = []
    for attempt in report.attempts:
        number += 1
        requests.append(
            {
                "id": number,
                "destination": report.destination,
                "events": len(attempt.tellings),
                "left": len(attempt.tellings),
                **{
                    field: getattr(attempt, field)
                    for field in Attempt.__struct_fields__
                    if field != "tellings"
                },
            }
        )
        tellings += [
            {
                "event": telling.event,
                "destination": report.destination,
                "request": number,
                "body": telling.body,
            }
            for telling in attempt.tellings
        ]
    if requests:
        connection.execute(insert(tables.requests), requests)
    if tellings:
        connection.execute(insert(tables.tellings), tellings)
    return number


def _write_destination(connection: Connection, report: Report) -> None:
    hold = report.hold
    connection.execute(
        update(tables.destinations)
        .where(tables.destinations.c.id == report.destination)
        .values(
            position=report.position,
            held_since=hold.since if hold else None,
            held_reason=hold.reason if hold else "",
            probe_at=hold.probe_at if hold else None,
        )
    )


def _write_outcomes(connection: Connection, report: Report) -> None:
    if not report.outcomes:
        return
    statement = insert(tables.deliveries)
    statement = statement.on_conflict_do_update(
        index_elements=["destination", "event"],
        set_={field: statement.excluded[field] for field in _CHANGING},
    )
    connection.execute(
        statement,
        [{"destination": report.destination, **_row(outcome)} for outcome in report.outcomes],
    )
    settled = Counter(
        (outcome.state, outcome.reason if outcome.state == "not_wanted" else "")
        for outcome in report.outcomes
        if outcome.state != "waiting"
    )
    if settled:
        total = insert(tables.totals)
        connection.execute(
            total.on_conflict_do_update(
                index_elements=["destination", "state", "reason"],
                set_={"count": tables.totals.c.count + total.excluded.count},
            ),
            [
                {"destination": report.destination, "state": state, "reason": reason, "count": count}
                for (state, reason), count in settled.items()
            ],
        )


def _write_ids(connection: Connection, report: Report) -> None:
    if not report.ids:
        return
    statement = insert(tables.vendor_ids)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["destination", "visitor"], set_={"ids": statement.excluded.ids}
        ),
        [
            {"destination": report.destination, "visitor": visitor, "ids": _encode(ids)}
            for visitor, ids in report.ids.items()
        ],
    )


def _row(outcome: Outcome) -> dict[str, Any]:
    return {field: getattr(outcome, field) for field in Outcome.__struct_fields__}
