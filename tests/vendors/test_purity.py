"""A vendor's file is a pure translator: no network, no database, no clock, no chance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import server.vendors

FILES = sorted(set(Path(server.vendors.__path__[0]).glob("*.py")) - {Path(server.vendors.__file__)})
"""All but the registry, which looks up what is installed."""

MODULES = {
    *("__future__", "abc", "collections", "collections.abc", "functools", "itertools", "typing", "enum"),
    *("base64", "datetime", "decimal", "hashlib", "json", "math", "re", "uuid", "msgspec"),
    *("server.event", "server.settings", "server.values", "server.vocabulary"),
}
CLOCKS_AND_CHANCE = {"now", "utcnow", "today", "uuid1", "uuid4", "getnode"}


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_vendors_file_imports_only_what_cannot_reach_out(file: Path) -> None:
    found = set(imports(ast.parse(file.read_text())))
    assert {module for module in found if not module.startswith("server.vendors")} <= MODULES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_vendors_file_asks_no_clock_and_leaves_nothing_to_chance(file: Path) -> None:
    assert not set(names(ast.parse(file.read_text()))) & CLOCKS_AND_CHANCE


def test_each_vendor_has_a_file_of_its_own_named_as_in_the_configuration() -> None:
    assert {file.stem for file in FILES} >= {vendor.name for vendor in server.vendors.VENDORS}
