"""What of a browser's request is kept, decided once its visitor is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.batch import Batch, Carts, completed, merged
from server.consent import ERASED, Consent, may_keep, updated, withdraws
from server.cookies import Visit
from server.errors import InvalidEvent
from server.event import Event, User
from server.pseudonyms import Pseudonyms
from server.settings import Shop
from server.store.keeping import Arrival, CartOf, KnownVisitor, seen

DUPLICATE = "duplicate"
BROWSER = "browser"
"""Who told us of a choice, as the ledger calls it."""


class Dropped(msgspec.Struct, frozen=True):
    """One event that was not taken."""

    index: int
    reason: str


class Taking:
    """One request, ready to be kept but for what depends on what is known of its visitor.

    See `server.store.keeping.Taking`; the attributes in the lower half of `__init__` are what was decided.
    """

    def __init__(
        self,
        name: str,
        shop: Shop,
        batch: Batch,
        gpc: bool,
        stranger: Consent,
        visit: Visit,
        events: Sequence[tuple[int, Event]],
        pseudonyms: Pseudonyms,
        now: int,
        lasts: bool,
    ) -> None:
        """`stranger` is what is known of whoever has no visitor's cookie.

        `lasts` is whether the visitor can come back: of one who cannot nothing is remembered by their name.
        """
        self.shop = name
        self.visitor = visit.visitor
        self._shop = shop
        self._batch = batch
        self._gpc = gpc
        self._stranger = stranger
        self._first_seen = visit.first_seen
        self._events = events
        self._pseudonyms = pseudonyms
        self._now = now
        self._lasts = lasts

        self.known = False
        self.refused = False
        """Consent forbids to keep anything of it, or its visitor was erased while it was on its way."""
        self.consent = stranger
        """What the visitor has said by now; ERASED of one who was."""
        self.keeps = False
        self.places: list[int] = []
        """Where in the batch the events of the arrival stand."""
        self.dropped: list[Dropped] = []

    def decide(self, known: KnownVisitor | None, cart_of: CartOf) -> Arrival:
        """What to keep."""
        past = known.consent if known else self._stranger
        self.known = known is not None
        self.consent = consent = self._told(past)
        change = consent if consent is not past else None
        self.refused = past is ERASED or not may_keep_for(self._shop, consent)
        if self.refused:
            self.keeps = False
            if known is None or change is None:
                return self._arrival()
            return self._arrival(consent=change, withdraws=withdraws(past, change))
        before = known.user if known else User()
        user = _user(before, self._batch)
        events = self._completed(user, known.purchases if known else 0, cart_of)
        arrival = self._arrival(
            events=events,
            consent=change,
            withdraws=change is not None and withdraws(past, change),
            user=user if self._lasts and user != before else None,
            is_new=known is None,
            seen=seen(known, self._now),
        )
        self.keeps = bool(events or (self._lasts and (arrival.consent or arrival.user is not None)))
        return arrival if self.keeps else self._arrival()

    def _told(self, past: Consent) -> Consent:
        if past is ERASED:
            return past
        said, now = self._batch.consent, self._now
        return updated(past, said, self._gpc, now, BROWSER, self._batch.decided(now))

    def _arrival(self, **what: Any) -> Arrival:
        return Arrival(self.shop, self.visitor, self._first_seen, **what)

    def _completed(self, user: User, purchases: int, cart_of: CartOf) -> tuple[Event, ...]:
        self.places, self.dropped = [], []
        carts = Carts(self.shop, self.visitor, purchases, self._pseudonyms, cart_of)
        kept = []
        orders: set[str] = set()
        for i, event in self._events:
            if _is_told_again(event, orders, cart_of):
                self.dropped.append(Dropped(i, DUPLICATE))
                continue
            try:
                kept.append(completed(event, user, carts, self.consent.at))
            except InvalidEvent as error:
                self.dropped.append(Dropped(i, f"invalid: {error}"))
                continue
            self.places.append(i)
        return tuple(kept)


def _is_told_again(event: Event, orders: set[str], cart_of: CartOf) -> bool:
    """Whether this is an order that is kept, or among these, to which it is added.

    A page of thanks that is loaded again, or opened from a mail days later, tells its order again as a new
    event; a vendor would count the money twice.
    """
    if event.name != "purchase":
        return False
    order = event.params["transaction_id"]
    if order in orders or cart_of(order) is not None:
        return True
    orders.add(order)
    return False


def may_keep_for(shop: Shop, consent: Consent) -> bool:
    """Whether the shop may keep anything of a visitor of this consent."""
    return may_keep(consent, shop.consent, shop.purposes)


def _user(before: User, batch: Batch) -> User:
    """Who the visitor is from now on: as before, named again, or (null) forgotten."""
    if batch.user is msgspec.UNSET:
        return before
    return User() if batch.user is None else merged(before, batch.user.user())
