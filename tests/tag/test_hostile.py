"""Whatever a page pushes, nothing is thrown into it, and what can travel does."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from server.batch import EVENT_DECODER, decode_event, read_batch
from tests.tag.servers import Gateway, Shop
from tests.tag.visit import Visit

VALUES: dict[str, tuple[str, Any]] = {
    "a function": ("{ok: 1, bad: () => 1}", {"ok": 1}),
    "a symbol": ("{ok: 1, bad: Symbol('x')}", {"ok": 1}),
    "undefined and not a number": ("{ok: null, bad: undefined, worse: NaN, worst: -Infinity}", {}),
    "a DOM node": ("{ok: 1, bad: document.body}", {"ok": 1}),
    "the window": ("{ok: 1, bad: window}", {"ok": 1}),
    "a frame of another site": ("{ok: 1, bad: document.querySelector('iframe').contentWindow}", {"ok": 1}),
    "a cycle": (
        "(() => { const a = {ok: 1, b: []}; a.self = a; a.b.push(a); return a })()",
        {"ok": 1, "b": []},
    ),
    "one object twice": (
        "(() => { const a = {id: 1}; return {a, b: a} })()",
        {"a": {"id": 1}, "b": {"id": 1}},
    ),
    "a getter that throws": ("{ok: 1, get bad() { throw Error('no') }}", {"ok": 1}),
    "a toJSON that throws": ("{ok: 1, bad: {toJSON() { throw Error('no') }}}", {"ok": 1}),
    "a proxy that throws": ("{ok: 1, bad: new Proxy({}, {ownKeys() { throw Error('no') }})}", {"ok": 1}),
    "a revoked proxy": (
        "{ok: 1, bad: (() => { const p = Proxy.revocable([], {}); p.revoke(); return p.proxy })()}",
        {"ok": 1},
    ),
    "bad values in a list": ("{list: [1, () => 1, document.body, 2]}", {"list": [1, 2]}),
    "a date": ("{day: new Date(0)}", {"day": "1970-01-01T00:00:00.000Z"}),
    "a big integer": ("{ok: 1, id: 12345678901234567890n}", {"ok": 1}),
    "an instance": ("{item: new (class { item_id = '1' })}", {"item": {"item_id": "1"}}),
    "half an emoji": (
        "{text: 'cut \\ud83d', whole: '\\ud83d\\ude00'}",
        {"text": "cut \ufffd", "whole": "😀"},
    ),
    "a key __proto__": ('JSON.parse(\'{"__proto__": {"a": 1}, "ok": 1}\')', {"__proto__": {"a": 1}, "ok": 1}),
    "a text": ("'text'", {}),
    "a list": ("[1, 2]", {}),
    "null": ("null", {}),
    "a bare function": ("() => 1", {}),
    "a bare node": ("document.body", {}),
    "the queue itself": ("gatepost", {}),
}


def test_an_event_loses_what_cannot_travel_and_keeps_the_rest(visit: Visit) -> None:
    visit.open(body='<iframe src="data:text/html,x"></iframe>')
    for script, _ in VALUES.values():
        visit.run(f"void gatepost.push(['track', 'pushed', {script}])")
        visit.run(f"void gatepost.track('called', {script})")
    visit.pass_time()
    events = [decode_event(EVENT_DECODER, raw) for raw in read_batch(visit.sent(1)[0].body).events[1:]]
    assert [event.name for event in events] == ["pushed", "called"] * len(VALUES)
    for what, pushed, called in zip(VALUES, events[::2], events[1::2], strict=True):
        assert {what: pushed.params} == {what: VALUES[what][1]}
        assert called.params == pushed.params


def test_an_event_that_no_request_can_hold_is_left_out_whole_and_the_next_ones_arrive(visit: Visit) -> None:
    visit.open()
    visit.run(
        "window.graph = []; for (let i = 0; i < 50; i++) graph.push({graph: [...graph], a: 'x'.repeat(9999)})"
    )
    visit.run("gatepost.track('huge', {graph})")
    visit.run("gatepost.track('deep', JSON.parse('{\"a\":'.repeat(5000) + '1' + '}'.repeat(5000)))")
    visit.run("gatepost.track('fine')")
    visit.pass_time()
    visit.sent(1)
    assert visit.gateway.names == ["page_view", "deep", "fine"]


COMMANDS = [
    *("undefined", "null", "0", "''", "'track'", "[]", "{}", "() => 1", "[undefined]", "['track']"),
    *("['track', null]", "['track', '']", "['track', {}]", "['track', () => 1]", "['constructor']"),
    *("['__proto__']", "['push', 1]", "['nothing', {}]", "[{toString() { throw Error('no') }}]"),
    *("['consent', 1]", "['consent', document]", "['consent', {marketing: 'perhaps'}]", "['debug', true]"),
    *("new Proxy([], {get() { throw Error('no') }})", "document.body", "window", "Symbol()"),
]


def test_a_command_that_is_none_is_passed_over(visit: Visit) -> None:
    visit.open()
    for command in COMMANDS:
        visit.run(f"void gatepost.push({command}, ['track', 'after'])")
    visit.pass_time()
    assert visit.sent(1)[0].names == ["page_view"] + ["after"] * len(COMMANDS)


def test_no_method_throws_whatever_it_is_given(visit: Visit) -> None:
    visit.open()
    for name in ("track", "page", "identify", "consent", "reset"):
        for argument in (
            "",
            "undefined",
            "null",
            "Symbol()",
            "() => 1",
            "document",
            "{get id() { throw 1 }}",
        ):
            assert visit.run(f"gatepost.{name}({argument}) === undefined")
    visit.push(["track", "after"])
    visit.sent_in_time(2)
    while "after" not in visit.gateway.names:
        visit.pass_time()
        visit.settle()


def test_what_the_page_changes_later_changes_nothing(visit: Visit) -> None:
    visit.open()
    visit.run("const cart = {items: [{item_id: '1'}]}; gatepost.track('view_cart', cart); cart.items.pop()")
    visit.pass_time()
    assert visit.sent(1)[0].events[1]["params"] == {"items": [{"item_id": "1"}]}


def test_an_old_library_that_teaches_arrays_to_serialise_themselves_does_no_harm(visit: Visit) -> None:
    visit.page.add_init_script("Array.prototype.toJSON = function () { return '[wrong]' }")
    visit.open()
    visit.run("gatepost.track('view_cart', {items: [{item_id: '1', sizes: [1, 2]}]})")
    visit.pass_time()
    assert visit.sent(1)[0].events[1]["params"] == {"items": [{"item_id": "1", "sizes": [1, 2]}]}


def test_a_clock_with_fractions_gives_whole_milliseconds(visit: Visit) -> None:
    visit.page.add_init_script("const real = Date.now; Date.now = () => real() + 0.25")
    visit.open()
    visit.pass_time()
    batch = visit.sent(1)[0]
    assert isinstance(batch.json["sent_at"], int)
    assert isinstance(batch.events[0]["at"], int)


def test_a_title_hidden_behind_an_element_of_that_name_is_left_out(visit: Visit) -> None:
    visit.open(body='<img name="title">')
    visit.pass_time()
    assert visit.sent(1)[0].json["page"] == {"url": f"{visit.shop.origin}/", "referrer": ""}


REJECTED = "addEventListener('unhandledrejection', event => { throw event.reason })"
"""A promise of the tag that nobody caught would be seen by the shop's own monitoring."""

BEARABLE = {
    "no fetch": "delete window.fetch",
    "a fetch that throws": "window.fetch = () => { throw Error('no') }",
    "a fetch that gives nothing": "window.fetch = () => {}",
    "a fetch that gives what is no response": (
        "const real = fetch; window.fetch = (...all) => real(...all).then(() => ({ok: true}))"
    ),
    "a fetch that some tool has wrapped": "const real = fetch; window.fetch = (...all) => real(...all)",
    "no beacons": "navigator.sendBeacon = undefined",
    "no crypto": "Object.defineProperty(window, 'crypto', {value: undefined})",
    "no random ids, as on plain http": "delete Crypto.prototype.randomUUID",
    "no locks": "Object.defineProperty(navigator, 'locks', {value: undefined})",
    "no timeouts of requests": "window.AbortSignal = undefined",
    "promises that are wrapped": (
        "const real = Promise.prototype.then;"
        "Promise.prototype.then = function (...all) { return real.apply(this, all) }"
    ),
    "a frozen history": "Object.freeze(history)",
    "a history without pushState": (
        "Object.defineProperty(window, 'navigation', {value: undefined}); history.pushState = null"
    ),
    "a clock that gives objects": "const real = Date.now; Date.now = () => new Date(real())",
    "a clock that gives nothing": "Date.now = () => undefined",
    "another Date": "window.Date = class extends Date {}",
    "listeners that throw": "EventTarget.prototype.addEventListener = () => { throw Error('no') }",
    "listeners that are wrapped": (
        "const real = EventTarget.prototype.addEventListener; EventTarget.prototype.addEventListener ="
        "function (type, work, how) { return real.call(this, type, (...all) => work.apply(this, all), how) }"
    ),
    "an old Prototype.js": (
        "Array.prototype.toJSON = String.prototype.toJSON = Date.prototype.toJSON = () => 'no';"
        "Array.prototype.reduce = Array.prototype.find = () => { throw Error('no') }"
    ),
    "more in every object": "Object.prototype.extra = () => {}; Array.prototype.extra = () => {}",
    "a gatepost that is no array": "window.gatepost = {push() {}}",
    "a name that cannot be taken over": (
        "Object.defineProperty(window, 'gatepost', {value: [], writable: true, configurable: false})"
    ),
}

FATAL = {
    "a sealed array": "window.gatepost = Object.seal([['track', 'early']])",
    "a frozen array": "window.gatepost = Object.freeze([['track', 'early']])",
    "no JSON": "JSON.stringify = () => { throw Error('no') }",
    "timers that throw": "window.setTimeout = () => { throw Error('no') }",
    "no encoder": "window.TextEncoder = undefined",
    "no way out": "delete window.fetch; navigator.sendBeacon = undefined",
    "no Object.keys": "Object.keys = () => { throw Error('no') }",
    "no clock": "window.Date = undefined",
}


@pytest.mark.parametrize("script", BEARABLE.values(), ids=BEARABLE)
def test_it_works_on_a_page_that_has_changed_its_globals(visit: Visit, script: str) -> None:
    visit.page.add_init_script(f"{REJECTED}; (() => {{ {script} }})()")
    visit.open(body="<script>try { gatepost.push(['track', 'said', {a: [1]}]) } catch {}</script>")
    visit.run("{ gatepost.push(['track', 'pushed', {a: [1]}]); void 0 }")
    visit.pass_time()
    events = visit.gateway.wait_for("page_view", "pushed")
    assert events[-1]["params"] == {"a": [1]}


@pytest.mark.parametrize("script", FATAL.values(), ids=FATAL)
def test_where_it_cannot_work_the_page_does_not_notice(visit: Visit, script: str) -> None:
    visit.page.add_init_script(f"{REJECTED}; (() => {{ {script} }})()")
    visit.open(body="<a href='#there' onclick='this.done = 1'>go</a>")
    visit.run(
        "{ try { gatepost.push(['track', 'pushed', {a: [1]}]) } catch (error) {"
        "if (Object.isExtensible(gatepost)) throw error } void 0 }"
    )
    visit.pass_time(60_000)
    visit.run("{ dispatchEvent(new PageTransitionEvent('pagehide')); void 0 }")
    visit.page.click("a")
    assert visit.run("document.querySelector('a').done") == 1
    assert visit.page.url.endswith("#there")


def test_it_works_on_a_page_with_promises_that_are_broken(page: Page, shop: Shop, gateway: Gateway) -> None:
    """Without a clock of the test's, which needs promises itself."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    broken = "<script>window.Promise = class { constructor() { throw Error('no') } }</script>"
    page.goto(shop.put("/", f"<!doctype html>{broken}{gateway.tag()}<p>Shirts"))
    assert gateway.wait(1)[0].names == ["page_view"]
    assert errors == []
