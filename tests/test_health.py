"""Alive, and ready: `/healthz` and `/readyz`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from server.store.database import FILE, Database
from server.store.outbox import Outbox
from tests.gateway import MINUTE, SECOND, Gateway
from tests.world import eventually, world


def ask(gateway: Gateway, path: str) -> tuple[int, dict[str, str]]:
    answer = gateway.app.test_client().get(path)
    return answer.status_code, answer.json


def test_a_gateway_is_alive_and_ready_before_any_relay_was_there(gateway: Gateway) -> None:
    assert ask(gateway, "/healthz") == (200, {"status": "ok"})
    assert ask(gateway, "/readyz") == (200, {"status": "ok"})


def test_it_is_not_ready_while_nothing_can_be_kept_and_is_again_after(gateway: Gateway) -> None:
    file = gateway.settings.data_dir / FILE
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        status, said = ask(gateway, "/readyz")
        assert status == 503
        assert said["error"]
        assert ask(gateway, "/healthz")[0] == 200
        other.execute("ROLLBACK")
    assert ask(gateway, "/readyz")[0] == 200


def test_however_often_it_is_asked_the_disk_is_written_to_three_times_a_second(gateway: Gateway) -> None:
    def write() -> bytes:
        assert ask(gateway, "/readyz")[0] == 200
        ((value,),) = gateway.rows("SELECT value FROM keys WHERE name = 'probe'")
        return bytes(value)

    assert len({write() for _ in range(20)}) == 3
    gateway.clock.forward(SECOND)
    assert len({write() for _ in range(20)}) == 3


def test_who_asks_too_often_hears_the_last_answer(gateway: Gateway) -> None:
    with gateway.locked():
        assert {ask(gateway, "/readyz")[0] for _ in range(10)} == {503}
    assert ask(gateway, "/readyz")[0] == 503
    gateway.clock.forward(SECOND)
    assert ask(gateway, "/readyz")[0] == 200


def test_it_is_not_ready_when_a_relay_shows_no_life_any_more(gateway: Gateway) -> None:
    database = Database(gateway.settings.data_dir)
    outbox = Outbox(database)
    outbox.beat(gateway.clock())
    gateway.clock.forward(59 * SECOND)
    assert ask(gateway, "/readyz")[0] == 200
    gateway.clock.forward(MINUTE)
    status, said = ask(gateway, "/readyz")
    assert status == 503
    assert "119 seconds" in said["error"]
    outbox.rest()
    assert ask(gateway, "/readyz")[0] == 200
    database.close()


def test_a_relay_at_work_shows_life_and_one_that_ended_leaves_no_sign(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        file = made.settings.data_dir / FILE

        def heartbeats() -> list[tuple[str]]:
            with closing(sqlite3.connect(file)) as reader:
                return reader.execute("SELECT name FROM heartbeats").fetchall()

        eventually(lambda: heartbeats() == [("relay",)])
    assert heartbeats() == []
