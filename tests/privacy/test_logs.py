"""What is logged says where something went wrong, and nothing of the data over which it did."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from server.errors import CannotKeep
from server.logs import Formatter
from tests.gateway import GRANTED, Process, configuration, event
from tests.gateway import WEB as WEB_HALF

PERSON = "ann@mail.example"
ADDRESS = "Elm Street 1"


def logged(error: Callable[[], object], message: str = "it went wrong", *args: object) -> str:
    """What is logged when this raises."""
    try:
        error()
    except Exception:
        record = logging.LogRecord("server.test", logging.ERROR, __file__, 1, message, args, sys.exc_info())
        return Formatter().format(record)
    raise AssertionError("nothing was raised")


def stumbles() -> None:
    float(f"{PERSON}, {ADDRESS}")


def stumbles_over_another() -> None:
    try:
        stumbles()
    except ValueError as error:
        raise RuntimeError(f"no number: {ADDRESS}") from error


def cannot_keep() -> None:
    raise CannotKeep("the disk is full")


@pytest.mark.parametrize("raises", [stumbles, stumbles_over_another])
def test_a_traceback_says_where_and_not_over_what(raises: Callable[[], None]) -> None:
    text = logged(raises)
    assert PERSON not in text
    assert ADDRESS not in text
    assert "builtins.ValueError" in text
    assert re.search(r"test_logs\.py\", line \d+, in stumbles\n", text)


def test_an_error_behind_another_is_told_too() -> None:
    text = logged(stumbles_over_another)
    assert text.index("builtins.ValueError") < text.index("and then") < text.index("builtins.RuntimeError")


def test_what_the_machine_says_is_told() -> None:
    assert "server.errors.CannotKeep: the disk is full" in logged(cannot_keep)
    assert "No such file" in logged(lambda: Path("/nowhere/at/all").read_text("utf-8"))


def test_no_email_address_is_logged_whoever_logs_it() -> None:
    assert "[redacted]" in logged(cannot_keep, "refused: %s", PERSON)
    assert PERSON not in logged(cannot_keep, "refused: %s", PERSON)


def test_what_another_handler_wrote_before_is_not_repeated() -> None:
    try:
        stumbles()
    except ValueError:
        record = logging.LogRecord("server.test", logging.ERROR, __file__, 1, "no", (), sys.exc_info())
    assert PERSON in logging.Formatter().format(record)
    assert PERSON not in Formatter().format(record)


def test_a_web_worker_logs_with_time_and_place(processes: Callable[..., Process]) -> None:
    process = processes(configuration(), *WEB_HALF)
    process.browser().send(event("page_view"), consent=GRANTED)
    for database in (process.file.parent / "var").glob("gatepost.db*"):
        database.write_bytes(b"no database")
    process.browser().send(event("page_view"), consent=GRANTED)
    said = process.log.read_text("utf-8")
    assert re.search(r"^\d{4}-\d\d-\d\d [\d:,]+ ERROR server\.[a-z.]+: ", said, re.MULTILINE), said
