"""What counts as a page view, and what it says of the page."""

from __future__ import annotations

import pytest

from server.settings import TagSettings
from server.tag import build_tag
from tests.tag.servers import Shop
from tests.tag.visit import Visit

WITHOUT_NAVIGATION_API = "Object.defineProperty(window, 'navigation', {value: undefined})"

STEPS = {
    "pushState to a new path": ("history.pushState(null, '', '/b')", "/b"),
    "replaceState of the query only": ("history.replaceState(null, '', '/b?colour=red')", None),
    "replaceState of the state only": ("history.replaceState({scroll: 100}, '')", None),
    "the fragment only": ("location.hash = 'reviews'", None),
    "pushState to another new path": ("history.pushState(null, '', '/c')", "/c"),
    "replaceState to a new path": ("history.replaceState(null, '', '/d')", "/d"),
    "back": ("new Promise(done => { onpopstate = () => done(); history.back() })", "/b"),
}


def viewed(visit: Visit) -> list[str]:
    """The addresses of the page views so far, without the shop's origin."""
    views = [batch.json["page"]["url"] for batch in visit.gateway.batches if "page_view" in batch.names]
    return [url.removeprefix(visit.shop.origin) for url in views]


@pytest.mark.parametrize("browser_kind", ["navigation api", "older browser"])
def test_a_new_path_is_a_page_view_and_a_new_query_or_state_is_not(visit: Visit, browser_kind: str) -> None:
    if browser_kind == "older browser":
        visit.page.add_init_script(WITHOUT_NAVIGATION_API)
    visit.open("/a")
    visit.pass_time()
    visit.sent(1)
    expected = ["/a"]
    for name, (step, counted) in STEPS.items():
        visit.run(step)
        visit.pass_time()
        expected += [counted] if counted else []
        visit.sent(len(expected))
        paths = [url.partition("?")[0].partition("#")[0] for url in viewed(visit)]
        assert paths == expected, name


ROUTES: dict[str, tuple[TagSettings, str, dict[str, tuple[str, bool]]]] = {
    "the fragment": (
        TagSettings(routes="hash"),
        "/#/",
        {
            "another fragment": ("location.hash = '#/p/1'", True),
            "another query in the fragment": ("location.hash = '#/p/1?colour=red'", False),
            "another query": ("history.replaceState(null, '', '/?utm_source=x#/p/1')", False),
            "another path": ("history.pushState(null, '', '/checkout')", True),
            "back": ("new Promise(done => { onpopstate = () => done(); history.back() })", True),
        },
    ),
    "the query": (
        TagSettings(query=("id", "view[]")),
        "/shop?id=1",
        {
            "another id": ("history.pushState(null, '', '/shop?id=2')", True),
            "the same in another order": ("history.pushState(null, '', '/shop?colour=red&id=2')", False),
            "another of several": ("history.pushState(null, '', '/shop?id=2&view%5B%5D=a')", True),
            "one more of the same name": (
                "history.pushState(null, '', '/shop?id=2&view%5B%5D=a&view%5B%5D=b')",
                True,
            ),
            "the fragment": ("location.hash = '#reviews'", False),
            "none": ("history.pushState(null, '', '/shop')", True),
        },
    ),
}


@pytest.mark.parametrize("browser_kind", ["navigation api", "older browser"])
@pytest.mark.parametrize("routes", ROUTES)
def test_a_shop_says_what_else_makes_another_page(visit: Visit, routes: str, browser_kind: str) -> None:
    if browser_kind == "older browser":
        visit.page.add_init_script(WITHOUT_NAVIGATION_API)
    settings, start, steps = ROUTES[routes]
    visit.gateway.tags["open"] = build_tag(f"{visit.gateway.origin}/gp/open/e", "not_required", settings)
    visit.put(start.partition("?")[0].partition("#")[0])
    visit.page.goto(visit.shop.origin + start)
    visit.pass_time()
    visit.sent(1)
    count = 1
    for name, (step, counted) in steps.items():
        visit.run(step)
        visit.pass_time()
        count += counted
        visit.sent(count)
        assert len(viewed(visit)) == count, name
        if counted:
            assert viewed(visit)[-1] == visit.run("location.href").removeprefix(visit.shop.origin)


def test_an_older_browser_still_gives_the_page_what_pushstate_gives(visit: Visit) -> None:
    visit.page.add_init_script(WITHOUT_NAVIGATION_API)
    visit.open()
    assert visit.run("history.pushState({a: 1}, '', '/b') === undefined && history.state.a") == 1
    assert (
        visit.run("try { history.pushState(() => {}, '') } catch (error) { error.name }") == "DataCloneError"
    )


def test_the_first_page_view_says_where_the_visitor_came_from(visit: Visit, shop: Shop) -> None:
    shop.put("/from", '<a href="/a?recommended_by=chain">on</a>', Referrer_Policy="unsafe-url")
    visit.put("/a")
    visit.page.goto(shop.origin + "/from?q=1")
    visit.page.click("a")
    visit.page.wait_for_url("**/a?*")
    visit.pass_time()
    page = visit.sent(1)[0].json["page"]
    assert page == {
        "url": f"{shop.origin}/a?recommended_by=chain",
        "referrer": f"{shop.origin}/from?q=1",
        "title": "Shirts",
    }


def test_the_next_page_view_names_the_address_before_and_the_title_set_after(visit: Visit) -> None:
    visit.open("/a")
    visit.push(["page", {"type": "home"}])
    visit.pass_time()
    visit.run("history.replaceState(null, '', '/a?colour=red')")
    visit.run("history.pushState(null, '', '/b'); document.title = 'Trousers'")
    visit.pass_time()
    assert visit.sent(2)[1].json["page"] == {
        "url": f"{visit.shop.origin}/b",
        "referrer": f"{visit.shop.origin}/a",
        "title": "Trousers",
    }


def test_a_page_command_before_the_page_view_is_sent_completes_it(visit: Visit) -> None:
    visit.open(
        head="<script>window.gatepost = [['page', {type: 'category', category_id: '7'}]]</script>",
        body="<script>gatepost.push(['page', {experiment: 'b'}])</script>",
    )
    visit.pass_time(200)
    visit.push(["page", {"category_id": "8"}])
    visit.pass_time()
    batch = visit.sent(1)[0]
    assert [(event["name"], event["params"]) for event in batch.events] == [
        ("page_view", {"category_id": "8", "experiment": "b"})
    ]
    assert batch.json["page"]["type"] == "category"


def test_a_page_command_after_the_page_view_was_sent_is_a_page_view_of_its_own(visit: Visit) -> None:
    visit.open()
    visit.pass_time()
    visit.sent(1)
    visit.push(["page", {"type": "cart"}])
    visit.pass_time()
    first, second = visit.sent(2)
    assert "type" not in first.json["page"]
    assert second.json["page"]["type"] == "cart"
    assert second.names == ["page_view"]
    assert second.events[0]["id"] != first.events[0]["id"]


def test_the_type_belongs_to_one_page_only(visit: Visit) -> None:
    visit.open()
    visit.push(["page", {"type": "home"}])
    visit.pass_time()
    visit.run("history.pushState(null, '', '/b')")
    visit.pass_time()
    first, second = visit.sent(2)
    assert first.json["page"]["type"] == "home"
    assert "type" not in second.json["page"]


def test_a_page_brought_back_as_it_was_left_is_viewed_again(visit: Visit) -> None:
    visit.open()
    visit.push(["page", {"type": "home", "experiment": "b"}])
    visit.pass_time()
    visit.sent(1)
    visit.run("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: false}))")
    visit.run("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    visit.pass_time()
    first, second = visit.sent(2)
    assert second.names == ["page_view"]
    assert second.json["page"] == first.json["page"]
    assert second.events[0]["params"] == {"experiment": "b"}
    assert second.events[0]["id"] != first.events[0]["id"]
