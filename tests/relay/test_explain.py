"""`gatepost explain`: the whole story of one event, order or visitor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.commands import explain_id
from server.errors import GatepostError
from server.event import Source
from server.explain import explained
from server.store.history import History
from tests.relay.clock import HOUR
from tests.relay.listener import Answer, Listener, reset, say
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage, consent


@pytest.fixture
def explain(stage: Stage) -> Callable[[str], str]:
    """What `gatepost explain` prints."""

    def text(id: str) -> str:
        history = History(stage.database)
        return "\n\n".join(
            explained(record, history.consents(record.event.shop, record.event.visitor))
            for record in history.find(id)
        )

    return text


def test_a_delivered_event_tells_what_was_sent_and_answered(
    stage: Stage, vendor: Listener, explain: Callable[[str], str]
) -> None:
    vendor.answer = lambda _: say(202, {"status": "queued"})
    stage.keep("e1", source=Source("chain", "spring", stage.clock()), colour="red")
    stage.start()
    stage.until_settled()
    text = explain("e1")
    assert "view_item  e1" in text
    assert "received  2027-01-15 08:00:00 UTC from the browser" in text
    assert "campaign  chain spring, seen 2027-01-15 08:00:00 UTC" in text
    assert '"colour":"red"' in text
    assert "personalization granted, marketing granted" in text
    assert "parrot: delivered 2027-01-15 08:00:00 UTC" in text
    assert "allowed because personalization was granted on 2027-01-15 08:00 UTC, told by the browser" in text
    assert "POST /tell" in text
    assert '"source":"spring"' in text
    assert "HTTP 202 in" in text
    assert '{"status": "queued"}' in text


def test_every_try_of_a_retried_event_is_told(
    stage: Stage, vendor: Listener, explain: Callable[[str], str]
) -> None:
    answers: list[Answer] = [reset(), say(503, "come back"), say(200, "thanks")]
    vendor.answer = lambda _: answers.pop(0)
    stage.keep("e1")
    stage.start()
    stage.until_waiting("e1")
    waiting = explain("e1")
    assert "parrot: waiting, tried again at 2027-01-15 08:00:0" in waiting
    assert "because the connection broke before the answer" in waiting
    assert "no answer: the connection broke before the answer" in waiting
    stage.forward(7000)
    stage.until_waiting("e1", attempts=2)
    stage.forward(HOUR)
    stage.until_settled()
    text = explain("e1")
    assert "delivered 2027-01-15 09:00:07 UTC after 3 tries" in text
    order = ["no answer", "HTTP 503", "come back", "HTTP 200", "thanks"]
    assert sorted(order, key=text.index) == order


def test_an_event_nobody_wanted_tells_why(stage: Stage, explain: Callable[[str], str]) -> None:
    stage.keep("e1", unwanted="parrots do not care for views")
    stage.start()
    stage.until_settled()
    assert "parrot: not sent" in explain("e1")
    assert "because parrots do not care for views" in explain("e1")


def test_consent_is_told_as_it_was_and_as_it_is(
    stage: Stage, vendor: Listener, explain: Callable[[str], str]
) -> None:
    vendor.answer = lambda _: say(503)
    stage.keep("e1", consent=consent(personalization="granted"))
    stage.start()
    stage.until_waiting("e1")
    stage.clock.forward(HOUR)
    denied = consent(personalization="denied")
    stage.consent(type(denied)(denied.purposes, at=stage.clock(), by="browser"))
    stage.wake()
    stage.until_settled()
    text = explain("e1")
    assert "consent   personalization granted (told by the browser 2027-01-15 08:00:00 UTC)" in text
    assert "by now    personalization denied (told by the browser 2027-01-15 09:00:00 UTC)" in text
    assert "not sent 2027-01-15 09:00:00 UTC" in text
    assert "because consent: personalization was denied" in text


def test_an_event_of_a_held_destination_tells_that_it_is_held(
    stage: Stage, vendor: Listener, explain: Callable[[str], str]
) -> None:
    vendor.answer = lambda _: say(401, "unknown key")
    stage.keep("e1")
    stage.start()
    stage.until(stage.held)
    text = explain("e1")
    assert "parrot: waiting" in text
    assert "the destination is held: HTTP 401: unknown key" in text
    assert "HTTP 401 in" in text, "and what was tried"


def test_an_event_the_relay_has_not_seen_yet_is_waiting(stage: Stage, explain: Callable[[str], str]) -> None:
    stage.keep("e1")
    assert "parrot: waiting" in explain("e1")


def test_a_batch_tells_of_this_event_and_counts_the_others(
    stage_of: Callable[..., Stage], vendor: Listener
) -> None:
    stage = stage_of({Parrot(batch=5): vendor})
    stage.keep("e1", "e2", "e3")
    stage.start()
    stage.until_settled()
    (record,) = History(stage.database).find("e2")
    text = explained(record, [])
    assert "POST /tell, with 2 other events" in text
    assert '"id":"e2"' in text
    assert '"id":"e1"' not in text
    assert '"id":"e3"' not in text


def test_an_event_of_several_messages_shows_each(stage: Stage, explain: Callable[[str], str]) -> None:
    stage.keep("e1", parts=3)
    stage.start()
    stage.until_settled()
    assert explain("e1").count("POST /tell") == 3


def test_each_vendor_has_its_own_story(
    stage_of: Callable[..., Stage], vendor: Listener, listen: Callable[[], Listener]
) -> None:
    other = listen()
    other.answer = lambda _: say(400, "no")
    stage = stage_of({Parrot(): vendor, Parrot("cuckoo"): other})
    stage.keep("e1")
    stage.start()
    stage.until_settled()
    stage.until_settled(vendor="cuckoo")
    (record,) = History(stage.database).find("e1")
    text = explained(record, [])
    assert "parrot: delivered" in text
    assert "cuckoo: finally refused" in text


def test_an_order_and_a_visitor_name_their_events(stage: Stage, explain: Callable[[str], str]) -> None:
    stage.keep("view", visitor="ann")
    stage.keep("order", visitor="ann", name="purchase", transaction_id="o-77")
    stage.keep("else", visitor="bob")
    assert [line.split()[1] for line in explain("o-77").splitlines() if line.startswith("purchase")] == [
        "order"
    ]
    ann = explain("ann")
    assert "view_item  view" in ann
    assert "purchase  order" in ann
    assert "else" not in ann


def test_what_a_vendor_answers_cannot_command_the_terminal(
    stage: Stage, vendor: Listener, explain: Callable[[str], str]
) -> None:
    vendor.answer = lambda _: say(400, "line\nparrot: delivered\x1b[2J\x9b31m\u202e\x07 end".encode())
    stage.keep("e1")
    stage.start()
    stage.until_settled()
    text = explain("e1")
    assert all(character.isprintable() for line in text.splitlines() for character in line)
    assert "\n    parrot: delivered" not in text
    assert not any(line.strip().startswith("parrot: delivered") for line in text.splitlines())
    assert "end" in text


def test_a_huge_answer_is_kept_to_10_kb(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(400, "é" * 100_000)
    stage.keep("e1")
    stage.start()
    stage.until_settled()
    ((reply,),) = stage.query("SELECT reply FROM requests")
    assert reply == "é" * 5120
    ((reason,),) = stage.query("SELECT reason FROM deliveries")
    assert len(reason) <= 500


def test_an_id_that_names_nothing_is_said_to(stage: Stage) -> None:
    config = stage.folder / "gatepost.toml"
    config.write_text(
        'public_url = "http://localhost:8000"\nsecrets = ["c9d1f6be52a34f0f8e0d7b6a5c4e3f21"]\n'
        f'data_dir = "{stage.folder}"\n[shops.demo]\norigins = ["http://localhost:8080"]\n'
    )
    stage.keep("e1")
    assert "view_item  e1" in explain_id(config, "e1")
    for unknown in ("nobody", "", "e1' OR 1=1 --", "%"):
        with pytest.raises(GatepostError, match="no event, order or visitor of this id is kept"):
            explain_id(config, unknown)
