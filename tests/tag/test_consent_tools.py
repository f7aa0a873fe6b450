"""What the visitor says to the shop's consent tool is heard: explicit decisions only, at once, both ways."""

from __future__ import annotations

import pytest

from server.settings import TagSettings
from server.tag import build_tag
from tests.tag.consent_tools import TOOLS, Tool
from tests.tag.visit import Visit

ACCEPTED = {"marketing": "granted", "analytics": "granted", "personalization": "denied"}
DECLINED = dict.fromkeys(ACCEPTED, "denied")
MINUTE = 60_000

each_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


def decided(visit: Visit, batches: int) -> dict[str, str]:
    """The consent that the last of so many batches carries."""
    visit.pass_time()
    found: dict[str, str] = visit.sent(batches)[-1].json["consent"]
    return found


@each_tool
def test_nothing_leaves_before_the_visitor_has_decided(visit: Visit, tool: Tool) -> None:
    visit.open(asks=True, head=f"<script>{tool.setup}</script>")
    visit.push(["track", "waiting"])
    visit.pass_time(MINUTE)
    visit.settle()
    assert visit.gateway.asked == ["GET /gp/asks/tag.js"]


@each_tool
def test_a_decision_is_heard_and_so_is_each_that_follows(visit: Visit, tool: Tool) -> None:
    visit.open(asks=True, head=f"<script>{tool.setup}</script>")
    visit.push(["track", "before"])
    visit.pass_time(MINUTE)
    visit.run(tool.accept())
    assert decided(visit, 1) == ACCEPTED
    assert visit.gateway.names == ["page_view", "before"]
    visit.run(tool.decline())
    visit.push(["track", "declined"])
    assert decided(visit, 2) == DECLINED
    visit.run(tool.accept())
    visit.pass_time()
    visit.push(["track", "again"])
    visit.pass_time()
    visit.gateway.wait_for("again")
    assert visit.gateway.names == ["page_view", "before", "again"]


@each_tool
def test_a_decision_of_an_earlier_page_is_heard(visit: Visit, tool: Tool) -> None:
    visit.open(asks=True, head=f"<script>{tool.setup}; {tool.accept()}</script>")
    assert decided(visit, 1) == ACCEPTED


@each_tool
def test_a_tool_that_comes_after_the_tag_is_heard(visit: Visit, tool: Tool) -> None:
    visit.open(asks=True)
    visit.pass_time(MINUTE)
    visit.run(tool.setup)
    visit.pass_time(MINUTE)
    visit.settle()
    assert visit.gateway.batches == []
    visit.run(tool.accept())
    assert decided(visit, 1) == ACCEPTED


@each_tool
def test_a_visitor_who_declines_at_once_is_never_sent(visit: Visit, tool: Tool) -> None:
    visit.open(asks=True, head=f"<script>{tool.setup}</script>")
    visit.run(tool.decline())
    visit.push(["track", "declined"])
    visit.pass_time(MINUTE)
    visit.settle()
    assert visit.gateway.asked == ["GET /gp/asks/tag.js"]


@each_tool
def test_a_shop_that_need_not_ask_hears_a_visitor_decline(visit: Visit, tool: Tool) -> None:
    visit.open(head=f"<script>{tool.setup}</script>")
    visit.run(tool.decline())
    visit.pass_time()
    visit.push(["track", "after"])
    visit.pass_time()
    visit.gateway.wait_for("after")
    assert visit.gateway.batches[-1].json["consent"] == DECLINED


@each_tool
def test_a_tool_that_throws_has_granted_nothing(visit: Visit, tool: Tool) -> None:
    visit.open(asks=True, head=f"<script>{tool.setup}; {tool.breaks}</script>")
    visit.push(["track", "waiting"])
    visit.pass_time(MINUTE)
    visit.settle()
    assert visit.gateway.asked == ["GET /gp/asks/tag.js"]


@pytest.mark.parametrize(
    "tool", [tool for tool in TOOLS if "push" not in tool.name], ids=lambda tool: tool.name
)
def test_a_tool_that_throws_after_a_grant_has_withdrawn_it(visit: Visit, tool: Tool) -> None:
    visit.open(asks=True, head=f"<script>{tool.setup}; {tool.accept()}</script>")
    assert decided(visit, 1) == ACCEPTED
    visit.run(tool.breaks)
    assert decided(visit, 2) == DECLINED


@pytest.mark.parametrize(
    ("law", "purposes"),
    [
        ("gdprApplies: false", "12345678"),
        ("gdprApplies: undefined", "12345678"),
        ("gdprApplies: true", "2345678"),  # nothing may be stored
    ],
)
def test_the_framework_counts_where_its_law_applies_and_storing_is_allowed(
    visit: Visit, law: str, purposes: str
) -> None:
    tcf = next(tool for tool in TOOLS if tool.name == "tcf")
    consents = ", ".join(f"{purpose}: true" for purpose in purposes)
    said = f"tc.data = {{eventStatus: 'tcloaded', {law}, purpose: {{consents: {{{consents}}}}}}}"
    visit.open(asks=True, head=f"<script>{tcf.setup}; {said}</script>")
    visit.pass_time(MINUTE)
    visit.settle()
    assert visit.gateway.batches == []


def test_a_consent_that_is_only_implied_is_none(visit: Visit) -> None:
    cookiebot = next(tool for tool in TOOLS if tool.name == "cookiebot")
    implied = "Object.assign(Cookiebot.consent, {method: 'implied'})"
    visit.open(asks=True, head=f"<script>{cookiebot.setup}; {cookiebot.accept()}; {implied}</script>")
    visit.pass_time(MINUTE)
    visit.settle()
    assert visit.gateway.batches == []


@pytest.mark.parametrize("kind", ["optout", ""])
def test_what_wordpress_allows_without_asking_is_no_decision(visit: Visit, kind: str) -> None:
    allows = f"window.wp_fallback_consent_type = '{kind}'; window.wp_has_consent = () => true"
    visit.open(asks=True, head=f"<script>{allows}</script>")
    visit.pass_time(MINUTE)
    visit.settle()
    assert visit.gateway.batches == []


def test_where_two_tools_disagree_the_one_that_denies_is_right(visit: Visit) -> None:
    one = "window.Cookiebot = {hasResponse: true, consent: {marketing: true, statistics: true}}"
    other = "window.getCkyConsent = () => ({isUserActionCompleted: true, categories: {advertisement: false}})"
    visit.open(asks=True, head=f"<script>{one}; {other}</script>")
    assert decided(visit, 1) == {"marketing": "denied", "analytics": "granted"}


def test_half_of_what_marketing_needs_is_not_enough(visit: Visit) -> None:
    pushed = (
        "(function () { (window.dataLayer = window.dataLayer || []).push(arguments) })('consent', 'update',"
    )
    said = "{analytics_storage: 'granted', ad_storage: 'granted', ad_user_data: 'denied'})"
    visit.open(asks=True, head=f"<script>{pushed}{said}</script>")
    assert decided(visit, 1) == {"analytics": "granted", "marketing": "denied"}


def test_the_pages_own_word_stands_until_the_tool_says_something_new(visit: Visit) -> None:
    cookiebot = next(tool for tool in TOOLS if tool.name == "cookiebot")
    visit.open(asks=True, head=f"<script>{cookiebot.setup}; {cookiebot.accept()}</script>")
    assert decided(visit, 1) == ACCEPTED
    visit.push(["consent", {"marketing": "denied"}])
    assert decided(visit, 2) == {**ACCEPTED, "marketing": "denied"}
    visit.pass_time(MINUTE)
    visit.settle()
    assert len(visit.gateway.batches) == 2


def test_an_element_with_a_tools_name_is_no_tool(visit: Visit) -> None:
    visit.open(asks=True, body='<div id="klaro"></div><div id="Cookiebot"></div><div id="Shopify"></div>')
    visit.pass_time(MINUTE)
    visit.push(["consent", {"marketing": "granted"}])
    assert decided(visit, 1) == {"marketing": "granted"}


def test_a_shop_may_have_its_tag_without(visit: Visit) -> None:
    endpoint = f"{visit.gateway.origin}/gp/asks/e"
    visit.gateway.tags["asks"] = build_tag(endpoint, "required", TagSettings(consent_tools=False))
    visit.open(asks=True, head=f"<script>{TOOLS[3].setup}; {TOOLS[3].accept()}</script>")
    visit.pass_time(MINUTE)
    visit.settle()
    assert visit.gateway.batches == []


@pytest.mark.parametrize(
    "script",
    [
        "window.Shopify = {shop: 'x'}",  # its privacy API is not there, or not yet
        "window.google_tag_data = {}",
        "window.__tcfapi = () => { throw Error('not yet') }",
        "window.__tcfapi = (command, version, callback) => callback(null, false)",
        "window.klaro = {}",
    ],
)
def test_a_tool_that_has_not_spoken_takes_nothing_back(visit: Visit, script: str) -> None:
    visit.open(asks=True, head=f"<script>{script}</script>")
    visit.push(["consent", {"marketing": "granted"}])
    assert decided(visit, 1) == {"marketing": "granted"}
    visit.push(["track", "later"])
    visit.pass_time(MINUTE)
    assert [batch.json["consent"] for batch in visit.sent(2)] == [{"marketing": "granted"}] * 2


@pytest.mark.parametrize(
    ("name", "undecided"),
    [
        ("klaro", "Object.assign(manager, {confirmed: false, consents: {}})"),
        ("cookiebot", "Object.assign(Cookiebot, {hasResponse: false})"),
        ("onetrust", "boxClosed = false"),
        ("cookieyes", "cky.isUserActionCompleted = false"),
    ],
)
def test_a_tool_that_forgets_the_decision_has_withdrawn_it(visit: Visit, name: str, undecided: str) -> None:
    tool = next(tool for tool in TOOLS if tool.name == name)
    visit.open(asks=True, head=f"<script>{tool.setup}; {tool.accept()}</script>")
    assert decided(visit, 1) == ACCEPTED
    visit.run(undecided)
    assert decided(visit, 2) == DECLINED


def test_a_banner_that_is_shown_again_takes_nothing_back(visit: Visit) -> None:
    tcf = next(tool for tool in TOOLS if tool.name == "tcf")
    visit.open(asks=True, head=f"<script>{tcf.setup}; {tcf.accept()}</script>")
    assert decided(visit, 1) == ACCEPTED
    visit.run("tc.heard.forEach(callback => callback({...tc.data, eventStatus: 'cmpuishown'}, true))")
    visit.push(["track", "meanwhile"])
    assert decided(visit, 2) == ACCEPTED


@pytest.mark.parametrize(
    "leave",
    ["location.href = '/next'", "history.pushState(null, '', '/next')"],
    ids=["another page", "another page of a single-page shop"],
)
@pytest.mark.parametrize("name", ["google consent mode, pushed", "cookiebot"])
def test_nothing_leaves_after_a_withdrawal_not_even_when_the_page_goes_at_once(
    visit: Visit, name: str, leave: str
) -> None:
    tool = next(tool for tool in TOOLS if tool.name == name)
    visit.shop.put("/next", "<p>next")
    visit.open(asks=True, head=f"<script>{tool.setup}; {tool.accept()}</script>")
    assert decided(visit, 1) == ACCEPTED
    visit.run(f"gatepost.push(['track', 'before_it']); {tool.decline()}; {leave}")
    visit.page.wait_for_url("**/next")
    withdrawal = visit.sent_in_time(2)[1]
    assert withdrawal.json["consent"] == DECLINED
    assert withdrawal.events == []
    assert "before_it" not in visit.gateway.names
