"""When PersonaClick must be asked for a device id and a seance, and what of its answer is kept."""

from __future__ import annotations

import pytest
from vendor_case import make_event, make_vendor

from server.vendors.base import Reply, Visitor

VENDOR = make_vendor("personaclick", {"shop_id": "0d42fd8b713d0752776ca589cc0056"})
VIEW = make_event({"name": "view_item", "params": {"items": [{"item_id": "1"}]}, "session": "s-1"})
IDS = {"did": "7rjVGhMykT", "seance": "R5eQXkrKCf", "session": "s-1"}


def visitor(**ids: str) -> Visitor:
    return Visitor(pseudonym="c57a43f7-eefc-462b-b5a8-0ef421e90f67", ids=ids)


def test_a_visitor_known_in_this_session_is_not_introduced_again() -> None:
    assert VENDOR.introduction(VIEW, visitor(**IDS)) is None


@pytest.mark.parametrize("missing", ["did", "seance", "session"])
def test_a_visitor_of_whom_something_is_missing_is_introduced(missing: str) -> None:
    known = {key: value for key, value in IDS.items() if key != missing}
    assert VENDOR.introduction(VIEW, visitor(**known)) is not None


def test_a_new_visitor_is_introduced_even_by_an_event_without_a_session() -> None:
    event = make_event({"name": "purchase", "session": ""})
    assert VENDOR.introduction(event, visitor()) is not None


def test_the_answer_is_kept_with_the_session_it_was_given_for() -> None:
    reply = Reply(200, b'{"did":"7rjVGhMykT","seance":"R5eQXkrKCf","currency":"EUR","popup":{}}')
    assert VENDOR.introduced(VIEW, visitor(), reply) == IDS


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b"[]", b"null", b"{}", b'{"did":"x"}', b'{"seance":"x"}'),
        *(b'{"did":"","seance":"x"}', b'{"did":7,"seance":"x"}', b'{"did":null,"seance":"x"}'),
    ],
)
def test_an_answer_without_both_ids_is_none(body: bytes) -> None:
    assert VENDOR.introduced(VIEW, visitor(), Reply(200, body)) is None
