"""Whether a destination may be sent to now: held, failing, throttled or open; and how fast."""

from __future__ import annotations

from collections import deque
from typing import Literal, TypeAlias

from server.relay.retry import LONGEST_RETRY_AFTER, PAUSES, PROBES, SECOND, step
from server.store.outbox import Hold

Closed: TypeAlias = Literal["held", "failing", "throttled"]

FAILURES_IN_A_ROW = 5
"""Requests of different visitors that fail with no success between: then the destination fails, not they."""


class Gate:
    """Opens and closes by what the vendor answers.

    held: the vendor refuses the credential; its owner must mend it. failing: one request after the other went
    unanswered. throttled: the vendor asked us to slow down. While closed nothing is sent but one probe at a
    time, at growing intervals; the first success opens it again. Waiting here uses up no event's attempts.
    """

    def __init__(self, hold: Hold | None = None) -> None:
        self.closed: Closed | None = "held" if hold else None
        self.since = hold.since if hold else 0
        self.reason = hold.reason if hold else ""
        self.probe_at = 0  # a restart is a reason to try at once: perhaps it was mended
        self._probing = False
        self._times = 0
        self._failures = 0

    def may_start(self, now: int) -> bool:
        """Whether a request may start; when closed, the one that does is the probe."""
        return self.closed is None or (now >= self.probe_at and not self._probing)

    def started(self) -> None:
        """A request has started."""
        self._probing = self.closed is not None

    def opens_at(self) -> int | None:
        """When a closed gate lets the next probe through; None when it is open or one is under way."""
        return None if self.closed is None or self._probing else self.probe_at

    def succeeded(self) -> None:
        """The vendor answered as one that works."""
        self.closed = None
        self.reason = ""
        self._failures = self._times = 0
        self._probing = False

    def failed(self, now: int, reason: str) -> None:
        """A request went unanswered, or was answered with an error that may pass."""
        self._failures += 1
        if self.closed or self._failures >= FAILURES_IN_A_ROW:
            self._close(self.closed or "failing", now, reason, step(PAUSES, self._times + 1))

    def throttled(self, now: int, reason: str, asked: float | None) -> None:
        """The vendor said: too many."""
        pause = min(int((asked or 0) * SECOND), LONGEST_RETRY_AFTER) or step(PAUSES, self._times + 1)
        self._close("throttled", now, reason, pause)

    def refused(self, now: int, reason: str) -> None:
        """The vendor said: not you."""
        self._close("held", now, reason, step(PROBES, self._times + 1))

    def hold(self) -> Hold | None:
        """What is to be shown to the owner; None when the gate is open."""
        return Hold(self.since, f"{self.closed}: {self.reason}", self.probe_at) if self.closed else None

    def _close(self, how: Closed, now: int, reason: str, pause: int) -> None:
        if self.closed is None:
            self.since = now
            self._times = 0
        if self.closed is None or self._probing or how != self.closed:
            self._times += 1
            self.probe_at = now + pause
        self.closed = how
        self.reason = reason
        self._probing = False


class Pace:
    """A sliding window: at most so many starts within so many milliseconds."""

    def __init__(self, count: int, window: int) -> None:
        self._window = window
        self._starts: deque[int] = deque(maxlen=max(1, count))

    def free_at(self) -> int:
        """The earliest moment at which the next request may start, in milliseconds since 1970."""
        if len(self._starts) < (self._starts.maxlen or 1):
            return 0
        return self._starts[0] + self._window

    def started(self, now: int) -> None:
        """A request has started."""
        self._starts.append(now)
