"""gatepost.toml -> Settings. Refuses to start on any doubt, naming the file, the key and the mend."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints
from urllib.parse import SplitResult, urlsplit

import msgspec

from server.errors import SettingsError
from server.settings import Secret, Settings, Shop, TagSettings, VendorSettings
from server.vendors import vendor_types

SECRET_LENGTH = 32
_PLACEHOLDER = re.compile(
    r"change.?me|placeholder|example|secret|password|your([-_ ]|key|api|token|shop)|xxxx|…|\.\.\."
    r"|\btodo\b|<.*>",
    re.IGNORECASE,
)
_PASSWORD_HASH = re.compile(r"(scrypt:\d+:\d+:\d+|pbkdf2:sha\d+:\d+)\$[^$]{8,}\$[0-9a-f]{64,}\Z")
"""As werkzeug.security writes them."""
_SHOP = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_KINDS = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}

_T = TypeVar("_T")


def read_settings(file: Path) -> Settings:
    """The configuration in this file.

    Raises SettingsError with one sentence that names the file, the key and the mend.
    """
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{file}: no such file; `gatepost init` writes one") from None
    except IsADirectoryError:
        raise SettingsError(f"{file}: is a folder; name the file in it") from None
    except PermissionError:
        raise SettingsError(f"{file}: may not be read by this user; check its owner and mode") from None
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: is not TOML: {error}") from None
    except RecursionError:
        raise SettingsError(f"{file}: is not TOML that can be read: it is nested too deeply") from None
    known = {name: vendor.Settings for name, vendor in vendor_types().items()}
    return _Reading(file, known).settings(table)


class _Reading:
    """One reading of one file: converts, and names the file in every refusal."""

    def __init__(self, file: Path, vendors: Mapping[str, type[VendorSettings]]) -> None:
        self.file = file
        self.types = vendors

    def refuse(self, key: str, mend: str) -> SettingsError:
        return SettingsError(f"{self.file}: {_UNPRINTABLE.sub('?', key)}: {mend}")

    def settings(self, table: dict[str, Any]) -> Settings:
        shops = self._table(table.get("shops"), "shops", 'name at least one shop, as in "[shops.demo]"')
        read = {
            name: self._shop(
                name, self._table(shops[name], f"shops.{name}", f'write it as a table, "[shops.{name}]"')
            )
            for name in shops
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
        tag = table.get("tag", {})
        if not isinstance(tag, dict):
            raise self.refuse(f"{key}.tag", f'write it as a table, "[{key}.tag]"')
        shop = self._convert({k: v for k, v in table.items() if k not in ("tag", "vendors")}, Shop, key)
        self._check_shop(key, shop)
        return msgspec.structs.replace(
            shop,
            tag=self._convert(tag, TagSettings, f"{key}.tag"),
            vendors={v: self._vendor(f"{key}.vendors.{v}", v, t) for v, t in vendors.items()},
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
        for field in {field.name for field in msgspec.structs.fields(settings)} - {"base_url", "purpose"}:
            value = getattr(settings, field)
            given = value.reveal() if isinstance(value, Secret) else value
            if isinstance(given, str) and not given.strip():
                raise self.refuse(f"{key}.{field}", "is empty; put the value that the vendor gave you")
            if isinstance(given, str) and _PLACEHOLDER.search(given):
                raise self.refuse(f"{key}.{field}", "is still a placeholder; put the vendor's value there")
        return settings

    def _convert(self, table: dict[str, Any], into: type[_T], key: str) -> _T:
        try:
            return msgspec.convert(table, into, dec_hook=self._decode)
        except msgspec.ValidationError as error:
            raise self._explained(error, key, into) from None

    def _decode(self, kind: type, value: Any) -> Any:
        if kind is Path and isinstance(value, str):
            return Path(value)
        if kind is Secret and isinstance(value, str):
            return Secret(self._secret(value))
        raise ValueError("must be a string")

    def _secret(self, value: str) -> str:
        """A secret as written, or from where "env:NAME" and "file:PATH" say."""
        where, _, name = value.partition(":")
        if where == "env":
            found = os.environ.get(name, "")
            if not found:
                raise ValueError(
                    f"env:{name}: no such variable is set in the environment; set it, or write the value here"
                )
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

    def _explained(self, error: msgspec.ValidationError, key: str, into: type) -> SettingsError:
        """msgspec's words as a sentence with the full key and a mend; values are never repeated."""
        what, _, where = str(error).partition(" - at `$")
        path = _join(key, where.strip(".`").replace("[...]", ""))
        if match := re.match(r"Object contains unknown field `(.*)`", what, re.DOTALL):
            return self.refuse(_join(path, match[1]), "is not a key Gatepost knows; remove it")
        if match := re.match(r"Object missing required field `(.*)`", what):
            return self.refuse(_join(path, match[1]), "is missing; add it")
        if what.startswith("Invalid enum value"):
            choices = get_args(get_type_hints(into)[path.rpartition(".")[2]])
            return self.refuse(path, "must be " + " or ".join(f'"{choice}"' for choice in choices))
        return self.refuse(path, _in_words(what))

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
        password = settings.console_password.reveal()
        if password and not _PASSWORD_HASH.match(password):
            raise self.refuse(
                "console_password", "must be the hash of a password; `gatepost password` prints the line"
            )

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
        self._check_host("public_url", parts.hostname)
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
        if parts.username is not None or "*" in origin:
            raise self.refuse(key, "must be one exact origin, without a user name or *")
        self._check_host(key, parts.hostname)
        if origin != (exact := _exact_origin(parts)):
            raise self.refuse(key, f'must be scheme and host alone, as browsers send it: "{exact}"')

    def _check_host(self, key: str, host: str) -> None:
        if not host.isascii():
            raise self.refuse(
                key, 'must name the host as browsers do, in ASCII: the form that begins with "xn--"'
            )

    def _check_base_url(self, key: str, url: str) -> None:
        parts = _split(url)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise self.refuse(key, 'must be a URL such as "https://api.vendor.example"')
        if parts.query or parts.fragment or parts.username is not None:
            raise self.refuse(key, "must have no query, fragment or user name")


def _join(*keys: str) -> str:
    return ".".join(key for key in keys if key)


def _in_words(what: str) -> str:
    """What msgspec expected, as a person would say it."""
    found = re.match(r"Expected `(\w+)`( [<>]= \S+)?( matching)?", what)
    if found is None:
        return what
    if found[3]:
        return "is empty, or holds a character that it cannot have"
    bound = {"<": " of at most", ">": " of at least"}.get((found[2] or " ")[1:2], "")
    return f"must be {_KINDS.get(found[1], found[1])}{bound}{(found[2] or '')[3:]}"


def _exact_origin(parts: SplitResult) -> str:
    """The origin of a URL as browsers send it: https://url.spec.whatwg.org/#concept-url-origin"""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _split(url: str) -> SplitResult | None:
    """The parts of a URL; None when it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if re.search(r"[\s\\]", url) else parts
