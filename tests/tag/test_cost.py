"""What a page view costs that is not time: requests and layouts. Times are measured by `make bench`."""

from __future__ import annotations

from playwright.sync_api import Browser

from benchmarks.tag import ENDPOINT, TAG, Slowed


def test_a_page_view_is_one_request_and_forces_no_layout(browser: Browser) -> None:
    with Slowed(lambda: browser) as slowed:
        costs = [slowed.visit() for _ in range(2)]
    for cost in costs:
        assert cost.requests == [f"GET {TAG}", f"POST {ENDPOINT}"]
    assert min(cost.layouts for cost in costs) <= 0
