"""What is logged: when, where and what went wrong, but not the data over which it went wrong."""

from __future__ import annotations

import logging
import sqlite3
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType

from server.errors import CannotKeep
from server.redact import redact_addresses

_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

_HARMLESS = (CannotKeep, OSError, sqlite3.Error)
"""Errors whose words are of the machine. Those of any other may repeat a value that they did not expect."""


class Formatter(logging.Formatter):
    """Lines without e-mail addresses, and tracebacks without what the exceptions say."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record as it is logged."""
        # A handler that came before may have left its own traceback here, with everything in it.
        record.exc_text = None
        text = super().format(record)
        record.exc_text = None
        return "\n".join(redact_addresses(line) for line in text.split("\n"))

    def formatException(self, ei: _Raised) -> str:  # noqa: N802 - so it is called there
        """Where an exception came from, and each that led to it."""
        return "".join(_lines(ei[1])).rstrip("\n")


def _lines(error: BaseException | None) -> Iterator[str]:
    if error is None:
        return
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _lines(earlier)
        yield "and then\n"
    yield from traceback.format_tb(error.__traceback__)
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    yield f"{kind}: {error}\n" if isinstance(error, _HARMLESS) else f"{kind}\n"


def configure() -> None:
    """Log to stderr, in this process; each process that is started has to do it anew."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every vendor's URL
    logging.getLogger("alembic").setLevel(logging.WARNING)
