"""Which pages loaded a shop's tag, and which sent events and may not: origins, and the day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from server.store import tables
from server.store.database import Database
from server.store.trouble import as_cannot_keep

Sign: TypeAlias = Literal["tag", "refused"]

MOST = 20
"""Origins of each kind that are kept of a shop: the last seen. Anybody can make them up."""

_sightings = tables.sightings.c


class Sighting(msgspec.Struct, frozen=True):
    """Pages of one origin, as they were last seen."""

    kind: Sign
    origin: str
    at: int
    """Milliseconds since 1970; no more often than once a day."""


class Sightings:
    """The sightings of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, shop: str, seen: Sighting) -> None:
        """Write it down. Raises CannotKeep."""
        row = {"shop": shop, "kind": seen.kind, "origin": seen.origin, "at": seen.at}
        mine = (_sightings.shop == shop, _sightings.kind == seen.kind)
        last = select(_sightings.origin).where(*mine).order_by(_sightings.at.desc()).limit(MOST)
        with as_cannot_keep(), self._database.writing() as connection:
            connection.execute(
                insert(tables.sightings).values(row).on_conflict_do_update(set_={"at": seen.at})
            )
            connection.execute(delete(tables.sightings).where(*mine, _sightings.origin.not_in(last)))

    def of_shop(self, shop: str, since: int) -> Sequence[Sighting]:
        """What was seen of a shop since then, the last first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(_sightings.kind, _sightings.origin, _sightings.at)
                .where(_sightings.shop == shop, _sightings.at >= since)
                .order_by(_sightings.at.desc(), _sightings.origin)
            )
            return [Sighting(**row._mapping) for row in rows]
