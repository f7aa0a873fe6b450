"""Every setting is in the README with its default, and every piece of configuration shown is accepted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.configure import read_settings
from server.initial import write_configuration
from server.settings import Secret, Settings, Shop, TagSettings, VendorSettings
from server.vendors import VENDORS
from tests.gateway import ROOT, SECRET
from tests.markdown import blocks, code, section, tables

README = ROOT / "README.md"
TABLES = tables(section(README, "Configuration"))
TYPES: dict[str, type[VendorSettings]] = {vendor.name: vendor.Settings for vendor in VENDORS}
NOT_KEYS = {"file", "shops", "tag", "vendors"}
"""Not written as a key: where the file is, and what has tables of its own."""


def expected(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Each key with its default as TOML writes it, or "required"."""
    fields = [field for field in msgspec.structs.fields(struct) if field.name not in NOT_KEYS]
    return {field.name: "required" if field.required else f"`{_toml(field.default)}`" for field in fields}


def _toml(value: Any) -> str:
    plain = value.reveal() if isinstance(value, Secret) else value
    return json.dumps(str(plain) if isinstance(plain, Path) else plain)


def documented(rows: list[dict[str, str]]) -> dict[str, str]:
    return {code(row["key"])[0]: row["default"] for row in rows}


def test_every_key_of_the_file_is_explained_with_its_default_and_no_other_key_is() -> None:
    assert documented(TABLES[0]) == expected(Settings)


def test_every_key_of_a_shop_is_explained_with_its_default_and_no_other_key_is() -> None:
    assert documented(TABLES[1]) == expected(Shop)


def test_every_key_of_the_tag_is_explained_with_its_default_and_no_other_key_is() -> None:
    assert documented(TABLES[2]) == expected(TagSettings)


def test_every_key_of_every_vendor_is_explained_with_its_default_and_no_other_key_is() -> None:
    found = {}
    for row in TABLES[3]:
        keys = dict.fromkeys(code(row["needs"]), "required")
        keys |= re.findall(r"`(\w+)` = (`[^`]+`)", row["may have"])
        keys |= {key: row[f"`{key}`"] for key in ("purpose", "base_url")}
        found[code(row["vendor"])[0]] = keys
    assert found == {name: expected(settings) for name, settings in TYPES.items()}


@pytest.mark.parametrize("document", [README, ROOT / "docs" / "running.md"], ids=lambda file: file.name)
def test_every_piece_of_configuration_shown_is_accepted(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEPOST_SECRET", SECRET)
    shown = blocks(document, "toml")
    assert shown
    for number, block in enumerate(shown):
        file = tmp_path / f"{number}.toml"
        file.write_text(_completed(block.text), "utf-8")
        read_settings(file)


def _completed(text: str) -> str:
    """What a document shows is a part; the rest is added."""
    head, *tables = re.split(r"^(?=\[[a-z])", text, flags=re.MULTILINE)
    for line in ('public_url = "https://gp.myshop.example"', f'secrets = ["{SECRET}"]'):
        if line.partition(" ")[0] not in re.findall(r"^\w+", head, re.MULTILINE):
            head += line + "\n"
    shop = '[shops.demo]\norigins = ["https://www.myshop.example"]\n'
    return "\n".join((head, shop, *tables))


def test_what_init_writes_shows_every_vendor_with_its_keys_and_their_defaults(tmp_path: Path) -> None:
    """Commented out, so that a vendor's table needs nothing but its `#` taken away and its key put in."""
    file = tmp_path / "gatepost.toml"
    write_configuration(file)
    text = file.read_text("utf-8")
    for name, settings in TYPES.items():
        table = re.search(
            rf"^# \[shops\.demo\.vendors\.{name}\]\n((?:# [a-z_]+ = .*\n?)+)", text, re.MULTILINE
        )
        assert table, f"init shows no table for {name}"
        shown = dict(line[2:].split(" = ", 1) for line in table[1].splitlines())
        wanted = {
            key: '""' if default == "required" else default.strip("`")
            for key, default in expected(settings).items()
            if key != "base_url"
        }
        assert shown == wanted


def test_what_init_writes_shows_every_key_of_the_tag_with_its_default(tmp_path: Path) -> None:
    file = tmp_path / "gatepost.toml"
    write_configuration(file)
    text = file.read_text("utf-8")
    table = re.search(r"^# \[shops\.demo\.tag\]\n((?:# [a-z_]+ = .*\n?)+)", text, re.MULTILINE)
    assert table
    shown = dict(line[2:].split(" = ", 1) for line in table[1].splitlines())
    assert shown == {key: default.strip("`") for key, default in expected(TagSettings).items()}


def test_what_init_writes_is_accepted_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "gatepost.toml"
    write_configuration(file)
    settings = read_settings(file)
    assert settings.shops["demo"].consent == "required"
    assert len(settings.secrets[0].reveal()) == 64
