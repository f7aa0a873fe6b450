"""Brings a database to the tables of this version."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, insert, select

from server.errors import GatepostError
from server.store import tables

_SCRIPTS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = threading.Lock()
"""Alembic knows one connection for the whole process: two threads would migrate each other's database."""


def migrate(engine: Engine) -> None:
    """Apply the migrations that the database lacks, and make the installation's own key.

    Raises GatepostError when the database is of a later version than this program.
    """
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    with _ONE_AT_A_TIME, engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            if "locate revision" in str(error):
                raise GatepostError(
                    "was made by a later version of Gatepost; install that version again"
                ) from None
            raise
        _make_key(connection)


def _make_key(connection: Connection) -> None:
    row = connection.execute(select(tables.keys.c.name).where(tables.keys.c.name == "pseudonyms")).first()
    if row is None:
        connection.execute(insert(tables.keys).values(name="pseudonyms", value=secrets.token_bytes(32)))


def differences(engine: Engine) -> list[object]:
    """How the database differs from `tables`; empty when the migrations lead exactly there."""
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), tables.metadata))
