"""What a database raises, as what callers know."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from server.errors import CannotKeep


@contextmanager
def as_cannot_keep() -> Iterator[None]:
    """Raise CannotKeep for whatever the database raises inside."""
    try:
        yield
    except (sqlite3.Error, SQLAlchemyError) as error:
        plain = getattr(error, "orig", None) or error  # without the statement and its values
        raise CannotKeep(f"the database cannot be used now: {plain}") from error
