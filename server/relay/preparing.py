"""May this event go to this vendor now, and in which words.

The vendor's adapter is asked here and nowhere else while a request is made, so that one it stumbles over
stops no other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from server import consent
from server.cookies import current
from server.event import Event
from server.pseudonyms import Pseudonyms
from server.relay.journal import Journal
from server.relay.lanes import Item
from server.relay.retry import HOUR, MINUTE
from server.settings import Shop
from server.store.outbox import Destination, Outbox
from server.store.outcomes import State
from server.vendors.base import Message, Reply, Request, Vendor, Visitor, lifetime

log = logging.getLogger(__name__)

FRESH = MINUTE
"""Milliseconds for which a translation stays good: a campaign source may run out meanwhile."""

_Result = TypeVar("_Result")


class Stumbled(Exception):
    """An adapter raised what it never should; its text is a reason to be kept."""


class Preparing:
    """Asks one vendor's adapter, and the visitor's present choice."""

    def __init__(
        self,
        destination: Destination,
        shop: Shop,
        vendor: Vendor,
        outbox: Outbox,
        journal: Journal,
        pseudonyms: Pseudonyms,
    ) -> None:
        self._name = f"{destination.shop}/{destination.vendor}"
        self._shop_name = destination.shop
        self._shop = shop
        self._vendor = vendor
        self._purpose = shop.vendors[vendor.name].purpose
        self._outbox = outbox
        self._journal = journal
        self._pseudonyms = pseudonyms

    def refusal(self, item: Item) -> tuple[State, str] | None:
        """Why the vendor does not want the event, or may not have it by the visitor's present choice.

        None: nothing speaks against it. Raises what the database raises.
        """
        event = item.event
        try:
            reason = self._ask("wants", item, lambda: self._vendor.wants(event))
        except Stumbled as stumbled:
            return "dead", str(stumbled)
        if reason:
            return "not_wanted", reason
        known = self._outbox.consent(self._shop_name, event.visitor)
        item.receipt = consent.receipt(known, self._shop.consent, self._purpose)
        reason = consent.refusal(known, self._shop.consent, self._purpose, event.received)
        return ("not_wanted", reason) if reason else None

    def obstacle(self, item: Item, now: int) -> tuple[State, str] | None:
        """Why an event must not be sent now or ever.

        None when it may, and then either its messages are made, or its `introduction` has to be asked first.
        """
        if refusal := self.refusal(item):
            return refusal
        worth = lifetime(item.event.name)
        if now - item.since > worth:
            return "dead", f"too late: not delivered within {worth // HOUR} hours"
        try:
            visitor = self._visitor(item.event)
            item.introduction = self._ask(
                "introduction", item, lambda: self._vendor.introduction(item.event, visitor)
            )
            if item.introduction:
                return None
            if not 0 <= now - item.translated <= FRESH:
                self._translate(item, visitor, now)
        except Stumbled as stumbled:
            return "dead", str(stumbled)
        if item.told < len(item.messages):
            return None
        return ("delivered", "") if item.told else ("not_wanted", "the vendor has nothing to be told of it")

    def introduced(self, item: Item, reply: Reply) -> dict[str, str] | None:
        """The ids that an introduction brought; None when it did not. Raises Stumbled."""
        visitor = self._visitor(item.event)
        return self._ask("introduced", item, lambda: self._vendor.introduced(item.event, visitor, reply))

    def request(self, item: Item, messages: Sequence[Message]) -> Request:
        """Messages as one request, of which `item`'s are the first. Raises Stumbled."""
        return self._ask("request", item, lambda: self._vendor.request(messages))

    def _translate(self, item: Item, visitor: Visitor, now: int) -> None:
        """Make the event's messages, with its campaign source only while that may be used."""
        event = msgspec.structs.replace(item.event, source=current(item.event.source, now))
        item.messages = self._ask("messages", item, lambda: self._vendor.messages(event, visitor))
        item.translated = now

    def _ask(self, what: str, item: Item, question: Callable[[], _Result]) -> _Result:
        try:
            return question()
        except Exception:
            log.exception("%s: %s stumbled over event %s", self._name, what, item.event.id)
            raise Stumbled("Gatepost could not translate it; its log tells why") from None

    def _visitor(self, event: Event) -> Visitor:
        """What the vendor may know of the event's visitor."""
        return Visitor(
            pseudonym=self._pseudonyms.visitor(self._shop_name, self._vendor.name, event.visitor),
            segment=self._pseudonyms.segment(self._shop_name, event.visitor)
            if self._shop.ab_segments
            else None,
            ids=self._journal.ids(event.visitor),
        )
