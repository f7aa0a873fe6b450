"""Everything at once, in one process: shop, gateway, relay and sandbox on real sockets, at a time of ours."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from server.app import create_app
from server.clock import system_clock
from server.configure import read_settings
from server.demo import create_shop
from server.relay.relay import Relay
from server.sandbox import SandboxServer, create_sandbox
from server.store.database import Database
from server.vendors import vendor_types

HOUR = 3_600_000
SHOP_ID = "0d42fd8b713d0752776ca589cc0056"
BLUESHIFT_KEY = "5e0c731de3b111ebba800242ac130004"


class MovableClock:
    """The machine's time, moved on by as much as the test says."""

    def __init__(self) -> None:
        self.moved = 0

    def __call__(self) -> int:
        return system_clock() + self.moved

    def move(self, milliseconds: int) -> None:
        self.moved += milliseconds


class World:
    """A shop at `shop`, whose events go to the PersonaClick and Blueshift of the sandbox."""

    def __init__(self, folder: Path, console_password: str = "", more: str = "") -> None:
        self.clock = MovableClock()
        self._console_password = console_password
        self._more = more
        self._sandbox = SandboxServer(create_sandbox(lambda: self.clock() / 1000))
        self.sandbox = self._sandbox.url
        self._ends: list[Callable[[], object]] = []
        _serve_in_thread(self._sandbox, self._ends)
        gateway = make_server("127.0.0.1", 0, _later, threaded=True, request_handler=_Quiet)
        shop = make_server("127.0.0.1", 0, _later, threaded=True, request_handler=_Quiet)
        self.gateway = f"http://localhost:{gateway.port}"
        self.shop = f"http://localhost:{shop.port}"
        self.settings = read_settings(self._configuration(folder))
        gateway.app = create_app(self.settings, self.clock)
        shop.app = create_shop(
            tag_url=f"{self.gateway}/gp/demo/tag.js", live=lambda _: [], sandbox_url=self._sandbox.url
        )
        for server in (gateway, shop):
            _serve_in_thread(server, self._ends)
        self._ends.append(_relay_in_thread(self))

    def _configuration(self, folder: Path) -> Path:
        file = folder / "gatepost.toml"
        file.write_text(
            f"""
            public_url = "{self.gateway}"
            secrets = ["c9d1f6be52a34f0f8e0d7b6a5c4e3f21"]
            console_password = "{self._console_password}"
            [shops.demo]
            origins = ["{self.shop}"]
            [shops.demo.vendors.personaclick]
            shop_id = "{SHOP_ID}"
            base_url = "{self._sandbox.url}/personaclick"
            [shops.demo.vendors.blueshift]
            api_key = "{BLUESHIFT_KEY}"
            base_url = "{self._sandbox.url}/blueshift"
            {self._more.format(sandbox=self._sandbox.url)}
            """
        )
        return file

    def requests(self, vendor: str) -> list[dict[str, Any]]:
        """What the sandbox's stand-in for this vendor was sent, oldest first."""
        answer = httpx.get(f"{self._sandbox.url}/_sandbox/requests", params={"vendor": vendor})
        return list(answer.json())

    def pushes(self) -> list[dict[str, Any]]:
        """The bodies that PersonaClick's /push got."""
        return [one["body"] for one in self.requests("personaclick") if one["path"] == "/push"]

    def bulk_events(self) -> list[dict[str, Any]]:
        """The objects that Blueshift got, whatever calls they came in."""
        return [event for one in self.requests("blueshift") for event in one["body"]["events"]]

    def end(self) -> None:
        for end in reversed(self._ends):
            end()


def eventually(condition: Callable[[], Any], within: float = 15.0) -> Any:
    """What the condition returns once that is true; fails when it does not become so."""
    deadline = time.monotonic() + within
    while not (result := condition()):
        assert time.monotonic() < deadline, f"did not come true within {within} s"
        threading.Event().wait(0.05)
    return result


@contextmanager
def world(folder: Path, console_password: str = "", more: str = "") -> Iterator[World]:
    """A world that ends with the block.

    `console_password` is the hash of one. `more` goes to the end of the configuration, where it may speak of
    further vendors at {sandbox}.
    """
    made = World(folder, console_password, more)
    try:
        yield made
    finally:
        made.end()


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...


def _later(environ: Any, start_response: Any) -> list[bytes]:
    """Stands in until the application is made, which has to know the port first."""
    start_response("503 Not yet", [])
    return []


def _serve_in_thread(server: BaseWSGIServer | SandboxServer, ends: list[Callable[[], object]]) -> None:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    ends += [server.server_close, thread.join, server.shutdown]


def _relay_in_thread(world: World) -> Callable[[], None]:
    ready = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    relays: list[Relay] = []

    async def deliver() -> None:
        database = Database(world.settings.data_dir)
        relays.append(Relay(world.settings, vendor_types(), database, world.clock))
        loops.append(asyncio.get_running_loop())
        ready.set()
        await relays[0].run()
        database.close()

    thread = threading.Thread(target=lambda: asyncio.run(deliver()))
    thread.start()
    ready.wait(10)

    def end() -> None:
        loops[0].call_soon_threadsafe(relays[0].stopping.set)
        thread.join(20)

    return end
