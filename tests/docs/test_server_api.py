"""Every curl in README and docs/server-api.md is run against a real gateway and answered as shown.

The documented answers may leave things out: "…" stands for whatever is there.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.sandbox import SandboxServer, create_sandbox
from tests.gateway import API_KEY, BLUESHIFT_KEY, ROOT, Process, configuration, eventually, gatepost
from tests.markdown import blocks, section

ADDRESS = "https://gp.myshop.example"
SHOP_ID = "0d42fd8b713d0752776ca589cc0056"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    server = SandboxServer(create_sandbox())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def running(processes: Callable[..., Process], sandbox: SandboxServer) -> Process:
    """`gatepost serve` with the shop that the documents speak of."""
    vendors = {
        "blueshift": {"api_key": BLUESHIFT_KEY, "base_url": f"{sandbox.url}/blueshift"},
        "personaclick": {"shop_id": SHOP_ID, "base_url": f"{sandbox.url}/personaclick"},
    }
    return processes(configuration(shop={"api_keys": [API_KEY], "vendors": vendors}))


def sequence(file: Path) -> list[tuple[str, Any]]:
    """Each curl of a document with the answer that is shown below it."""
    found: list[tuple[str, Any]] = []
    shown = blocks(file, "sh", "json")
    for block, following in itertools.pairwise(shown):
        if block.language == "sh" and "curl" in block.text:
            assert following.language == "json", f"{file.name}:{block.line}: no answer is shown"
            found.append((block.text, json.loads(following.text)))
    return found


def run(command: str, process: Process) -> Any:
    """What the shell makes of a command of the document; the address alone is another."""
    if shutil.which("curl") is None:
        reason = "there is no curl"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(
        [
            "sh",
            "-eu",
            "-c",
            command.replace(ADDRESS, process.url).replace("curl ", "curl --silent --show-error "),
        ],
        env={**os.environ, "DEMO_API_KEY": API_KEY},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def debug(process: Process) -> list[dict[str, Any]]:
    answer = process.http.get("/v1/demo/events/debug", headers={"Authorization": f"Bearer {API_KEY}"})
    return list(answer.json()["events"])


def settled(process: Process) -> bool:
    """Whether each vendor has what it is to have."""
    states = [
        vendor["state"]
        for record in debug(process)
        for vendor in (
            record["vendors"].get(name, {"state": "waiting"}) for name in ("blueshift", "personaclick")
        )
    ]
    return "waiting" not in states


def shows(documented: Any, answer: Any) -> bool:
    """Whether an answer is as documented, where the document says anything."""
    match documented:
        case "…":
            return True
        case dict():
            keys = documented.keys() - {"…"}
            complete = "…" in documented or keys == answer.keys()
            return complete and all(key in answer and shows(documented[key], answer[key]) for key in keys)
        case list() if "…" in documented:
            return all(one == "…" or any(shows(one, each) for each in answer) for one in documented)
        case list():
            return len(documented) == len(answer) and all(map(shows, documented, answer))
    return bool(documented == answer)


def test_every_example_of_the_server_api_is_answered_as_shown(running: Process) -> None:
    examples = sequence(ROOT / "docs" / "server-api.md")
    assert len(examples) >= 7
    for command, documented in examples:
        answer = run(command, running)
        assert shows(documented, answer), f"{command}\nis answered\n{json.dumps(answer, indent=2)}"
        eventually(lambda: settled(running))


def test_the_example_in_the_readme_is_answered_and_explained_as_shown(running: Process) -> None:
    readme = ROOT / "README.md"
    ((command, documented),) = sequence(readme)
    assert shows(documented, run(command, running))
    eventually(lambda: settled(running))

    (told,) = [block.text for block in blocks(readme, "text") if block.text.startswith("purchase ")]
    assert "gatepost explain 1042" in section(readme, "The shop's own server")
    explained = gatepost("explain", "1042", "--config", str(running.file), folder=running.file.parent)
    form = ".*".join(re.escape(part) for part in told.split("…"))
    assert re.fullmatch(form, explained.stdout), explained.stdout
