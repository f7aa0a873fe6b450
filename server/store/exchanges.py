"""Requests and what they said of each event, as far as they have to go with the events."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, func, select, update

from server.store import tables

_requests = tables.requests.c
_tellings = tables.tellings.c


def forget(connection: Connection, seqs: Sequence[int], *, whole: bool) -> None:
    """Delete what was said of these events, and every request that said nothing else.

    Of a request that carried others too, `whole` empties the answer, which may speak of any of them.
    """
    mine = _tellings.event.in_(seqs)
    counted = select(_tellings.request, func.count()).where(mine).group_by(_tellings.request)
    counts = [{"which": row[0], "gone": row[1]} for row in connection.execute(counted)]
    if not counts:
        return
    connection.execute(delete(tables.tellings).where(mine))
    this = _requests.id == bindparam("which")
    emptied = {"reply": "", "reason": "erased"} if whole else {}
    connection.execute(
        update(tables.requests).where(this).values(left=_requests.left - bindparam("gone"), **emptied), counts
    )
    connection.execute(delete(tables.requests).where(this, _requests.left <= 0), counts)
