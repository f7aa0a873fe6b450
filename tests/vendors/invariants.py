"""What no vendor may do, whatever the event: one check for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import msgspec
from provenance import Provenance
from vendor_case import RAW_VISITOR, CaseReply, as_text, case_files, load, requests, revealed

from server.event import Event
from server.settings import VendorSettings
from server.vendors.base import Reply, Request, Vendor, Visitor

RAW_SESSION = "0e7c2f0a-raw-session-that-stays-with-us"


def check(vendor: Vendor, settings: VendorSettings, event: Event, visitor: Visitor) -> None:
    """Send one event through a vendor and hold all that comes out against the rules."""
    event = msgspec.structs.replace(event, visitor=RAW_VISITOR, session=RAW_SESSION)
    reason = vendor.wants(event)
    if reason is not None:
        assert reason.strip(), "an event that is not wanted says why"
        return

    introduction = vendor.introduction(event, visitor)
    if introduction is not None:
        check_request(vendor, settings, event, visitor, introduction)
        ids = vendor.introduced(event, visitor, introduction_reply(vendor.name))
        assert ids is not None
        visitor = msgspec.structs.replace(visitor, ids=ids)
        assert vendor.introduction(event, visitor) is None, "one introduction is enough"

    sent = list(requests(vendor, [event], visitor, repeat(Reply(200))))
    assert sent, "a wanted event yields at least one request"
    for request in sent:
        check_request(vendor, settings, event, visitor, request)

    messages = vendor.messages(event, visitor)
    assert as_text(messages) == as_text(vendor.messages(event, visitor)), "asked twice, told twice the same"
    assert sum(1 for _ in messages) >= len(sent)


def check_request(
    vendor: Vendor, settings: VendorSettings, event: Event, visitor: Visitor, request: Request
) -> None:
    body = msgspec.json.encode(request.body)
    assert msgspec.json.decode(body) == request.body, "the body is plain JSON"
    assert len(body) <= vendor.limits.max_bytes
    assert request.path.startswith("/")
    assert not set(request.path) & set("?#"), "a path is only a path"

    told = " ".join([body.decode(), request.path, *request.query, *request.query.values()])
    assert RAW_VISITOR not in told, "our own id of the visitor stays with us"
    assert RAW_SESSION not in told, "our own id of the session stays with us"
    for secret in revealed(settings):
        assert secret not in told, "a secret is sent as a credential alone, and added last"

    unexplained = Provenance(vendor.name, event, settings, visitor).unexplained(
        [request.body, *request.query.values()]
    )
    assert not [leaf for leaf in unexplained if leaf is not None], "nothing is invented"


def introduction_reply(vendor: str) -> Reply:
    """The first answer to an introduction that the vendor's cases show."""
    reply = next(_case_replies(vendor))
    return Reply(reply.status, msgspec.json.encode(reply.body))


def _case_replies(vendor: str) -> Iterator[CaseReply]:
    for file in case_files(vendor):
        for expected in load(file).expect or ():
            if expected.reply is not None:
                yield expected.reply
