"""A database in which much has happened: written by SQL alone, as quickly as the disk allows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from benchmarks.traffic import ORIGIN, SHOP
from server.event import Event, Page
from server.store.database import FILE

DAYS = 3
"""Over which the events came."""
VISITORS = 50_000
NAMES = ("page_view", "view_item", "view_item_list", "add_to_cart", "update_cart", "search", "purchase")
DEAD, WAITING = 5_000, 3_000
"""Deliveries of each destination, one in so many events for the dead, the newest for those that wait."""
BATCH = 30

_DAY = 86_400_000


def fill(folder: Path, events: int, now: int) -> None:
    """Put so many events into a new database, with what became of them at every destination it knows."""
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.create_function("body", 4, _body, deterministic=True)
        connection.execute("BEGIN")
        _events(connection, events, now)
        for (destination,) in connection.execute("SELECT id FROM destinations").fetchall():
            _deliveries(connection, destination, events, now)
            _requests(connection, destination, now)
        _readings(connection, now)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def event_id(number: int) -> str:
    """The id of an event of this database."""
    return f"event-{number}"


def visitor_id(number: int) -> str:
    """The id of a visitor of this database."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def order_id(number: int) -> str:
    """The order that this event is about, where it is a purchase."""
    return f"order-{number}"


def _body(number: int, name: str, visitor: str, at: int) -> bytes:
    item = str(100_000 + number % 20_000)
    shirt = {
        "item_id": item,
        "item_name": "A linen shirt",
        "item_brand": "Bench",
        "price": 45.5,
        "quantity": 1,
    }
    return msgspec.json.encode(
        Event(
            id=event_id(number),
            name=name,
            at=at,
            received=at,
            shop=SHOP,
            visitor=visitor,
            session=visitor,
            params={"currency": "EUR", "value": 45.5, "items": [shirt], "transaction_id": order_id(number)},
            page=Page(f"{ORIGIN}/p/{item}", f"{ORIGIN}/c/shirts", "A linen shirt, blue | Bench", "product"),
        )
    )


def _events(connection: sqlite3.Connection, events: int, now: int) -> None:
    names = " ".join(f"WHEN {i} THEN '{name}'" for i, name in enumerate(NAMES))
    connection.execute(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :events),"
        " drawn (n, visitor, name, at) AS ("
        f" SELECT n, printf('%08x-0000-4000-8000-000000000000', (n * 7919) % {VISITORS}),"
        f" CASE n % {len(NAMES)} {names} END, :now - (:events - n) * :pace FROM numbers)"
        " INSERT INTO events (seq, shop, id, visitor, name, received, order_id, body)"
        " SELECT n, :shop, 'event-' || n, visitor, name, at,"
        " CASE WHEN name = 'purchase' THEN 'order-' || n END, body(n, name, visitor, at) FROM drawn",
        {"events": events, "now": now, "pace": max(1, DAYS * _DAY // events), "shop": SHOP},
    )
    connection.execute("INSERT INTO shops (shop, received) VALUES (?, ?)", (SHOP, events))


def _deliveries(connection: sqlite3.Connection, destination: int, events: int, now: int) -> None:
    connection.execute(
        "INSERT INTO deliveries"
        " (destination, event, visitor, state, reason, receipt, attempts, told, next_at, at)"
        " SELECT :destination, seq, visitor, CASE WHEN seq > :waiting THEN 'waiting'"
        " WHEN seq % :dead = 0 THEN 'dead' WHEN seq % 4 = 0 THEN 'not_wanted' ELSE 'delivered' END,"
        " CASE WHEN seq > :waiting THEN 'HTTP 503' WHEN seq % :dead = 0 THEN 'HTTP 400: item ' || seq % 9"
        " WHEN seq % 4 = 0 THEN 'the vendor has no such event' ELSE '' END,"
        " 'marketing was granted', 1, 1, CASE WHEN seq > :waiting THEN :now END, received FROM events",
        {"destination": destination, "waiting": events - WAITING, "dead": max(1, events // DEAD), "now": now},
    )
    connection.execute("UPDATE destinations SET position = ? WHERE id = ?", (events, destination))
    connection.execute(
        "INSERT INTO totals (destination, state, reason, count) SELECT destination, state,"
        " CASE WHEN state = 'not_wanted' THEN reason ELSE '' END, count(*) FROM deliveries"
        " WHERE destination = ? AND state <> 'waiting' GROUP BY 2, 3",
        (destination,),
    )
    connection.execute(
        "INSERT OR IGNORE INTO totals (destination, state, reason, count) VALUES (?, 'earlier', '', 0)",
        (destination,),
    )


def _requests(connection: sqlite3.Connection, destination: int, now: int) -> None:
    """A request for each batch of what was sent, and what it said of each event."""
    first = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM requests").fetchone()[0]
    told = (
        "FROM deliveries JOIN events ON seq = event WHERE destination = ?2 AND state IN ('delivered', 'dead')"
    )
    connection.execute(
        "INSERT INTO tellings (event, destination, request, body)"
        f" SELECT event, destination, ?1 + event / {BATCH},"
        ' CAST(\'[{"event":"view","product_ids":["\' || event || \'"],"customer_id":"\' || events.visitor'
        f' || \'","url":"https://www.bench.example/p/1"}}]\' AS BLOB) {told}',
        (first, destination),
    )
    connection.execute(
        "INSERT INTO requests"
        " (id, destination, at, took, method, path, events, left, status, reply, outcome, reason)"
        " SELECT request, ?1, ?2, 12, 'POST', '/bulk', count(*), count(*), 200, '{\"status\":\"ok\"}',"
        " 'sent', 'HTTP 200' FROM tellings WHERE destination = ?1 GROUP BY request",
        (destination, now),
    )


def _readings(connection: sqlite3.Connection, now: int) -> None:
    """A reading for each minute of the last day, and each quarter of an hour of the last nine."""
    connection.execute(
        "WITH RECURSIVE times (at) AS (SELECT :now - 9 * :day UNION ALL SELECT at +"
        " CASE WHEN at < :now - 26 * 3600000 THEN 900000 ELSE 60000 END FROM times WHERE at < :now),"
        " places (vendor) AS (SELECT '' UNION ALL SELECT vendor FROM destinations)"
        " INSERT INTO readings (shop, vendor, at, received, delivered, not_wanted, dead)"
        " SELECT :shop, vendor, at, at / 1000, at / 2000, at / 4000, at / 100000 FROM times, places",
        {"now": now, "day": _DAY, "shop": SHOP},
    )
