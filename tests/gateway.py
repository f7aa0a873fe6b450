"""A gateway in a test's hands: its configuration, its time, browsers that send to it, and what it kept.

    def test_something(gateway: Gateway) -> None:
        browser = gateway.browser()
        answer = browser.send(event("page_view"), consent=GRANTED)
        assert answer.status == 200
        assert [one.name for one in gateway.events()] == ["page_view"]

`gateway` and `gateways` are fixtures of tests/conftest.py; `gateways(shop={"consent": "not_required"})` makes
one that is configured otherwise. `Process` is the same as a real `gatepost serve` on a real port.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import msgspec

from server.app import close, create_app
from server.configure import read_settings
from server.event import Event

ROOT = Path(__file__).resolve().parents[1]

ORIGIN = "https://www.myshop.example"
SECRET = "c9d1f6be52a34f0f8e0d7b6a5c4e3f21"
OTHER_SECRET = "77e0b1a4d9c24c6fa3f58e2d1b0c9a86"
API_KEY = "b2f0c1d6e7a849f5a3c2d1e0f9b8a7c6"
BLUESHIFT_KEY = "5e0c731de3b111ebba800242ac130004"

NOW = 1_790_000_000_000
SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

GRANTED = {"personalization": "granted", "marketing": "granted"}
DENIED = {"personalization": "denied", "marketing": "denied"}
ITEM = {"item_id": "100500", "price": 45.5}

SUBDOMAIN = "https://gp.myshop.example"
PATH_MODE = "https://www.myshop.example/gp"
LOCALHOST = "http://localhost:8000"


# Configuration.


def configuration(shop: Mapping[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """A complete configuration with one shop, `demo`; what is given replaces what stands here."""
    demo = {"origins": [ORIGIN], "consent": "required", **(shop or {})}
    return {"public_url": SUBDOMAIN, "secrets": [SECRET], "shops": {"demo": demo}, **top}


def toml(table: Mapping[str, Any], *path: str) -> str:
    """A configuration as TOML. JSON's strings, numbers, booleans and arrays are TOML's."""
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"{_json(key)} = {_json(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += [f"[{'.'.join(map(_json, (*path, key)))}]", toml(value, *path, key)]
    return "\n".join(lines)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def write_configuration(folder: Path, table: Mapping[str, Any]) -> Path:
    """gatepost.toml in this folder."""
    file = folder / "gatepost.toml"
    file.write_text(toml(table), "utf-8")
    return file


# Time.


class Clock:
    """Stands still until the test moves it. Milliseconds since 1970."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def forward(self, milliseconds: int) -> None:
        self.now += milliseconds


# Events, batches, answers.

_numbers = itertools.count(1)


def event(name: str, id: str | None = None, **params: Any) -> dict[str, Any]:
    """An event as a browser sends it, with an id that no other has."""
    return {"id": id or f"e-{next(_numbers)}", "name": name, "params": params}


@dataclass(frozen=True)
class Answer:
    """What a browser got: status, body, headers by lower-case name, and each Set-Cookie by cookie name."""

    status: int
    body: Any
    headers: dict[str, str]
    set_cookies: dict[str, str]

    @property
    def accepted(self) -> int:
        assert self.status == 200, f"{self.status} {self.body}"
        return int(self.body["accepted"])

    @property
    def reasons(self) -> list[str]:
        """Why events were dropped, in their order."""
        return [one["reason"] for one in self.body["dropped"]]


class Browser:
    """One visitor's browser: keeps the cookies it is given, whatever their expiry, so that the server alone
    can tell that one has run out; drops those that are cleared."""

    def __init__(self, post: Callable[..., Answer], origin: str = ORIGIN) -> None:
        self._post = post
        self.origin = origin
        self.cookies: dict[str, str] = {}

    def send(self, *events: Any, headers: Mapping[str, str] | None = None, **batch: Any) -> Answer:
        """Send a batch: events, and beside them consent, page, user, gpc, sent_at as they are given."""
        return self.send_raw(json.dumps({"events": list(events), **batch}).encode(), headers)

    def send_raw(self, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send these bytes."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"Origin": self.origin, **({"Cookie": cookie} if cookie else {}), **(headers or {})}
        answer = self._post(body, sent)
        for line in answer.set_cookies.values():
            ((name, morsel),) = SimpleCookie(line).items()
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        return answer

    def cookie(self, name: str) -> str | None:
        """The value of gp_v, gp_s or gp_src, whatever prefix it came with."""
        found = [value for full, value in self.cookies.items() if full.endswith(name)]
        return found[0] if found else None

    @property
    def visitor(self) -> str:
        """The visitor's id, which is the first part of its cookie."""
        return (self.cookie("gp_v") or "").partition(".")[0]

    @property
    def session(self) -> str:
        return (self.cookie("gp_s") or "").partition(".")[0]


# The gateway, in this process.


class Gateway:
    """The application on a database of its own, at a time of ours. Close it, or use the fixture that does."""

    def __init__(self, folder: Path, clock: Clock | None = None, **changes: Any) -> None:
        self.clock = clock or Clock()
        self.file = write_configuration(folder, configuration(**changes))
        self.settings = read_settings(self.file)
        self.app = create_app(self.settings, self.clock)
        self._client = self.app.test_client(use_cookies=False)

    def browser(self, shop: str = "demo", origin: str = ORIGIN, address: str = "127.0.0.1") -> Browser:
        """A visitor who comes for the first time, from this address."""

        def post(body: bytes, headers: Mapping[str, str]) -> Answer:
            return self.request("POST", f"{self.settings.prefix}/{shop}/e", body, headers, address)

        return Browser(post, origin)

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
    ) -> Answer:
        """Any request, from this address."""
        found = self._client.open(
            path,
            method=method,
            data=body,
            headers=dict(headers or {}),
            base_url=self.settings.public_url,
            environ_base={"REMOTE_ADDR": address},
            buffered=True,  # as a server does: to its end, and then closed
        )
        return Answer(
            found.status_code,
            found.get_json(silent=True),
            {name.lower(): ", ".join(found.headers.getlist(name)) for name, _ in found.headers},
            {line.partition("=")[0]: line for line in found.headers.getlist("Set-Cookie")},
        )

    def events(self) -> list[Event]:
        """Every event that was kept, in the order of keeping."""
        return [
            msgspec.json.decode(body, type=Event)
            for (body,) in self.rows("SELECT body FROM events ORDER BY seq")
        ]

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database holds, read as a stranger to the application would."""
        with closing(sqlite3.connect(self.settings.data_dir / "gatepost.db")) as connection:
            return connection.execute(sql, values).fetchall()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another program holds the database's write lock meanwhile."""
        with closing(sqlite3.connect(self.settings.data_dir / "gatepost.db")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.rollback()

    def close(self) -> None:
        """Let go of the database."""
        close(self.app)


# The gateway as real processes.

SERVE = ("serve", "--workers", "1")
WEB = ("web", "--workers", "1")
"""The half that takes events, which is there sooner."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], Any], within: float = 15.0) -> Any:
    """What the condition returns once that is true; fails when it does not become so."""
    deadline = time.monotonic() + within
    while not (result := condition()):
        assert time.monotonic() < deadline, f"did not come true within {within} s"
        threading.Event().wait(0.05)
    return result


def gatepost(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line to its end, in this folder."""
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=folder,
        env=_environment(environment),
        capture_output=True,
        text=True,
        timeout=30,
    )


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
    return {**inherited, "PYTHONPATH": str(ROOT), **extra}


@dataclass
class Process:
    """A real `gatepost serve` (or another command that takes --config and --port), ready to be asked."""

    file: Path
    command: Sequence[str] = SERVE
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self.log = self.file.with_suffix(".log")
        config = ("--config", str(self.file))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server", *self.command, *config, "--port", str(self.port)],
                env=_environment({}),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(self.is_ready, 20)

    def is_ready(self) -> bool:
        """Whether it can keep events now."""
        assert self.process.poll() is None, f"ended before it was ready: {self.log.read_text()}"
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def listens(self) -> bool:
        """Whether anything still answers on its port."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def children(self) -> list[int]:
        """The processes that it started, and those that they started. Linux alone knows."""
        return descendants(self.process.pid)

    def browser(self, shop: str = "demo", origin: str = ORIGIN) -> Browser:
        """A visitor who comes for the first time."""

        def post(body: bytes, headers: Mapping[str, str]) -> Answer:
            found = self.http.post(f"/gp/{shop}/e", content=body, headers=dict(headers))
            self.http.cookies.clear()
            return Answer(
                found.status_code,
                found.json(),
                {name.lower(): value for name, value in found.headers.items()},
                {line.partition("=")[0]: line for line in found.headers.get_list("set-cookie")},
            )

        return Browser(post, origin)

    def terminate(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def end(self) -> None:
        """However it stands, nothing of it is left."""
        left = self.children()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.http.close()


def descendants(pid: int) -> list[int]:
    """The processes that this one started, and those that they started."""
    found = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in tasks.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found
