"""What README and docs/ point at is there: files, headings, commands, make targets."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from server.__main__ import cli
from tests.gateway import ROOT
from tests.markdown import anchors, blocks, code, links, prose, section, tables

README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
EACH = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)


def commands(group: click.Group = cli, *path: str) -> dict[str, click.Command]:
    """Every command of the command line, by its words."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, *path, name)
        else:
            found[" ".join((*path, name))] = command
    return found


@EACH
def test_every_link_and_picture_leads_somewhere(document: Path) -> None:
    for link in links(document):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), f"{document.name} links to {link}, which is not there"
        assert not anchor or anchor in anchors(target), f"{document.name} links to {link}: no such heading"


def test_every_document_is_reached_from_the_readme() -> None:
    reached, new = {README}, [README]
    while new:
        here = new.pop()
        for link in links(here):
            target = (here.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in reached:
                reached.add(target)
                new.append(target)
    assert reached >= {file.resolve() for file in (ROOT / "docs").rglob("*.md")}


def test_every_picture_is_shown() -> None:
    shown = {(file.parent / link).resolve() for file in DOCUMENTS for link in links(file)}
    shown |= {(README.parent / name).resolve() for name in re.findall(r'srcset="([^"]+)"', prose(README))}
    assert {file.resolve() for file in (ROOT / "docs" / "pictures").iterdir()} <= shown


def test_the_readme_names_every_command_and_no_other() -> None:
    (table,) = tables(section(README, "Commands"))
    named = [span.removeprefix("gatepost ") for row in table for span in code(row["command"])]
    assert sorted(named) == sorted(commands())


@EACH
def test_every_command_shown_is_one_that_gatepost_takes(document: Path) -> None:
    shown = re.findall(r"`(gatepost [a-z][^`]*)`", prose(document))
    for block in blocks(document, "sh", "ini"):
        shown += re.findall(r"(?:^|[/=])(gatepost [a-z].*)$", block.text, re.MULTILINE)
    for line in shown:
        words = shlex.split(line, comments=True)[1:]
        path = [word for word in words if re.fullmatch("[a-z]+", word)]
        name = next((name for name in (" ".join(path[:2]), path[0]) if name in commands()), None)
        assert name or path[0] in cli.commands, f"{document.name} shows {line!r}: there is no such command"
        if name:
            arguments = words[len(name.split()) :]
            commands()[name].make_parser(click.Context(commands()[name])).parse_args(arguments)


@EACH
def test_every_make_target_shown_has_a_rule(document: Path) -> None:
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = re.findall(r"`make ([a-z]+)", prose(document))
    for block in blocks(document, "sh"):
        shown += re.findall(r"^make ([a-z]+)", block.text, re.MULTILINE)
    assert set(shown) <= rules


def test_the_life_of_an_event_names_files_that_are_there_and_in_use() -> None:
    text = section(README, "The life of one event")
    files = [ROOT / link for link in re.findall(r"\]\(([^)]+)\)", text)]
    assert len(files) > 15
    sources = [file.read_text("utf-8") for name in ("server", "static/tag") for file in _code(ROOT / name)]
    for file in files:
        assert file.is_file(), f"{file} is not there"
        stem = file.parent.name if file.stem == "__init__" else file.stem
        used = re.compile(rf"from [\w.]*\b{stem}\b|import [^\n]*\b{stem}\b|from \"\./{stem}\.js\"")
        assert any(used.search(source) for source in sources), f"nothing uses {file.name}"


def _code(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.suffix in (".py", ".js")]
