"""Markdown as the tests of the documents read it: fenced blocks, tables, sections, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text with the last line's end, and where it begins."""

    language: str
    text: str
    line: int


def blocks(file: Path, *languages: str) -> list[Block]:
    """The fenced blocks of these languages, or all of them, in order."""
    text = file.read_text("utf-8")
    found = [
        Block(
            fence[2],
            re.sub(f"^{fence[1]}", "", fence[3], flags=re.MULTILINE),
            text.count("\n", 0, fence.start()) + 1,
        )
        for fence in _FENCE.finditer(text)
    ]
    return [block for block in found if not languages or block.language in languages]


def prose(file: Path) -> str:
    """The text without its fenced blocks."""
    return _FENCE.sub("", file.read_text("utf-8"))


def section(file: Path, title: str) -> str:
    """What stands under a heading, down to the next of its level or above. Fails when there is none."""
    text = file.read_text("utf-8")
    bare = _FENCE.sub(lambda fence: re.sub(r"^#", "\0", fence[0], flags=re.MULTILINE), text)
    for heading in _HEADING.finditer(bare):
        if heading[2].strip() == title:
            rest = bare[heading.end() :]
            end = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
            return rest[: end.start() if end else None].replace("\0", "#")
    raise AssertionError(f"{file.name} has no section {title!r}")


def tables(text: str) -> list[list[dict[str, str]]]:
    """The tables of a text, each as rows by column name."""
    found = []
    for match in re.finditer(r"(?:^\|.*\|\n)+", text + "\n", re.MULTILINE):
        head, _, *rows = (_cells(line) for line in match[0].splitlines())
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def links(file: Path) -> list[str]:
    """Where links and pictures point."""
    return [link[1] or link[2] for link in _LINK.finditer(prose(file))]


def anchors(file: Path) -> set[str]:
    """The names that headings can be linked to by, made as GitHub makes them."""
    titles = (heading[2] for heading in _HEADING.finditer(prose(file)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def code(cell: str) -> list[str]:
    """The code spans of a piece of text."""
    return re.findall(r"`([^`]+)`", cell)
