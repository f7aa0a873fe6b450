"""A vendor that answers at once and remembers what came when: `python -m benchmarks.stub PORT`.

Faster than any real one, so that what is measured is the relay. `GET /_arrivals` tells what came, and
`GET /_hang` has it answer no bulk call any more.
"""

from __future__ import annotations

import asyncio
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import NamedTuple

import msgspec

_INTRODUCED = (
    b'{"did":"d0c5e1b2-7a3f-4e9d-8b6c-2f1a0e9d8c7b","seance":"5f4e3d2c-1b0a-4987-8654-321fedcba098"}'
)
_THANKS = b'{"status":"success"}'
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class Arrival(msgspec.Struct, array_like=True):
    """One request that carried events."""

    at: float
    """Seconds of the machine's monotonic clock."""
    events: int
    items: list[str]
    """The products they are about, of single ones."""


class _Item(msgspec.Struct):
    id: str


class _Push(msgspec.Struct):
    items: list[_Item]


class _Bulk(msgspec.Struct):
    events: list[msgspec.Raw]


_push = msgspec.json.Decoder(_Push).decode
_bulk = msgspec.json.Decoder(_Bulk).decode
_arrivals = msgspec.json.Decoder(list[Arrival]).decode


class _State:
    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.hangs = False


class _Vendor(asyncio.Protocol):
    def __init__(self, state: _State) -> None:
        self._state = state
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (head := self._received.find(b"\r\n\r\n")) > 0:
            end = head + 4 + _length(self._received[:head])
            if len(self._received) < end:
                return
            path = self._received[: self._received.index(b"\r\n")].split(b" ")[1]
            answer = self._answer(path, self._received[head + 4 : end])
            self._received = self._received[end:]
            if answer is not None:
                self._transport.write(_HEAD % len(answer) + answer)

    def _answer(self, path: bytes, body: bytes) -> bytes | None:
        now = time.monotonic()
        if path.startswith(b"/init"):
            return _INTRODUCED
        if path.startswith(b"/push"):
            self._state.arrivals.append(Arrival(now, 1, [item.id for item in _push(body).items]))
        elif path == b"/_hang":
            self._state.hangs = True
        elif path.startswith(b"/api/v1/bulkevents"):
            if self._state.hangs:
                return None
            self._state.arrivals.append(Arrival(now, len(_bulk(body).events), []))
        elif path == b"/_arrivals":
            return msgspec.json.encode(self._state.arrivals)
        return _THANKS


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


class Seen(NamedTuple):
    """What came to the stub."""

    arrivals: list[Arrival]

    @property
    def events(self) -> int:
        return sum(one.events for one in self.arrivals)

    @property
    def rate(self) -> float:
        """Events per second, from the first request to the last."""
        return (self.events - self.arrivals[0].events) / (self.arrivals[-1].at - self.arrivals[0].at)


def seen(port: int) -> Seen:
    """Ask the stub what came so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_arrivals", timeout=10) as answer:
        return Seen(_arrivals(answer.read()))


def hang(port: int) -> None:
    """Have the stub answer no bulk call any more."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_hang", timeout=10):
        pass


def until_seen(port: int, enough: Callable[[Seen], bool], seconds: float) -> Seen:
    """Wait until enough has come, or for so many seconds."""
    deadline = time.monotonic() + seconds
    while not enough(now := seen(port)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return now


async def _serve(port: int) -> None:
    state = _State()
    server = await asyncio.get_running_loop().create_server(lambda: _Vendor(state), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
