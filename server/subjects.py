"""`gatepost export` and `gatepost forget`: one person's data, for whoever answers the person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from server.clock import Clock, system_clock
from server.commands import existing_database
from server.configure import read_settings
from server.errors import GatepostError
from server.explain import moment
from server.rights import Subjects, in_words


def export_subject(config: Path, shop: str, named: Mapping[str, str]) -> Iterator[bytes]:
    """All that is kept of a person, as one JSON object per visitor, each with a line of its own, in pieces.

    `named` is one of visitor, user (an id, e-mail or phone) and order. Raises GatepostError when nothing is.
    """
    with _subjects(config, shop) as subjects:
        for visitor in _found(subjects, shop, named):
            yield from subjects.export(shop, visitor) or ()
            yield b"\n"


def forget_subject(
    config: Path, shop: str, named: Mapping[str, str], clock: Clock = system_clock
) -> Iterator[str]:
    """Erase a person and say what was done. Raises GatepostError when nothing is kept of them."""
    with _subjects(config, shop) as subjects:
        for visitor in _found(subjects, shop, named):
            yield from in_words(subjects.erase(shop, visitor, clock()))


def _found(subjects: Subjects, shop: str, named: Mapping[str, str]) -> list[str]:
    given = {kind: name for kind, name in named.items() if name}
    if len(given) != 1:
        raise GatepostError("name the person by exactly one of --visitor, --user and --order")
    ((kind, name),) = given.items()
    found = subjects.find(shop, **given)
    if found:
        return found
    if kind == "visitor" and (at := subjects.erased_at(shop, name)) is not None:
        raise GatepostError(f"visitor {name} of shop {shop} was erased on {moment(at)}; nothing is kept")
    raise GatepostError(f"nothing is kept in shop {shop} of {kind} {name}")


@contextmanager
def _subjects(config: Path, shop: str) -> Iterator[Subjects]:
    settings = read_settings(config)
    if shop not in settings.shops:
        raise GatepostError(f"{shop}: no such shop in {config}; it has {', '.join(settings.shops)}")
    database = existing_database(settings)
    try:
        yield Subjects(database)
    finally:
        database.close()
