"""What one destination has to write down, from the moment it is known to the moment it is on disk."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from server.relay.lanes import Item
from server.store.outbox import Attempt, Hold, Outbox, Outcome, Report, State


class Journal:
    """Collects outcomes; hands them over as one report at a time; knows what is not committed yet."""

    def __init__(
        self, destination: int, position: int, hold: Hold | None, outbox: Outbox, changed: Callable[[], None]
    ) -> None:
        self._destination = destination
        self._outbox = outbox
        self._changed = changed
        self._progress = _Progress(position)
        self._outcomes: list[Outcome] = []
        self._attempts: list[Attempt] = []
        self._ids: dict[str, dict[str, str]] = {}
        self._parked: set[str] = set()
        self._saving: Report | None = None
        self._saving_parked: set[str] = set()
        self._saved = (position, hold)

    @property
    def unsaved(self) -> int:
        """How many outcomes are not on disk yet."""
        return len(self._outcomes) + (len(self._saving.outcomes) if self._saving else 0)

    @property
    def read_upto(self) -> int:
        """The seq up to which new events were read."""
        return self._progress.read_upto

    def read(self, seqs: list[int], upto: int) -> None:
        """New events were read; none of them has a row yet."""
        self._progress.opened(seqs, upto)

    def settle(self, item: Item, state: State, reason: str, now: int) -> None:
        """Nothing more will be done about this event."""
        self._note(item, state, reason, now, None)

    def park(self, item: Item, reason: str, now: int, next_at: int) -> None:
        """Put the event back into the store, to be tried again at `next_at`."""
        self._parked.add(item.event.visitor)
        self._note(item, "waiting", reason, now, next_at)

    def _note(self, item: Item, state: State, reason: str, now: int, next_at: int | None) -> None:
        self._outcomes.append(
            Outcome(
                event=item.seq,
                visitor=item.event.visitor,
                state=state,
                reason=reason,
                at=now,
                receipt=item.receipt,
                attempts=item.attempts,
                told=item.told,
                next_at=next_at,
            )
        )
        self._progress.closed(item.seq)
        self._changed()

    def attempted(self, attempt: Attempt) -> None:
        """A request was made."""
        self._attempts.append(attempt)
        self._changed()

    def learned(self, visitor: str, ids: dict[str, str]) -> None:
        """The vendor gave us ids for a visitor."""
        self._ids[visitor] = ids
        self._changed()

    def ids(self, visitor: str) -> dict[str, str]:
        """What the vendor gave us for a visitor, written down or not yet."""
        if visitor in self._ids:
            return self._ids[visitor]
        if self._saving and visitor in self._saving.ids:
            return self._saving.ids[visitor]
        return self._outbox.ids(self._destination, visitor)

    def is_parked(self, visitor: str) -> bool:
        """Whether something of this visitor was put back, and the store does not show it yet."""
        return visitor in self._parked or visitor in self._saving_parked

    def report(self, hold: Hold | None) -> Report | None:
        """What is to be written down now; the same again until `saved` is called. None: nothing."""
        if self._saving:
            return self._saving
        now = (self._progress.position, hold)
        if not (self._outcomes or self._attempts or self._ids or now != self._saved):
            return None
        self._saving = Report(self._destination, self._outcomes, self._attempts, self._ids, *now)
        self._saving_parked = self._parked
        self._outcomes, self._attempts, self._ids, self._parked = [], [], {}, set()
        return self._saving

    def saved(self) -> None:
        """The last report is on disk."""
        if self._saving:
            self._saved = (self._saving.position, self._saving.hold)
        self._saving = None
        self._saving_parked = set()


class _Progress:
    """How far a destination has come without a gap: every event up to `position` has a row."""

    def __init__(self, position: int) -> None:
        self.read_upto = position
        self._open: set[int] = set()
        self._order: list[int] = []

    def opened(self, seqs: list[int], upto: int) -> None:
        self.read_upto = upto
        self._open.update(seqs)
        for seq in seqs:
            heapq.heappush(self._order, seq)

    def closed(self, seq: int) -> None:
        self._open.discard(seq)

    @property
    def position(self) -> int:
        while self._order and self._order[0] not in self._open:
            heapq.heappop(self._order)
        return self._order[0] - 1 if self._order else self.read_upto
