"""Tries at the console's password, counted for all web processes together.

From one address some tries are free, then each has to wait longer. All addresses together have so many an
hour: whoever guesses from many at once is stopped as well.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from server.store import tables
from server.store.database import Database
from server.store.trouble import as_cannot_keep

FREE = 5
"""Tries from one address before the first wait."""
FIRST_WAIT = 30_000
"""Milliseconds; twice as long after each further try."""
LONGEST_WAIT = 3_600_000
FORGOTTEN = 86_400_000
"""Milliseconds after which an address has its free tries again."""
ALL = 100
"""Failed tries of everybody within an hour."""
HOUR = 3_600_000
EVERYBODY = ""

_sign_ins = tables.sign_ins.c


class SignIns:
    """Who tried, how often. `who` is never an address itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, who: str, now: int) -> int:
        """Count a try before it is made: 0 when it may be; else in how many milliseconds, and nothing counts.

        Counting comes first, so that a hundred tries at the same moment are a hundred. Raises CannotKeep.
        """
        with as_cannot_keep(), self._database.writing() as connection:
            connection.execute(delete(tables.sign_ins).where(_sign_ins.at < now - FORGOTTEN))
            mine, mine_at = _found(connection, who)
            all_, all_at = _found(connection, EVERYBODY)
            if now - all_at >= HOUR or all_at > now:
                all_, all_at = 0, now
            wait = max(_pause(mine) - abs(now - mine_at), all_at + HOUR - now if all_ >= ALL else 0)
            if wait > 0:
                return wait
            _write(connection, who, mine + 1, now)
            _write(connection, EVERYBODY, all_ + 1, all_at)
        return 0

    def succeeded(self, who: str) -> None:
        """The claimed try was right: it and those before it from the same address count no more."""
        with as_cannot_keep(), self._database.writing() as connection:
            connection.execute(delete(tables.sign_ins).where(_sign_ins.who == who))
            all_, at = _found(connection, EVERYBODY)
            _write(connection, EVERYBODY, max(0, all_ - 1), at)


def _pause(tries: int) -> int:
    """How long after so many tries the next may be made."""
    return 0 if tries < FREE else min(LONGEST_WAIT, FIRST_WAIT << min(tries - FREE, 20))


def _found(connection: Connection, who: str) -> tuple[int, int]:
    row = connection.execute(select(_sign_ins.tries, _sign_ins.at).where(_sign_ins.who == who)).first()
    return (row.tries, row.at) if row else (0, 0)


def _write(connection: Connection, who: str, tries: int, at: int) -> None:
    statement = insert(tables.sign_ins).values(who=who, tries=tries, at=at)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["who"], set_={"tries": statement.excluded.tries, "at": statement.excluded.at}
        )
    )
