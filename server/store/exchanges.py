"""Requests and what they said of each event, as far as they have to go with the events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, delete, func, select, update

from server.store import tables

CHUNK = 500
"""Ids in one statement."""

_requests = tables.requests.c
_tellings = tables.tellings.c


def forget(connection: Connection, seqs: Sequence[int], *, whole: bool) -> None:
    """Delete what was said of these events, and every request that said nothing else.

    Of a request that carried others too, `whole` empties the answer, which may speak of any of them.
    """
    mine = _tellings.event.in_(seqs)
    carried = select(_tellings.request, func.count()).where(mine).group_by(_tellings.request)
    counts: dict[int, int] = {row[0]: row[1] for row in connection.execute(carried)}
    connection.execute(delete(tables.tellings).where(mine))
    for ids in _chunks(list(counts)):
        rows = connection.execute(select(_requests.id, _requests.events).where(_requests.id.in_(ids))).all()
        empty = [row.id for row in rows if row.events <= counts[row.id]]
        shared = [row.id for row in rows if row.events > counts[row.id]]
        connection.execute(delete(tables.requests).where(_requests.id.in_(empty)))
        if whole and shared:
            connection.execute(
                update(tables.requests).where(_requests.id.in_(shared)).values(reply="", reason="erased")
            )


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for begin in range(0, len(ids), CHUNK):
        yield ids[begin : begin + CHUNK]
