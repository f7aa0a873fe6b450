"""What gatepost.toml says, as frozen structs; configure.py reads and checks it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec


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


_QueryName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.~\[\]-]{1,64}\Z")]
_Variable = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_$][A-Za-z0-9_$]{0,63}\Z")]
_ItemKey = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}\Z")]


class TagSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the tag reads the shop's pages: `[shops.<name>.tag]`."""

    routes: Literal["path", "hash"] = "path"
    """What makes another page of a single-page shop: a new path, or also a new fragment ("#/p/1")."""
    query: tuple[_QueryName, ...] = ()
    """Names in the query whose change makes another page, as where the product is in "?id="."""
    data_layers: tuple[_Variable, ...] = ("dataLayer",)
    """The global arrays that hold the shop's events for other tools; empty: none is read."""
    item_id: _ItemKey = "item_id"
    """The key of a data layer's or a page's item that holds the id which the vendors' feeds know."""
    consent_tools: bool = True
    """Take the visitor's decisions from the consent tool on the page."""
    structured_data: bool = True
    """Complete a `view_item` that names no item from the page's JSON-LD."""
    attributes: bool = True
    """Take events from `data-gp-event` attributes."""


class Shop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One shop: `[shops.<name>]`."""

    origins: tuple[str, ...]
    """Exact origins whose pages may send."""
    null_origin: bool = False
    """Whether pages that have no origin may send, as the sandbox of Shopify's pixels: without cookies."""
    consent: Literal["required", "not_required"] = "required"
    """`not_required`: events flow unless the visitor declines."""
    api_keys: tuple[Secret, ...] = ()
    """For the shop's own server."""
    ab_segments: bool = False
    """Split visitors evenly into A and B, for vendors that take a segment."""
    tag: TagSettings = TagSettings()
    """How the tag reads the pages."""
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
    console_password: Secret = Secret("")
    """A hash of the console's password, as `gatepost password` prints it; empty: the console is closed."""
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
