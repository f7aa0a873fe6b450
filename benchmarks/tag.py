"""What the tag costs the page that carries it, in a real Chromium with the processor slowed four times.

    with Slowed() as slowed:
        cost = slowed.visit()

Everything but the calls is measured from outside the page, which holds the tag and no other script: so all
JavaScript there is the tag's. It is counted in the processor's time, so that what else the machine does
meanwhile matters little. The same page without the tag is what the rest is compared with.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Self

from playwright.sync_api import Browser, CDPSession, Page, Route, sync_playwright

from benchmarks.report import Row, Section, below
from server.tag import Tag, build_tag, tag_response

SHOP = "https://www.myshop.example"
TAG = "https://gp.myshop.example/gp/bench/tag.js"
ENDPOINT = "https://gp.myshop.example/gp/bench/e"
SLOWER = 4
"""How many times the processor is slowed."""
WATCHED = 2000
"""Milliseconds after load in which all that the tag does is counted."""
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
"""Lets the page's clock tell five microseconds, not a hundred."""

_WITH = f'<!doctype html><title>Shirts</title><script async src="{TAG}"></script><p>Shirts'
_WITHOUT = "<!doctype html><title>Shirts</title><p>Shirts"
_CALL = """count => {
  const times = [];
  for (let i = 0; i < count; i++) {
    const item = {item_id: "100500", item_name: "Shirt", price: 45.5, quantity: 1, item_category: "Shirts"};
    const begun = performance.now();
    gatepost.track("add_to_cart", {currency: "EUR", value: 45.5, items: [item]});
    times.push(performance.now() - begun);
  }
  return times;
}"""


class Cost(NamedTuple):
    """Of one visit; times in milliseconds."""

    script: float
    """All JavaScript in the two seconds after load."""
    evaluation: float
    """Of that, the script as it is read."""
    longest: float
    """The longest stretch in which it let nothing else run."""
    first_call: float
    calls: Sequence[float]
    layouts: int
    """More than of the same page without it."""
    requests: Sequence[str]
    """All that were asked for, but for the page."""


class Slowed:
    """A browser on a slow processor, and a shop and a gateway that answer at once."""

    def __init__(self, start: Callable[[], Browser] | None = None) -> None:
        """`start` gives a browser that is somebody else's to close."""
        self._start = start
        self._tag: Tag = build_tag(ENDPOINT, "not_required")

    def __enter__(self) -> Self:
        self._playwright = None if self._start else sync_playwright().start()
        if self._playwright:
            self._browser = self._playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=[*FLAGS]
            )
        elif self._start:
            self._browser = self._start()
        self._layouts = self._metrics(_WITHOUT, [])["LayoutCount"]
        return self

    def __exit__(self, *_: object) -> None:
        if self._playwright:
            self._browser.close()
            self._playwright.stop()

    def visit(self) -> Cost:
        """Open a page that carries the tag, for the first time, and look on."""
        asked: list[str] = []
        metrics = self._metrics(_WITH, asked)
        trace = self._trace()
        calls = self._calls()
        return Cost(
            script=metrics["ScriptDuration"] * 1000,
            evaluation=sum(event["tdur"] for event in trace if event["name"] == "EvaluateScript") / 1000,
            longest=max(event["tdur"] for event in trace) / 1000,
            first_call=calls[0],
            calls=calls[1:],
            layouts=int(metrics["LayoutCount"] - self._layouts),
            requests=asked,
        )

    def _open(self, html: str, asked: list[str]) -> Page:
        page = self._browser.new_context().new_page()

        def answer(route: Route) -> None:
            url = route.request.url
            if url == f"{SHOP}/":
                route.fulfill(body=html, content_type="text/html; charset=utf-8", headers=ISOLATED)
                return
            asked.append(f"{route.request.method} {url}")
            if url == TAG:
                found = tag_response(self._tag, None, None)
                route.fulfill(body=found.get_data(), headers=dict(found.headers))
            else:
                headers = {
                    "Access-Control-Allow-Origin": SHOP,
                    "Access-Control-Allow-Credentials": "true",
                    "Cross-Origin-Resource-Policy": "cross-origin",
                }
                route.fulfill(body='{"accepted": 1, "dropped": []}', headers=headers)

        page.route("**", answer)
        return page

    def _metrics(self, html: str, asked: list[str]) -> dict[str, float]:
        """What the browser counts on this page until two seconds after load; `asked` is filled."""
        page = self._open(html, asked)
        tools = self._slow(page)
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(f"{SHOP}/")
        page.wait_for_timeout(WATCHED)
        found = {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}
        page.context.close()
        return found

    def _trace(self) -> list[dict[str, Any]]:
        """Every stretch in which the tag ran on a page that was opened."""
        page = self._open(_WITH, [])
        self._slow(page)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "trace.json"
            self._browser.start_tracing(page=page, path=file, categories=["devtools.timeline"])
            with page.expect_response(ENDPOINT):
                page.goto(f"{SHOP}/")
            self._browser.stop_tracing()
            events = json.loads(file.read_text("utf-8"))["traceEvents"]
        page.context.close()
        return [event for event in events if _is_of_the_tag(event)]

    def _slow(self, page: Page) -> CDPSession:
        tools = page.context.new_cdp_session(page)
        tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        return tools

    def _calls(self) -> list[float]:
        """How long the first and some more calls take, on a page that has just been opened."""
        page = self._open(_WITH, [])
        page.goto(f"{SHOP}/")
        # Until it has begun, a call only lies in the array.
        page.wait_for_function("!!(window.gatepost && Object.hasOwn(gatepost, 'push'))")
        self._slow(page)
        times: list[float] = page.evaluate(_CALL, 50)
        page.context.close()
        return times


def _is_of_the_tag(event: dict[str, Any]) -> bool:
    data = event.get("args", {}).get("data", {})
    return event.get("ph") == "X" and isinstance(data, dict) and data.get("url") == TAG


def measure(rounds: int) -> Section:
    """The size of the tag as it is served, and what it costs: the median of so many visits."""
    with Slowed() as slowed:
        costs = [slowed.visit() for _ in range(rounds)]
    built = build_tag(ENDPOINT, "required")
    sent = [url for url in costs[0].requests if url.startswith("POST")]
    return Section(
        "The tag",
        [
            *(
                Row(f"Bytes, {name}", f"{len(text):,}")
                for name, text in (("plain", built.plain), ("gzip", built.gzip))
            ),
            below("Bytes, brotli", len(built.brotli), 4097, "{:,.0f}"),
            below("All JavaScript in the two seconds after load", median(cost.script for cost in costs), 25),
            below("Of that, reading the script", median(cost.evaluation for cost in costs), 5),
            below("The longest stretch without a pause", median(cost.longest for cost in costs), 50),
            below("The first `track`", median(cost.first_call for cost in costs), 0.5, "{:.2f} ms"),
            below("Each further `track`", median(costs[0].calls), 0.5, "{:.2f} ms"),
            Row("Layouts that it forced", str(max(cost.layouts for cost in costs)), "0"),
            Row("Requests of a page view, beside the tag itself", str(len(sent)), "1"),
        ],
        [f"The processor is slowed {SLOWER} times; the median of {rounds} first visits."],
    )
