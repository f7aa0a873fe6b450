"""A real `gatepost serve` while a vendor refuses everything: what it logs and keeps holds nothing planted."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

from tests.gateway import GRANTED, ITEM, Process, configuration, event, eventually
from tests.privacy.test_nothing_leaks import (
    ADDRESSES,
    COOKIE_SECRET,
    IN_URLS,
    ORDER_KEY,
    SECRETS,
    SHOP_KEY,
    VENDOR_KEYS,
    Parrot,
    found,
)

OF_THE_USER = {"the user's e-mail": "user.mail@planted.example", "the user's phone": "380509998877"}
AGENT = {"the browser": "PlantedBrowser/77.1"}


@pytest.fixture
def refusing() -> Iterator[str]:
    class Refusing(Parrot):
        status = 400

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def settled(process: Process) -> set[str]:
    """How the three events ended at the three vendors; empty until all have."""
    with closing(sqlite3.connect(process.file.parent / "var" / "gatepost.db")) as connection:
        states = [state for (state,) in connection.execute("SELECT state FROM deliveries")]
    return set(states) if len(states) == 9 and "waiting" not in states else set()


def test_what_is_logged_and_kept_by_real_processes_holds_nothing_planted(
    processes: Callable[..., Process], refusing: str
) -> None:
    vendors = {name: {"api_key": key, "base_url": refusing} for name, key in VENDOR_KEYS.items()}
    process = processes(
        configuration(
            secrets=[COOKIE_SECRET],
            trusted_proxies=["127.0.0.1"],
            shop={"api_keys": [SHOP_KEY], "vendors": vendors},
        )
    )
    headers = {"X-Forwarded-For": ADDRESSES["the proxy's word"], "User-Agent": AGENT["the browser"]}
    person = {"email": OF_THE_USER["the user's e-mail"], "phone": OF_THE_USER["the user's phone"]}
    answer = process.browser().send(
        event("search", search_term=IN_URLS["one in a search"]),
        event("purchase", transaction_id="o-1", currency="EUR", value=45.5, items=[ITEM]),
        consent=GRANTED,
        user=person,
        page={
            "url": f"https://www.myshop.example/{IN_URLS['an e-mail in a URL']}"
            f"?key={ORDER_KEY['the key of an order']}",
            "title": IN_URLS["an e-mail in a URL"],
        },
        headers=headers,
    )
    assert answer.accepted == 2
    told: dict[str, Any] = {
        **event("purchase", transaction_id="o-2", currency="EUR", value=45.5, items=[ITEM]),
        "user": person,
        "ip": ADDRESSES["the peer"],
        "user_agent": AGENT["the browser"],
    }
    stored = process.http.post(
        "/v1/demo/events", json={"events": [told]}, headers={"Authorization": f"Bearer {SHOP_KEY}", **headers}
    )
    assert stored.json()["stored"] == 1
    for body in (b"{", IN_URLS["one in a search"].encode()):
        assert process.browser().send_raw(body, headers).status == 400
    assert "dead" in eventually(lambda: settled(process), 30)
    metrics = process.http.get("/metrics").text
    assert process.terminate() == 0
    log = process.log.read_text("utf-8")
    kept = b"".join(file.read_bytes() for file in (process.file.parent / "var").rglob("*") if file.is_file())
    assert log
    for text in (log, metrics):
        assert found(text, SECRETS, ADDRESSES, IN_URLS, ORDER_KEY, OF_THE_USER, AGENT) == []
    assert found(kept, SECRETS, ADDRESSES, IN_URLS, ORDER_KEY, AGENT) == []
    assert found(kept, OF_THE_USER) == list(OF_THE_USER), "the search finds what is there"
