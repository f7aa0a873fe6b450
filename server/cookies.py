"""The three cookies: visitor, session, campaign source. Read, renewed, signed.

The signed time decides how long each is good for, never the browser's expiry. A cookie that is forged,
expired or unreadable is the same as none. A cookie that did not change is not set again.

Where saying nothing lets events flow there is a fourth: it says that everything was declined, not by whom.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

import msgspec
from itsdangerous import BadSignature, Signer

from server.event import Source
from server.redact import redact_addresses
from server.settings import Settings

SECOND = 1000
DAY = 86_400 * SECOND
VISITOR_LIFE = 390 * DAY
"""From the first visit, never prolonged: the regulators' limit is 13 months."""
SESSION_LIFE = 30 * 60 * SECOND
SESSION_REWRITE = 60 * SECOND
"""The session cookie says when it was last used; it is set again at most this often."""
SOURCE_LIFE = 48 * 3600 * SECOND
"""PersonaClick's rule for campaign sources."""

LONGEST = 4096
"""Characters of a cookie; no browser keeps a longer one."""
REMEMBERED = 4096
"""Values of one cookie whose signatures are remembered."""

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_SIGNATURE = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")
"""32 bytes in base64, spelt in the one way that signing spells them; itsdangerous would read others too."""
_TEXT = re.compile(r"[^\x00-\x1f\x7f]{1,200}\Z")


Jar: TypeAlias = Mapping[str, Sequence[str]]
"""The cookies of a request: all values of each name."""


def jar_of(header: str) -> Jar:
    """The cookies in a Cookie header: https://www.rfc-editor.org/rfc/rfc6265#section-5.4

    Not by werkzeug's, which undoes quotes and keeps the order of all: ours need neither, and it costs more.
    """
    jar: dict[str, list[str]] = {}
    for pair in header.split(";"):
        name, _, value = pair.partition("=")
        jar.setdefault(name.strip(), []).append(value.strip())
    return jar


class Visit(msgspec.Struct, frozen=True):
    """Who is visiting, as the cookies say; empty where there is no valid cookie."""

    visitor: str = ""
    """A random UUID (version 4)."""
    first_seen: int = 0
    """Milliseconds since 1970."""
    session: str = ""
    active: int = 0
    """When the session was last used, to the minute: milliseconds since 1970."""
    source: Source | None = None
    declined: int = 0
    """When everything was declined, of a browser that remembers it: milliseconds since 1970."""


class CookieForm(msgspec.Struct, frozen=True):
    """How this installation's cookies look: `__Host-`, `__Secure-` with a path, or bare on localhost."""

    prefix: Literal["__Host-", "__Secure-", ""]
    path: str
    secure: bool


def cookie_form(settings: Settings) -> CookieForm:
    """The form that `public_url` asks for."""
    if settings.development:
        return CookieForm("", "/", secure=False)
    path = urlsplit(settings.public_url).path.rstrip("/")
    return CookieForm("__Secure-", path, secure=True) if path else CookieForm("__Host-", "/", secure=True)


class Cookies:
    """Reads the cookies of a request and writes those of the answer."""

    def __init__(self, settings: Settings) -> None:
        form = cookie_form(settings)
        # itsdangerous verifies with every key and signs with the last; our list begins with the signing one.
        keys = [secret.reveal().encode() for secret in reversed(settings.secrets)]
        self._visitor = _Cookie(form, "gp_v", keys)
        self._session = _Cookie(form, "gp_s", keys)
        self._source = _Cookie(form, "gp_src", keys)
        self._declined = _Cookie(form, "gp_no", keys)

    def read(self, jar: Jar, now: int) -> Visit:
        """The visit that a request's cookies tell of. A session without its visitor counts for nothing.

        Below a path another host of the shop's site can add cookies of our names, even valid ones of a
        visitor of its own. So all of a name are read: of visitors the earliest counts, which is not the one
        that was made for the purpose, of sessions and sources the latest.
        """
        visitors = [found for value in self._visitor.read(jar) if (found := _visitor(value, now))]
        source = max(self._sources(jar, now), key=lambda one: one.seen, default=None)
        if not visitors:
            declined = max((_since(value, now) for value in self._declined.read(jar)), default=0)
            return Visit(source=source, declined=declined)
        first_seen, visitor = min(visitors)
        sessions = [found for value in self._session.read(jar) if (found := _session(value, now))]
        active, session = max(sessions, default=(0, ""))
        return Visit(visitor, first_seen, session, active, source)

    def _sources(self, jar: Jar, now: int) -> Iterator[Source]:
        for value in self._source.read(jar):
            match value:
                case [from_, code, seen] if (since := _time(seen, now)) and now - since < SOURCE_LIFE:
                    with suppress(ValueError):
                        yield Source(_unpack(from_), _unpack(code), since)

    def write(self, before: Visit, after: Visit) -> list[str]:
        """The `Set-Cookie` values that turn one visit into the other; none for what stayed the same."""
        changes = []
        if before.visitor != after.visitor:
            value = f"{after.visitor}.{after.first_seen // SECOND}"
            changes.append(self._visitor.set(value, VISITOR_LIFE))
        if before.declined:
            changes.append(self._declined.clear())
        if (before.session, before.active) != (after.session, after.active):
            changes.append(self._session.set(f"{after.session}.{after.active // SECOND}", SESSION_LIFE))
        if after.source and before.source != after.source:
            source = after.source
            value = f"{_pack(source.from_)}.{_pack(source.code)}.{source.seen // SECOND}"
            changes.append(self._source.set(value, SOURCE_LIFE))
        return changes

    def clear(self, jar: Jar) -> list[str]:
        """The `Set-Cookie` values that remove whichever of our cookies the request brought."""
        ours = (self._visitor, self._session, self._source, self._declined)
        return [cookie.clear() for cookie in ours if cookie.name in jar]

    def decline(self, jar: Jar, now: int) -> list[str]:
        """The same, but the browser remembers that its owner declined, and nothing else."""
        ours = (self._visitor, self._session, self._source)
        changes = [cookie.clear() for cookie in ours if cookie.name in jar]
        if not any(_since(value, now) for value in self._declined.read(jar)):
            changes.append(self._declined.set(str(now // SECOND), VISITOR_LIFE))
        return changes


def _visitor(value: Sequence[str], now: int) -> tuple[int, str] | None:
    """When a visitor was first seen, and its id."""
    match value:
        case [visitor, seen] if _ID.match(visitor) and (since := _time(seen, now)):
            return (since, visitor) if now - since < VISITOR_LIFE else None
    return None


def _since(value: Sequence[str], now: int) -> int:
    """When everything was declined; 0: that is too long ago."""
    match value:
        case [seen] if (since := _time(seen, now)) and now - since < VISITOR_LIFE:
            return since
    return 0


def _session(value: Sequence[str], now: int) -> tuple[int, str] | None:
    """When a session was last used, and its id."""
    match value:
        case [session, last] if _ID.match(session) and (active := _time(last, now)):
            return (active, session) if now - active < SESSION_LIFE else None
    return None


class _Cookie:
    """One cookie's name, attributes and signing key."""

    def __init__(self, form: CookieForm, name: str, keys: Sequence[bytes]) -> None:
        self.name = form.prefix + name
        secure = "; Secure" if form.secure else ""
        self._attributes = f"; Path={form.path}{secure}; HttpOnly; SameSite=Lax"
        # A salt of its own for each, so that one cannot be replayed as another. The keys are derived here,
        # once, by the HMAC of key and salt that itsdangerous would make anew for every cookie it reads.
        # See https://itsdangerous.palletsprojects.com/en/stable/concepts/
        salt = f"gatepost.cookie.{name}".encode()
        derived = [hmac.digest(key, salt, "sha256") for key in keys]
        self._signer = Signer(derived, key_derivation="none", digest_method=hashlib.sha256)
        # A visitor's cookies come with every event of a visit: most were verified a moment ago.
        self._parts = lru_cache(maxsize=REMEMBERED)(self._verified)

    def read(self, jar: Jar) -> list[tuple[str, ...]]:
        """The parts of every validly signed value of this name."""
        values = jar.get(self.name, ())
        return [parts for value in values if len(value) <= LONGEST and (parts := self._parts(value))]

    def _verified(self, value: str) -> tuple[str, ...]:
        if not _SIGNATURE.match(value.rpartition(".")[2]):
            return ()
        try:
            return tuple(self._signer.unsign(value.encode()).decode().split("."))
        except (BadSignature, UnicodeError):
            return ()

    def set(self, value: str, life: int) -> str:
        """A `Set-Cookie` value; `life` in milliseconds."""
        return f"{self.name}={self._signer.sign(value).decode()}; Max-Age={life // SECOND}{self._attributes}"

    def clear(self) -> str:
        return f"{self.name}=; Max-Age=0{self._attributes}"


def renewed(visit: Visit, found: Source | None, now: int) -> Visit:
    """The visit as it goes on at `now`, with the source that the page's URL names, if any.

    A new source begins a new session and its own 48 hours; the same one again prolongs nothing.
    """
    known = visit.source
    is_new = found is not None and (known is None or (found.from_, found.code) != (known.from_, known.code))
    source = found if is_new else known
    visitor, first_seen = (visit.visitor, visit.first_seen) if visit.visitor else (str(uuid.uuid4()), now)
    if is_new or not visit.session:
        return Visit(visitor, first_seen, str(uuid.uuid4()), now, source)
    active = now if now - visit.active >= SESSION_REWRITE else visit.active
    return Visit(visitor, first_seen, visit.session, active, source)


def source_in(url: str, now: int) -> Source | None:
    """The campaign source that a page's URL carries, by PersonaClick's parameter names.

    `from` is `recommended_by`; `code` is `bulk_code` or else `personaclick_mail_code`. Both or nothing.
    """
    if "recommended_by" not in url:
        return None
    try:
        query = parse_qs(urlsplit(url).query)
    except ValueError:
        return None
    from_ = query.get("recommended_by", [""])[0].strip()
    code = (query.get("bulk_code") or query.get("personaclick_mail_code") or [""])[0].strip()
    if not _TEXT.match(from_) or not _TEXT.match(code):
        return None
    if redact_addresses(from_) != from_ or redact_addresses(code) != code:
        return None  # a person's e-mail address is no campaign, and must not be kept as one
    return Source(from_, code, now // SECOND * SECOND)


def current(source: Source | None, now: int) -> Source | None:
    """The source while its 48 hours last; None after."""
    return source if source and 0 <= now - source.seen < SOURCE_LIFE else None


def _time(seconds: str, now: int) -> int:
    """A signed time in milliseconds; 0 when it is none. One from the future, after our clock was set back,
    counts as now."""
    if not seconds.isascii() or not seconds.isdigit() or len(seconds) > 12:
        return 0
    return min(int(seconds) * SECOND, now)


def _pack(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unpack(packed: str) -> str:
    return urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
