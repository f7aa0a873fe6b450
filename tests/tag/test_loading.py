"""How the tag comes to life: before and after it has loaded, once, and on pages that make it hard."""

from __future__ import annotations

import threading

from tests.tag.servers import Answer, Gateway, Shop
from tests.tag.visit import Visit

QUEUE = "window.gatepost = window.gatepost || [];"


def test_commands_pushed_before_it_loads_are_carried_out_in_order_and_once(visit: Visit) -> None:
    before = (
        f"<script>{QUEUE} gatepost.push(['track', 'first', {{a: 1}}], ['track', 'second']);"
        "gatepost.push(['track', 'third'])</script>"
    )
    visit.open(head=before)
    visit.push(["track", "fourth"])
    visit.pass_time()
    assert visit.sent(1)[0].names == ["page_view", "first", "second", "third", "fourth"]
    visit.pass_time(60_000)
    visit.settle()
    assert visit.gateway.names == ["page_view", "first", "second", "third", "fourth"]
    assert visit.gateway.events[1]["params"] == {"a": 1}


def test_push_takes_several_commands_at_once_and_an_arguments_object(visit: Visit) -> None:
    visit.open()
    visit.run("gatepost.push(['track', 'one'], ['track', 'two'])")
    visit.run("(function () { gatepost.push(arguments) })('track', 'three', {a: 1})")
    visit.pass_time()
    assert visit.sent(1)[0].names == ["page_view", "one", "two", "three"]


def test_a_page_that_kept_the_array_from_before_is_heard(visit: Visit) -> None:
    visit.open(head=f"<script>{QUEUE} const kept = gatepost</script>")
    visit.run("kept.push(['track', 'heard'])")
    visit.pass_time()
    assert visit.sent(1)[0].names == ["page_view", "heard"]


def test_every_command_is_a_method_too(visit: Visit) -> None:
    visit.open()
    visit.run("gatepost.page({type: 'home'})")
    visit.run("gatepost.track('liked', {a: 1})")
    visit.run("gatepost.identify({id: 'c-42', plan: 'gold'})")
    visit.run("gatepost.consent({marketing: 'denied'})")
    visit.pass_time()
    batch = visit.sent(1)[0]
    assert batch.names == ["page_view", "liked", "identify"]
    assert batch.json["page"]["type"] == "home"
    assert batch.json["user"] == {"id": "c-42"}
    assert batch.json["consent"] == {"marketing": "denied"}
    visit.run("gatepost.reset()")
    visit.pass_time()
    assert visit.sent(2)[1].json["user"] is None


def test_a_second_copy_on_the_page_does_nothing(visit: Visit) -> None:
    visit.open(head=f"<script>{QUEUE} gatepost.push(['track', 'once'])</script>" + visit.gateway.tag())
    visit.page.add_script_tag(url=f"{visit.gateway.origin}/gp/open/tag.js?again")
    visit.push(["track", "after"])
    visit.pass_time()
    assert visit.sent(1)[0].names == ["page_view", "once", "after"]
    visit.run("history.pushState(null, '', '/other')")
    visit.pass_time()
    visit.sent(2)
    assert visit.gateway.names == ["page_view", "once", "after", "page_view"]


def test_an_array_that_the_page_puts_in_its_place_later_is_heard_too(visit: Visit) -> None:
    visit.open()
    visit.run("kept = gatepost; gatepost = [['track', 'second']]; gatepost.push(['track', 'third'])")
    visit.run("kept.push(['track', 'first'])")
    visit.pass_time(250)
    visit.run("gatepost.track('fourth'); kept.push(['track', 'fifth'])")
    visit.run("gatepost = null; kept.push(['track', 'sixth'])")
    visit.pass_time(250)
    visit.push(["track", "seventh"])
    visit.pass_time()
    visit.settle()
    told = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh"]
    visit.gateway.wait_for(*told)
    assert visit.gateway.names == ["page_view", *told]


def test_whoever_wraps_its_push_is_not_pushed_aside(visit: Visit) -> None:
    visit.open()
    visit.pass_time()
    visit.run(
        "window.heard = 0; const {push} = gatepost;"
        "gatepost.push = (...all) => { heard += all.length; return push(...all) }; 0"
    )
    visit.pass_time(1000)
    visit.push(["track", "one"], ["track", "two"])
    visit.pass_time()
    visit.gateway.wait_for("one", "two")
    assert visit.run("heard") == 2


def test_a_sandboxed_frame_that_the_server_refuses_notices_nothing(visit: Visit) -> None:
    """Its origin is "null", which no shop can name among its own."""
    visit.gateway.answers = [Answer(403), Answer(403)]
    framed = visit.put("/framed")
    visit.page.goto(visit.shop.put("/", f'<iframe sandbox="allow-scripts" src="{framed}"></iframe>'))
    visit.pass_time()
    assert visit.sent(1)[0].headers["Origin"] == "null"
    frame = visit.page.frames[1]
    frame.evaluate("gatepost.push(['track', 'more'])")
    assert frame.evaluate("gatepost.privacy().gpc") is False
    visit.pass_time()
    assert visit.sent(2)[1].names == ["more"]
    visit.pass_time(600_000)
    visit.settle()
    assert len(visit.gateway.batches) == 2


def test_an_element_named_gatepost_does_not_stop_it(visit: Visit) -> None:
    visit.open(body='<p id="gatepost"></p>')
    visit.push(["track", "still_there"])
    visit.pass_time()
    assert visit.sent(1)[0].names == ["page_view", "still_there"]


def test_it_works_in_a_page_served_as_xhtml(visit: Visit) -> None:
    page = (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head>'
        f"<title>Shirts</title>{visit.gateway.tag()}</head><body><p>&#233;</p></body></html>"
    )
    visit.page.goto(visit.shop.put("/x", page, Content_Type="application/xhtml+xml"))
    visit.push(["track", "seen"])
    visit.pass_time()
    batch = visit.sent(1)[0]
    assert batch.names == ["page_view", "seen"]
    assert batch.json["page"]["title"] == "Shirts"


def test_it_works_under_a_strict_policy_with_trusted_types(visit: Visit) -> None:
    origin = visit.gateway.origin
    complaints: list[str] = []
    visit.page.on("console", lambda message: complaints.append(message.text))
    visit.open(
        Content_Security_Policy=f"default-src 'none'; script-src {origin}; connect-src {origin}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    visit.push(["track", "allowed"])
    visit.pass_time()
    assert visit.gateway.wait(1)[0].names == ["page_view", "allowed"]
    assert [text for text in complaints if "favicon" not in text] == []


def test_it_sends_from_a_sandboxed_frame(visit: Visit) -> None:
    framed = visit.put(
        "/framed", body="<script>addEventListener('error', e => parent.postMessage(e.message, '*'))</script>"
    )
    visit.page.goto(visit.shop.put("/", f'<iframe sandbox="allow-scripts" src="{framed}"></iframe>'))
    visit.pass_time()
    batch = visit.sent(1)[0]
    assert batch.headers["Origin"] == "null"
    assert batch.names == ["page_view"]
    assert batch.json["page"]["url"] == framed
    visit.page.frames[1].evaluate("history.pushState(null, '', '/framed/next')")
    visit.pass_time()
    assert visit.sent(2)[1].json["page"]["url"] == f"{visit.shop.origin}/framed/next"
    visit.pass_time(600_000)
    visit.settle()
    assert len(visit.gateway.batches) == 2, "an answer was not heard, and all was sent again"


def test_the_first_batch_waits_for_the_scripts_of_a_page_still_being_read(visit: Visit) -> None:
    visit.shop.held["/slow.js"] = threading.Event()
    visit.shop.put("/slow.js", "gatepost.push(['page', {type: 'product'}])", Content_Type="text/javascript")
    visit.put("/", body='<script src="/slow.js"></script>')
    visit.page.goto(visit.shop.origin, wait_until="commit")
    visit.until("window.gatepost && !!gatepost.track")
    visit.pass_time(5000)
    visit.settle()
    assert visit.gateway.batches == []
    visit.shop.held["/slow.js"].set()
    visit.page.wait_for_load_state()
    visit.pass_time()
    batch = visit.sent(1)[0]
    assert batch.names == ["page_view"]
    assert batch.json["page"]["type"] == "product"


def test_a_prerendered_page_is_silent_until_it_is_visited(visit: Visit) -> None:
    visit.page.add_init_script(
        "Object.defineProperty(document, 'prerendering', {value: true, configurable: true})"
    )
    visit.open(head=f"<script>{QUEUE} gatepost.push(['track', 'early'])</script>")
    visit.run("gatepost.track('also_early')")
    visit.pass_time(5000)
    visit.settle()
    assert visit.gateway.batches == []
    visit.run(
        "Object.defineProperty(document, 'prerendering', {value: false});"
        "document.dispatchEvent(new Event('prerenderingchange'))"
    )
    visit.pass_time()
    batch = visit.sent(1)[0]
    assert batch.names == ["page_view", "early", "also_early"]
    assert batch.events[0]["at"] >= 1_790_000_005_000


def test_the_tag_is_fetched_once_and_nothing_else_is(visit: Visit, gateway: Gateway, shop: Shop) -> None:
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.open()
    visit.pass_time()
    visit.gateway.wait(1)
    assert asked == [f"{shop.origin}/", f"{gateway.origin}/gp/open/tag.js", f"{gateway.origin}/gp/open/e"]
