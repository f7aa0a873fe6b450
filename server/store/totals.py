"""The counts that outlive what they count."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from server.store import tables

EARLIER = "earlier"
"""The state under which is kept how many events of the shop came before the destination was there."""


def add(connection: Connection, destination: int, state: str, reason: str, change: int) -> None:
    """Count so many more deliveries that ended so; fewer, when `change` is negative."""
    if not change:
        return
    statement = insert(tables.totals).values(
        destination=destination, state=state, reason=reason, count=change
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["destination", "state", "reason"],
            set_={"count": tables.totals.c.count + statement.excluded.count},
        )
    )
