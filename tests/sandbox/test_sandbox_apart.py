"""The sandbox can catch an adapter's mistake only while it shares no code with it."""

from __future__ import annotations

import ast
from pathlib import Path

import server.sandbox

FILES = sorted(Path(server.sandbox.__file__).parent.glob("*.py"))


def test_the_sandbox_imports_nothing_of_ours_but_the_errors():
    ours = set()
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file.name} imports relatively, past this test"
                ours.add(node.module)
            elif isinstance(node, ast.Import):
                ours |= {alias.name for alias in node.names}
    ours = {module for module in ours if module.split(".")[0] == "server"}
    assert "server.sandbox.standin" in ours
    assert {module for module in ours if not module.startswith("server.sandbox")} == {"server.errors"}
