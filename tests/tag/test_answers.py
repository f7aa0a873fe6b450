"""What the tag makes of each answer: done, given up, or kept and tried again."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.tag.servers import Answer, Batch
from tests.tag.visit import START, Visit

TEN_MINUTES = 600_000


def ids(batch: Batch) -> list[str]:
    return [event["id"] for event in batch.events]


def pauses(batches: list[Batch]) -> list[float]:
    """Seconds between the attempts, by the browser's clock."""
    times = [batch.json["sent_at"] for batch in batches]
    return [(later - earlier) / 1000 for earlier, later in pairwise(times)]


@pytest.mark.parametrize("status", [200, 400, 403, 404, 413, 422])
def test_an_answer_that_settles_it_is_not_asked_for_again(visit: Visit, status: int) -> None:
    visit.gateway.answers = [Answer(status)]
    visit.open()
    visit.pass_time()
    visit.sent(1)
    visit.pass_time(TEN_MINUTES)
    visit.push(["track", "next"])
    visit.pass_time()
    assert [batch.names for batch in visit.sent(2)] == [["page_view"], ["next"]]


@pytest.mark.parametrize("status", [408, 429, 502, 503])
def test_what_cannot_be_taken_now_is_sent_again_when_the_server_says(visit: Visit, status: int) -> None:
    visit.gateway.answers = [Answer(status, {"Retry-After": "60"})]
    visit.open()
    visit.pass_time()
    visit.sent(1)
    visit.settle()  # the tag has heard the answer: its pause begins before time passes
    visit.push(["track", "meanwhile"])
    visit.pass_time(59_000)
    visit.settle()
    assert len(visit.gateway.batches) == 1
    visit.pass_time(13_000)
    first, second, third = visit.sent(3)
    assert second.events == first.events
    assert second.events[0]["at"] == START
    assert third.names == ["meanwhile"]
    assert 60 <= pauses([first, second])[0] < 73  # a fifth more at most, and the way of the answer


def test_without_a_word_from_the_server_the_pauses_double_up_to_five_minutes(visit: Visit) -> None:
    visit.page.add_init_script("Math.random = () => 0")
    visit.gateway.answers = [Answer(500)] * 8
    visit.open()
    visit.pass_time(305)
    for count, seconds in enumerate([5, 10, 20, 40, 80, 160, 300, 300], start=1):
        visit.sent(count)
        visit.pass_time(seconds * 1000 - 50)
        visit.settle()
        assert len(visit.gateway.batches) == count, f"earlier than {seconds} s after failure {count}"
        visit.pass_time(60)
    batches = visit.sent(9)
    assert {tuple(ids(batch)) for batch in batches} == {tuple(ids(batches[0]))}


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("9999999999", 3600), ("Wed, 21 Oct 2026 07:28:00 GMT", 5), ("0", 5), ("-1", 5), ("soon", 5)],
)
def test_a_server_that_asks_for_too_long_or_for_nonsense_is_not_obeyed(
    visit: Visit, asked: str, seconds: int
) -> None:
    visit.page.add_init_script("Math.random = () => 0")
    visit.gateway.answers = [Answer(503, {"Retry-After": asked})]
    visit.open()
    visit.pass_time(305)
    visit.sent(1)
    visit.pass_time(seconds * 1000 - 50)
    visit.settle()
    assert len(visit.gateway.batches) == 1
    visit.pass_time(60)
    assert ids(visit.sent(2)[1]) == ids(visit.gateway.batches[0])


def test_browsers_do_not_come_back_all_at_once(visit: Visit) -> None:
    visit.page.add_init_script("Math.random = () => 0.99")
    visit.gateway.answers = [Answer(503, {"Retry-After": "60"})]
    visit.open()
    visit.pass_time(305)
    visit.sent(1)
    visit.pass_time(71_500)
    visit.settle()
    assert len(visit.gateway.batches) == 1
    visit.pass_time(500)
    visit.sent(2)


def test_pauses_begin_anew_after_an_answer(visit: Visit) -> None:
    visit.gateway.answers = [Answer(500), Answer(500), Answer(200), Answer(500)]
    visit.open()
    visit.pass_time()
    for count in (1, 2):
        visit.sent(count)
        visit.pass_time(15_000)
    visit.sent(3)
    visit.push(["track", "next"])
    visit.pass_time()
    visit.sent(4)
    visit.pass_time(6100)
    assert pauses(visit.sent(5))[3] < 7


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(0), id="none"),
        pytest.param(
            Answer(403, {"Access-Control-Allow-Origin": "https://other.example"}),
            id="one the browser may not show",
        ),
    ],
)
def test_without_an_answer_it_tries_once_more_at_once_and_then_with_pauses(
    visit: Visit, answer: Answer
) -> None:
    visit.gateway.answers = [answer, answer]
    visit.open()
    visit.pass_time(305)
    visit.sent(1)
    visit.pass_time(100)
    visit.sent(2)
    visit.pass_time(4000)
    visit.settle()
    assert len(visit.gateway.batches) == 2
    visit.pass_time(2500)
    batches = visit.sent(3)
    assert pauses(batches)[1] >= 5
    assert {tuple(ids(batch)) for batch in batches} == {tuple(ids(batches[0]))}


def test_being_online_again_ends_the_pause(visit: Visit) -> None:
    visit.gateway.answers = [Answer(503, {"Retry-After": "600"})]
    visit.open()
    visit.pass_time()
    visit.sent(1)
    visit.run("dispatchEvent(new Event('online'))")
    assert ids(visit.sent(2)[1]) == ids(visit.gateway.batches[0])
    visit.pass_time(TEN_MINUTES * 2)
    visit.push(["track", "next"])
    visit.pass_time()
    assert visit.sent(3)[2].names == ["next"]


def test_a_pause_that_was_cut_short_does_not_end_the_next_one(visit: Visit) -> None:
    visit.gateway.answers = [Answer(503, {"Retry-After": "60"}), Answer(503, {"Retry-After": "600"})]
    visit.open()
    visit.pass_time()
    visit.sent(1)
    visit.run("dispatchEvent(new Event('online'))")
    visit.sent(2)
    visit.pass_time(599_000)
    visit.settle()
    assert len(visit.gateway.batches) == 2
    visit.pass_time(130_000)
    visit.sent(3)


def test_a_page_view_that_is_sent_again_is_not_altered(visit: Visit) -> None:
    visit.gateway.answers = [Answer(503, {"Retry-After": "60"})]
    visit.open()
    visit.pass_time()
    visit.sent(1)
    visit.push(["page", {"type": "cart", "items_in_cart": 2}])
    visit.pass_time(80_000)
    first, second, third = visit.sent(3)
    assert second.events == first.events
    assert second.json["page"] == first.json["page"]
    assert [event["params"] for event in third.events] == [{"items_in_cart": 2}]
    assert third.json["page"]["type"] == "cart"


def test_batches_stay_in_order_when_the_first_is_refused(visit: Visit) -> None:
    visit.gateway.answers = [Answer(503, {"Retry-After": "60"})]
    visit.open("/a")
    visit.run("history.pushState(null, '', '/b')")
    visit.pass_time()
    visit.sent(1)
    visit.run("history.pushState(null, '', '/c')")
    visit.pass_time(80_000)
    visit.sent(4)
    urls = [batch.json["page"]["url"].removeprefix(visit.shop.origin) for batch in visit.gateway.batches]
    assert urls == ["/a", "/a", "/b", "/c"]


def test_in_a_pause_neither_being_hidden_nor_leaving_disobeys_the_server(visit: Visit) -> None:
    visit.gateway.answers = [Answer(503, {"Retry-After": "60"})]
    visit.open()
    visit.pass_time()
    visit.sent(1)
    visit.push(["track", "meanwhile"])
    visit.hide()
    visit.run("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    visit.settle()
    assert len(visit.gateway.batches) == 1
    visit.pass_time(80_000)
    first, second, third = visit.sent(3)
    assert second.events == first.events
    assert third.names == ["meanwhile"]


def test_what_waits_during_an_outage_is_bounded(visit: Visit) -> None:
    visit.gateway.answers = [Answer(503, {"Retry-After": "60"})]
    visit.open()
    visit.pass_time()
    visit.sent(1)
    visit.run("for (let i = 0; i < 1500; i++) gatepost.track('e' + i)")
    visit.pass_time(80_000)
    visit.gateway.wait_for("e1499")
    _, view, *others = visit.gateway.batches
    assert view.names == ["page_view"]
    kept = [int(name.removeprefix("e")) for batch in others for name in batch.names]
    assert kept == [*range(1500 - len(kept), 1500)]
    assert 0 < len(kept) < 1500
