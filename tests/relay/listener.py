"""A vendor's server on a real socket that answers, or does not, exactly as a test says.

An answer is a function that is given the connection and says whether it stays open; `say`, `reset`, `drip`
and the others make them. `Listener.answer` maps what was heard to an answer, and may wait as long as it
likes: every connection has a thread of its own.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, urlsplit

Answer: TypeAlias = Callable[[socket.socket], bool]


class Heard(NamedTuple):
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    body: Any
    connection: int
    """The same number: the same connection."""

    @property
    def told(self) -> list[tuple[str, int]]:
        """What a Parrot tells: event ids, each with the number of the message."""
        if self.body is None:
            return []
        return [(one["id"], one["n"]) for one in self.body.get("events", [self.body])]

    @property
    def ids(self) -> list[str]:
        """The ids of the events a Parrot tells of, without repetition, in order."""
        return list(dict.fromkeys(id for id, _ in self.told))


def say(status: int = 200, body: Any = "", headers: Mapping[str, str] | None = None) -> Answer:
    """A proper answer; `body` is text, or becomes JSON."""
    content = (
        body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    )

    def answer(connection: socket.socket) -> bool:
        fields = {"Content-Length": str(len(content)), "Content-Type": "application/json", **(headers or {})}
        connection.sendall(_head(status, fields) + content)
        return True

    return answer


def reset() -> Answer:
    """No answer: the connection is torn down."""

    def answer(connection: socket.socket) -> bool:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return answer


def raw(content: bytes) -> Answer:
    """These bytes and nothing else, then the end."""

    def answer(connection: socket.socket) -> bool:
        connection.sendall(content)
        return False

    return answer


def drip(every: float) -> Answer:
    """Headers at once, then one byte of the body at a time, for ever."""

    def answer(connection: socket.socket) -> bool:
        connection.sendall(_head(200, {"Content-Length": "1000000"}))
        pause = threading.Event()
        while not pause.wait(every):
            connection.sendall(b"x")
        return False

    return answer


def failing(*ids: str, times: int = 1, how: Answer | None = None) -> Callable[[Heard], Answer]:
    """`how` (500) for the first `times` requests that carry each of these events, 200 for everything else."""
    left = dict.fromkeys(ids, times)

    def answer(heard: Heard) -> Answer:
        for id in heard.ids:
            if left.get(id, 0) > 0:
                left[id] -= 1
                return how or say(500, {"error": "out of order"})
        return say()

    return answer


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} As told", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Listener:
    """Listens from the moment it is made until `close`."""

    def __init__(self) -> None:
        self.answer: Callable[[Heard], Answer] = lambda _: say()
        self.heard: list[Heard] = []
        """In the order of arrival."""
        self.closing = threading.Event()
        """Set at the end, so that an answer that is held back can give up."""
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def told(self) -> list[tuple[str, int]]:
        """Everything Parrots told, in the order of arrival."""
        return [one for heard in list(self.heard) for one in heard.told]

    @property
    def ids(self) -> list[str]:
        """The ids of the events of every request, in the order of arrival."""
        return [id for heard in list(self.heard) for id in heard.ids]

    def hold(self, until: threading.Event, then: Answer | None = None) -> Answer:
        """Answer only when the event is set; never, should the listener be closed before."""

        def answer(connection: socket.socket) -> bool:
            while not until.wait(0.01):
                if self.closing.is_set():
                    return False
            return (then or say())(connection)

        return answer

    def close(self) -> None:
        self.closing.set()
        self._shut(self._socket)
        self._accepting.join(5)
        with self._lock:
            for connection in self._connections:
                self._shut(connection)
        for thread in self._threads:
            thread.join(5)
        self._socket.close()

    def _shut(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(connection, len(self._threads)), daemon=True)
            with self._lock:
                self._connections.add(connection)
                self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as stream:
            for heard in _requests(stream, number):
                with self._lock:
                    self.heard.append(heard)
                if not self.answer(heard)(connection):
                    break
        with self._lock:
            self._connections.discard(connection)


def _requests(stream: Any, number: int) -> Iterator[Heard]:
    while line := stream.readline():
        method, target, _ = line.decode("latin-1").split()
        headers: dict[str, str] = {}
        while field := stream.readline().decode("latin-1").strip():
            name, _, value = field.partition(":")
            headers[name.lower()] = value.strip()
        content = stream.read(int(headers.get("content-length", "0")))
        parts = urlsplit(target)
        body = json.loads(content) if content else None
        query = dict(parse_qsl(parts.query))
        yield Heard(method, parts.path, query, headers, content, body, number)
