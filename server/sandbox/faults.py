"""Faults: how a vendor is made to misbehave."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.errors import BadRequest

LONGEST_DELAY = 600_000
"""Milliseconds."""


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the next requests to a vendor meet.

    A fault with `status`, `reset` or `garbage` answers in the vendor's place. One with only `delay_ms` or
    `drip` lets the vendor judge the request as ever, and its answer comes late or slowly.
    """

    vendor: str
    path: str | None = None
    """Only requests to this path, below the vendor's own; None: to any."""
    status: Annotated[int, Meta(ge=200, le=599)] | UnsetType | None = UNSET
    delay_ms: Annotated[int, Meta(ge=0, le=LONGEST_DELAY)] = 0
    """Milliseconds before anything else happens; the request is listed as waiting meanwhile."""
    times: Annotated[int, Meta(ge=0)] | None = None
    """How many requests are left to meet it; None: all, until it is cleared."""
    retry_after: Annotated[int, Meta(ge=0)] | None = None
    """Seconds, for the header of that name."""
    reset: bool = False
    """Close the connection without an answer."""
    drip: bool = False
    """Send the answer's body at one byte a second."""
    garbage: bool = False
    """Answer with HTML, 200 unless `status` says otherwise."""

    @property
    def answers(self) -> bool:
        """Whether it answers in the vendor's place."""
        return isinstance(self.status, int) or self.reset or self.garbage

    @property
    def clears(self) -> bool:
        """Whether it is the order to behave again: `times` 0, or `status` null and nothing else."""
        return self.times == 0 or (self.status is None and not self.answers and not self._slows)

    @property
    def _slows(self) -> bool:
        return self.delay_ms > 0 or self.drip

    @property
    def http_status(self) -> int:
        """The status it answers with."""
        return self.status if isinstance(self.status, int) else 200

    def body(self) -> str:
        """The body it answers with: HTML for garbage, else JSON."""
        if self.garbage:
            return "<!doctype html><title>Gateway</title><h1>Something went wrong</h1>"
        try:
            phrase = HTTPStatus(self.http_status).phrase
        except ValueError:
            phrase = f"Status {self.http_status}"
        return msgspec.json.encode({"message": phrase}).decode()


def read_fault(raw: bytes, endpoints: dict[str, list[str]]) -> Fault:
    """The fault in a request's body; `endpoints` are the paths of each vendor. Raises BadRequest."""
    try:
        fault = msgspec.json.decode(raw, type=Fault)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        known = ", ".join(Fault.__struct_fields__)
        raise BadRequest(f"That is no fault: {error}. A fault is a JSON object of {known}.") from None
    if fault.vendor not in endpoints:
        raise BadRequest(f"vendor: there is no {fault.vendor!r}; say one of {', '.join(endpoints)}.")
    if fault.path is not None and fault.path not in endpoints[fault.vendor]:
        raise BadRequest(
            f"path: {fault.vendor} has {', '.join(endpoints[fault.vendor])}, not {fault.path!r}."
        )
    if not fault.clears:
        _check(fault)
    return fault


def _check(fault: Fault) -> None:
    if not (fault.answers or fault._slows):
        raise BadRequest(
            'It asks for nothing: say status, delay_ms, reset, drip or garbage; "times": 0 clears a fault.'
        )
    if fault.reset and (isinstance(fault.status, int) or fault.garbage or fault.drip):
        raise BadRequest("reset: a connection closed without an answer has no status, drip or garbage.")
    if fault.retry_after is not None and not isinstance(fault.status, int):
        raise BadRequest("retry_after: it needs the status it goes with, such as 429 or 503.")


class Faults:
    """The faults in force: one per vendor and path."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[tuple[str, str | None], Fault] = {}

    def set(self, fault: Fault) -> None:
        """Put a fault in force, in place of the one for the same vendor and path.

        One that clears ends it; without a path, it ends every fault of its vendor.
        """
        with self._lock:
            if not fault.clears:
                self._faults[fault.vendor, fault.path] = fault
                return
            for key in list(self._faults):
                if key[0] == fault.vendor and fault.path in (None, key[1]):
                    del self._faults[key]

    def take(self, vendor: str, path: str) -> Fault | None:
        """The fault that this request meets, which counts as one of its times."""
        with self._lock:
            if not self._faults:
                return None
            key: tuple[str, str | None] = (vendor, path)
            if key not in self._faults:
                key = (vendor, None)
            fault = self._faults.get(key)
            if fault is not None and fault.times is not None:
                if fault.times == 1:
                    del self._faults[key]
                else:
                    self._faults[key] = msgspec.structs.replace(fault, times=fault.times - 1)
            return fault

    def active(self) -> list[dict[str, Any]]:
        """The faults in force, with the times that are left."""
        with self._lock:
            faults = list(self._faults.values())
        return [
            msgspec.to_builtins(msgspec.structs.replace(fault, status=fault.status or None))
            for fault in faults
        ]

    def forget(self) -> None:
        """Behave again everywhere."""
        with self._lock:
            self._faults.clear()
