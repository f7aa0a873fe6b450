"""What browsers send: returning visitors, with the cookies Gatepost gave them, looking at products."""

from __future__ import annotations

import itertools
import random
import secrets
import time
import uuid
from collections.abc import Iterator

from server.clock import system_clock
from server.consent import Consent
from server.cookies import Cookies, Visit, renewed
from server.event import Event, Page
from server.settings import Settings
from server.store.intake import Intake
from server.store.keeping import Arrival

SHOP = "bench"
ORIGIN = "https://www.bench.example"
PRODUCTS = 20_000
_CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
_HEAD = (
    f"POST /gp/{SHOP}/e HTTP/1.1\r\n"
    "Host: gp.bench.example\r\n"
    "X-Forwarded-For: {address}\r\n"
    "X-Forwarded-Proto: https\r\n"
    "Content-Length: {length}\r\n"
    'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"\r\n'
    "sec-ch-ua-mobile: ?0\r\n"
    'sec-ch-ua-platform: "Linux"\r\n'
    f"User-Agent: {_CHROME}\r\n"
    "Content-Type: text/plain;charset=UTF-8\r\n"
    "Accept: */*\r\n"
    f"Origin: {ORIGIN}\r\n"
    "Sec-Fetch-Site: same-site\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    f"Referer: {ORIGIN}/\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Cookie: {cookies}\r\n"
    "\r\n"
)
_BATCH = (
    '{{"sent_at":{now},"page":{{"url":"' + ORIGIN + "/p/{item}?utm_source=newsletter&utm_campaign=spring"
    '","referrer":"' + ORIGIN + '/c/shirts","title":"A linen shirt, blue | Bench","type":"product"}},'
    '"consent":{{"personalization":"granted","marketing":"granted"}},"events":[{events}]}}'
)
_EVENT = (
    '{{"id":"{id}","name":"view_item","at":{now},"params":{{"currency":"EUR","value":45.5,"items":[{{'
    '"item_id":"{item}","item_name":"A linen shirt","item_brand":"Bench","item_category":"Shirts",'
    '"item_variant":"blue","price":45.5,"quantity":1}}]}}}}'
)
_CONSENT = Consent({"personalization": "granted", "marketing": "granted"}, by="browser")


class Visitors:
    """Browsers of visitors who were here before and consented."""

    def __init__(self, settings: Settings, count: int) -> None:
        cookies = Cookies(settings)
        self._visits = [renewed(Visit(), None, system_clock()) for _ in range(count)]
        self._jars = [
            "; ".join(cookie.partition(";")[0] for cookie in cookies.write(Visit(), visit))
            for visit in self._visits
        ]

    def remembered(self, intake: Intake) -> None:
        """Have the store know them."""
        now = system_clock()
        keep(
            intake,
            (
                Arrival(SHOP, visit.visitor, visit.first_seen, consent=_CONSENT, is_new=True, seen=now)
                for visit in self._visits
            ),
        )

    def requests(self, events: int = 1, items: Iterator[str] | None = None) -> Iterator[bytes]:
        """Requests of so many events each, the visitors in turns; made when asked for.

        The events of one request are all new, and about one product: the next of `items`, or any.
        """
        items = items or products()
        for i in itertools.cycle(range(len(self._jars))):
            item = next(items)
            now = time.time_ns() // 1_000_000
            text = ",".join(_EVENT.format(id=event_id(now), now=now, item=item) for _ in range(events))
            body = _BATCH.format(now=now, item=item, events=text)
            address = f"198.18.{i >> 8 & 255}.{i & 255}"  # a network for benchmarks: RFC 2544
            head = _HEAD.format(address=address, length=len(body), cookies=self._jars[i])
            yield (head + body).encode()

    def arrivals(self, count: int) -> Iterator[Arrival]:
        """What so many requests of one event come to, as the store is given it."""
        items = products()
        for visit in itertools.islice(itertools.cycle(self._visits), count):
            item = next(items)
            now = time.time_ns() // 1_000_000
            page = Page(f"{ORIGIN}/p/{item}", f"{ORIGIN}/c/shirts", "A linen shirt, blue | Bench", "product")
            shirt = {"item_id": item, "item_name": "A linen shirt", "price": 45.5, "quantity": 1}
            event = Event(
                id=event_id(now),
                name="view_item",
                at=now,
                received=now,
                shop=SHOP,
                visitor=visit.visitor,
                session=visit.session,
                params={"currency": "EUR", "value": 45.5, "items": [shirt]},
                page=page,
            )
            yield Arrival(SHOP, visit.visitor, visit.first_seen, events=(event,))


def keep(intake: Intake, arrivals: Iterator[Arrival]) -> None:
    """Keep any number of arrivals, so many at a time as the store lets wait."""
    while some := list(itertools.islice(arrivals, 250)):
        intake.keep_all(some)


def products() -> Iterator[str]:
    """The product that is looked at next; some are looked at much more often than others."""
    chance = random.Random(1)
    while True:
        yield str(100_000 + int(PRODUCTS * chance.random() ** 3))


def event_id(now: int) -> str:
    """An id as the tag makes them: a UUID of version 7, which begins with the time."""
    version, variant = 7 << 76, 2 << 62
    return str(
        uuid.UUID(int=now << 80 | version | secrets.randbits(12) << 64 | variant | secrets.randbits(62))
    )
