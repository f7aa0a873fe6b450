"""The cookie that says who has signed in, and until when."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeSerializer

from server.settings import Settings

LIFE = 12 * 3_600_000
"""Milliseconds from signing in, whatever is done meanwhile: a working day."""
NAME = "gp_console"


def is_local(host: str) -> bool:
    """Whether this host, as a browser names it, is the machine that it runs on: there http is safe."""
    return urlsplit(f"//{host}").hostname in ("localhost", "127.0.0.1", "::1")


class Session:
    """Reads and writes the cookie.

    Signed with the first secret alone and with the password's hash: to put a new secret in front, or to
    change the password, signs everybody out.
    """

    def __init__(self, settings: Settings) -> None:
        password = hashlib.sha256(settings.console_password.reveal().encode()).hexdigest()
        self._serializer = URLSafeSerializer(
            settings.secrets[0].reveal(),
            salt=f"gatepost.console.{password}",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def is_valid(self, jar: Mapping[str, str], host: str, now: int) -> bool:
        """Whether the cookies of a request to this host say that somebody has signed in."""
        try:
            until = self._serializer.loads(jar.get(_name(host), ""))
        except BadData:
            return False
        return isinstance(until, int) and now < until <= now + LIFE

    def begin(self, host: str, now: int) -> str:
        """The `Set-Cookie` value of one who has just signed in."""
        value = self._serializer.dumps(now + LIFE)
        return f"{_name(host)}={value}; Max-Age={LIFE // 1000}{_attributes(host)}"

    def end(self, host: str) -> str:
        """The `Set-Cookie` value of one who signs out."""
        return f"{_name(host)}=; Max-Age=0{_attributes(host)}"


def _name(host: str) -> str:
    return NAME if is_local(host) else f"__Host-{NAME}"


def _attributes(host: str) -> str:
    return f"; Path=/; HttpOnly; SameSite=Strict{'' if is_local(host) else '; Secure'}"
