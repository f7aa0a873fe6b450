"""docs/running.md, tried out: nginx before a real gateway, the unit's command, the backup."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import httpx
import pytest

from server.__main__ import cli
from server.configure import read_settings
from server.store.database import FILE, Database
from server.store.history import History
from tests.gateway import (
    API_KEY,
    GRANTED,
    ORIGIN,
    PATH_MODE,
    ROOT,
    SUBDOMAIN,
    Process,
    configuration,
    event,
    eventually,
    free_port,
    write_configuration,
)
from tests.markdown import blocks

DOCUMENT = ROOT / "docs" / "running.md"
README = ROOT / "README.md"


@contextmanager
def nginx(servers: str, port: int, folder: Path) -> Iterator[str]:
    """nginx with these `server` blocks, until the block ends; yields its address."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        reason = "there is no nginx"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""  # it is to read and write this folder
    file = folder / "nginx.conf"
    file.write_text(
        f"{user}daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{servers}\n}}\n",
        "utf-8",
    )
    process = subprocess.Popen(
        [program, "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: process.poll() is not None or _answers(url))
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        yield url
    finally:
        process.terminate()
        process.wait(20)
        if process.stderr:
            process.stderr.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code > 0
    except httpx.TransportError:
        return False


def of_this_machine(text: str, port: int, gateway: Process) -> str:
    """The document's nginx with other addresses, and without the certificate that nobody here has."""
    text = re.sub(r"^ *ssl_certificate.*\n", "", text, flags=re.MULTILINE)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    assert "http://127.0.0.1:8000" in text
    return text.replace("http://127.0.0.1:8000", gateway.url)


def shown(file: Path, beginning: str) -> str:
    (found,) = [block.text for block in blocks(file, "nginx") if block.text.startswith(beginning)]
    return found


def collect(url: str, host: str, peer: str = "127.0.0.1") -> httpx.Response:
    """Send an event from this address, saying that it comes from another."""
    body = {"events": [event("page_view")], "consent": GRANTED}
    headers = {"Origin": ORIGIN, "Host": host, "X-Forwarded-For": "198.51.100.7"}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=peer)) as client:
        return client.post(f"{url}/gp/demo/e", json=body, headers=headers)


@pytest.mark.parametrize("file", [DOCUMENT, README], ids=lambda file: file.name)
def test_a_path_behind_nginx_as_shown(file: Path, processes: Callable[..., Process], tmp_path: Path) -> None:
    gateway = processes(configuration(public_url=PATH_MODE, trusted_proxies=["127.0.0.1"]))
    port = free_port()
    rule = of_this_machine(shown(file, "location"), port, gateway)
    server = f"server {{ listen 127.0.0.1:{port}; {rule} }}"
    with nginx(server, port, tmp_path) as url:
        tag = httpx.get(f"{url}/gp/demo/tag.js")
        assert f"{PATH_MODE}/demo/e" in tag.text
        answer = collect(url, "www.myshop.example")
        outside = httpx.get(f"{url}/metrics")
        gpc = httpx.get(f"{url}/.well-known/gpc.json")
    assert gpc.json()["gpc"] is True
    assert answer.json() == {"accepted": 1, "dropped": []}
    cookies = answer.headers.get_list("set-cookie")
    assert any(cookie.startswith("__Secure-gp_v=") for cookie in cookies)
    assert all("; Path=/gp; Secure; HttpOnly; SameSite=Lax" in cookie for cookie in cookies)
    assert "gatepost_" not in outside.text


def test_a_subdomain_behind_nginx_as_shown(processes: Callable[..., Process], tmp_path: Path) -> None:
    table = configuration(
        shop={"api_keys": [API_KEY]},
        public_url=SUBDOMAIN,
        trusted_proxies=["127.0.0.1"],
        requests_per_minute=2,
    )
    gateway = processes(table)
    port = free_port()
    with nginx(of_this_machine(shown(DOCUMENT, "server"), port, gateway), port, tmp_path) as url:
        assert "https://gp.myshop.example/gp/demo/e" in httpx.get(f"{url}/gp/demo/tag.js").text
        # For nginx 127.0.0.1 is a proxy before it, whose word on the sender counts, and 127.0.0.2 a sender.
        passed_on = [collect(url, "gp.myshop.example") for _ in range(3)]
        pretended = [collect(url, "gp.myshop.example", "127.0.0.2") for _ in range(3)]
        largest = {"events": [], "padding": "x" * 999_900}
        stored = httpx.post(
            f"{url}/v1/demo/events", json=largest, headers={"Authorization": f"Bearer {API_KEY}"}
        )
        outside = httpx.get(f"{url}/metrics")
        control = httpx.get(f"{url}/.well-known/gpc.json")
    assert control.json()["gpc"] is True
    cookies = passed_on[0].headers.get_list("set-cookie")
    assert any(cookie.startswith("__Host-gp_v=") for cookie in cookies)
    assert all("; Path=/; Secure; HttpOnly; SameSite=Lax" in cookie for cookie in cookies)
    assert [answer.status_code for answer in passed_on] == [200, 200, 429]
    assert [answer.status_code for answer in pretended] == [200, 200, 200]
    assert stored.status_code == 200
    assert "gatepost_" not in outside.text


def test_the_unit_runs_a_command_that_gatepost_takes() -> None:
    (unit,) = blocks(DOCUMENT, "ini")
    (line,) = re.findall(r"^ExecStart=(.+)$", unit.text, re.MULTILINE)
    program, command, *arguments = shlex.split(line)
    assert Path(program).name == "gatepost"
    serve = cli.commands[command]
    serve.make_parser(click.Context(serve)).parse_args(arguments)


def test_the_backup_is_whole_while_gatepost_runs(processes: Callable[..., Process], tmp_path: Path) -> None:
    gateway = processes(configuration())
    answer = gateway.browser().send(event("page_view", id="kept"), consent=GRANTED)
    assert answer.accepted == 1

    ((database, statement),) = [
        match.groups()
        for block in blocks(DOCUMENT, "sh")
        if (match := re.search(r"^sqlite3 (\S+) \"(.+)\"$", block.text, re.MULTILINE))
    ]
    assert Path(database).name == FILE
    (found,) = re.findall("'(.+)'", statement)
    backup = tmp_path / "backup" / "var" / FILE
    backup.parent.mkdir(parents=True)
    with closing(sqlite3.connect(gateway.file.parent / "var" / FILE)) as connection:
        connection.execute(statement.replace(found, str(backup)))
    gateway.terminate()

    settings = read_settings(write_configuration(tmp_path / "backup", configuration()))
    restored = Database(settings.data_dir)
    original = Database(gateway.file.parent / "var")
    assert [record.event.id for record in History(restored).find("kept")] == ["kept"]
    assert restored.key("pseudonyms") == original.key("pseudonyms")
    restored.close()
    original.close()
