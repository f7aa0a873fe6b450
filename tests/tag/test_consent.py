"""Without consent nothing leaves and nothing is stored; what waits is not lost; a withdrawal is told."""

from __future__ import annotations

import threading
from typing import Any

from tests.tag.servers import Answer
from tests.tag.visit import START, Visit

ONLY_THE_TAG = ["GET /gp/asks/tag.js"]
TEN_MINUTES = 600_000


def stored(visit: Visit) -> Any:
    """Everything the page could have been made to keep."""
    in_page = visit.run(
        "indexedDB.databases().then(async databases => [localStorage.length, sessionStorage.length,"
        "databases.length, document.cookie, (await caches.keys()).length])"
    )
    return [*in_page, visit.page.context.cookies()]


def test_without_a_decision_nothing_is_requested_and_nothing_stored(visit: Visit) -> None:
    visit.open(asks=True)
    visit.push(
        ["track", "add_to_cart", {"items": [{"item_id": "1"}]}], ["identify", {"id": "c-42"}], ["reset"]
    )
    visit.run("history.pushState(null, '', '/b')")
    visit.pass_time(TEN_MINUTES)
    visit.hide()
    visit.run("dispatchEvent(new PageTransitionEvent('pagehide')); dispatchEvent(new Event('online'))")
    visit.pass_time(TEN_MINUTES)
    visit.settle()
    assert visit.gateway.asked == ONLY_THE_TAG
    assert stored(visit) == [0, 0, 0, "", 0, []]


def test_a_grant_sends_what_waited_with_its_own_time_and_page(visit: Visit) -> None:
    visit.open("/a", asks=True)
    visit.push(["page", {"type": "home"}])
    visit.pass_time(1000)
    visit.push(["track", "on_a"])
    visit.run("history.pushState(null, '', '/b'); document.title = 'Trousers'")
    visit.pass_time(1000)
    visit.push(["track", "on_b"])
    visit.pass_time(TEN_MINUTES)
    visit.push(["consent", {"personalization": "granted", "marketing": "denied"}])
    visit.pass_time()
    first, second = visit.sent(2)
    assert [(event["name"], event["at"]) for event in first.events] == [
        ("page_view", START),
        ("on_a", START + 1000),
    ]
    assert first.json["page"]["url"] == f"{visit.shop.origin}/a"
    assert first.json["page"]["type"] == "home"
    assert first.json["page"]["title"] == "Shirts"
    assert [(event["name"], event["at"]) for event in second.events] == [
        ("page_view", START + 1000),
        ("on_b", START + 2000),
    ]
    assert second.json["page"]["url"] == f"{visit.shop.origin}/b"
    assert second.json["page"]["title"] == "Trousers"
    for batch in (first, second):
        assert batch.json["sent_at"] >= START + TEN_MINUTES
        assert batch.json["consent"] == {"personalization": "granted", "marketing": "denied"}


def test_a_decision_pushed_before_the_tag_loads_counts(visit: Visit) -> None:
    visit.open(asks=True, head="<script>window.gatepost = [['consent', {marketing: 'granted'}]]</script>")
    visit.pass_time()
    batch = visit.sent(1)[0]
    assert batch.names == ["page_view"]
    assert batch.json["consent"] == {"marketing": "granted"}


def test_what_waits_is_bounded_and_purchases_stay_longest(visit: Visit) -> None:
    visit.open(asks=True)
    visit.push(["track", "purchase", {"transaction_id": "t-1"}])
    visit.run("history.pushState(null, '', '/b')")
    visit.run("for (let i = 0; i < 1500; i++) gatepost.track('e' + i)")
    visit.push(["consent", {"marketing": "granted"}])
    visit.pass_time()
    visit.gateway.wait_for("e1499")
    first, *others = visit.gateway.batches
    assert first.names == ["page_view", "purchase"]
    kept = [int(name.removeprefix("e")) for batch in others for name in batch.names]
    assert kept == [*range(1500 - len(kept), 1500)]
    assert 0 < len(kept) < 1500
    assert sum(len(batch.body) for batch in others) < 80_000


def test_denied_from_the_start_nothing_is_ever_requested(visit: Visit) -> None:
    visit.open(asks=True)
    visit.push(
        ["track", "before"], ["consent", {"marketing": "denied", "analytics": "denied"}], ["track", "after"]
    )
    visit.pass_time(TEN_MINUTES)
    visit.push(["track", "much_later"])
    visit.hide()
    visit.pass_time(TEN_MINUTES)
    visit.settle()
    assert visit.gateway.asked == ONLY_THE_TAG
    visit.push(["consent", {"analytics": "granted"}], ["track", "since_then"])
    visit.pass_time()
    assert visit.sent(1)[0].names == ["since_then"]


def test_a_page_command_after_the_page_view_was_dropped_is_one_of_its_own(visit: Visit) -> None:
    visit.open(asks=True)
    visit.push(["consent", {"marketing": "denied"}])
    visit.pass_time()
    visit.push(["consent", {"marketing": "granted"}], ["page", {"type": "cart"}])
    visit.pass_time()
    batch = visit.sent(1)[0]
    assert batch.names == ["page_view"]
    assert batch.json["page"]["type"] == "cart"


def test_purposes_decided_one_after_the_other_in_one_moment_are_one_decision(visit: Visit) -> None:
    visit.open(asks=True)
    visit.push(["track", "before"])
    visit.push(["consent", {"marketing": "denied"}], ["consent", {"analytics": "granted"}])
    visit.pass_time()
    batch = visit.sent(1)[0]
    assert batch.names == ["page_view", "before"]
    assert batch.json["consent"] == {"marketing": "denied", "analytics": "granted"}


def test_a_withdrawal_is_told_at_once_and_then_nothing_more(visit: Visit) -> None:
    visit.open(asks=True)
    visit.push(["consent", {"marketing": "granted"}], ["identify", {"email": "a@b.example"}])
    visit.pass_time()
    visit.sent(1)
    visit.push(["track", "too_late"], ["consent", {"marketing": "denied"}], ["track", "not_wanted"])
    visit.pass_time(5)
    withdrawal = visit.sent(2)[1]
    told = withdrawal.json
    assert told == {
        "sent_at": told["sent_at"],
        "consent": {"marketing": "denied"},
        "consent_at": {"marketing": START + 600},
        "gpc": False,
        "events": [],
    }
    visit.push(["track", "not_wanted"])
    visit.pass_time(TEN_MINUTES)
    visit.hide()
    visit.settle()
    assert len(visit.gateway.batches) == 2
    visit.push(["consent", {"marketing": "granted"}], ["track", "again"])
    visit.pass_time()
    assert visit.sent(3)[2].names == ["again"]
    assert visit.gateway.names == ["page_view", "identify", "again"]


def test_a_withdrawal_drops_what_could_not_be_sent_and_is_itself_tried_again(visit: Visit) -> None:
    visit.gateway.answers = [Answer(503, {"Retry-After": "60"}), Answer(503, {"Retry-After": "60"})]
    visit.open(asks=True)
    visit.push(["consent", {"marketing": "granted"}])
    visit.pass_time()
    visit.sent(1)
    visit.push(["consent", {"marketing": "denied"}])
    for count in (2, 3):
        visit.pass_time(80_000)
        told = visit.sent(count)[-1].json
        assert told["events"] == []
        assert told["consent"] == {"marketing": "denied"}
    visit.pass_time(TEN_MINUTES)
    visit.settle()
    assert len(visit.gateway.batches) == 3


def test_a_withdrawal_on_the_way_out_is_told_by_beacon(visit: Visit) -> None:
    visit.open(asks=True)
    visit.push(["consent", {"marketing": "granted"}])
    visit.pass_time()
    visit.sent(1)
    visit.push(["consent", {"marketing": "denied"}])
    visit.hide()
    assert visit.sent(2)[1].json["events"] == []
    visit.pass_time(TEN_MINUTES)
    visit.settle()
    assert len(visit.gateway.batches) == 2


def test_a_change_of_consent_is_told_even_when_no_event_waits(visit: Visit) -> None:
    visit.open(asks=True)
    visit.push(["consent", {"marketing": "granted", "analytics": "granted"}])
    visit.pass_time()
    visit.sent(1)
    visit.push(["consent", {"marketing": "denied"}])
    visit.pass_time()
    change = visit.sent(2)[1].json
    assert change["events"] == []
    assert change["consent"] == {"marketing": "denied", "analytics": "granted"}


def test_the_same_decision_again_is_no_news(visit: Visit) -> None:
    visit.open(asks=True)
    visit.push(["consent", {"marketing": "granted"}])
    visit.pass_time()
    visit.sent(1)
    visit.push(["consent", {"marketing": "granted"}])
    visit.pass_time(TEN_MINUTES)
    visit.push(["track", "next"])
    visit.pass_time()
    assert visit.sent(2)[1].names == ["next"]


def test_only_granted_and_denied_are_decisions(visit: Visit) -> None:
    visit.open(asks=True)
    visit.push(
        ["consent", {"marketing": True, "analytics": "yes", "personalization": None}], ["consent", "granted"]
    )
    visit.push(["consent"])
    visit.pass_time(TEN_MINUTES)
    visit.settle()
    assert visit.gateway.asked == ONLY_THE_TAG
    visit.push(["consent", {"__proto__x": "granted", "marketing": "later"}])
    visit.pass_time()
    assert visit.sent(1)[0].json["consent"] == {"__proto__x": "granted"}


def test_a_shop_that_need_not_ask_sends_at_once_and_carries_the_decision(visit: Visit) -> None:
    visit.open()
    visit.pass_time()
    assert "consent" not in visit.sent(1)[0].json
    visit.push(["consent", {"marketing": "denied"}])
    visit.pass_time()
    assert visit.sent(2)[1].json["consent"] == {"marketing": "denied"}
    assert visit.gateway.batches[1].events == []
    visit.push(["track", "next"])
    visit.pass_time()
    assert visit.sent(3)[2].json["consent"] == {"marketing": "denied"}


def test_every_decision_carries_the_time_at_which_the_page_learnt_of_it(visit: Visit) -> None:
    visit.open(asks=True)
    visit.push(["consent", {"marketing": "granted", "analytics": "denied"}])
    visit.pass_time()
    visit.sent(1)
    visit.push(["consent", {"marketing": "granted", "analytics": "granted"}])
    visit.pass_time()
    first, second = visit.sent(2)
    assert first.json["consent_at"] == {"marketing": START, "analytics": START}
    assert second.json["consent_at"] == {"marketing": START, "analytics": START + 600}


def test_the_shop_can_show_what_holds(visit: Visit) -> None:
    visit.page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    visit.open(asks=True)
    assert visit.run("gatepost.privacy()") == {"gpc": True, "honoured": True, "consent": {}}
    visit.push(["consent", {"marketing": "granted", "analytics": "denied"}])
    assert visit.run("gatepost.privacy()") == {
        "gpc": True,
        "honoured": True,
        "consent": {"marketing": "granted", "analytics": "denied"},
    }
    visit.run("gatepost.privacy().consent.analytics = 'granted'")
    assert visit.run("gatepost.privacy().consent.analytics") == "denied"


def test_without_the_signal_there_is_nothing_to_honour(visit: Visit) -> None:
    visit.open(asks=True)
    assert visit.run("gatepost.privacy()") == {"gpc": False, "honoured": False, "consent": {}}


def test_global_privacy_control_is_passed_on(visit: Visit) -> None:
    visit.page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    visit.open()
    visit.pass_time()
    assert visit.sent(1)[0].json["gpc"] is True


def test_what_is_no_global_privacy_control_is_not_passed_on(visit: Visit) -> None:
    visit.page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: 'yes'})")
    visit.open()
    visit.pass_time()
    assert visit.sent(1)[0].json["gpc"] is False


def test_what_is_under_way_when_consent_is_withdrawn_is_not_tried_again(visit: Visit) -> None:
    answered = threading.Event()
    visit.gateway.answers = [Answer(0, when=answered)]
    visit.open(asks=True)
    visit.push(["consent", {"marketing": "granted"}], ["track", "secret"])
    visit.pass_time()
    visit.gateway.wait(1)
    visit.push(["consent", {"marketing": "denied"}])
    visit.pass_time(10)
    answered.set()
    visit.sent_in_time(2)
    visit.pass_time(TEN_MINUTES)
    visit.settle()
    assert [batch.names for batch in visit.gateway.batches] == [["page_view", "secret"], []]
