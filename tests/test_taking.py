"""What is decided within the transaction that keeps: each request sees what the one before it changed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from server.consent import Consent
from server.errors import CannotKeep
from server.event import Event, User
from server.store import writer
from server.store.database import Database
from server.store.intake import Intake
from server.store.keeping import Arrival, CartOf, KnownVisitor
from tests.gateway import NOW

VISITOR = "07f684a7-e476-447f-bbe3-c921efd2984b"

Decision = Callable[[KnownVisitor | None], Arrival]


class Asked:
    """A request whose decision is the test's."""

    shop = "demo"

    def __init__(self, decision: Decision, visitor: str = VISITOR) -> None:
        self.visitor = visitor
        self._decision = decision

    def decide(self, known: KnownVisitor | None, cart_of: CartOf) -> Arrival:
        return self._decision(known)


def arrival(id: str, visitor: str = VISITOR, consent: Consent | None = None) -> Arrival:
    event = Event(id, "page_view", NOW, NOW, "demo", visitor, "", {}, user=User())
    return Arrival("demo", visitor, NOW, (event,), consent, is_new=True)


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    database = Database(tmp_path)
    with closing(database), closing(Intake(database)) as made:
        yield made


class Held:
    """Keeps the writer in its transaction until it is let go, so that what comes meanwhile is one group."""

    def __init__(self, intake: Intake) -> None:
        self._go, self._in = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=intake.take, args=[Asked(self._wait, "first")])

    def _wait(self, _: KnownVisitor | None) -> Arrival:
        self._in.set()
        assert self._go.wait(10)
        return Arrival("demo", "first", NOW)

    def __enter__(self) -> None:
        self._thread.start()
        assert self._in.wait(10)

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._thread.join()


def waiting(intake: Intake, count: int) -> None:
    """Until so many requests wait for the writer."""
    while intake._writer._waiting.qsize() < count:
        threading.Event().wait(0.001)


def test_two_requests_of_one_visitor_in_one_group_lose_neither_decision(intake: Intake) -> None:
    def grants(purpose: str) -> Decision:
        def decide(known: KnownVisitor | None) -> Arrival:
            before = known.consent.purposes if known else {}
            return arrival(purpose, consent=Consent({**before, purpose: "granted"}, at=NOW, by="browser"))

        return decide

    with ThreadPoolExecutor(2) as pool:
        with Held(intake):
            asked = [pool.submit(intake.take, Asked(grants(one))) for one in ("analytics", "marketing")]
            waiting(intake, 2)
        assert [one.result() for one in asked] == [[True], [True]]
    known = intake.visitor("demo", VISITOR)
    assert known
    assert known.consent.purposes == {"analytics": "granted", "marketing": "granted"}


def test_a_decision_that_stumbles_takes_none_of_its_group_with_it(
    intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(_: KnownVisitor | None) -> Arrival:
        raise ValueError("ada@customer.example")

    with ThreadPoolExecutor(2) as pool:
        with Held(intake), caplog.at_level(logging.ERROR):
            bad = pool.submit(intake.take, Asked(stumble, "bad"))
            good = pool.submit(intake.take, Asked(lambda _: arrival("good", "good"), "good"))
            waiting(intake, 2)
        with pytest.raises(CannotKeep):
            bad.result()
        assert good.result() == [True]
    (complaint,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "ValueError" in complaint.getMessage()
    assert "ada@customer.example" not in complaint.getMessage()


def test_a_coroutine_waits_as_long_as_a_thread_and_no_longer(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asyncio.run(intake.take_soon(Asked(lambda _: arrival("soon")))) == [True]
    with Held(intake):
        monkeypatch.setattr(writer, "PATIENCE", 0.1)
        with pytest.raises(CannotKeep, match="too slow"):
            asyncio.run(intake.take_soon(Asked(lambda _: arrival("late"))))
        monkeypatch.undo()
    assert asyncio.run(intake.take_soon(Asked(lambda _: arrival("late")))) == [True], "given up, not kept"


def test_a_loop_that_has_ended_does_not_stop_the_writer(intake: Intake) -> None:
    async def leave() -> None:
        task = asyncio.create_task(intake.take_soon(Asked(lambda _: arrival("left"))))
        await asyncio.sleep(0)
        task.cancel()

    with Held(intake):
        asyncio.run(leave())
    assert intake.take(Asked(lambda _: arrival("after"))) == [True]
