"""Numbers in the prose are those of the code: each sentence is made from its constants and looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.api import FUTURE
from server.console.session import LIFE
from server.cookies import SESSION_LIFE, SOURCE_LIFE, VISITOR_LIFE
from server.event import ID, SKEW_IGNORED
from server.password import SHORTEST
from server.relay.retry import HOUR, LATER_WAITS, MINUTE, SECOND, WAITS
from server.store.readings import EVERY_MINUTE
from server.store.readings import LIFE as READ
from server.store.signins import ALL, FIRST_WAIT, FREE
from server.tag import build_tag
from server.values import MAX_ID, MAX_STRING
from server.vendors.base import DAY, lifetime
from tests.gateway import ROOT

README = "README.md"
VENDOR = "docs/adding-a-vendor.md"
CONSOLE = "docs/console.md"
TAG = len(build_tag("https://gp.myshop.example/gp/demo/e", "required").brotli)


def spoken(milliseconds: int) -> str:
    """A stretch of time as the documents write it in a row: 5 s, 2 min, 4 h."""
    for unit, name in ((HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        if milliseconds % unit == 0:
            return f"{milliseconds // unit} {name}"
    raise AssertionError(milliseconds)


SENTENCES = [
    (
        README,
        f"purchases and subscriptions {lifetime('purchase') // DAY} days, carts, wishlists and identities "
        f"{lifetime('update_cart') // HOUR} hours, views and searches {lifetime('view_item') // HOUR} hours",
    ),
    (README, f"set once** and lives {VISITOR_LIFE // DAY} days from then"),
    (README, f"of at most {-(-TAG // 2048) * 2} KB (brotli)"),
    ("docs/running.md", f"keep the old one for {VISITOR_LIFE // DAY} days"),
    ("docs/privacy.md", f"{VISITOR_LIFE // DAY} days from the first visit, never prolonged"),
    ("docs/privacy.md", f"{SESSION_LIFE // MINUTE} minutes without an event"),
    ("docs/privacy.md", f"{SOURCE_LIFE // HOUR} hours, not prolonged either"),
    ("docs/demo.md", f"every event of the next {SOURCE_LIFE // HOUR} hours"),
    ("docs/events.md", f"by less than {SKEW_IGNORED // SECOND} seconds"),
    ("docs/events.md", f"a string of at most {MAX_ID} characters"),
    ("docs/events.md", f"a string of at most {MAX_STRING} characters"),
    ("docs/server-api.md", f"and {FUTURE // MINUTE} minutes ahead"),
    (CONSOLE, f"lasts {LIFE // HOUR} hours from signing in"),
    (
        CONSOLE,
        f"{FREE} tries from one address, then each waits twice as long, from {FIRST_WAIT // SECOND} seconds",
    ),
    (CONSOLE, f"{ALL} failures an hour from all addresses together"),
    (CONSOLE, f"a password of at least {SHORTEST} characters"),
    (
        CONSOLE,
        f"kept for {EVERY_MINUTE // HOUR} hours, and a reading for each quarter of an hour for "
        f"{READ // DAY} days",
    ),
    (VENDOR, f"after {', '.join(map(spoken, WAITS))}, then every {spoken(LATER_WAITS)}"),
]


@pytest.mark.parametrize(("file", "sentence"), SENTENCES, ids=[sentence for _, sentence in SENTENCES])
def test_the_document_says_what_the_code_does(file: str, sentence: str) -> None:
    text = " ".join((ROOT / Path(file)).read_text("utf-8").split())
    assert sentence in text


def test_identities_live_as_long_as_carts_and_subscriptions_as_long_as_purchases() -> None:
    assert lifetime("identify") == lifetime("add_to_wishlist") == lifetime("update_cart")
    assert lifetime("subscription_start") == lifetime("purchase")
    assert lifetime("search") == lifetime("view_item")


def test_an_events_id_is_as_the_server_api_says() -> None:
    assert "1 to 64 letters, digits, `-`, `_`, `.` and `:`" in (ROOT / "docs/server-api.md").read_text(
        "utf-8"
    )
    assert ID.match("aZ9-_.:" + "x" * 57)
    assert not any(ID.match(wrong) for wrong in ("", "x" * 65, "a b", "a/b", "ä"))
