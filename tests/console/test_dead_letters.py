"""Dead letters: seen by reason tried again or dropped, and nothing of it by the first click."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from server.cookies import DAY
from server.store.database import Database
from server.store.retention import Retention
from tests.console.conftest import hostile
from tests.console.operator import Desk, Operator
from tests.console.test_overview import fault, send
from tests.gateway import DENIED, GRANTED, ITEM, Gateway, event
from tests.world import World, eventually

DEAD = "/console/shops/demo/dead"
REASON = "HTTP 400"


def accepted(living: World) -> list[str]:
    """The ids of the events that Blueshift took, in their order."""
    taken = [one for one in living.requests("blueshift") if one["judgement"] == "accepted"]
    return [each["event_uuid"] for one in taken for each in one["body"]["events"]]


def refuse(desk: Desk, *ids: str, **batch: Any) -> None:
    """Have Blueshift finally refuse events of these ids, and show what is dead."""
    fault(desk.world, "blueshift", 400, times=len(ids) + (len(ids) > 1))  # the batch, then each by itself
    send(desk.world, *(event("page_view", id) for id in ids), **batch)
    desk.open(DEAD)
    for _ in range(60):
        if desk.page.locator("article.kind .state.dead", has_text=re.compile(f"^{len(ids)} letter")).count():
            return
        desk.page.wait_for_timeout(200)
        desk.page.reload()
    raise AssertionError("they did not become dead letters")


def choose(desk: Desk, what: str) -> None:
    """Tick all there is, and ask what would be done."""
    for tick in desk.page.get_by_role("checkbox").all():
        tick.check()
    desk.page.get_by_role("button", name=f"{what}…").click()


def test_dead_letters_are_put_together_by_reason_with_request_and_reply(desk: Desk) -> None:
    desk.open(DEAD)
    expect(desk.page.locator("h1")).to_have_text("No dead letters")
    refuse(desk, "one", "two")
    expect(desk.page.locator("h1")).to_have_text("2 dead letters")
    (kind,) = desk.page.locator("article.kind").all()
    expect(kind).to_contain_text("Blueshift")
    expect(kind.locator(".why")).to_contain_text(REASON)
    expect(kind.get_by_label("What was sent")).to_contain_text('"event": "pageload"')
    expect(kind.locator(".exchange")).to_contain_text("POST /api/v1/bulkevents")
    expect(desk.page.locator("#nav-dead .badge")).to_have_text(re.compile("^2"))
    kind.get_by_role("link", name="See each of them").click()
    expect(desk.page.locator("article.kind h2 a")).to_have_text(["page_view", "page_view"])
    expect(desk.page.locator("article.kind code").first).to_be_visible()


def test_a_replay_first_shows_what_it_would_do_and_then_does_exactly_that(desk: Desk) -> None:
    refuse(desk, "one", "two")
    choose(desk, "Replay")
    expect(desk.page.locator("h1")).to_have_text("Replay 2 dead letters?")
    expect(desk.page.locator(".would")).to_contain_text(
        "2 events go to Blueshift again, and to no other vendor"
    )
    assert accepted(desk.world) == []
    desk.open(DEAD)
    expect(desk.page.locator("h1")).to_have_text("2 dead letters")
    choose(desk, "Replay")
    desk.page.get_by_role("button", name="Replay 2 now").click()
    expect(desk.page.get_by_role("status").first).to_contain_text("2 events are being tried again")
    eventually(lambda: sorted(accepted(desk.world)) == ["one", "two"])
    desk.open(DEAD)
    expect(desk.page.locator("h1")).to_have_text("No dead letters")


def test_a_replay_asks_consent_again_and_says_beforehand_whom_it_stops(desk: Desk) -> None:
    visitor = desk.page.context.request
    batch = {"events": [event("page_view", "one")], "consent": GRANTED}
    fault(desk.world, "blueshift", 400, times=1)
    headers = {"Origin": desk.world.shop}
    assert visitor.post(f"{desk.world.gateway}/gp/demo/e", data=batch, headers=headers).ok
    desk.open(DEAD)
    eventually(lambda: desk.page.reload() and desk.page.locator("article.kind").count())
    assert visitor.post(f"{desk.world.gateway}/gp/demo/e", data={"consent": DENIED}, headers=headers).ok
    choose(desk, "Replay")
    expect(desk.page.locator(".would")).to_contain_text("1 would not be sent: consent: marketing was denied")
    expect(desk.page.locator(".would")).not_to_contain_text("go to Blueshift")
    expect(desk.page.locator(".would")).not_to_contain_text("goes to Blueshift")
    desk.page.get_by_role("button", name="Replay 1 now").click()
    desk.open("/console/shops/demo/events/one")
    expect(desk.page.locator("#to-blueshift")).to_have_attribute("data-state", "not_wanted", timeout=15_000)
    assert accepted(desk.world) == []


def test_what_is_dropped_is_given_up_for_good_and_stays_in_the_sum(desk: Desk) -> None:
    refuse(desk, "one", "two")
    choose(desk, "Drop")
    expect(desk.page.locator("h1")).to_have_text("Drop 2 dead letters?")
    expect(desk.page.locator(".would")).to_contain_text("2 events are given up for good")
    desk.page.get_by_role("button", name="Drop 2 now").click()
    expect(desk.page.get_by_role("status").first).to_contain_text("2 dead letters were dropped")
    desk.open("/console/shops/demo/")
    expect(desk.page.locator("#why-blueshift li")).to_contain_text(["dropped by hand"])
    expect(desk.page.locator("#to-blueshift .figure.not_wanted dd")).to_have_text("2")


def test_letters_that_were_kept_long_enough_are_no_longer_announced(desk: Desk) -> None:
    refuse(desk, "one")
    expect(desk.page.locator("#nav-dead .badge")).to_have_text(re.compile("^1"))
    database = Database(desk.world.settings.data_dir)
    retention = Retention(database, desk.world.settings, lambda: desk.world.clock() + 400 * DAY)
    assert sum(retention.sweep()) > 0
    database.close()
    desk.page.reload()
    expect(desk.page.locator("h1")).to_have_text("No dead letters")
    expect(desk.page.locator("#nav-dead .badge")).to_have_count(0)


def test_letters_that_died_after_the_question_are_not_meant_by_the_answer(desk: Desk) -> None:
    refuse(desk, "one")
    choose(desk, "Drop")
    fault(desk.world, "blueshift", 400, times=1)
    send(desk.world, event("page_view", "late"))
    other = desk.page.context.new_page()
    other.goto(desk.world.gateway + DEAD)
    eventually(lambda: other.reload() and other.get_by_role("heading", name="2 dead letters").count())
    other.close()
    desk.page.get_by_role("button", name="Drop 1 now").click()
    expect(desk.page.locator("h1")).to_have_text("1 dead letter")
    desk.page.get_by_role("link", name="See it").click()
    expect(desk.page.locator("article.kind code").first).to_have_text("late")


def test_single_letters_are_chosen_with_keys_alone(desk: Desk) -> None:
    refuse(desk, "one", "two")
    desk.page.get_by_role("link", name="See each of them").click()
    replay = desk.page.get_by_role("button", name="Replay…")
    expect(replay).to_be_disabled()
    desk.page.get_by_role("checkbox").nth(1).focus()
    desk.page.keyboard.press("Space")
    replay.focus()
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator("h1")).to_have_text("Replay 1 dead letter?")
    expect(desk.page.get_by_role("button", name="Replay 1 now")).to_be_focused()
    desk.page.keyboard.press("Enter")
    eventually(lambda: accepted(desk.world) == ["two"])
    expect(desk.page.locator("h1")).to_have_text("1 dead letter")


def test_letters_of_one_reason_are_on_pages_each_of_them_once(desk: Desk) -> None:
    ids = [f"n{number:02}" for number in range(27)]
    refuse(desk, *ids)
    desk.page.get_by_role("link", name="See each of them").click()
    first = desk.page.locator("article.kind .hint > code").all_inner_texts()
    desk.page.get_by_role("link", name="Further letters").click()
    expect(desk.page.locator("article.kind")).to_have_count(2)
    assert sorted(first + desk.page.locator("article.kind .hint > code").all_inner_texts()) == ids


def test_nothing_of_a_vendors_reason_or_a_dead_event_becomes_part_of_the_page(
    desk: Desk, context: BrowserContext
) -> None:
    fault(desk.world, "blueshift", 400, times=1)
    send(desk.world, hostile(id="bad-1"), page={"url": f'{desk.world.shop}/"><script>window.hurt=1</script>'})
    desk.open(DEAD)
    eventually(lambda: desk.page.reload() and desk.page.locator("article.kind").count())
    expect(desk.page.get_by_label("What was sent")).to_contain_text("onerror")
    bad = '"><img src=x onerror=window.hurt=1>'
    desk.open(f"{DEAD}/letters?vendor={bad}&reason={bad}&after={bad}")
    desk.open(f"{DEAD}?replay={bad}")
    desk.open(DEAD)
    choose(desk, "Replay")
    assert desk.page.locator("main img").count() == 0


# By requests alone.


def test_another_sites_page_can_change_nothing(operator: Operator) -> None:
    for what in ("replay", "drop"):
        answer = operator.post(
            f"{DEAD}/{what}", {"kind": "blueshift:x", "sure": "yes"}, Sec_Fetch_Site="cross-site"
        )
        assert answer.status_code == 403
        assert operator.get(f"{DEAD}/{what}").status_code == 302


@pytest.mark.parametrize("form", [{}, {"kind": ""}, {"kind": "blueshift"}, {"letter": "blueshift:x"}])
def test_a_form_that_names_nothing_is_told_so(operator: Operator, form: dict[str, str]) -> None:
    answer = operator.post(f"{DEAD}/replay", {**form, "sure": "yes"})
    assert answer.status_code == 400
    assert "Nothing was chosen" in answer.text


def test_a_letter_of_another_shop_or_vendor_is_not_meant(gateway: Gateway, operator: Operator) -> None:
    gateway.browser().send(event("view_item", "one", items=[ITEM]), consent=GRANTED)
    for letter in ("blueshift:1", "esputnik:1", "nobody:1"):
        answer = operator.post(f"{DEAD}/drop", {"letter": letter, "sure": "yes"})
        assert answer.location == f"{DEAD}?drop=0"
    assert "Nothing was changed" in operator.get(f"{DEAD}?drop=0").text
