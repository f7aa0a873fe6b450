"""`gatepost check`: is this configuration safe and complete. Each finding comes with its mend."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import certifi
import msgspec

from server.clock import system_clock
from server.configure import read_settings
from server.delivery import Delivery, NoReply
from server.errors import GatepostError
from server.event import Event, Page, User
from server.exposure import cookie_lives
from server.finding import Finding
from server.pseudonyms import Pseudonyms
from server.resolver import Resolver, system_resolver
from server.risks import risks
from server.settings import Settings, VendorSettings
from server.store.database import Database
from server.store.intake import Intake
from server.vendors import vendor_types
from server.vendors.base import Request, Vendor, Verdict, Visitor

MARK = "gatepost-test"
"""What every test event is called by, so that it can be found and removed at the vendor."""


def check(config: Path, *, send_test: bool, resolve: Resolver = system_resolver) -> Iterator[Finding]:
    """Look at everything that can be looked at from here.

    With `send_test` one marked event goes to each vendor. `resolve` looks up the hosts of shop and gateway.
    Findings come as they are made; a configuration that cannot be read ends it with the one finding.
    """
    try:
        settings = read_settings(config)
    except GatepostError as error:
        yield Finding("wrong", str(config), str(error))
        return
    yield Finding("ok", str(config), "can be read and is complete")
    yield from risks(settings)
    yield from _storage(settings)
    yield from cookie_lives(settings, resolve)
    for name, shop in settings.shops.items():
        for vendor, table in shop.vendors.items():
            yield from _vendor(f"shops.{name}.vendors.{vendor}", name, vendor, table, send_test=send_test)


def _storage(settings: Settings) -> Iterator[Finding]:
    about = f"data_dir {settings.data_dir}"
    try:
        database = Database(settings.data_dir)
        intake = Intake(database)
        try:
            intake.probe()
        finally:
            intake.close()
            database.close()
    except GatepostError as error:
        yield Finding("wrong", about, str(error))
    else:
        yield Finding("ok", about, "events can be kept there")


def _vendor(about: str, shop: str, name: str, table: VendorSettings, *, send_test: bool) -> Iterator[Finding]:
    vendor = vendor_types()[name](table)
    yield asyncio.run(_reachable(about, vendor, table))
    if send_test:
        yield asyncio.run(_tested(about, shop, vendor, table))


async def _reachable(about: str, vendor: Vendor, table: VendorSettings) -> Finding:
    """The vendor's own proof that the credential works; where it has none, that its server answers."""
    proof = vendor.proof()
    verdict = await _ask(vendor, table, proof or Request("GET", "/"))
    host = urlsplit(table.base_url).netloc
    if verdict.outcome == "later":
        return Finding("wrong", about, f"{host} cannot be reached: {verdict.reason}; is base_url right?")
    if proof is None:
        return Finding("note", about, f"{host} answers; it has no harmless way to prove the credential")
    if verdict.outcome == "sent":
        return Finding("ok", about, f"{host} accepts the credential")
    return Finding("wrong", about, f"{host} refuses: {verdict.reason}; check the credential and base_url")


async def _tested(about: str, shop: str, vendor: Vendor, table: VendorSettings) -> Finding:
    """One marked event, as a relay would send it."""
    event = next((event for event in _test_events(shop) if vendor.wants(event) is None), None)
    if event is None:
        return Finding("note", about, "wants none of the test events")
    visitor = Visitor(pseudonym=Pseudonyms(MARK.encode()).visitor(shop, vendor.name, MARK))
    if introduction := vendor.introduction(event, visitor):
        tls = _tls()
        async with Delivery(table.base_url, vendor.credentials(), tls) as delivery:
            reply = await delivery.send(introduction)
        if isinstance(reply, NoReply):
            return Finding("wrong", about, f"the test was not answered: {reply.reason}")
        ids = vendor.introduced(event, visitor, reply)
        if ids is None:
            return Finding(
                "wrong", about, f"refused the introduction: {vendor.verdict(introduction, reply).reason}"
            )
        visitor = msgspec.structs.replace(visitor, ids=ids)
    request = vendor.request(vendor.messages(event, visitor)[:1])
    verdict = await _ask(vendor, table, request)
    level: Literal["ok", "wrong"] = "ok" if verdict.outcome == "sent" else "wrong"
    return Finding(
        level, about, f"{request.method} {request.path} with a {event.name} of {MARK}: {verdict.reason}"
    )


async def _ask(vendor: Vendor, table: VendorSettings, request: Request) -> Verdict:
    async with Delivery(table.base_url, vendor.credentials(), _tls()) as delivery:
        reply = await delivery.send(request)
    if isinstance(reply, NoReply):
        return Verdict("later", reply.reason)
    return vendor.verdict(request, reply)


def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


def _test_events(shop: str) -> Iterator[Event]:
    """Events that some vendor wants, each marked, the most harmless first."""
    now = system_clock()
    customer = User(id=MARK)
    item = {"item_id": MARK, "price": 1}
    for name, params in (
        ("search", {"search_term": MARK, "results": 1}),
        ("view_item", {"items": [item]}),
        ("view_recommendation", {"content": {"vendor": "eightselect", "type": "customSet", "id": MARK}}),
    ):
        yield Event(
            id=str(uuid.uuid4()),
            name=name,
            at=now,
            received=now,
            shop=shop,
            visitor=MARK,
            session="",
            params=params,
            page=Page(),
            user=customer,
            origin="server",
        )
