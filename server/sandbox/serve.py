"""The sandbox on a real port: one process, because what it remembers is in that process's memory.

Werkzeug's own request handler closes each connection after one answer and waits ten milliseconds doing so,
which no sender of many requests should be measured against; the handler here keeps connections open.
"""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import signal
import socket
import threading
from collections.abc import Generator, Iterable
from typing import Any

import click
from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from server.errors import GatepostError
from server.sandbox.app import LARGEST_BODY, create_sandbox

IDLE_SECONDS = 120
"""How long a connection may be silent before it is closed."""


class _Handler(WSGIRequestHandler):
    """HTTP/1.1 with connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = IDLE_SECONDS

    def handle_expect_100(self) -> bool:
        """Tell the sender at once that it may send its body."""
        carry_on = super().handle_expect_100()
        self.wfile.flush()
        return carry_on

    def run_wsgi(self) -> None:
        """Answer one request. A ConnectionError from the app closes the connection without an answer."""
        try:
            self._answer()
        except ConnectionError:
            self.close_connection = True

    def _answer(self) -> None:
        environ = self.make_environ()
        if "wsgi.input_terminated" in environ:
            self.close_connection = True  # the app may leave a part of a chunked body unread
        else:
            environ["wsgi.input"] = io.BytesIO(self._read_body())
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
            started[:] = status, headers

        chunks = self.server.app(environ, start_response)
        with contextlib.closing(_closable(chunks)) as body:
            first = next(body, b"")  # before the headers: what fails here has sent nothing
            status, headers = started
            self._send(status, headers, itertools.chain((first,), body))

    def _read_body(self) -> bytes:
        """The whole body, so that the next request begins where it ends; nothing when it is too large."""
        length = self.headers.get("Content-Length", "0")
        left = int(length) if length.isdecimal() else 0
        if left <= LARGEST_BODY:
            body = self.rfile.read(left)
            if len(body) < left:
                raise ConnectionAbortedError("the sender broke off, so this is no request")
            return body
        while left > 0 and (part := self.rfile.read(min(left, LARGEST_BODY))):
            left -= len(part)
        return b""

    def _send(self, status: str, headers: list[tuple[str, str]], body: Iterable[bytes]) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            self.send_header(name, value)
        if not (any(name.lower() == "content-length" for name, _ in headers) or code in ("204", "304")):
            self.close_connection = True
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        for chunk in body:
            self.wfile.write(chunk)
            self.wfile.flush()

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the ledger has it."""


def _closable(chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
    """The chunks, such that closing them closes what they come from, as WSGI wants."""
    try:
        yield from chunks
    finally:
        if hasattr(chunks, "close"):
            chunks.close()


class SandboxServer(ThreadedWSGIServer):
    """A sandbox that listens. `serve_forever()` serves until `shutdown()`; `url` is where.

    Closing it closes every connection that is still open, as a vendor's outage would.
    """

    def __init__(self, app: Flask, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on `host` and `port` (0: a free one). Raises GatepostError when that cannot be."""
        listening = _listen(host, port)
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        with listening:
            super().__init__(host, listening.getsockname()[1], app, handler=_Handler, fd=listening.fileno())

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own."""
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """A connection has ended."""
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening and close every connection."""
        super().server_close()
        with self._connections_lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the other side was quicker


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise GatepostError(f"{port} is no port: say a number from 0 to 65535.")
    where = f"{host} port {port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except socket.gaierror:
        raise GatepostError(f"{host} is no address of this machine: say another with --host.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise GatepostError(
                f"{where} is in use: stop what listens there, or say another --port."
            ) from None
        raise GatepostError(f"The sandbox cannot listen on {where}: {error.strerror}.") from None


def serve_sandbox(host: str, port: int) -> None:
    """Serve a sandbox until SIGTERM or SIGINT, and return. Must be called from the main thread.

    Prints one line that says where it listens. Raises GatepostError when it cannot listen there.
    """
    server = SandboxServer(create_sandbox(), host, port)

    def stop(_number: int, _frame: Any) -> None:
        # shutdown() waits for serve_forever(), which this very thread is in.
        threading.Thread(target=server.shutdown).start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        click.echo(f"The vendor sandbox listens on {server.url}/ (its ledger: {server.url}/_sandbox/)")
        server.serve_forever()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
