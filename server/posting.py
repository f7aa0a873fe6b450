"""What of an event that the shop's own server posts is kept, decided once its visitor is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.batch import Carts, completed, merged
from server.consent import ERASED, NOTHING_SAID, Choice, Consent, may_keep, updated, withdraws
from server.errors import InvalidEvent
from server.event import Event, User
from server.pseudonyms import Pseudonyms
from server.settings import Shop
from server.store.keeping import Arrival, CartOf, KnownVisitor, seen

SERVER = "server"
"""Who told us of a choice, as the ledger calls it."""


class Posting:
    """One event, ready to be kept but for what depends on what is known of its visitor.

    See `server.store.keeping.Taking`; `problem` says afterwards why it is not kept, and is empty when it is.
    """

    def __init__(
        self,
        shop: Shop,
        event: Event,
        user: User,
        consent: Mapping[str, Choice] | None,
        decided: Mapping[str, int],
        pseudonyms: Pseudonyms,
        now: int,
    ) -> None:
        """`user` is who the server says it was; `consent` and `decided` are what `updated` is told."""
        self.shop = event.shop
        self.visitor = event.visitor
        self._shop = shop
        self._event = event
        self._user = user
        self._consent = consent
        self._decided = decided
        self._pseudonyms = pseudonyms
        self._now = now
        self._first_seen = now
        self.problem = ""

    def decide(self, known: KnownVisitor | None, cart_of: CartOf) -> Arrival:
        """What to keep."""
        past = known.consent if known else NOTHING_SAID
        if past is ERASED:
            return self._not_kept("erased")
        self._first_seen = known.first_seen if known else self._now
        consent = updated(past, self._consent, past.gpc, self._now, SERVER, self._decided)
        change = None if consent is past else consent
        if not may_keep(consent, self._shop.consent, self._shop.purposes):
            # Whoever declined and would be a stranger the next time could be taken for one who said nothing.
            remembered = change if known or self._shop.consent == "not_required" else None
            return self._not_kept("consent", consent=remembered, withdraws=withdraws(past, consent))
        before = known.user if known else User()
        user = merged(before, self._user)
        purchases = known.purchases if known else 0
        carts = Carts(self.shop, self.visitor, purchases, self._pseudonyms, cart_of)
        try:
            event = completed(self._event, user, carts, consent.at)
        except InvalidEvent as error:
            return self._not_kept(str(error))
        self.problem = ""
        return self._arrival(
            events=(event,),
            consent=change,
            withdraws=withdraws(past, consent),
            is_new=known is None,
            seen=seen(known, self._now),
            **self._learned(before, user),
        )

    def _learned(self, before: User, user: User) -> dict[str, User]:
        """What is remembered of who it is; what a browser claims to be does not become its own."""
        if user == before:
            return {}
        return {"names": user} if self._event.claimed else {"user": user}

    def _not_kept(self, problem: str, *, consent: Consent | None = None, withdraws: bool = False) -> Arrival:
        self.problem = problem
        return self._arrival(consent=consent, withdraws=withdraws and consent is not None)

    def _arrival(self, **what: Any) -> Arrival:
        return Arrival(self.shop, self.visitor, self._first_seen, **what)
