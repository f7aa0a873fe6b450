"""A load generator: one thread, raw sockets that stay open, one request under way on each.

It costs about 20 microseconds a request; `Result.busy` tells whether it was the bottleneck.
"""

from __future__ import annotations

import random
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

LATE = 10.0
"""Seconds after which an answer counts as lost."""


class Result(NamedTuple):
    """What one round of requests came to."""

    answers: int
    refused: int
    """Answers that were not the expected one."""
    seconds: float
    latencies: list[float]
    """Seconds, sorted."""
    busy: float
    """The share of one core that the generator itself used."""

    @property
    def rate(self) -> float:
        """Expected answers per second."""
        return (self.answers - self.refused) / self.seconds

    def quantile(self, share: float) -> float:
        """The latency in milliseconds that this share of the answers was not slower than."""
        return self.latencies[int(share * (len(self.latencies) - 1))] * 1000


class _Connection:
    __slots__ = ("_buffer", "since", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.since = 0.0

    def send(self, request: bytes, since: float) -> None:
        """Send a request whose answer is waited for since then."""
        self.since = since
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """The whole answer; None while a part of it is missing."""
        received = self.socket.recv(65536)
        if not received:
            raise ConnectionError("the server closed a connection in the middle")
        answer = self._buffer + received
        if not _is_whole(answer):
            self._buffer = answer
            return None
        self._buffer = b""
        return answer


def _is_whole(answer: bytes) -> bool:
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    at = answer.find(b"content-length: ", 0, head)
    length = int(answer[at + 16 : answer.index(b"\r\n", at)]) if at > 0 else 0
    return len(answer) >= head + 4 + length


class Load:
    """Connections to one server, over which requests are sent in rounds."""

    def __init__(self, port: int, connections: int) -> None:
        self._all = [_Connection(port) for _ in range(connections)]
        self._by_file = {one.socket.fileno(): one for one in self._all}
        self._poll = select.epoll()
        for file in self._by_file:
            self._poll.register(file, select.EPOLLIN)

    def full(self, requests: Iterator[bytes], expected: bytes, seconds: float) -> Result:
        """As many requests as there are answers: every connection sends its next when it has its answer."""
        round_ = _Round(expected)
        for connection in self._all:
            connection.send(next(requests), time.perf_counter())
        under_way = len(self._all)
        while under_way:
            for connection, now in self._answered(round_, LATE):
                if now - round_.begun < seconds:
                    connection.send(next(requests), now)
                else:
                    under_way -= 1
        return round_.result()

    def paced(self, requests: Iterator[bytes], expected: bytes, rate: float, seconds: float) -> Result:
        """So many requests a second, whether or not there are answers, at random moments.

        An answer's latency counts from the moment its request was due, also where no connection was free
        then: https://www.scylladb.com/2021/04/22/on-coordinated-omission/
        """
        moments = random.Random(1)
        round_ = _Round(expected)
        free = deque(self._all)
        due = round_.begun + moments.expovariate(rate)
        end = round_.begun + seconds
        while due < end or len(free) < len(self._all):
            now = time.perf_counter()
            while due <= now and due < end and free:
                free.popleft().send(next(requests), due)
                due += moments.expovariate(rate)
            wait = max(0.0, due - now) if due < end and free else LATE
            free.extend(connection for connection, _ in self._answered(round_, wait))
        return round_.result()

    def _answered(self, round_: _Round, wait: float) -> Iterator[tuple[_Connection, float]]:
        """The connections that have their answer, waiting for the first so many seconds."""
        ready = self._poll.poll(wait)
        if not ready and wait == LATE:
            raise TimeoutError("the server does not answer any more")
        for file, _ in ready:
            connection = self._by_file[file]
            answer = connection.receive()
            if answer is not None:
                now = time.perf_counter()
                round_.answered(answer, now - connection.since)
                yield connection, now

    def close(self) -> None:
        """Close the connections."""
        self._poll.close()
        for connection in self._all:
            connection.socket.close()


class _Round:
    """Counts the answers of one round."""

    def __init__(self, expected: bytes) -> None:
        self._expected = expected
        self._latencies: list[float] = []
        self._refused = 0
        self._cpu = time.process_time()
        self.begun = time.perf_counter()

    def answered(self, answer: bytes, latency: float) -> None:
        self._latencies.append(latency)
        if self._expected not in answer:
            self._refused += 1

    def result(self) -> Result:
        seconds = time.perf_counter() - self.begun
        busy = (time.process_time() - self._cpu) / seconds
        return Result(len(self._latencies), self._refused, seconds, sorted(self._latencies), busy)
