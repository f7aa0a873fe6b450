"""What one destination has to write down, from the moment it is known to the moment it is on disk."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from server.relay.lanes import Item
from server.store.outbox import Outbox, Unreadable
from server.store.outcomes import Attempt, Hold, Outcome, Report, State

MOST = 1000
"""Outcomes that may be unsaved before nothing more is sent: after a crash they would be sent again."""


class Journal:
    """Collects outcomes; hands them over as one report at a time; knows what is not committed yet."""

    def __init__(
        self, destination: int, position: int, hold: Hold | None, outbox: Outbox, changed: Callable[[], None]
    ) -> None:
        self._destination = destination
        self._outbox = outbox
        self._changed = changed
        self._progress = _Progress(position)
        self._notes = _Notes()
        self._saving: Report | None = None
        self._saving_notes = _Notes()
        self._saved = (position, hold)
        self._failing = False

    @property
    def is_full(self) -> bool:
        """Whether nothing may be added that a crash would make a repetition: too much is not on disk."""
        return self._failing or len(self._notes.outcomes) + len(self._saving_notes.outcomes) >= MOST

    @property
    def read_upto(self) -> int:
        """The seq up to which new events were read."""
        return self._progress.read_upto

    def read(self, seqs: Sequence[int], upto: int) -> None:
        """New events were read; none of them has a row yet."""
        self._progress.opened(seqs, upto)

    def settle(self, item: Item, state: State, reason: str, now: int) -> None:
        """Nothing more will be done about this event."""
        self._note(_outcome(item, state, reason, now, None))

    def park(self, item: Item, reason: str, now: int, next_at: int | None) -> None:
        """Put the event back into the store, to be tried again at `next_at`; None: after those before it."""
        self._notes.parked.add(item.event.visitor)
        self._note(_outcome(item, "waiting", reason, now, next_at))

    def advance(self, item: Item, now: int) -> None:
        """The vendor has some of the event's messages, which a restart must not send again."""
        self._note(_outcome(item, "waiting", "a part of it is sent", now, now))

    def bury(self, unreadable: Unreadable, now: int) -> None:
        """An event whose record cannot be decoded cannot be delivered by anyone."""
        reason = "its record in the database cannot be read"
        self._note(Outcome(unreadable.seq, unreadable.visitor, "dead", reason, now))

    def _note(self, outcome: Outcome) -> None:
        self._notes.outcomes.append(outcome)
        self._notes.visitors.add(outcome.visitor)
        self._progress.closed(outcome.event)
        self._changed()

    def attempted(self, attempt: Attempt) -> None:
        """A request was made."""
        self._notes.attempts.append(attempt)
        self._changed()

    def learned(self, visitor: str, ids: dict[str, str]) -> None:
        """The vendor gave us ids for a visitor."""
        self._notes.ids[visitor] = ids
        self._changed()

    def ids(self, visitor: str) -> dict[str, str]:
        """What the vendor gave us for a visitor, written down or not yet."""
        for notes in (self._notes, self._saving_notes):
            if visitor in notes.ids:
                return notes.ids[visitor]
        return self._outbox.ids(self._destination, visitor)

    def is_parked(self, visitor: str) -> bool:
        """Whether something of this visitor was put back, and the store does not show it yet."""
        return visitor in self._notes.parked or visitor in self._saving_notes.parked

    def is_ahead(self, visitor: str) -> bool:
        """Whether what the store says of this visitor's events is older than what is known here."""
        return visitor in self._notes.visitors or visitor in self._saving_notes.visitors

    def report(self, hold: Hold | None) -> Report | None:
        """What is to be written down now; the same again until `saved` is called. None: nothing."""
        if self._saving:
            return self._saving
        now = (self._progress.position, hold)
        notes = self._notes
        if not notes and now == self._saved:
            return None
        self._saving = Report(self._destination, notes.outcomes, notes.attempts, notes.ids, *now)
        self._notes, self._saving_notes = _Notes(), notes
        return self._saving

    def saved(self) -> None:
        """The last report is on disk."""
        if self._saving:
            self._saved = (self._saving.position, self._saving.hold)
        self._saving = None
        self._saving_notes = _Notes()
        self._failing = False
        if self._notes:
            self._changed()  # what came while an older report had to be tried again

    def failed(self) -> None:
        """The last report could not be written; it will be tried again."""
        self._failing = True


class _Notes:
    """What came together for one report."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.attempts: list[Attempt] = []
        self.ids: dict[str, dict[str, str]] = {}
        self.visitors: set[str] = set()
        """Those with an outcome among these."""
        self.parked: set[str] = set()
        """Those of whom something was put back."""

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.attempts or self.ids)


class _Progress:
    """How far a destination has come without a gap: every event up to `position` has a row."""

    def __init__(self, position: int) -> None:
        self.read_upto = position
        self._open: set[int] = set()
        self._order: list[int] = []

    def opened(self, seqs: Sequence[int], upto: int) -> None:
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


def _outcome(item: Item, state: State, reason: str, now: int, next_at: int | None) -> Outcome:
    return Outcome(
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
