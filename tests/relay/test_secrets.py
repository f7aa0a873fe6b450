"""What authenticates us at a vendor is seen by that vendor alone, even when it repeats it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.event import User
from server.explain import explained
from server.settings import Secret, VendorSettings
from server.store.history import History
from server.vendors import vendor_types
from tests.relay.listener import Answer, Heard, Listener, say
from tests.relay.parrot import KEY, Parrot
from tests.relay.stage import Stage

SLASHED = "k/5f1d+7c90/aa=="


def everything_kept(folder: Path) -> bytes:
    """The database, what it has not folded in yet, and whatever else lies beside it."""
    return b"".join(file.read_bytes() for file in folder.iterdir())


def shown(stage: Stage, id: str) -> str:
    (record,) = History(stage.database).find(id)
    return explained(record, [])


@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
def test_a_key_that_the_vendor_repeats_is_kept_nowhere_and_shown_nowhere(
    stage: Stage, vendor: Listener, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.answer = lambda heard: say(status, {"error": f"bad key {heard.headers['x-api-key']}, sorry"})
    stage.keep("e1")
    stage.start()
    stage.until(lambda: stage.query("SELECT 1 FROM requests"))
    text = shown(stage, "e1")
    stage.stop()
    assert vendor.heard[0].headers["x-api-key"] == KEY
    assert KEY not in text
    assert "bad key ***, sorry" in text
    assert KEY not in caplog.text
    assert KEY.encode() not in everything_kept(stage.folder)


@pytest.mark.parametrize("name", ["blueshift", "esputnik", "alana", "eightselect"])
def test_the_real_vendors_keys_are_kept_nowhere_in_no_form(
    stage_of: Callable[..., Stage], vendor: Listener, name: str
) -> None:
    """The vendor repeats every header it got, as JSON, in which slashes may be escaped."""
    maker = vendor_types()[name]
    fields = {"base_url": vendor.url}
    key_field = "api_id" if name == "eightselect" else "api_key"
    secret = key_field == "api_key"
    settings = maker.Settings(**fields, **{key_field: Secret(SLASHED) if secret else SLASHED})

    def repeat(heard: Heard) -> Answer:
        return say(401, json.dumps({"error": dict(heard.headers)}).replace("/", "\\/"))

    vendor.answer = repeat
    stage = stage_of({Parrot(): "http://127.0.0.1:9"})
    stage.replace_vendors({name: (maker, settings)})
    order: dict[str, Any] = {
        "transaction_id": "o-1",
        "currency": "EUR",
        "value": 45.5,
        "items": [{"item_id": "100500", "price": 45.5, "quantity": 1}],
    }
    stage.keep("e1", name="purchase", user=User(email="ann@shop.example"), **order)
    stage.start()
    stage.until(lambda: stage.query("SELECT 1 FROM requests"))
    kept_text = shown(stage, "e1")
    stage.stop()
    kept = everything_kept(stage.folder)
    for form in (SLASHED, SLASHED.replace("/", "\\/")):
        assert form.encode() not in kept
        assert form not in kept_text
    for user in (f"{SLASHED}:", f"gatepost:{SLASHED}"):
        encoded = base64.b64encode(user.encode()).decode()
        assert encoded.encode() not in kept
        assert encoded.replace("/", "\\/").encode() not in kept


def test_the_settings_of_a_vendor_do_not_show_their_secrets() -> None:
    class Keyed(VendorSettings, frozen=True, kw_only=True):
        api_key: Secret

    assert KEY not in repr(Keyed(base_url="http://x", purpose="marketing", api_key=Secret(KEY)))
