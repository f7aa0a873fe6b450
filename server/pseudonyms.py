"""What vendors get instead of our visitor id.

Derived from a key that is made once for the database and never rotated, so a visitor keeps the same pseudonym
for ever; different for every vendor and shop, so no two can join on it.
"""

from __future__ import annotations

import hmac
import uuid
from typing import Literal


class Pseudonyms:
    """Derives the ids of one installation from its key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def visitor(self, shop: str, vendor: str, visitor: str) -> str:
        """A UUID (version 4 in form) for this visitor at this vendor."""
        return self._uuid("visitor", shop, vendor, visitor)

    def stranger(self, shop: str, kind: str, name: str) -> str:
        """A visitor id for a user whom only the shop's server has named: the same one each time."""
        return self._uuid("stranger", shop, kind, name)

    def name(self, shop: str, kind: str, value: str) -> bytes:
        """What is kept of an erased visitor's id, email or phone: enough to know it again, and no more."""
        return self._digest("name", shop, kind, value.casefold() if kind == "email" else value)

    def reference(self, shop: str, visitor: str) -> str:
        """What an erased visitor is called in the consent ledger."""
        return self._uuid("erased", shop, visitor)

    def cart(self, shop: str, visitor: str, purchases: int) -> str:
        """A UUID for the cart of a visitor who has bought `purchases` times before."""
        return self._uuid("cart", shop, visitor, str(purchases))

    def segment(self, shop: str, visitor: str) -> Literal["A", "B"]:
        """The half of the visitors that this one belongs to."""
        return "A" if self._digest("segment", shop, visitor)[0] & 1 else "B"

    def _uuid(self, *parts: str) -> str:
        return str(uuid.UUID(bytes=self._digest(*parts)[:16], version=4))

    def _digest(self, *parts: str) -> bytes:
        return hmac.digest(self._key, "\0".join(parts).encode(), "sha256")
