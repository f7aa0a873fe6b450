"""Who gets what; one visitor's consent, all that is kept, and erasing it after saying what that does."""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from server.pseudonyms import Pseudonyms
from server.store.database import Database
from tests.console.operator import Desk, Operator
from tests.console.test_overview import fault, send
from tests.gateway import GRANTED, HOUR, ITEM, Browser, Gateway, event
from tests.world import World, eventually

PRIVACY = "/console/shops/demo/privacy"


def visitor_page(visitor: str) -> str:
    return f"{PRIVACY}/visitors/{visitor}"


def readable(text: str) -> str:
    """The page itself as people read it."""
    main = text.split("<main")[1].partition(">")[2].split("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def part(text: str, vendor: str) -> str:
    """What the page says of one vendor."""
    found = re.search(rf'<section [^>]*id="gets-{vendor}".*?</section>', text, re.DOTALL)
    assert found
    return readable(f"<main>{found[0]}</main>")


def ledger(text: str) -> list[str]:
    """What was decided, the last first."""
    (found,) = re.findall(r'<ol class="ledger">(.*?)</ol>', text, re.DOTALL)
    return [readable(f"<main>{one}</main>") for one in re.findall(r"<li>(.*?)</li>", found, re.DOTALL)]


@pytest.fixture
def ada(gateway: Gateway) -> Browser:
    """A visitor of whom two events are kept."""
    browser = gateway.browser()
    user = {"id": "c-42", "email": "ada@customer.example"}
    browser.send(event("page_view", "a1"), event("view_item", "a2", items=[ITEM]), consent=GRANTED, user=user)
    return browser


def find(operator: Operator, by: str, name: str) -> str:
    """Where looking for somebody leads."""
    return operator.post(f"{PRIVACY}/find", {"by": by, "name": name}).location or ""


# Who gets what.


def test_the_table_names_each_vendors_fields_its_purpose_and_where_it_is(operator: Operator) -> None:
    text = operator.get(PRIVACY).text
    blueshift = part(text, "blueshift")
    assert "Once the visitor has granted marketing" in blueshift
    assert "The person's e-mail address events[].email" in blueshift
    assert "Never sent: the network address (IP), the browser's user agent" in blueshift
    personaclick = part(text, "personaclick")
    assert "Once the visitor has granted personalization" in personaclick
    assert "e-mail" not in personaclick
    assert "api.getblueshift.com" in text


# Finding somebody.


def test_somebody_is_found_by_every_name_and_no_name_gets_into_an_address(
    gateway: Gateway, operator: Operator, ada: Browser
) -> None:
    ada.send(event("purchase", "a3", transaction_id="1042", items=[ITEM]))
    for by, name in (
        ("user", "c-42"),
        ("user", "ADA@customer.example"),
        ("order", "1042"),
        ("visitor", ada.visitor),
    ):
        assert find(operator, by, name) == visitor_page(ada.visitor)
    nobody = operator.post(f"{PRIVACY}/find", {"by": "user", "name": "bob@customer.example"})
    assert "Nothing is kept in this shop of anybody called bob@customer.example" in readable(nobody.text)
    assert find(operator, "password", "x") == find(operator, "user", " ") == PRIVACY


def test_a_person_with_several_browsers_is_several_visitors(
    gateway: Gateway, operator: Operator, ada: Browser
) -> None:
    other = gateway.browser()
    other.send(event("page_view"), consent=GRANTED, user={"id": "c-42"})
    text = operator.post(f"{PRIVACY}/find", {"by": "user", "name": "c-42"}).text
    assert {visitor_page(ada.visitor), visitor_page(other.visitor)} <= set(
        re.findall(r'href="([^"]+)"', text)
    )
    assert "<h1>2 visitors</h1>" in text


# One visitor.


def test_a_visitors_consent_is_told_as_it_changed(gateway: Gateway, operator: Operator, ada: Browser) -> None:
    gateway.clock.forward(HOUR)
    ada.send(consent={**GRANTED, "marketing": "denied"})
    gateway.clock.forward(HOUR)
    ada.send(consent={**GRANTED, "marketing": "denied"}, gpc=True)
    found = ledger(operator.get(visitor_page(ada.visitor)).text)
    assert len(found) == 3
    assert "Global Privacy Control sent from then on" in found[0]
    assert "marketing denied" in found[1]
    assert "personalization" not in found[1]
    assert "personalization granted" in found[2]
    assert "marketing granted" in found[2]
    assert all(line.endswith("told by the browser") for line in found)


def test_the_page_says_who_it_is_and_the_download_holds_all_that_is_kept(
    gateway: Gateway, operator: Operator, ada: Browser
) -> None:
    text = readable(operator.get(visitor_page(ada.visitor)).text)
    assert text.startswith("Privacy 2 events of one visitor")
    assert "ada@customer.example" in text
    answer = operator.get(f"{visitor_page(ada.visitor)}/export")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    given = json.loads(answer.data)
    assert given["visitor"] == ada.visitor
    assert [one["id"] for one in given["events"]] == ["a1", "a2"]


@pytest.mark.parametrize("path", ["", "/export", "/erase"])
def test_of_a_visitor_who_is_not_there_nothing_is_shown(operator: Operator, path: str) -> None:
    answer = operator.get(f"{visitor_page('nobody')}{path}")
    assert answer.status_code == 404
    assert "Nothing is kept of a visitor &#39;nobody&#39;" in answer.text


# Erasing.


def sent_by(living: World) -> tuple[httpx.Client, str]:
    """A visitor of that shop, of whom Blueshift was told, and their id."""
    browser = httpx.Client(headers={"Origin": living.shop})
    body = {
        "events": [event("page_view", "told")],
        "consent": GRANTED,
        "user": {"email": "ada@customer.example"},
    }
    answer = browser.post(f"{living.gateway}/gp/demo/e", json=body)
    eventually(lambda: living.bulk_events())
    return browser, answer.cookies["gp_v"].strip('"').partition(".")[0]


def test_a_visitor_is_erased_after_it_was_said_what_that_does_and_whom_to_ask(desk: Desk) -> None:
    page = desk.page
    browser, visitor = sent_by(desk.world)
    fault(desk.world, "blueshift", 503, retry_after=3000)
    browser.post(f"{desk.world.gateway}/gp/demo/e", json={"events": [event("page_view", "waits")]})
    send(desk.world, event("page_view", "another"))
    desk.open(PRIVACY)
    page.get_by_label("Name or number").fill("ada@customer.example")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/visitors/{visitor}")
    expect(page.locator(".pairs")).to_contain_text("ada@customer.example")
    page.get_by_role("link", name="Erase…").click()
    expect(page.locator("h1")).to_have_text("Erase this visitor for good?")
    expect(page.locator(".would")).to_contain_text(f"2 events of visitor {visitor} are deleted")
    expect(page.locator(".would")).to_contain_text("Blueshift is not told of 1 event that waits")
    expect(page.locator(".would")).to_contain_text(
        re.compile(r"What vendors were told stays with them: Blueshift \(\d events?\)")
    )
    desk.open(visitor_page(visitor))
    expect(page.locator("h1")).to_have_text("2 events of one visitor")
    page.get_by_role("link", name="Erase…").click()
    page.get_by_role("button", name="Erase the visitor and 2 events").click()
    expect(page.locator("h1")).to_have_text("Erased, with 2 events")
    database = Database(desk.world.settings.data_dir)
    known_as = Pseudonyms(database.key("pseudonyms")).visitor("demo", "blueshift", visitor)
    database.close()
    expect(page.get_by_label("All of it as text")).to_contain_text(f"pseudonym {known_as}")
    desk.open(PRIVACY)
    page.get_by_label("Name or number").fill("ada@customer.example")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Nothing is kept of them")
    desk.open("/console/shops/demo/live")
    expect(page.locator("a.event-name")).to_have_count(1)
    browser.close()


def test_an_erased_visitor_is_told_apart_from_one_who_never_was(
    gateway: Gateway, operator: Operator, ada: Browser
) -> None:
    assert operator.post(f"{visitor_page(ada.visitor)}/erase", {"sure": "yes"}).status_code == 200
    assert gateway.events() == []
    assert operator.get(visitor_page(ada.visitor)).status_code == 404
    assert "was erased" in operator.get(visitor_page(ada.visitor)).text
    found = operator.post(f"{PRIVACY}/find", {"by": "visitor", "name": ada.visitor})
    assert "The visitor was erased on" in readable(found.text)


def test_neither_another_sites_page_nor_an_unsure_one_erases_anything(
    gateway: Gateway, operator: Operator, ada: Browser
) -> None:
    address = f"{visitor_page(ada.visitor)}/erase"
    assert operator.post(address, {"sure": "yes"}, Sec_Fetch_Site="cross-site").status_code == 403
    assert "Nothing has been done yet" in operator.post(address, {}).text
    assert "Nothing has been done yet" in operator.get(f"{address}?sure=yes").text
    assert len(gateway.events()) == 2


def test_nothing_of_a_visitor_becomes_part_of_a_page(desk: Desk) -> None:
    bad = '"><img src=x onerror=window.hurt=1>'
    send(desk.world, event("page_view", "bad"), user={"id": bad, "email": bad})
    desk.open(PRIVACY)
    desk.page.get_by_label("Name or number").fill(bad)
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url("**/visitors/*")
    expect(desk.page.locator(".pairs")).to_contain_text("onerror")
    desk.page.get_by_role("link", name="Erase…").click()
    expect(desk.page.locator(".would")).to_contain_text("onerror")
    assert desk.page.locator("main img").count() == 0
    desk.page.get_by_role("button", name="Erase the visitor").click()
    expect(desk.page.locator("h1")).to_contain_text("Erased")
    assert urlsplit(desk.page.url).query == ""
