"""Whether a destination may be sent to now: held, failing, throttled or open; and how fast."""

from __future__ import annotations

from collections import deque
from typing import Literal, TypeAlias, get_args

from server.relay.retry import LONGEST_RETRY_AFTER, PAUSES, PROBES, SECOND, step
from server.store.outcomes import Hold

Closed: TypeAlias = Literal["held", "failing", "throttled"]

FAILURES_IN_A_ROW = 5
"""Different visitors whose requests fail with no success between: then the destination fails, not they."""


class Gate:
    """Opens and closes by what the vendor answers.

    held: the vendor refuses the credential; its owner must mend it. failing: one request after the other went
    unanswered. throttled: the vendor asked us to slow down. While closed nothing is sent but one probe at a
    time, at growing intervals; only a probe that succeeds opens it again: other answers that still come are
    of requests from before. Waiting here uses up no event's attempts.
    """

    def __init__(self, hold: Hold | None = None) -> None:
        self.closed: Closed | None = _how(hold) if hold else None
        self.since = hold.since if hold else 0
        self.reason = hold.reason.removeprefix(f"{self.closed}: ") if hold else ""
        self.probe_at = 0  # a restart is a reason to try at once: perhaps it was mended
        self._pause = 0
        self._probing = False
        self._times = 0
        self._failed: set[str] = set()

    def may_start(self, now: int) -> bool:
        """Whether a request may start; when closed, the one that does is the probe."""
        self.probe_at = min(self.probe_at, now + self._pause)  # should the clock have been set back
        return self.closed is None or (now >= self.probe_at and not self._probing)

    def started(self) -> bool:
        """A request has started; whether it is the probe, which its end has to be told with."""
        self._probing = self.closed is not None
        return self._probing

    def unasked(self, probe: bool) -> None:
        """The request was not made after all."""
        if probe:
            self._probing = False

    def opens_at(self) -> int | None:
        """When a closed gate lets the next probe through; None when it is open or one is under way."""
        return None if self.closed is None or self._probing else self.probe_at

    def succeeded(self, probe: bool) -> None:
        """The vendor answered as one that works."""
        self._failed.clear()
        if probe:
            self.closed = None
            self.reason = ""
            self._times = 0
            self._probing = False

    def failed(self, now: int, reason: str, visitor: str, probe: bool) -> None:
        """A request went unanswered, or was answered with an error that may pass."""
        self._failed.add(visitor)
        if probe:
            self._close(self.closed or "failing", now, reason, step(PAUSES, self._times + 1), probe)
        elif self.closed is None and len(self._failed) >= FAILURES_IN_A_ROW:
            self._close("failing", now, reason, step(PAUSES, 1), probe)

    def throttled(self, now: int, reason: str, asked: float | None, probe: bool) -> None:
        """The vendor said: too many."""
        honoured = int(min((asked or 0) * SECOND, LONGEST_RETRY_AFTER))
        if probe or self.closed is None:
            self._close("throttled", now, reason, honoured or step(PAUSES, self._times + 1), probe)
        elif self.closed == "throttled" and now + honoured > self.probe_at:
            self._pause, self.probe_at = honoured, now + honoured

    def refused(self, now: int, reason: str, probe: bool) -> None:
        """The vendor said: not you."""
        if probe or self.closed != "held":
            self._close("held", now, reason, step(PROBES, self._times + 1), probe)

    def hold(self) -> Hold | None:
        """What is to be shown to the owner; None when the gate is open."""
        return Hold(self.since, f"{self.closed}: {self.reason}", self.probe_at) if self.closed else None

    def _close(self, how: Closed, now: int, reason: str, pause: int, probe: bool) -> None:
        if self.closed is None:
            self.since = now
        self._times += 1
        self._pause, self.probe_at = pause, now + pause
        self.closed = how
        self.reason = reason
        if probe:
            self._probing = False


def _how(hold: Hold) -> Closed:
    """What `Gate.hold` wrote before the reason."""
    kinds: tuple[Closed, ...] = get_args(Closed)
    return next((kind for kind in kinds if hold.reason.startswith(f"{kind}: ")), "held")


class Pace:
    """A sliding window: at most so many starts within so many milliseconds.

    The count is halved when the vendor finds it too many, and grows back by a hundredth with every success.
    """

    def __init__(self, count: int, window: int) -> None:
        self._count = float(max(1, count))
        self._allowed = self._count
        self._window = window
        self._starts: deque[int] = deque(maxlen=max(1, count))

    def free_at(self, now: int) -> int:
        """The earliest moment at which the next request may start, in milliseconds since 1970."""
        if self._starts and self._starts[-1] > now:
            self._starts.clear()  # the clock was set back
        allowed = int(self._allowed)
        return 0 if len(self._starts) < allowed else self._starts[-allowed] + self._window

    def started(self, now: int) -> None:
        """A request has started."""
        self._starts.append(now)

    def slow_down(self) -> None:
        """The vendor said: too many."""
        self._allowed = max(1.0, self._allowed / 2)

    def speed_up(self) -> None:
        """The vendor took one."""
        self._allowed = min(self._count, self._allowed + self._count / 100)
