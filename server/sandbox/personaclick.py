"""PersonaClick's stand-in: /init, /push, /push/custom, /track/….

Written from "User Activity Tracking (REST API)" and "Initialization (REST API)" of PersonaClick's wiki, and,
for the statuses that those leave open, from the error list of REES46, whose white label it is.

Decisions where these differ or are silent:
- /push and /push/custom: the wiki knows 200, 400 and 403, with the reasons for 400 cut off. The error list is
  exact, so it counts: 401 without shop_id or did, 404 for an unknown one, 422 for every wrong field. 400 is
  left for a body that is no JSON object. /init and /track/… name 200 and 403 alone, so 403 is all they say.
- An error carries its message at the top (wiki) and in `payload` (error list).
- `stream`: may be missing (then "web"); empty is refused, as is anything but letters and digits (the
  underscore is REES46's alone).
- `seance` is required (wiki), though REES46 calls it `sid`; its form is not checked, as theirs is not.
- `source` must be a JSON string (wiki); an object, which REES46 takes too, is refused. Without `from` or
  `code`, which the wiki requires, it is refused, though REES46 would ignore it.
- One item exactly for view, cart, remove_from_cart, wish and remove_wish (wiki), counted before any is
  dropped.
- `full_cart` and `full_wish` are booleans (wiki); REES46 would take "yes" for true.
- A cart or wishlist is emptied by leaving `items` out (wiki) or by `[]` (error list): both work.
- /init with an unknown `did` gives a new one: whether the vendor would register ours is unknown, and a sender
  that uses the `did` of the answer is right in either case.
- Every category is known and every custom event was created: the account they live in does not exist here.
- Fields that the wiki does not name are ignored, with a note.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import UnsetType

from server.sandbox.memory import Memory
from server.sandbox.personaclick_fields import (
    EXTRA_FIELD,
    RESERVED,
    SHAPES,
    Custom,
    Init,
    OfItems,
    Purchase,
    Track,
    check_items,
    check_source,
)
from server.sandbox.standin import (
    Answer,
    Handler,
    Received,
    Refused,
    StandIn,
    json_object,
    read_as,
    unknown_fields,
)

KNOWN_IDS = 1_000_000
"""How many device ids are remembered."""

_SHOP_ID = re.compile(r"[0-9a-fA-F]{30}")
_DID = re.compile(r"[0-9A-Za-z]{10}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ALPHABET = string.ascii_letters + string.digits


class PersonaClick(StandIn):
    name: ClassVar[str] = "personaclick"

    def __init__(self, credential: str | None) -> None:
        super().__init__(credential)
        self._devices: Memory[tuple[str, str], None] = Memory(KNOWN_IDS)

    def _endpoints(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            "/init": {"GET": self._init},
            "/push": {"POST": self._push},
            "/push/custom": {"POST": self._custom},
            "/track/received": {"POST": self._track},
            "/track/clicked": {"POST": self._track},
            "/track/closed": {"POST": self._track},
        }

    def authorise(self, request: Received) -> None:
        """Nothing here: the shop's id is a field among others and no secret; each endpoint checks it."""

    def error(self, refused: Refused) -> Any:
        return {"status": "error", "message": refused.why, "payload": {"message": refused.why}}

    def forget(self) -> None:
        self._devices.forget()

    def _init(self, request: Received, _now: float) -> Answer:
        try:
            shop = self._shop(request.query)
        except Refused as refused:
            raise Refused(403, refused.why) from None
        asked = read_as(Init, dict(request.query), 403)
        did = asked.did
        notes: tuple[str, ...] = ()
        if isinstance(did, UnsetType) or (shop, did) not in self._devices:
            if not isinstance(did, UnsetType):
                notes = (f"did: {did} is not known here; the answer gives a new one",)
            did = _code()
            self._devices.put((shop, did), None)
        seance = _code() if isinstance(asked.seance, UnsetType) else asked.seance
        return Answer(200, _settings(did, seance), notes=notes)

    def _push(self, request: Received, _now: float) -> Answer:
        body = self._known_device(request)
        name = body.get("event")
        if not isinstance(name, str) or name not in SHAPES:
            known = ", ".join(SHAPES)
            raise Refused(422, f"event: must be one of {known}; others go to /push/custom")
        event = read_as(SHAPES[name], body, 422)
        notes = unknown_fields(body, SHAPES[name]) + check_source(event)
        if isinstance(event, OfItems):
            notes += check_items(event)
        if (
            isinstance(event, Purchase)
            and isinstance(event.order_id, str)
            and _UUID.fullmatch(event.order_id)
        ):
            notes += ("order_id: a UUID is shown as --- in the dashboard; put a prefix before it",)
        return Answer(200, {"status": "success"}, notes=notes)

    def _custom(self, request: Received, _now: float) -> Answer:
        body = self._known_device(request)
        event = read_as(Custom, body, 422)
        for field in body.keys() - set(Custom.__struct_encode_fields__):
            if field in RESERVED:
                raise Refused(422, f"{field}: this name is reserved")
            if not EXTRA_FIELD.fullmatch(field):
                raise Refused(422, f"{field}: names are of lower-case letters, digits and _")
        return Answer(204, notes=check_source(event))

    def _track(self, request: Received, _now: float) -> Answer:
        try:
            body = json_object(request)
            self._shop(body)
        except Refused as refused:
            raise Refused(403, refused.why) from None
        read_as(Track, body, 403)
        return Answer(200, notes=unknown_fields(body, Track))

    def _shop(self, fields: Mapping[str, Any]) -> str:
        shop = fields.get("shop_id")
        if shop is None:
            raise Refused(401, "shop_id: is missing")
        if not isinstance(shop, str) or not _SHOP_ID.fullmatch(shop):
            raise Refused(422, "shop_id: is not 30 hexadecimal characters")
        if not self.knows(shop):
            raise Refused(404, "shop_id: there is no such shop")
        return shop

    def _known_device(self, request: Received) -> dict[str, Any]:
        body = json_object(request)
        shop = self._shop(body)
        did = body.get("did")
        if did is None or did == "":
            raise Refused(401, "did: is missing")
        if not isinstance(did, str) or not _DID.fullmatch(did):
            raise Refused(422, "did: is not 10 letters and digits")
        if (shop, did) not in self._devices:
            raise Refused(404, "did: no such device; /init gives one")
        return body


def _code() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))


def _settings(did: str, seance: str) -> dict[str, Any]:
    """What /init tells a browser; a server needs only the first two."""
    return {
        "did": did,
        "seance": seance,
        "currency": "EUR",
        "email_collector": False,
        "has_email": False,
        "recommendations": False,
        "lazy_load": False,
        "auto_css_recommender": False,
        "cms": "",
        "snippets": [],
        "search": {},
        "popup": {},
        "web_push_settings": {},
        "recone": False,
    }
