"""gatepost.toml -> frozen structs. Refuses to start on any doubt, naming the file, the key and the mend."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from server.errors import SettingsError

SECRET_LENGTH = 32
_PLACEHOLDER = re.compile(
    r"change.?me|placeholder|example|secret|password|your.|xxxx|…|\.\.\.|todo|<.*>", re.I
)
_SHOP = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
_PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")

_T = TypeVar("_T")


class Secret:
    """A string that no log, error, page or `repr` shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The string itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class VendorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every vendor's table takes; each vendor file adds its own keys."""

    base_url: str
    """Where the vendor's API is: another region, a proxy, the sandbox."""
    purpose: str
    """Which consent an event needs to go there."""


class Shop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One shop: `[shops.<name>]`."""

    origins: tuple[str, ...]
    """Exact origins whose pages may send."""
    consent: Literal["required", "not_required"] = "required"
    """`not_required`: events flow unless the visitor declines."""
    api_keys: tuple[Secret, ...] = ()
    """For the shop's own server."""
    ab_segments: bool = False
    """Split visitors evenly into A and B, for vendors that take a segment."""
    vendors: dict[str, VendorSettings] = {}
    """A vendor not named here receives nothing."""

    @property
    def purposes(self) -> set[str]:
        """The consents that its vendors need."""
        return {vendor.purpose for vendor in self.vendors.values()}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of gatepost.toml."""

    public_url: str
    """As browsers reach Gatepost; with a path: path mode."""
    secrets: tuple[Secret, ...]
    """Sign the cookies: the first signs, all verify."""
    shops: dict[str, Shop]
    data_dir: Path = Path("var")
    """The embedded database lives here; relative to the configuration file."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (CIDR) whose forwarding headers are believed; no other is."""
    retention_days: int = 7
    """How long events are kept after they are settled."""
    requests_per_minute: int = 600
    """From one address, before the answer is 429. Loopback is exempt: there it is a proxy's address."""
    file: Path = Path("gatepost.toml")
    """Where this was read from; not a key of the file."""

    @property
    def prefix(self) -> str:
        """The path that browsers' requests begin with: "/gp", or the path of `public_url`."""
        return urlsplit(self.public_url).path.rstrip("/") or "/gp"

    @property
    def development(self) -> bool:
        """Plain http on localhost: cookies without Secure."""
        return urlsplit(self.public_url).scheme == "http"

    def endpoint(self, shop: str) -> str:
        """The URL that the shop's pages post their events to."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}{self.prefix}/{shop}/e"


def load(file: Path, vendors: Mapping[str, type[VendorSettings]]) -> Settings:
    """Read and check a configuration file.

    `vendors` names the vendors that exist and what each takes. Raises SettingsError with one sentence that
    names the file, the key and the mend.
    """
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{file}: no such file; `gatepost init` writes one") from None
    except IsADirectoryError:
        raise SettingsError(f"{file}: is a folder; name the file in it") from None
    except PermissionError:
        raise SettingsError(f"{file}: may not be read by this user; check its owner and mode") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: is not TOML: {error}") from None
    return _Reading(file, vendors).settings(table)


class _Reading:
    """One reading of one file: converts, and names the file in every refusal."""

    def __init__(self, file: Path, vendors: Mapping[str, type[VendorSettings]]) -> None:
        self.file = file
        self.types = vendors

    def refuse(self, key: str, mend: str) -> SettingsError:
        return SettingsError(f"{self.file}: {key}: {mend}")

    def settings(self, table: dict[str, Any]) -> Settings:
        shops = self._table(table.get("shops"), "shops", 'name at least one shop, as in "[shops.demo]"')
        read = {
            name: self._shop(name, self._table(shops[name], f"shops.{name}", "a table")) for name in shops
        }
        if "file" in table:
            raise self.refuse("file", "is not a key of gatepost.toml; remove it")
        plain = {key: value for key, value in table.items() if key != "shops"}
        settings = self._convert(plain | {"shops": {}}, Settings, "")
        settings = msgspec.structs.replace(
            settings, shops=read, file=self.file, data_dir=self.file.parent / settings.data_dir
        )
        self._check(settings)
        return settings

    def _table(self, value: Any, key: str, mend: str) -> dict[str, Any]:
        if not isinstance(value, dict) or not value:
            raise self.refuse(key, f"is missing or empty; {mend}")
        return value

    def _shop(self, name: str, table: dict[str, Any]) -> Shop:
        key = f"shops.{name}"
        if not _SHOP.match(name):
            raise self.refuse(key, "a shop's name is 1 to 40 of a-z, 0-9, - and _")
        vendors = table.get("vendors", {})
        if not isinstance(vendors, dict):
            raise self.refuse(
                f"{key}.vendors", f'write one table per vendor, as in "[{key}.vendors.blueshift]"'
            )
        shop = self._convert({k: v for k, v in table.items() if k != "vendors"}, Shop, key)
        self._check_shop(key, shop)
        return msgspec.structs.replace(
            shop, vendors={v: self._vendor(f"{key}.vendors.{v}", v, t) for v, t in vendors.items()}
        )

    def _vendor(self, key: str, vendor: str, table: Any) -> VendorSettings:
        if vendor not in self.types:
            raise self.refuse(key, f"is no vendor Gatepost knows; it knows {', '.join(sorted(self.types))}")
        if not isinstance(table, dict):
            raise self.refuse(key, "must be a table")
        settings = self._convert(table, self.types[vendor], key)
        self._check_base_url(f"{key}.base_url", settings.base_url)
        if not _PURPOSE.match(settings.purpose):
            raise self.refuse(
                f"{key}.purpose", 'must be a word such as "analytics", "personalization" or "marketing"'
            )
        for field in msgspec.structs.fields(settings):
            value = getattr(settings, field.name)
            if isinstance(value, Secret) and _PLACEHOLDER.search(value.reveal()):
                raise self.refuse(f"{key}.{field.name}", "is still a placeholder; put the vendor's key there")
            if value == "":
                raise self.refuse(f"{key}.{field.name}", "is empty; put the value that the vendor gave you")
        return settings

    def _convert(self, table: dict[str, Any], into: type[_T], key: str) -> _T:
        try:
            return msgspec.convert(table, into, dec_hook=self._decode)
        except msgspec.ValidationError as error:
            raise self._explained(error, key) from None

    def _decode(self, kind: type, value: Any) -> Any:
        if kind is Path and isinstance(value, str):
            return Path(value)
        if kind is Secret and isinstance(value, str):
            return Secret(self._secret(value))
        raise ValueError(f"Expected a string, got {type(value).__name__}")

    def _secret(self, value: str) -> str:
        """A secret as written, or from where "env:NAME" and "file:PATH" say."""
        where, _, name = value.partition(":")
        if where == "env":
            found = os.environ.get(name, "")
            if not found:
                raise ValueError(f"{name} is not set in the environment; set it, or write the value here")
            return found
        if where == "file":
            path = self.file.parent / name
            try:
                found = path.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise ValueError(f"the file {path} cannot be read") from None
            if not found:
                raise ValueError(f"the file {path} is empty")
            return found
        return value

    def _explained(self, error: msgspec.ValidationError, key: str) -> SettingsError:
        """msgspec's words as a sentence with the full key and a mend; values are never repeated."""
        what, _, where = str(error).partition(" - at `$")
        path = _join(key, where.strip(".`").replace("[...]", ""))
        if match := re.match(r"Object contains unknown field `(.*)`", what):
            return self.refuse(
                ".".join(filter(None, (path, match[1]))), "is not a key Gatepost knows; remove it"
            )
        if match := re.match(r"Object missing required field `(.*)`", what):
            return self.refuse(_join(path, match[1]), "is missing; add it")
        return self.refuse(path or "the file", what.replace("Expected", "must be").replace("`", ""))

    def _check(self, settings: Settings) -> None:
        self._check_public_url(settings.public_url)
        if not settings.secrets:
            raise self.refuse("secrets", "is empty; `gatepost init` makes one")
        for i, secret in enumerate(settings.secrets):
            self._check_secret(f"secrets[{i}]", secret)
        for i, network in enumerate(settings.trusted_proxies):
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise self.refuse(
                    f"trusted_proxies[{i}]", 'must be a network such as "10.0.0.0/8" or an address'
                ) from None
        if not 1 <= settings.retention_days <= 400:
            raise self.refuse("retention_days", "must be 1 to 400")
        if settings.requests_per_minute < 1:
            raise self.refuse("requests_per_minute", "must be at least 1")

    def _check_secret(self, key: str, secret: Secret) -> None:
        value = secret.reveal()
        if len(value) < SECRET_LENGTH or len(set(value)) < 8:
            raise self.refuse(
                key,
                f"is too short or too simple; use at least {SECRET_LENGTH} random characters, "
                "such as `openssl rand -hex 32` prints",
            )
        if _PLACEHOLDER.search(value):
            raise self.refuse(key, "is still a placeholder; use what `openssl rand -hex 32` prints")

    def _check_public_url(self, url: str) -> None:
        parts = _split(url)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise self.refuse("public_url", 'must be a URL such as "https://gp.myshop.example"')
        if parts.query or parts.fragment or parts.username is not None:
            raise self.refuse("public_url", "must have no query, fragment or user name")
        if parts.scheme == "http" and parts.hostname != "localhost":
            raise self.refuse("public_url", "must begin with https://; http is for http://localhost alone")
        if not re.fullmatch(r"(/[A-Za-z0-9_-]+)*/?", parts.path):
            raise self.refuse("public_url", "its path may hold letters, digits, - and _ between slashes")

    def _check_shop(self, key: str, shop: Shop) -> None:
        if not shop.origins:
            raise self.refuse(f"{key}.origins", 'is empty; list origins such as "https://www.myshop.example"')
        for i, origin in enumerate(shop.origins):
            self._check_origin(f"{key}.origins[{i}]", origin)
        for i, api_key in enumerate(shop.api_keys):
            self._check_secret(f"{key}.api_keys[{i}]", api_key)

    def _check_origin(self, key: str, origin: str) -> None:
        parts = _split(origin)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise self.refuse(key, 'must be an origin such as "https://www.myshop.example"')
        exact = f"{parts.scheme}://{parts.netloc}"
        default = ":443" if parts.scheme == "https" else ":80"
        if parts.username is not None or "*" in origin:
            raise self.refuse(key, "must be one exact origin, without a user name or *")
        if origin != exact.lower() or parts.netloc.endswith(default):
            mend = exact.lower().removesuffix(default)
            raise self.refuse(key, f'must be scheme and host alone, as browsers send it: "{mend}"')

    def _check_base_url(self, key: str, url: str) -> None:
        parts = _split(url)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise self.refuse(key, 'must be a URL such as "https://api.vendor.example"')
        if parts.query or parts.fragment or parts.username is not None:
            raise self.refuse(key, "must have no query, fragment or user name")


def _join(*keys: str) -> str:
    return ".".join(key for key in keys if key)


def _split(url: str) -> Any:
    """The parts of a URL; None when it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if re.search(r"[\s\\]", url) else parts
