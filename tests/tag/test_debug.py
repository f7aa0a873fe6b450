"""The overlay for developers: what was pushed, what became of it, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from server.files import folder
from server.tag import encoded, tag_response
from tests.tag.servers import Answer, Gateway, reply
from tests.tag.visit import Visit

POLICY = "require-trusted-types-for 'script'; trusted-types 'none'"


class Served(Gateway):
    """A gateway that has the overlay too."""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        if "/e/" not in path:
            return super().answer(handler)
        self.asked.append(f"{handler.command} {handler.path}")
        script = (folder("static") / "debug" / path.rpartition("/")[2]).read_bytes()
        found = tag_response(encoded(script), None, None)
        return reply(handler, 200, dict(found.headers), found.get_data())


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    running = Served()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _open_shadows(visit: Visit) -> None:
    """The overlay's shadow is closed to the page; a test has to look into it."""
    visit.page.add_init_script(
        "const attach = Element.prototype.attachShadow;"
        "Element.prototype.attachShadow = function (how) {"
        "window.shadow = [how.mode, attach.call(this, how)]; return shadow[1] }"
    )


def text(visit: Visit) -> str:
    """All that the overlay says."""
    found: str = visit.run("window.shadow ? shadow[1].querySelector('.panel').textContent : ''")
    return found


def opened(visit: Visit, *, asks: bool = False) -> None:
    """A page with the overlay in it, under the strictest policy that the tag works with."""
    origin = visit.gateway.origin
    visit.open(
        "/?gp_debug",
        asks=asks,
        Content_Security_Policy=f"default-src 'none'; script-src {origin}; connect-src *; {POLICY}",
    )
    visit.until("window.shadow && !!shadow[1].querySelector('.panel')")


def test_an_ordinary_page_is_not_served_it(visit: Visit) -> None:
    visit.open()
    visit.pass_time()
    visit.sent(1)
    assert [asked for asked in visit.gateway.asked if "debug" in asked] == []


def test_the_address_or_a_command_opens_it(visit: Visit) -> None:
    visit.open()
    visit.push(["debug", True], ["debug", True])
    visit.until("window.shadow && !!shadow[1].querySelector('.panel')")
    assert visit.run("shadow[0]") == "closed"
    assert visit.run("document.querySelectorAll('gatepost-debug').length") == 1


def test_it_passes_the_same_policy_as_the_tag(visit: Visit) -> None:
    complaints: list[str] = []
    visit.page.on("console", lambda message: complaints.append(message.text))
    opened(visit)
    visit.push(["track", "view_item", {"currency": "EUR", "items": [{"item_id": "1", "price": 2}]}])
    visit.pass_time()
    visit.sent(1)
    visit.until("shadow[1].querySelector('.panel').textContent.includes('accepted')")
    assert [one for one in complaints if "404" not in one] == []  # /settle is none of the shop's pages
    assert visit.run("getComputedStyle(shadow[1].querySelector('.panel')).position") == "fixed"


def test_it_says_what_was_pushed_what_became_of_it_and_what_is_missing(visit: Visit) -> None:
    opened(visit)
    visit.push(["track", "purchase", {"transaction_id": "T-1", "items": [{"item_id": "1"}]}])
    assert "purchase gatepost.push" in text(visit)
    assert '"transaction_id": "T-1"' in text(visit)
    assert "waits" in text(visit)
    for missing in ("purchase without currency", "purchase without value", "item 1 without price"):
        assert missing in text(visit)
    visit.pass_time()
    visit.sent(1)
    visit.until("shadow[1].querySelector('.panel').textContent.includes('accepted')")


def test_it_says_what_the_server_dropped_and_why(visit: Visit) -> None:
    reason = "invalid: items: is missing; view_item needs it"
    visit.gateway.answers = [Answer(body={"accepted": 1, "dropped": [{"index": 1, "reason": reason}]})]
    opened(visit)
    visit.push(["track", "view_item", {"currency": "EUR"}])
    assert "view_item without items" in text(visit)
    visit.pass_time()
    visit.sent(1)
    visit.until("shadow[1].querySelector('.panel').textContent.includes('dropped: invalid: items')")


def test_it_says_that_consent_is_missing(visit: Visit) -> None:
    opened(visit, asks=True)
    assert "no decision yet" in text(visit)
    visit.push(["track", "liked"], ["consent", {"marketing": "denied"}])
    visit.pass_time(1600)
    assert "marketing denied" in text(visit)
    visit.until("shadow[1].querySelector('.panel').textContent.includes('no purpose is granted')")


def test_it_says_what_of_a_data_layer_is_passed_over(visit: Visit) -> None:
    opened(visit)
    visit.run("dataLayer.push({event: 'gtm.dom'}, {event: 'scroll', percent: 50})")
    assert "scroll data layer" in text(visit)
    assert "no items, so not for us" in text(visit)
    visit.run("dataLayer.push({event: 'add_to_cart', ecommerce: {items: [{item_id: '1'}]}})")
    assert text(visit).index("add_to_cart data layer") < text(visit).index("scroll data layer")


def test_it_can_be_read_on_a_phone_and_put_away(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 360, "height": 640})
    opened(visit)
    visit.push(["track", "a_" + "very_long_name_" * 4, {"note": "x" * 400}])
    width, right, scrolls = visit.run(
        "(panel => [panel.offsetWidth, panel.getBoundingClientRect().right,"
        "panel.scrollWidth - panel.clientWidth])(shadow[1].querySelector('.panel'))"
    )
    assert width <= 360
    assert right <= 360
    assert scrolls == 0
    assert visit.run("shadow[1].querySelector('button').offsetHeight") >= 44
    visit.run("shadow[1].querySelector('button').click()")
    assert visit.run("shadow[1].querySelector('.panel').offsetHeight") == 0
