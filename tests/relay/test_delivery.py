"""The one place that speaks to vendors: limits, connections, and what goes wrong in words without secrets."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import certifi
import pytest

from server.delivery import Delivery, NoReply
from server.vendors.base import Reply, Request
from tests.relay.listener import Answer, Heard, Listener, drip, raw, reset, say

KEY = "sk-5f1d7c90aa"
TELL = Request("POST", "/tell", {"id": "e1"})


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


@pytest.fixture
def send(vendor: Listener, tls: ssl.SSLContext) -> Callable[..., list[Reply | NoReply]]:
    """Makes requests one after the other by one Delivery; the answers."""

    def make(
        *requests: Request, base_url: str = "", time_limit: float = 10.0, key: str = KEY
    ) -> list[Reply | NoReply]:
        async def run() -> list[Reply | NoReply]:
            async with Delivery(base_url or vendor.url, {"x-api-key": key}, tls, time_limit) as delivery:
                return [await delivery.send(request) for request in requests]

        return asyncio.run(run())

    return make


def test_a_request_is_json_with_the_credential_in_its_header(
    vendor: Listener, send: Callable[..., list]
) -> None:
    (reply,) = send(Request("POST", "/tell", {"name": "Zoë"}))
    assert isinstance(reply, Reply)
    assert reply.status == 200
    (heard,) = vendor.heard
    assert (heard.method, heard.path, heard.body) == ("POST", "/tell", {"name": "Zoë"})
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["x-api-key"] == KEY
    assert heard.headers["user-agent"].startswith("gatepost/")


def test_a_question_carries_its_query_and_no_body(vendor: Listener, send: Callable[..., list]) -> None:
    send(Request("GET", "/hello", query={"shop": "a&b=c", "name": "Zoë"}))
    (heard,) = vendor.heard
    assert (heard.method, heard.query, heard.raw) == ("GET", {"shop": "a&b=c", "name": "Zoë"}, b"")


def test_paths_go_below_the_base_url(vendor: Listener, send: Callable[..., list]) -> None:
    send(TELL, base_url=f"{vendor.url}/proxied/vendor/")
    assert vendor.heard[0].path == "/proxied/vendor/tell"


def test_one_connection_serves_request_after_request(vendor: Listener, send: Callable[..., list]) -> None:
    send(*[TELL] * 5)
    assert [heard.connection for heard in vendor.heard] == [0] * 5


def test_after_a_broken_connection_the_next_request_has_a_new_one(
    vendor: Listener, send: Callable[..., list]
) -> None:
    answers: list[Answer] = [say(), reset(), say()]
    vendor.answer = lambda _: answers.pop(0)
    replies = send(TELL, TELL, TELL)
    assert [type(reply) for reply in replies] == [Reply, NoReply, Reply]
    assert [heard.connection for heard in vendor.heard] == [0, 0, 1]


def test_a_redirect_is_not_followed(vendor: Listener, send: Callable[..., list]) -> None:
    vendor.answer = lambda _: say(302, headers={"Location": f"{vendor.url}/elsewhere"})
    (reply,) = send(TELL)
    assert reply.status == 302
    assert [heard.path for heard in vendor.heard] == ["/tell"]


def test_cookies_of_a_vendor_are_not_sent_back(vendor: Listener, send: Callable[..., list]) -> None:
    """They would tie our visitors together in its eyes."""
    vendor.answer = lambda _: say(headers={"Set-Cookie": "who=somebody; Path=/"})
    send(TELL, TELL)
    assert all("cookie" not in heard.headers for heard in vendor.heard)


# Limits.


def test_an_answer_that_drips_is_given_up_in_time(vendor: Listener, send: Callable[..., list]) -> None:
    vendor.answer = lambda heard: drip(0.02)
    begun = time.monotonic()
    (reply,) = send(TELL, time_limit=0.3)
    assert reply == NoReply("no answer within 0.3 seconds")
    assert time.monotonic() - begun < 3


def test_headers_that_drip_are_given_up_in_time_too(vendor: Listener, send: Callable[..., list]) -> None:
    def dripping(connection: socket.socket) -> bool:
        pause = threading.Event()
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not pause.wait(0.02):
            connection.sendall(b"x")
        return False

    vendor.answer = lambda _: dripping
    assert send(TELL, time_limit=0.3) == [NoReply("no answer within 0.3 seconds")]


def test_after_an_answer_that_dripped_the_next_request_gets_its_own_answer(
    vendor: Listener, send: Callable[..., list]
) -> None:
    answers: list[Answer] = [drip(0.02), say(201, "mine")]
    vendor.answer = lambda _: answers.pop(0)
    first, second = send(TELL, TELL, time_limit=0.3)
    assert isinstance(first, NoReply)
    assert (second.status, second.body) == (201, b"mine")


@pytest.mark.parametrize("encode", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_of_a_huge_answer_the_first_10_kb_are_read(
    vendor: Listener, send: Callable[..., list], encode: Callable[[bytes], bytes]
) -> None:
    huge = encode(b"0123456789" * 500_000)
    encoding = {"Content-Encoding": "gzip"} if encode is gzip.compress else {}
    answers: list[Answer] = [say(200, huge, encoding), say(201, "mine")]
    vendor.answer = lambda _: answers.pop(0)
    first, second = send(TELL, TELL)
    assert first.body == b"0123456789" * 1024
    assert (second.status, second.body) == (201, b"mine"), (
        "what was not read is not taken for the next answer"
    )


def test_an_answer_without_an_end_is_cut_too(vendor: Listener, send: Callable[..., list]) -> None:
    def endless(connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"400\r\n" + b"x" * 0x400 + b"\r\n")

    vendor.answer = lambda _: endless
    (reply,) = send(TELL)
    assert reply.body == b"x" * 10 * 1024


# What goes wrong, in words.


CUT = "the connection was closed in the middle of an answer"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reset(), "the connection broke before the answer"),
        (raw(b""), CUT),
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), CUT),
        (raw(HEAD + b"\r\nhal"), CUT),
        (raw(HEAD + b"Content-Encoding: gzip\r\n\r\n" + b"no gzip, " * 50), "the answer cannot be decoded"),
    ],
    ids=["reset", "silence", "not HTTP", "half", "not gzip"],
)
def test_a_broken_answer_is_no_answer(
    vendor: Listener, send: Callable[..., list], answer: Answer, reason: str
) -> None:
    vendor.answer = lambda _: answer
    assert send(TELL) == [NoReply(reason)]


def test_a_vendor_that_is_not_there_is_named_so(send: Callable[..., list]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (reply,) = send(TELL, base_url=f"http://127.0.0.1:{port}/{KEY}")
    assert reply.reason.startswith("could not connect")
    assert KEY not in reply.reason


def test_a_name_that_does_not_exist_is_named_so(send: Callable[..., list]) -> None:
    (reply,) = send(TELL, base_url="http://vendor.invalid")
    assert reply.reason.startswith("could not connect")


def test_tls_that_fails_says_so(vendor: Listener, send: Callable[..., list]) -> None:
    """A server that speaks plain HTTP where TLS is expected; the listener cannot read what it is sent."""
    refusing = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = refusing.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    (reply,) = send(TELL, base_url=f"https://127.0.0.1:{refusing.getsockname()[1]}")
    thread.join(5)
    refusing.close()
    assert reply.reason.startswith("could not connect: [SSL")


def test_a_certificate_nobody_vouches_for_is_refused(send: Callable[..., list]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).parent / "self_signed.pem")
    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                return

    thread = threading.Thread(target=answer)
    thread.start()
    (reply,) = send(TELL, base_url=f"https://127.0.0.1:{server.getsockname()[1]}")
    thread.join(5)
    server.close()
    assert "certificate verify failed" in reply.reason


@pytest.mark.parametrize("key", ["ключ", "two\r\nX-Lines: 1", "half\x00"])
def test_a_credential_that_no_header_can_hold_is_an_answer_in_words_without_it(
    vendor: Listener, send: Callable[..., list], key: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = send(TELL, TELL, key=key)
    assert isinstance(first, NoReply)
    assert first == second
    assert key not in first.reason
    assert key not in caplog.text
    assert vendor.heard == []


def test_a_body_that_is_no_json_is_an_answer_in_words(vendor: Listener, send: Callable[..., list]) -> None:
    first, second = send(Request("POST", "/tell", {"what": object()}), TELL)
    assert isinstance(first, NoReply)
    assert isinstance(second, Reply), "the connection is none the worse for it"


# The environment of the process.


@pytest.mark.parametrize("value", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "nonsense://"])
def test_proxies_of_the_environment_are_not_used(
    vendor: Listener, send: Callable[..., list], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, value)
    assert [reply.status for reply in send(TELL)] == [200]


def test_several_requests_at_once_have_a_connection_each(vendor: Listener, tls: ssl.SSLContext) -> None:
    arrived = threading.Barrier(4)

    def together(_: Heard) -> Answer:
        arrived.wait(10)
        return say()

    vendor.answer = together

    async def run() -> list[Reply | NoReply]:
        async with Delivery(vendor.url, {}, tls) as delivery:
            return [*await asyncio.gather(*(delivery.send(TELL) for _ in range(4)))]

    assert [reply.status for reply in asyncio.run(run()) if isinstance(reply, Reply)] == [200] * 4
