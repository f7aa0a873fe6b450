"""Trying an event: what each vendor would be sent, or why not, and what would be kept, without either."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from playwright.sync_api import expect

from server.console.examples import EXAMPLES, example
from server.vocabulary import RULES
from tests.console.conftest import HASH, VENDORS, hostile
from tests.console.operator import Desk, Operator
from tests.console.test_overview import send
from tests.gateway import BLUESHIFT_KEY, GRANTED, Gateway, event

TRY = "/console/shops/demo/try"
ALL_GRANTED = {f"consent-{purpose}": "granted" for purpose in ("analytics", "marketing", "personalization")}
KETTLE = {"item_id": "100500", "price": 45.5, "quantity": 1}
EVERY = {
    **VENDORS,
    "esputnik": {"api_key": "5e0c731de3b111ebba800242ac130004"},
    "alana": {"api_key": "ak_5e0c731de3b111ebba800242ac130004"},
    "eightselect": {"api_id": "5e0c731de3b111ebba800242ac130004"},
}


def tried(operator: Operator, sent: Any, **form: str) -> str:
    """The result, as htmx gets it."""
    text = sent if isinstance(sent, str) else json.dumps(sent)
    answer = operator.post(TRY, {"event": text, **ALL_GRANTED, **form}, HX_Request="true")
    assert answer.status_code == 200
    return answer.text


def part(text: str, vendor: str) -> str:
    """What the result says of one vendor, as people read it."""
    found = re.search(rf'<article [^>]*id="try-1-{vendor}".*?</article>', text, re.DOTALL)
    assert found, f"nothing of {vendor}"
    return readable(found[0])


def readable(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def bodies(text: str) -> list[Any]:
    """The bodies of the requests that are shown."""
    found = re.findall(r'aria-label="Body">(.*?)</pre>', text, re.DOTALL)
    return [json.loads(unescape(re.sub(r"<[^>]+>", "", one))) for one in found]


def changes(text: str) -> dict[str, tuple[str, str]]:
    """What would be kept otherwise: as sent, and as kept."""
    found = re.findall(r'<li data-field="([^"]*)">(.*?)</li>', text, re.DOTALL)
    return {
        unescape(field): tuple(  # type: ignore[misc]
            unescape(one) for one in re.findall(r"<(?:del|ins|span class=\"hint\")>(.*?)</", shown, re.DOTALL)
        )
        for field, shown in found
    }


def test_it_shows_each_vendors_request_as_it_is_typed_and_sends_nothing(desk: Desk) -> None:
    page = desk.page
    desk.open(TRY)
    blueshift = page.locator("article[data-vendor=blueshift]")
    expect(blueshift).to_have_attribute("data-sent", "yes")
    expect(blueshift.locator("summary")).to_contain_text("/blueshift/api/v1/bulkevents")
    page.get_by_label("Begin with").select_option("search")
    expect(blueshift.get_by_label("Body")).to_contain_text('"event": "search"')
    page.get_by_label("The event, or all that the tag sends").fill('{"name": "search", "params": {}}')
    expect(page.locator("#result [role=alert]")).to_have_text(
        "Not valid: search_term is missing; search needs it"
    )
    page.get_by_label("The event, or all that the tag sends").fill(
        '{"name": "search", "params": {"search_term": "lamp"}}'
    )
    expect(blueshift.get_by_label("Body")).to_contain_text('"lamp"')
    page.get_by_label("marketing").select_option("denied")
    expect(blueshift).to_have_attribute("data-sent", "no")
    expect(blueshift).to_contain_text("because of consent: marketing was denied")
    expect(page.locator("article[data-vendor=personaclick]")).to_have_attribute("data-sent", "yes")
    assert desk.world.requests("blueshift") == desk.world.requests("personaclick") == []
    desk.open("/console/shops/demo/live")
    expect(page.locator("h1")).to_have_text("Nothing has come yet")


def test_what_is_shown_is_what_is_sent(desk: Desk, operator: Operator) -> None:
    """But for the ids, the times and the visitor, which are made when it happens."""
    sent = {"name": "add_to_cart", "params": {"currency": "EUR", "items": [KETTLE]}}
    page = {"url": "https://www.myshop.example/p/100500?utm_source=mail"}
    send(desk.world, {"id": "real", **sent}, page=page, user={"id": "c-42"})
    desk.open("/console/shops/demo/events/real")
    expect(desk.page.locator("#to-blueshift")).to_have_attribute("data-state", "delivered", timeout=15_000)
    (really,) = desk.world.bulk_events()
    (shown,) = bodies(part_html(tried(operator, sent, url=page["url"], **{"user-id": "c-42"}), "blueshift"))
    made = {"cookie", "timestamp", "event_uuid", "session_id", "cart_id"}
    (event,) = shown["events"]
    assert {key: value for key, value in event.items() if key not in made} == {
        key: value for key, value in really.items() if key not in made
    }
    assert event.keys() == really.keys()


def part_html(text: str, vendor: str) -> str:
    found = re.search(rf'<article [^>]*id="try-1-{vendor}".*?</article>', text, re.DOTALL)
    assert found
    return found[0]


def test_credentials_are_masked_and_never_on_the_page(operator: Operator) -> None:
    text = tried(operator, example("page_view"))
    assert "Authorization: Basic ***" in part(text, "blueshift")
    assert "Content-Type: application/json" in part(text, "blueshift")
    assert BLUESHIFT_KEY not in operator.get(TRY).text + text


def test_a_vendor_that_must_be_introduced_first_is_shown_so(operator: Operator) -> None:
    says = part(tried(operator, example("view_item")), "personaclick")
    assert re.search(r"GET https://api.personaclick.com/init\?\S+ first, once for each visitor", says)
    assert "POST https://api.personaclick.com/push" in says
    assert "(the did that it gives the visitor)" in says


def test_why_a_vendor_does_not_want_it_is_said_in_its_adapters_words(
    gateways: Callable[..., Gateway],
) -> None:
    operator = Operator(gateways(console_password=HASH, shop={"vendors": EVERY}))
    operator.sign_in()
    assert "would not be told needs personalization because Alana has no such event" in part(
        tried(operator, example("subscription_start")), "alana"
    )


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_name_has_an_example_that_is_valid(gateways: Callable[..., Gateway], name: str) -> None:
    operator = Operator(gateways(console_password=HASH, shop={"vendors": EVERY}))
    operator.sign_in()
    text = operator.get(f"{TRY}?example={name}").text
    assert 'role="alert"' not in text.split('id="result"')[1]
    assert "stumbled" not in text
    assert f'"{name}"' in unescape(text)


def test_there_is_no_example_of_a_name_that_is_not_known_but_one() -> None:
    assert set(EXAMPLES) - set(RULES) == {"an_event_of_your_own"}


def test_what_scrubbing_takes_out_is_shown_with_what_stays(operator: Operator) -> None:
    sent = {
        "name": "search",
        "params": {"search_term": "ada@customer.example", "results": "3"},
    }
    found = changes(
        tried(operator, sent, url="https://u:p@www.myshop.example/s?q=1&token=5ecret&utm_source=x#top")
    )
    assert found["params.search_term"] == ("ada@customer.example", "[redacted]")
    assert found["params.results"] == ("3", "3")
    assert "5ecret" in found["page.url"][0]
    kept = found["page.url"][1]
    assert "utm_source=x" in kept
    assert not [gone for gone in ("5ecret", "u:p", "#top") if gone in kept]


def test_what_is_kept_as_it_is_counts_as_no_change(operator: Operator) -> None:
    sent = {"name": "add_to_cart", "params": {"currency": "EUR", "value": 45.0, "items": [KETTLE]}}
    assert changes(tried(operator, sent, url="https://www.myshop.example/p/1")) == {}


@pytest.mark.parametrize(
    ("sent", "field", "what"),
    [
        ({"name": "purchase", "params": {"items": [KETTLE]}}, "transaction_id", "is missing"),
        ({"name": "add_to_cart", "params": {"items": [{"price": 1}]}}, "items[0].item_id", "is missing"),
        ({"name": "Bad Name"}, "name", "must be a-z"),
        ({"params": {}}, "name", "is missing"),
        ({"name": "page_view", "id": "a b"}, "id", "must be 1 to 64"),
        ({"name": "identify"}, "user", "is missing"),
        ({"events": [7]}, "event", "Expected"),
    ],
)
def test_what_is_not_valid_is_named_with_its_field(
    operator: Operator, sent: Any, field: str, what: str
) -> None:
    text = tried(operator, sent)
    assert f'data-field="{field}"' in text
    assert f"Not valid: {field} {what}" in readable(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"name": "page_view",}', "not json at line 1, column"),
        ("", "not json"),
        ("[]", "no object"),
        ("7", "no object"),
        ("[" * 3000, "not json"),
        ('{"events": {}}', "not the shape of a batch"),
        ('{"name": "page_view", "params": {"x": NaN}}', "not json"),
        ('{"events": ' + json.dumps([{"name": "page_view"}] * 101) + "}", "more than 100 events"),
        ('{"name": "page_view", "params": {"x": "' + "y" * 70_000 + '"}}', "larger"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(operator: Operator, text: str, what: str) -> None:
    found = readable(tried(operator, text))
    assert "It would be refused." in found
    assert what in found.lower()


def test_a_whole_request_of_the_tag_can_be_pasted_and_says_more_than_the_form(operator: Operator) -> None:
    batch = {
        "consent": {"personalization": "granted", "marketing": "denied"},
        "events": [event("page_view"), event("view_item", items=[KETTLE]), {"name": "?"}],
    }
    text = tried(operator, batch)
    assert "because of consent: marketing was denied" in part(text, "blueshift")
    assert 'id="try-2-personaclick" data-vendor="personaclick" data-sent="yes"' in text
    assert "3. ? Not valid: name" in readable(text)


def test_global_privacy_control_closes_marketing(operator: Operator) -> None:
    text = tried(operator, example("page_view"), gpc="yes")
    assert "closed by Global Privacy Control" in part(text, "blueshift")


def test_without_any_consent_nothing_would_be_kept_and_it_says_so(operator: Operator) -> None:
    text = tried(operator, example("page_view"), **dict.fromkeys(ALL_GRANTED, ""))
    assert "Nothing would be kept" in text
    assert "because of consent: marketing was not granted" in part(text, "blueshift")


def test_nothing_that_is_pasted_becomes_part_of_the_page_nor_of_an_address(desk: Desk) -> None:
    page = desk.page
    desk.open(TRY)
    bad = '"><img src=x onerror=window.hurt=1>'
    page.get_by_label("On the page").fill(f"{desk.world.shop}/{bad}")
    page.get_by_label("e-mail").fill(bad)
    page.get_by_label("The event, or all that the tag sends").fill(json.dumps(hostile()))
    page.get_by_role("button", name="Show").click()
    expect(page.locator("article[data-vendor=blueshift]").get_by_label("Body")).to_contain_text("onerror")
    page.get_by_label("The event, or all that the tag sends").fill(
        json.dumps({"name": bad, "params": {bad: bad}})
    )
    expect(page.locator("#result [role=alert]")).to_be_visible()
    assert page.locator("main img").count() == 0
    assert page.url == desk.world.gateway + TRY


def test_without_a_script_the_form_keeps_what_was_written(operator: Operator) -> None:
    form = {
        "event": json.dumps(example("page_view")),
        "consent-marketing": "denied",
        "user-email": "a@b.example",
    }
    text = operator.post(TRY, form).text
    assert "<h1>" in text
    assert 'value="a@b.example"' in text
    assert '<option value="denied" selected>' in text


def test_nothing_of_a_try_is_kept(gateway: Gateway, operator: Operator) -> None:
    tried(operator, {"consent": GRANTED, "events": [event("page_view", "tried")]})
    assert gateway.events() == []
    assert gateway.rows("SELECT * FROM visitors") == gateway.rows("SELECT * FROM consents") == []
