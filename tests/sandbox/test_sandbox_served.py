"""The sandbox on a real port: connections stay open, faults reach the wire, it stops when told."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from server.errors import GatepostError
from server.sandbox import SandboxServer, create_sandbox

KEY = {"x-api-key": "ak_1"}
EVENTS = {"events": [{"eventType": "home-page-view", "visitorId": "v"}]}


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url, headers=KEY, timeout=10) as client:
        yield client


@pytest.fixture
def answers(server):
    """A raw connection: send bytes, read until the other side is silent or gone."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        yield connection


def wait_for(condition, seconds: float = 5):
    """What `condition` gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.005)
    return found


def test_one_connection_carries_many_requests(server, client):
    peers = set()
    for _ in range(3):
        with client.stream("POST", "/alana/api/v1/events", json=EVENTS) as response:
            response.read()
            assert response.http_version == "HTTP/1.1"
            assert response.json()["stored"] == 1
            peers.add(response.extensions["network_stream"].get_extra_info("client_addr"))
    assert client.get("/personaclick/init", params={"shop_id": "0" * 30}).status_code == 200
    assert client.get("/nowhere").status_code == 404
    assert len(peers) == 1


def test_answers_without_a_body_leave_the_connection_open(client):
    did = client.get("/personaclick/init", params={"shop_id": "0" * 30}).json()["did"]
    body = {"shop_id": "0" * 30, "did": did, "seance": "s", "event": "my_event"}
    for _ in range(2):
        answer = client.post("/personaclick/push/custom", json=body)
        assert (answer.status_code, answer.content) == (204, b"")
        assert "Connection" not in answer.headers


def test_two_requests_sent_at_once_get_two_answers(answers):
    request = b"GET /alana/x HTTP/1.1\r\nHost: a\r\n\r\n"
    answers.sendall(request + request)
    text = b""
    while text.count(b"HTTP/1.1 404") < 2:
        text += answers.recv(65536)


def test_a_body_in_chunks_is_read(client):
    answer = client.post("/alana/api/v1/events", content=iter([b'{"events"', b": []}"]))
    assert answer.json() == {"status": "ok", "stored": 0, "errors": 0}


def test_a_body_beyond_all_reason_gets_its_413(client):
    answer = client.post("/alana/api/v1/events", content=b"x" * (9 * 1024 * 1024))
    assert answer.status_code == 413
    assert client.post("/alana/api/v1/events", json=EVENTS).status_code == 200


def test_a_sender_that_asks_first_is_told_to_carry_on(answers):
    answers.sendall(
        b"POST /alana/api/v1/events HTTP/1.1\r\nHost: a\r\nx-api-key: ak_1\r\n"
        b"Expect: 100-continue\r\nContent-Length: 13\r\n\r\n"
    )
    assert answers.recv(100).startswith(b"HTTP/1.1 100 ")
    answers.sendall(b'{"events":[]}')
    assert answers.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_request_whose_sender_broke_off_was_none(client, server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"POST /alana/api/v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert client.get("/_sandbox/requests").json() == []


def test_a_reset_closes_the_connection_without_a_byte(client, answers):
    client.post("/_sandbox/faults", json={"vendor": "alana", "reset": True, "times": 2})
    with pytest.raises(httpx.TransportError):
        client.post("/alana/api/v1/events", json=EVENTS)
    answers.sendall(b"POST /alana/api/v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    assert answers.recv(100) == b""
    entries = client.get("/_sandbox/requests").json()
    assert [(entry["judgement"], entry["status"]) for entry in entries] == [("fault", None)] * 2
    assert client.post("/alana/api/v1/events", json=EVENTS).status_code == 200


def test_a_dripping_answer_comes_a_byte_at_a_time(client, answers):
    client.post("/_sandbox/faults", json={"vendor": "alana", "drip": True})
    body = b'{"events":[]}'
    answers.sendall(
        b"POST /alana/api/v1/events HTTP/1.1\r\nHost: a\r\nx-api-key: ak_1\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    began = time.monotonic()
    text = b""
    while len(text.partition(b"\r\n\r\n")[2]) < 2:
        text += answers.recv(65536)
    assert time.monotonic() - began >= 0.9
    head, _, sent = text.partition(b"\r\n\r\n")
    assert sent == b'{"'
    whole = b'{"status":"ok","stored":0,"errors":0}'
    assert b"Content-Length: %d" % len(whole) in head.split(b"\r\n")
    assert client.get("/_sandbox/requests").json()[0]["judgement"] == "accepted"


def test_a_request_whose_sender_gave_up_is_seen_waiting_and_then_judged(client):
    client.post("/_sandbox/faults", json={"vendor": "alana", "delay_ms": 300, "times": 1})
    with pytest.raises(httpx.ReadTimeout):
        client.post("/alana/api/v1/events", json=EVENTS, timeout=0.05)
    (entry,) = client.get("/_sandbox/requests").json()
    assert (entry["judgement"], entry["status"], entry["body"]) == ("waiting", None, EVENTS)
    wait_for(lambda: client.get("/_sandbox/requests").json()[0]["judgement"] == "accepted")


def test_a_delayed_status_holds_up_nobody_else(client):
    client.post("/_sandbox/faults", json={"vendor": "alana", "delay_ms": 400, "status": 500})
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.post, "/alana/api/v1/events", json=EVENTS)
        wait_for(lambda: client.get("/_sandbox/requests").json())
        assert client.get("/blueshift/nothing").status_code == 404
        assert not slow.done()
        assert slow.result().status_code == 500


def test_many_at_once_are_numbered_once_each(client):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.post("/blueshift/api/v1/event"), range(80)))
    numbers = [entry["n"] for entry in client.get("/_sandbox/requests").json()]
    assert numbers == list(range(1, 81))


def test_a_rate_is_exact_however_many_ask_at_once(clock):
    app = create_sandbox(clock)
    with ThreadPoolExecutor(8) as pool:
        post = lambda _: app.test_client().post("/alana/api/v1/events", json=EVENTS, headers=KEY)  # noqa: E731
        statuses = [answer.status_code for answer in pool.map(post, range(120))]
    assert sorted(statuses) == [200] * 100 + [429] * 20


def test_closing_it_closes_the_connections_that_are_open(client, server):
    assert client.get("/alana/x").status_code == 404
    server.shutdown()
    server.server_close()
    with pytest.raises(httpx.TransportError):
        client.get("/alana/x")


def test_a_port_in_use_is_one_sentence(server):
    with pytest.raises(GatepostError) as caught:
        SandboxServer(create_sandbox(), "127.0.0.1", server.port)
    assert str(caught.value) == (
        f"127.0.0.1 port {server.port} is in use: stop what listens there, or say another --port."
    )


@pytest.mark.parametrize(
    ("host", "port", "word"),
    [
        ("127.0.0.1", 70_000, "70000"),
        ("127.0.0.1", -1, "-1"),
        ("no such host", 0, "no such host"),
        ("192.0.2.1", 0, "192.0.2.1"),
    ],
)
def test_an_address_that_cannot_be_is_one_sentence(host, port, word):
    with pytest.raises(GatepostError) as caught:
        SandboxServer(create_sandbox(), host, port)
    assert word in str(caught.value)
    assert str(caught.value).endswith(".")


def test_it_listens_on_ipv6_too():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        server = SandboxServer(create_sandbox(), "::1")
    except GatepostError:
        pytest.skip("this machine has no IPv6 address")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        assert httpx.get(f"{server.url}/_sandbox/requests").json() == []
    finally:
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_stops_cleanly(number):
    process = subprocess.Popen(
        [sys.executable, "-c", "from server.sandbox import serve_sandbox; serve_sandbox('127.0.0.1', 0)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", line).group()
        with httpx.Client(base_url=url) as client:
            assert client.get("/alana/x").status_code == 404
            process.send_signal(number)
            rest, errors = process.communicate(timeout=10)
    finally:
        process.kill()
    assert (process.returncode, rest, errors) == (0, "", "")
