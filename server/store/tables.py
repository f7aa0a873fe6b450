"""The tables, described once for every database. Migrations bring a database here; see migrations/.

Times are milliseconds since 1970. `event` columns hold `events.seq`, which grows in the order events were
kept.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    literal_column,
    text,
)

metadata = MetaData()

_SEQ = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is SQLite's rowid

events = Table(
    "events",
    metadata,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("shop", String, nullable=False),
    Column("id", String, nullable=False),
    Column("visitor", String, nullable=False),
    Column("name", String, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("order_id", String, comment="of a purchase, so that it is found by it"),
    Column("body", LargeBinary, nullable=False, comment="server.event.Event as JSON"),
    UniqueConstraint("shop", "id", name="events_once"),
    Index("events_of_visitor", "shop", "visitor"),
    Index("events_of_name", "shop", "name"),
    Index("events_of_order", "shop", "order_id", sqlite_where=text("order_id IS NOT NULL")),
    sqlite_autoincrement=True,
)

shop_of_event = literal_column("+events.shop", String)
"""The shop, for who reads events in the order they were kept. Without the sign SQLite would take an index
that begins with the shop, read everything the shop has, and sort it for the first few:
https://www.sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_"""

visitors = Table(
    "visitors",
    metadata,
    Column("shop", String, primary_key=True),
    Column("visitor", String, primary_key=True),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False, comment="to the day"),
    Column("consent", LargeBinary, nullable=False, comment="server.consent.Consent as JSON"),
    Column("user", LargeBinary, nullable=False, comment="server.event.User as JSON"),
    Column("purchases", Integer, nullable=False),
    sqlite_with_rowid=False,
)

identities = Table(
    "identities",
    metadata,
    Column("shop", String, primary_key=True),
    Column("kind", String, primary_key=True, comment="id, email or phone"),
    Column("value", String, primary_key=True),
    Column("visitor", String, nullable=False, comment="the last one who was named so"),
    Index("identities_of_visitor", "shop", "visitor"),
    sqlite_with_rowid=False,
    comment="Who a shop's own server means when it names a user",
)

consents = Table(
    "consents",
    metadata,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("shop", String, nullable=False),
    Column("visitor", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("consent", LargeBinary, nullable=False, comment="what was known from then on"),
    Index("consents_of_visitor", "shop", "visitor"),
    comment="Append-only: every change of every visitor's consent; of an erased one that alone",
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("shop", String, primary_key=True),
    Column("visitor", String, primary_key=True),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    comment="Visitors who were erased: nothing of them is kept or relayed any more",
)

erased_names = Table(
    "erased_names",
    metadata,
    Column("shop", String, primary_key=True),
    Column("name", LargeBinary, primary_key=True, comment="a keyed hash of an id, email or phone"),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    comment="What erased visitors were called, so that a server's events of them are known as such",
)

shops = Table(
    "shops",
    metadata,
    Column("shop", String, primary_key=True),
    Column("received", BigInteger, nullable=False, comment="events ever kept"),
    sqlite_with_rowid=False,
)

dropped = Table(
    "dropped",
    metadata,
    Column("shop", String, primary_key=True),
    Column("reason", String, primary_key=True, comment="duplicate, consent, bot or invalid"),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    comment="How many events were not taken",
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String, primary_key=True, comment="relay"),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    comment="When a process last showed that it is at work; removed when it ends in order",
)

destinations = Table(
    "destinations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("shop", String, nullable=False),
    Column("vendor", String, nullable=False),
    Column("position", BigInteger, nullable=False, comment="events up to here have a row in deliveries"),
    Column("held_since", BigInteger, comment="null: flowing"),
    Column("held_reason", String, nullable=False),
    Column("probe_at", BigInteger, comment="when a held destination is tried next"),
    UniqueConstraint("shop", "vendor", name="destinations_once"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("destination", Integer, primary_key=True, autoincrement=False),
    Column("event", BigInteger, primary_key=True, autoincrement=False),
    Column("visitor", String, nullable=False),
    Column("state", String, nullable=False, comment="waiting, delivered, not_wanted or dead"),
    Column("reason", String, nullable=False, comment="in words: why so"),
    Column("receipt", String, nullable=False, comment="what consent allowed it, in words"),
    Column("attempts", Integer, nullable=False),
    Column("told", Integer, nullable=False, comment="how many of its messages the vendor has"),
    Column("next_at", BigInteger, comment="waiting: when to try again"),
    Column("at", BigInteger, nullable=False, comment="of the last change"),
    Column(
        "replayed", BigInteger, comment="when somebody asked for another try; its lifetime counts from it"
    ),
    Index("deliveries_due", "destination", "next_at", sqlite_where=text("state = 'waiting'")),
    Index("deliveries_behind", "destination", "visitor", "event", sqlite_where=text("state = 'waiting'")),
    Index("deliveries_waiting", "destination", "event", sqlite_where=text("state = 'waiting'")),
    Index("deliveries_dead", "destination", "event", sqlite_where=text("state = 'dead'")),
    sqlite_with_rowid=False,
)

totals = Table(
    "totals",
    metadata,
    Column("destination", Integer, primary_key=True, autoincrement=False),
    Column("state", String, primary_key=True),
    Column("reason", String, primary_key=True, comment="of not_wanted alone; else empty"),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    comment="How many deliveries ever ended so; outlives their rows",
)

readings = Table(
    "readings",
    metadata,
    Column("shop", String, primary_key=True),
    Column("vendor", String, primary_key=True, comment="empty: the shop itself"),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("received", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("not_wanted", BigInteger, nullable=False, comment="of a shop itself: not taken at the door"),
    Column("dead", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    comment="The counts as they stood once a minute: what happened between two is their difference",
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("who", String, primary_key=True, comment="a keyed hash of an address; empty: everybody"),
    Column("tries", Integer, nullable=False, comment="that failed"),
    Column("at", BigInteger, nullable=False, comment="of the last; of everybody's: of the first"),
    sqlite_with_rowid=False,
    comment="Tries at the console's password, so that several web processes count together",
)

sightings = Table(
    "sightings",
    metadata,
    Column("shop", String, primary_key=True),
    Column("kind", String, primary_key=True, comment="tag: loaded it; refused: sent events and may not"),
    Column("origin", String, primary_key=True, comment="of the page; empty: it did not tell"),
    Column("at", BigInteger, nullable=False, comment="to the day"),
    sqlite_with_rowid=False,
    comment="Which pages browsers were on, as far as it shows whether the tag is built in well",
)

requests = Table(
    "requests",
    metadata,
    Column("id", _SEQ, primary_key=True, autoincrement=True),
    Column("destination", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("took", Integer, nullable=False, comment="milliseconds"),
    Column("method", String, nullable=False),
    Column("path", String, nullable=False),
    Column("events", Integer, nullable=False, comment="how many it carried"),
    Column("left", Integer, nullable=False, comment="how many of them are still kept"),
    Column("status", Integer, comment="null: no answer"),
    Column("reply", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("reason", String, nullable=False),
)

tellings = Table(
    "tellings",
    metadata,
    Column("event", BigInteger, primary_key=True, autoincrement=False),
    Column("destination", Integer, primary_key=True, autoincrement=False),
    Column("request", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False, comment="what this request said of this event, as JSON"),
    sqlite_with_rowid=False,
)

vendor_ids = Table(
    "vendor_ids",
    metadata,
    Column("destination", Integer, primary_key=True, autoincrement=False),
    Column("visitor", String, primary_key=True),
    Column("ids", LargeBinary, nullable=False, comment="what the vendor gave us for this visitor, as JSON"),
    sqlite_with_rowid=False,
)

told = Table(
    "told",
    metadata,
    Column("destination", Integer, primary_key=True, autoincrement=False),
    Column("visitor", String, primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False, comment="how many it was told of"),
    sqlite_with_rowid=False,
    comment="Which vendor was told of whom; of events that are not kept any more",
)

keys = Table(
    "keys",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    comment="Made once, never rotated: what pseudonyms are derived from",
)
