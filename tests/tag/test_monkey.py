"""A monkey that pushes what no shop would: nothing reaches the page, and what follows is delivered."""

from __future__ import annotations

import pytest

from server.batch import EVENT_DECODER, decode_event, read_batch
from server.errors import InvalidEvent
from tests.tag.visit import Visit

MONKEY = """
seed => {
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const one = (list) => list[Math.floor(random() * list.length)];
  const throws = () => { throw Error("monkey") };
  const cycle = {ok: 1}; cycle.self = cycle; cycle.list = [cycle];
  const leaves = [
    () => undefined, () => null, () => NaN, () => -Infinity, () => -0, () => 1e308, () => 0.1, () => 42n,
    () => true,
    () => "", () => "x".repeat(70000), () => "\\ud83d", () => "</script>", () => "\\u2028\\0",
    () => Symbol("x"),
    () => throws, () => cycle, () => document.body, () => window, () => document, () => new Date(NaN),
    () => new Proxy({}, {get: throws}), () => new Proxy([], {ownKeys: throws, get: throws, has: throws}),
    () => ({get a() { throws() }, b: 1}), () => ({toJSON: throws}), () => ({toJSON() { return this }}),
    () => ({then: throws}), () => ({then(done) { done(1) }}), () => Promise.resolve(1),
    () => new Map([[1, 2]]),
    () => Object.create(null), () => Object.freeze({id: 1}), () => JSON.parse('{"__proto__": {"evil": 1}}'),
    () => ({constructor: 1, prototype: 2, __proto__: {inherited: 1}}), () => new Uint8Array(1000),
    () => Object.assign([1], {length: 4294967295 >>> 8}), () => new Array(1e5), () => /x/,
    () => new Error("x"),
    () => (function () { return arguments })("track", "from_arguments", {a: 1}), () => gatepost,
    () => class {},
    () => ({valueOf: throws, toString: throws}), () => new String("s"),
    () => document.querySelectorAll("*"),
    () => localStorage, () => navigator, () => new WeakMap(), () => ({nodeType: 1}), () => ({window: 1}),
  ];
  const value = (depth) => {
    const kind = random();
    if (depth > 3 || kind < 0.5) return one(leaves)();
    if (kind < 0.7) return Array.from({length: Math.floor(random() * 6)}, () => value(depth + 1));
    const made = {};
    for (let i = random() * 6; i > 0; i--) {
      const [name, inside] = [one(["items", "id", "__proto__", "toJSON", "", "a", "length"]),
    value(depth + 1)];
      try { made[name] = inside } catch { /* its own prototype forbids it */ }
    }
    return made;
  };
  const names = ["track", "page", "identify", "consent", "reset", "nothing", "push", "__proto__",
    "constructor"];
  for (let i = 0; i < 250; i++) {
    const kind = random();
    if (kind < 0.5) gatepost.push([one(names), one([() => "e" + i, () => value(0)])(), value(0)]);
    else if (kind < 0.7) gatepost.push(value(0), value(0));
    else if (kind < 0.9) gatepost[one(["track", "page", "identify", "consent", "reset"])](value(0),
    value(0));
    else history[one(["pushState", "replaceState"])](null, "", "/m/" + Math.floor(random() * 5));
  }
}
"""


@pytest.mark.parametrize("seed", [7, 1905])
def test_whatever_a_monkey_pushes_every_request_is_one_and_what_follows_arrives(
    visit: Visit, seed: int
) -> None:
    visit.page.add_init_script("addEventListener('unhandledrejection', e => { throw e.reason })")
    visit.open()
    visit.run(f"({MONKEY})({seed})")
    visit.push(["track", "afterwards", {"items": [{"item_id": "1"}]}])
    while "afterwards" not in visit.gateway.names:
        visit.pass_time(100)
        visit.settle()
    assert visit.run("({}).evil === undefined && [].evil === undefined")
    for batch in visit.gateway.batches:
        for raw in read_batch(batch.body).events:
            try:
                decode_event(EVENT_DECODER, raw)
            except InvalidEvent as error:
                pytest.fail(f"{error}: {bytes(raw)[:200]!r}")
    last = visit.gateway.events[-1]
    assert (last["name"], last["params"]) == ("afterwards", {"items": [{"item_id": "1"}]})
