"""The tag's JSDoc types hold, and those that shops are given mean what they say.

TypeScript comes from npm: where that is missing these are skipped with the reason, but fail in CI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.gateway import ROOT

TYPESCRIPT = "typescript@7"

GOOD = """
import "./gatepost";
gatepost.push(["track", "view_item", {currency: "EUR", items: [{item_id: 1, price: 2, size: "M"}]}]);
gatepost.push(["track", "view_item"], ["page", {type: "product"}], ["reset"], ["debug", true]);
gatepost.push(["track", "newsletter", {source: "footer"}]);
gatepost.push(["identify", {id: 1, first_name: "Ada"}], ["consent", {marketing: "granted", own: "denied"}]);
gatepost.track?.("purchase", {transaction_id: "1", items: []});
window.gatepost.privacy?.().consent.marketing;
"""

BAD = {
    "items are missing": 'gatepost.push(["track", "add_to_cart", {currency: "EUR"}]);',
    "a price is a text": 'gatepost.push(["track", "view_item", {items: [{item_id: "1", price: "2"}]}]);',
    "no decision": 'gatepost.push(["consent", {marketing: "yes"}]);',
    "no type of page": 'gatepost.push(["page", {type: "prodct"}]);',
    "no command": 'gatepost.push(["trak", "view_item"]);',
    "no order number": 'gatepost.track?.("purchase", {items: []});',
}


@pytest.fixture(scope="module")
def tsc(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The compiler, installed once for the run."""
    npm = shutil.which("npm")
    folder = tmp_path_factory.mktemp("npm")
    reason = "npm is not installed"
    if npm:
        install = [npm, "install", "--silent", "--no-package-lock", "--prefix", str(folder), TYPESCRIPT]
        done = subprocess.run(install, capture_output=True, text=True, timeout=300)
        if done.returncode == 0:
            return [str(folder / "node_modules" / ".bin" / "tsc")]
        reason = "npm cannot install TypeScript"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize("part", ["tag", "debug"])
def test_the_scripts_keep_to_their_types(tsc: list[str], part: str) -> None:
    done = subprocess.run(
        [*tsc, "-p", str(ROOT / "static" / part / "jsconfig.json")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def complaints(tsc: list[str], folder: Path, script: str) -> str:
    """What the compiler says to a shop's script."""
    shutil.copy(ROOT / "static" / "types" / "gatepost.d.ts", folder)
    (folder / "shop.ts").write_text(script)
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "es2022"]
    command = [*tsc, *options, "--moduleResolution", "bundler", str(folder / "shop.ts")]
    return subprocess.run(command, capture_output=True, text=True).stdout


def test_what_a_shop_may_say_is_accepted(tsc: list[str], tmp_path: Path) -> None:
    assert complaints(tsc, tmp_path, GOOD) == ""


@pytest.mark.parametrize("what", BAD)
def test_what_a_shop_may_not_say_is_noticed(tsc: list[str], tmp_path: Path, what: str) -> None:
    assert "error TS" in complaints(tsc, tmp_path, f'import "./gatepost";\n{BAD[what]}')
