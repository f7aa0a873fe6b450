"""The shop's own server as a source of events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from server.app import create_app
from server.configure import read_settings
from server.event import Event
from server.store.database import Database
from server.store.history import History, Record

NOW = 1_790_000_000_000
DAY = 86_400_000
KEY = "b2f0c1d6e7a849f5a3c2d1e0f9b8a7c6"
ORIGIN = "https://www.myshop.example"
GRANTED = {"personalization": "granted", "marketing": "granted"}
ITEM = {"item_id": "100500", "price": 45.5}


class Shop:
    """A gateway, its shop's server and one browser."""

    def __init__(self, folder: Path, consent: str = "required") -> None:
        file = folder / "gatepost.toml"
        file.write_text(f"""
            public_url = "https://gp.myshop.example"
            secrets = ["c9d1f6be52a34f0f8e0d7b6a5c4e3f21"]
            [shops.demo]
            origins = ["{ORIGIN}"]
            consent = "{consent}"
            api_keys = ["a1f0c1d6e7a849f5a3c2d1e0f9b8a7c6", "{KEY}"]
            [shops.demo.vendors.blueshift]
            api_key = "5e0c731de3b111ebba800242ac130004"
            """)
        self.settings = read_settings(file)
        self.now = NOW
        self.app = create_app(self.settings, lambda: self.now)
        self._client: FlaskClient = self.app.test_client()

    def send(self, *events: dict[str, Any], key: str = KEY) -> Any:
        return self._client.post(
            "/v1/demo/events",
            data=json.dumps({"events": list(events)}),
            headers={"Authorization": f"Bearer {key}"},
        )

    def browse(self, *events: dict[str, Any], **batch: Any) -> Any:
        body = {"sent_at": self.now, "events": list(events), **batch}
        return self._client.post(
            "/gp/demo/e",
            data=json.dumps(body),
            headers={"Origin": ORIGIN},
            base_url="https://gp.myshop.example",
        )

    def post(self, body: bytes) -> Any:
        return self._client.post("/v1/demo/events", data=body, headers={"Authorization": f"Bearer {KEY}"})

    def debug(self, key: str = KEY) -> Any:
        return self._client.get("/v1/demo/events/debug", headers={"Authorization": f"Bearer {key}"})

    def record(self, id: str) -> Record:
        database = Database(self.settings.data_dir)
        (record,) = History(database).find(id)
        database.close()
        return record

    def kept(self, id: str) -> Event:
        return self.record(id).event


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def event(id: str, name: str = "view_item", **more: Any) -> dict[str, Any]:
    params = {"items": [ITEM]} if name == "view_item" else {}
    return {"id": id, "name": name, "at": NOW, "params": params, **more}


def purchase(id: str, order: str, **more: Any) -> dict[str, Any]:
    params = {"transaction_id": order, "currency": "EUR", "value": 45.5, "items": [ITEM]}
    return {"id": id, "name": "purchase", "at": NOW, "params": params, **more}


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}"]
)
def test_without_a_key_of_the_shop_nothing_is_taken(shop: Shop, header: str) -> None:
    answer = shop.app.test_client().post(
        "/v1/demo/events", data='{"events": []}', headers={"Authorization": header} if header else {}
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert KEY not in answer.text


def test_any_key_of_the_shop_will_do(shop: Shop) -> None:
    assert shop.send(key="a1f0c1d6e7a849f5a3c2d1e0f9b8a7c6").status_code == 200


def test_an_unknown_shop_is_not_found(shop: Shop) -> None:
    answer = shop.app.test_client().post(
        "/v1/other/events", data="{}", headers={"Authorization": f"Bearer {KEY}"}
    )
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[]", 400),
        (b'{"events": {}}', 400),
        (b"{}", 400),
        (b'{"events": [' + b",".join([b"{}"] * 101) + b"]}", 413),
        (b'{"events": []}' + b" " * 1_000_000, 413),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole(shop: Shop, body: bytes, status: int) -> None:
    answer = shop.post(body)
    assert answer.status_code == status
    assert set(answer.json) == {"error"}


def test_an_empty_batch_stores_nothing_and_is_fine(shop: Shop) -> None:
    assert shop.send().json == {"status": "ok", "stored": 0, "errors": []}


def test_what_is_wrong_with_one_event_does_not_hold_back_the_others(shop: Shop) -> None:
    user = {"user": {"id": "c-42"}, "consent": GRANTED}
    answer = shop.send(
        event("a", **user),
        {"name": "view_item", **user},
        event("c"),
        event("d", visitor="0b2f7f0e-8f6f-4b8a-9a55-0f3c0d4b5a61"),
        event("e", name="Not A Name", **user),
        event("f", name="purchase", **user),
        event("g", user={"id": "c-42"}, consent={"marketing": "maybe"}),
        event("a", **user),
        event("i", **user),
    )
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["stored"]) == ("ok", 2)
    assert [(one["index"], one["reason"].split(":")[0]) for one in answer.json["errors"]] == [
        (1, "id"),
        (2, "visitor"),
        (3, "visitor"),
        (4, "name"),
        (5, "transaction_id"),
        (6, "consent"),
        (7, "duplicate"),
    ]


def test_without_consent_it_is_not_stored_and_with_it_it_is(shop: Shop) -> None:
    silent = shop.send(event("a", user={"id": "c-42"}))
    assert silent.json["errors"] == [{"index": 0, "reason": "consent"}]
    denied = shop.send(event("b", user={"id": "c-42"}, consent={"marketing": "denied"}))
    assert denied.json["errors"] == [{"index": 0, "reason": "consent"}]
    assert shop.send(event("c", user={"id": "c-42"}, consent=GRANTED)).json["stored"] == 1
    # What was said once holds for the next event, which says nothing.
    assert shop.send(event("d", user={"id": "c-42"})).json["stored"] == 1


def test_an_event_joins_the_visitor_who_identified_in_the_browser(shop: Shop) -> None:
    shop.browse(
        event("browser", name="identify"), consent=GRANTED, user={"id": "c-42", "email": "a@b.example"}
    )
    for id, user in (("by-id", {"id": "c-42"}), ("by-email", {"email": "a@b.example"})):
        assert shop.send(purchase(id, id, user=user)).json["stored"] == 1
        joined = shop.kept(id)
        assert joined.visitor == shop.kept("browser").visitor
        assert (joined.user.id, joined.user.email) == ("c-42", "a@b.example")
        assert joined.origin == "server"


def test_an_event_joins_a_visitor_by_its_id(shop: Shop) -> None:
    shop.browse(event("browser"), consent=GRANTED)
    visitor = shop.kept("browser").visitor
    assert shop.send(purchase("server", "N1", visitor=visitor)).json["stored"] == 1
    assert shop.kept("server").visitor == visitor


def test_a_user_whom_no_browser_named_is_one_visitor_all_the_same(shop: Shop) -> None:
    shop.send(event("a", user={"email": "new@b.example"}, consent=GRANTED))
    shop.send(
        event("b", user={"email": "new@b.example"}),
        event("c", user={"email": "other@b.example"}, consent=GRANTED),
    )
    assert shop.kept("a").visitor == shop.kept("b").visitor != shop.kept("c").visitor


def test_two_devices_of_one_user_stay_two_visitors(shop: Shop) -> None:
    shop.browse(event("phone", name="identify"), consent=GRANTED, user={"id": "c-42"})
    laptop = Shop.__new__(Shop)
    laptop.__dict__.update(shop.__dict__, _client=shop.app.test_client())
    laptop.browse(event("laptop", name="identify"), consent=GRANTED, user={"id": "c-42"})
    assert shop.kept("phone").visitor != shop.kept("laptop").visitor
    assert shop.kept("phone").user == shop.kept("laptop").user
    shop.send(purchase("server", "N1", user={"id": "c-42"}))
    assert shop.kept("server").visitor == shop.kept("laptop").visitor


def test_gpc_of_the_browser_holds_for_events_of_the_server(shop: Shop) -> None:
    shop.browse(event("browser", name="identify"), consent=GRANTED, user={"id": "c-42"}, gpc=True)
    shop.send(purchase("server", "N1", user={"id": "c-42"}))
    consent = shop.record("server").consent
    assert consent is not None
    assert consent.gpc


def test_the_past_is_taken_within_the_retention_and_refused_beyond(shop: Shop) -> None:
    user = {"user": {"id": "c-42"}, "consent": GRANTED}
    answer = shop.send(
        event("six", **user) | {"at": NOW - 6 * DAY},
        event("eight", **user) | {"at": NOW - 8 * DAY},
        event("tomorrow", **user) | {"at": NOW + DAY},
        event("no-time", **user) | {"at": None},
    )
    assert [one["index"] for one in answer.json["errors"]] == [1, 2]
    assert all(one["reason"].startswith("at: ") for one in answer.json["errors"])
    assert shop.kept("six").at == NOW - 6 * DAY
    assert shop.kept("no-time").at == NOW


def test_subscriptions_and_messages_come_from_the_server(shop: Shop) -> None:
    user = {"user": {"id": "c-42"}, "consent": GRANTED}
    answer = shop.send(
        event("s", name="subscription_start", **user) | {"params": {"plan": "box", "value": 29.99}},
        event("m", name="message_clicked", **user) | {"params": {"code": "731d5e0c", "type": "chain"}},
        event("n", name="message_clicked", **user) | {"params": {"code": "731d5e0c", "type": "letter"}},
    )
    assert answer.json["stored"] == 2
    assert answer.json["errors"][0]["reason"].startswith("type: must be one of bulk, chain, transactional")


def test_address_and_user_agent_are_taken_and_not_kept(shop: Shop) -> None:
    user = {"user": {"id": "c-42"}, "consent": GRANTED}
    assert shop.send(event("a", ip="203.0.113.77", user_agent="Robot/7", **user)).json["stored"] == 1
    files = b"".join(file.read_bytes() for file in shop.settings.data_dir.iterdir() if file.is_file())
    assert b"203.0.113.77" not in files
    assert b"Robot/7" not in files


def test_debug_shows_the_newest_event_of_each_name_and_what_became_of_it(shop: Shop) -> None:
    assert shop.debug().json == {"events": []}
    user = {"user": {"id": "c-42"}, "consent": GRANTED}
    shop.send(event("old", **user), event("new", **user), purchase("bought", "N1", **user))
    shown = shop.debug().json["events"]
    assert [(one["name"], one["event"]["id"]) for one in shown] == [
        ("purchase", "bought"),
        ("view_item", "new"),
    ]
    assert shown[0]["vendors"]["blueshift"]["state"] == "waiting"
    assert shop.debug(key="wrong").status_code == 401
