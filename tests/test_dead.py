"""Dead letters: seen, tried again where they were refused, given up; consent asked again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.commands import drop_dead, list_dead, replay_dead
from server.errors import GatepostError
from server.store.counts import DestinationCounts, count
from server.store.database import Database
from tests.world import World, eventually, world

GRANTED = {"personalization": "granted", "marketing": "granted"}
EVERY = {"shop": "", "vendor": "", "reason": "", "event": "", "since": "", "until": ""}


class Shop:
    """A world with one browser of which only the requests are there."""

    def __init__(self, made: World) -> None:
        self.world = made
        self._browser = httpx.Client(headers={"Origin": made.shop})

    def send(self, *ids: str, **batch: Any) -> None:
        events = [
            {"id": id, "name": "search", "at": self.world.clock(), "params": {"search_term": id}}
            for id in ids
        ]
        body = {"sent_at": self.world.clock(), "events": events, **batch}
        answer = self._browser.post(f"{self.world.gateway}/gp/demo/e", content=json.dumps(body))
        assert answer.status_code == 200

    def refuse(self, times: int | None, vendor: str = "blueshift") -> None:
        """The vendor refuses its next requests."""
        fault = {"vendor": vendor, "status": 400, "times": times}
        httpx.post(f"{self.world.sandbox}/_sandbox/faults", json=fault).raise_for_status()

    def counts(self, vendor: str = "blueshift") -> DestinationCounts:
        database = Database(self.world.settings.data_dir)
        (found,) = (one for one in count(database).destinations if one.vendor == vendor)
        database.close()
        return found

    def dead(self, *ids: str) -> None:
        """Events that Blueshift refuses and PersonaClick takes."""
        self.refuse(len(ids) + 1 if len(ids) > 1 else 1)  # the batch, then each by itself
        self.send(*ids, consent=GRANTED)
        eventually(lambda: self.counts().dead == len(ids))
        eventually(lambda: self.counts("personaclick").delivered == len(ids))

    def run(self, command: Any, **options: Any) -> list[str]:
        which = {**EVERY, **{name: options.pop(name) for name in list(options) if name in EVERY}}
        return list(command(self.world.settings.file, which, **options))

    def listed(self, **which: str) -> list[str]:
        return self.run(list_dead, limit=100, **which)

    def close(self) -> None:
        self._browser.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with world(tmp_path) as made:
        opened = Shop(made)
        yield opened
        opened.close()


def test_a_dead_letter_is_listed_with_its_reason(shop: Shop) -> None:
    assert shop.listed() == ["no dead letters"]
    shop.dead("first")
    (line,) = shop.listed()
    assert "demo/blueshift" in line
    assert "first" in line
    assert "HTTP 400" in line


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({"shop": "demo"}, 2),
        ({"shop": "other"}, 0),
        ({"vendor": "blueshift"}, 2),
        ({"vendor": "personaclick"}, 0),
        ({"reason": "http 400"}, 2),
        ({"reason": "http_400"}, 0),
        ({"event": "search"}, 2),
        ({"event": "first"}, 1),
        ({"since": "1h"}, 2),
        ({"since": "2100-01-01"}, 0),
        ({"until": "1h"}, 0),
        ({"until": "2100-01-01T00:00"}, 2),
    ],
)
def test_filters_narrow_it_down(shop: Shop, which: dict[str, str], found: int) -> None:
    shop.dead("first", "second")
    lines = shop.listed(**which)
    assert len([line for line in lines if line != "no dead letters"]) == found


def test_a_replay_without_yes_only_says_what_it_would_do(shop: Shop) -> None:
    shop.dead("first", "second")
    before = shop.world.requests("blueshift")
    lines = shop.run(replay_dead, really=False)
    assert any("HTTP 400" in line and line.split()[0] == "2" for line in lines)
    assert "add --yes" in lines[-1]
    assert shop.counts().dead == 2
    assert shop.world.requests("blueshift") == before


def test_a_replay_reaches_the_vendor_that_refused_and_no_other(shop: Shop) -> None:
    shop.dead("first", "second")
    before = shop.world.requests("personaclick")
    shop.run(replay_dead, really=True)
    eventually(lambda: shop.counts().delivered == 2)
    assert (shop.counts().dead, shop.counts().waiting) == (0, 0)
    assert shop.world.requests("personaclick") == before
    told = [one for one in shop.world.requests("blueshift") if one["judgement"] == "accepted"]
    assert sorted(e["event_uuid"] for one in told for e in one["body"]["events"]) == ["first", "second"]


def test_a_replay_after_its_lifetime_is_still_tried(shop: Shop) -> None:
    shop.dead("first")
    shop.world.clock.move(3 * 24 * 3_600_000)
    shop.run(replay_dead, really=True, clock=shop.world.clock)
    eventually(lambda: shop.counts().delivered == 1)


def test_a_replay_asks_consent_again_and_says_so_beforehand(shop: Shop) -> None:
    shop.dead("first")
    shop.send(consent={"marketing": "denied"})
    lines = shop.run(replay_dead, really=False)
    assert any("marketing was denied" in line for line in lines)
    shop.run(replay_dead, really=True)
    eventually(lambda: shop.counts().dead == 0 and shop.counts().waiting == 0)
    assert shop.counts().not_wanted == {"consent: marketing was denied": 1}


def test_a_replay_runs_beside_live_traffic(shop: Shop) -> None:
    shop.dead("first")
    shop.run(replay_dead, really=True)
    shop.send("second")
    eventually(lambda: shop.counts().delivered == 2)


def test_what_is_dropped_is_given_up_and_still_counted(shop: Shop) -> None:
    shop.dead("first")
    assert "add --yes" in shop.run(drop_dead, really=False)[-1]
    assert shop.counts().dead == 1
    shop.run(drop_dead, really=True)
    counts = shop.counts()
    assert (counts.dead, counts.not_wanted) == (0, {"dropped by hand": 1})
    assert counts.received == counts.delivered + sum(counts.not_wanted.values()) + counts.waiting
    assert shop.listed() == ["no dead letters"]


def test_a_time_that_is_none_is_refused_with_an_example(shop: Shop) -> None:
    with pytest.raises(GatepostError, match="6h"):
        shop.listed(since="yesterday")
