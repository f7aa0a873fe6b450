"""Whether an event may go is asked again each time, and a campaign source is used only while it may be."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from server.consent import Consent, updated
from server.event import Source
from tests.relay.clock import HOUR, MINUTE, SECOND
from tests.relay.listener import Listener, say
from tests.relay.parrot import Parrot
from tests.relay.stage import Stage, consent

FIRST_WAIT = 6 * SECOND + 1


def test_consent_withdrawn_before_the_first_try_is_heeded(stage: Stage, vendor: Listener) -> None:
    stage.keep("e1")
    stage.consent(consent(personalization="denied"))
    stage.start()
    row = stage.until_settled()["e1"]
    assert (row.state, row.reason) == ("not_wanted", "consent: personalization was denied")
    assert vendor.heard == []


def test_what_came_before_the_grant_is_not_sent_by_a_relay_that_comes_after_it(
    stage: Stage, vendor: Listener
) -> None:
    only = consent(marketing="granted")
    stage.keep("before", consent=only)
    stage.forward(MINUTE)
    stage.keep(
        "after", consent=updated(only, {"personalization": "granted"}, False, stage.clock(), "browser")
    )
    stage.start()
    rows = stage.until_settled()
    assert (rows["before"].state, rows["before"].reason) == (
        *("not_wanted", "consent: personalization was not granted yet when it came"),
    )
    assert rows["after"].state == "delivered"
    assert vendor.ids == ["after"]


def test_consent_withdrawn_while_an_event_waits_is_heeded(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(503)
    stage.keep("e1", "e2", visitor="ann")
    stage.keep("b1", visitor="bob")
    stage.start()
    stage.until_waiting("e1", "b1")
    vendor.answer = lambda _: say()
    stage.consent(consent(personalization="denied"), visitor="ann")
    stage.forward(FIRST_WAIT)
    rows = stage.until_settled()
    for id in ("e1", "e2"):
        assert (rows[id].state, rows[id].reason) == ("not_wanted", "consent: personalization was denied")
    assert rows["e1"].attempts == 1, "the try there was is not forgotten"
    assert rows["b1"].state == "delivered"
    assert [id for id in vendor.ids if id != "b1"] == ["e1"]


def test_consent_withdrawn_while_an_earlier_request_is_under_way_is_heeded(
    stage: Stage, vendor: Listener
) -> None:
    answer = threading.Event()
    vendor.answer = lambda _: vendor.hold(answer)
    stage.keep("e1", "e2")
    stage.start()
    stage.until(lambda: vendor.heard)
    stage.consent(consent(personalization="denied"))
    answer.set()
    rows = stage.until_settled()
    assert (rows["e1"].state, rows["e2"].state) == ("delivered", "not_wanted")
    assert vendor.ids == ["e1"]


def test_consent_withdrawn_while_the_destination_is_held_is_heeded(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(401)
    stage.keep("e1")
    stage.start()
    stage.until(stage.held)
    stage.consent(consent(personalization="denied"))
    stage.forward(MINUTE)
    assert stage.until_settled()["e1"].state == "not_wanted"
    assert vendor.ids == ["e1"]


def test_consent_withdrawn_across_a_restart_is_heeded(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(503)
    stage.keep("e1")
    stage.start()
    stage.until_waiting("e1")
    stage.crash()
    stage.consent(consent(personalization="denied"))
    stage.forward(FIRST_WAIT)
    stage.start()
    assert stage.until_settled()["e1"].state == "not_wanted"
    assert vendor.ids == ["e1"]


def test_consent_for_another_purpose_does_not_count(stage: Stage, vendor: Listener) -> None:
    stage.keep("e1", consent=consent(marketing="granted"))
    stage.start()
    row = stage.until_settled()["e1"]
    assert (row.state, row.reason) == ("not_wanted", "consent: personalization was not granted")


def test_of_a_visitor_who_never_said_anything_nothing_is_sent(stage: Stage, vendor: Listener) -> None:
    stage.keep("e1", consent=None)
    stage.start()
    assert stage.until_settled()["e1"].reason == "consent: personalization was not granted"
    assert vendor.heard == []


def test_a_delivery_says_which_consent_allowed_it(stage: Stage, vendor: Listener) -> None:
    stage.keep("e1")
    stage.start()
    receipt = stage.until_settled()["e1"].receipt
    assert receipt == "personalization was granted on 2027-01-15 08:00 UTC, told by the browser"


def test_a_delivery_without_a_decision_says_which_rule_allowed_it(
    stage_of: Callable[..., Stage], vendor: Listener
) -> None:
    stage = stage_of({Parrot(): vendor}, rule="not_required")
    stage.keep("e1", consent=None)
    stage.start()
    receipt = "personalization was not declined, and this shop is configured as not_required"
    assert stage.until_settled()["e1"].receipt == receipt


def test_the_receipt_is_of_the_consent_at_the_time_of_sending(stage: Stage, vendor: Listener) -> None:
    vendor.answer = lambda _: say(503)
    stage.keep("e1")
    stage.start()
    stage.until_waiting("e1")
    vendor.answer = lambda _: say()
    stage.clock.forward(MINUTE)
    stage.consent(Consent({"personalization": "granted"}, at=stage.clock(), by="server"))
    stage.wake()
    receipt = stage.until_settled()["e1"].receipt
    assert receipt == "personalization was granted on 2027-01-15 08:01 UTC, told by the server"


# The campaign source: 48 hours from when it was seen.


def test_a_source_is_left_out_48_hours_after_it_was_seen(stage: Stage, vendor: Listener) -> None:
    seen = stage.clock()
    stage.forward(48 * HOUR - 1)
    stage.keep("in-time", visitor="ann", source=Source("chain", "spring", seen))
    stage.start()
    stage.until_settled()
    stage.stop()
    stage.keep("too-late", visitor="bob", source=Source("chain", "spring", seen))
    stage.forward(1)
    stage.start()
    stage.until_settled()
    assert [heard.body.get("source") for heard in vendor.heard] == ["spring", None]


@pytest.mark.parametrize("name", ["view_item", "purchase"])
def test_a_retried_event_goes_without_its_source_once_that_is_too_old(
    stage: Stage, vendor: Listener, name: str
) -> None:
    seen = stage.clock()
    stage.forward(48 * HOUR - 3 * SECOND)
    vendor.answer = lambda _: say(503)
    stage.keep("e1", name=name, source=Source("chain", "spring", seen), transaction_id="o-1")
    stage.start()
    stage.until_waiting("e1")
    vendor.answer = lambda _: say()
    stage.forward(FIRST_WAIT)
    stage.until_settled()
    assert [heard.body.get("source") for heard in vendor.heard] == ["spring", None]


def test_a_source_that_grows_too_old_while_the_destination_is_held_is_left_out(
    stage: Stage, vendor: Listener
) -> None:
    seen = stage.clock()
    stage.forward(48 * HOUR - 5 * MINUTE)
    vendor.answer = lambda _: say(401)
    stage.keep("e1", "e2", source=Source("chain", "spring", seen))
    stage.start()
    stage.until(stage.held)
    vendor.answer = lambda _: say()
    stage.forward(5 * MINUTE)
    stage.until_settled()
    assert [heard.body.get("source") for heard in vendor.heard] == ["spring", None, None]


def test_a_source_is_left_out_to_the_minute_while_a_lane_moves_slowly(stage: Stage, vendor: Listener) -> None:
    """Both are read at once; the second is sent much later, when its translation is no longer good."""
    seen = stage.clock()
    stage.forward(48 * HOUR - 30 * SECOND)
    answer = threading.Event()
    vendor.answer = lambda heard: vendor.hold(answer) if heard.ids == ["e1"] else say()
    stage.keep("e1", "e2", source=Source("chain", "spring", seen))
    stage.start()
    stage.until(lambda: vendor.heard)
    stage.forward(30 * SECOND)
    answer.set()
    stage.until_settled()
    assert [heard.body.get("source") for heard in vendor.heard] == ["spring", None]
