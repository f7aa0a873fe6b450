"""gatepost.toml: what a right one means, and that a wrong one is refused by file, key and mend."""

from __future__ import annotations

import copy
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.configure import read_settings
from server.errors import SettingsError
from server.initial import write_configuration as write_first
from server.settings import Settings
from tests.gateway import (
    API_KEY,
    BLUESHIFT_KEY,
    LOCALHOST,
    ORIGIN,
    OTHER_SECRET,
    PATH_MODE,
    SECRET,
    SUBDOMAIN,
    configuration,
    write_configuration,
)

SHOP_ID = "0d42fd8b713d0752776ca589cc0056"
BLUESHIFT = {"api_key": BLUESHIFT_KEY}
WITHIN_A_URL = "pw9d1f6be52a34f0f"
EVERY_SECRET = (SECRET, OTHER_SECRET, API_KEY, BLUESHIFT_KEY, WITHIN_A_URL)


def full() -> dict[str, Any]:
    """A configuration that uses everything, with one vendor."""
    shop = {
        "api_keys": [API_KEY],
        "ab_segments": True,
        "vendors": {"blueshift": dict(BLUESHIFT)},
        "tag": {"query": ["page"]},
    }
    return configuration(
        shop,
        secrets=[SECRET, OTHER_SECRET],
        data_dir="var",
        trusted_proxies=["10.0.0.0/8"],
        retention_days=30,
        requests_per_minute=60,
    )


def changed(key: str, value: Any) -> dict[str, Any]:
    """That configuration with the value at this key replaced; None: without it."""
    table = copy.deepcopy(full())
    *path, last = key.split(".")
    place = table
    for part in path:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return table


def refusal(file: Path) -> str:
    with pytest.raises(SettingsError) as refused:
        read_settings(file)
    return str(refused.value)


def refused(folder: Path, table: dict[str, Any], key: str, *hints: str) -> None:
    """That this is refused in one sentence, which names the file, the key and the mend, and no secret."""
    file = write_configuration(folder, table)
    sentence = refusal(file)
    assert sentence.startswith(f"{file}: {key}: "), sentence
    for hint in hints:
        assert hint in sentence
    _is_one_honest_sentence(sentence)


def _is_one_honest_sentence(sentence: str) -> None:
    assert sentence.isprintable(), "one line"
    assert not [secret for secret in EVERY_SECRET if secret in sentence]
    assert "`str`" not in sentence
    assert not re.search(r"\b(Traceback|Expected|got (str|int|list)|regex|enum|None|Errno)\b", sentence)


# What a right one means.


def test_what_is_left_out_has_the_value_that_the_documentation_says(tmp_path: Path) -> None:
    table = {"public_url": SUBDOMAIN, "secrets": [SECRET], "shops": {"demo": {"origins": [ORIGIN]}}}
    settings = read_settings(write_configuration(tmp_path, table))
    shop = settings.shops["demo"]
    assert (settings.data_dir, settings.trusted_proxies, settings.retention_days) == (
        tmp_path / "var",
        (),
        7,
    )
    assert (shop.consent, shop.api_keys, shop.ab_segments, shop.vendors) == ("required", (), False, {})


@pytest.mark.parametrize(
    ("vendor", "given", "base_url", "purpose", "more"),
    [
        (
            "personaclick",
            {"shop_id": SHOP_ID},
            "https://api.personaclick.com",
            "personalization",
            {"stream": "web"},
        ),
        ("blueshift", BLUESHIFT, "https://api.getblueshift.com", "marketing", {"batch": 30}),
        ("esputnik", {"api_key": "A1B2C3D4"}, "https://esputnik.com", "marketing", {}),
        ("alana", {"api_key": "ak_1"}, "https://alana.shopping", "personalization", {}),
        ("eightselect", {"api_id": "a-b-c"}, "https://api.8select.io", "personalization", {}),
    ],
)
def test_every_vendor_has_its_address_its_purpose_and_its_own_keys(
    tmp_path: Path, vendor: str, given: dict[str, Any], base_url: str, purpose: str, more: dict[str, Any]
) -> None:
    table = changed("shops.demo.vendors", {vendor: given})
    read = read_settings(write_configuration(tmp_path, table)).shops["demo"].vendors[vendor]
    assert (read.base_url, read.purpose) == (base_url, purpose)
    assert {name: getattr(read, name) for name in more} == more

    own = {**given, "base_url": f"http://127.0.0.1:9400/{vendor}", "purpose": "our_own"}
    table = changed("shops.demo.vendors", {vendor: own})
    read = read_settings(write_configuration(tmp_path, table)).shops["demo"].vendors[vendor]
    assert (read.base_url, read.purpose) == (own["base_url"], own["purpose"])


def test_a_full_one_is_read_as_it_is_written(tmp_path: Path) -> None:
    settings = read_settings(write_configuration(tmp_path, full()))
    shop = settings.shops["demo"]
    assert settings.public_url == SUBDOMAIN
    assert [secret.reveal() for secret in settings.secrets] == [SECRET, OTHER_SECRET]
    assert (settings.retention_days, settings.requests_per_minute) == (30, 60)
    assert settings.trusted_proxies == ("10.0.0.0/8",)
    assert shop.origins == (ORIGIN,)
    assert ([key.reveal() for key in shop.api_keys], shop.ab_segments) == ([API_KEY], True)


def test_how_the_tag_reads_the_pages_is_said_for_each_shop(tmp_path: Path) -> None:
    said = {
        "routes": "hash",
        "query": ["id", "filter[size]"],
        "data_layers": ["dataLayer", "$shop_layer"],
        "item_id": "sku",
        "consent_tools": False,
        "structured_data": True,
        "attributes": True,
    }
    shop = read_settings(write_configuration(tmp_path, changed("shops.demo.tag", said))).shops["demo"]
    assert msgspec.to_builtins(shop.tag) == {
        **said,
        "query": ("id", "filter[size]"),
        "data_layers": ("dataLayer", "$shop_layer"),
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("query", [name]) for name in ("", "a b", "a&b", "a=b", "x" * 65, '"')),
        *(("data_layers", [name]) for name in ("", "data layer", "1st", "a.b", "a-b", "</script>")),
        *(("item_id", name) for name in ("", "item id", "1st", "a.b", "`")),
    ],
)
def test_a_name_that_no_page_could_hold(tmp_path: Path, key: str, value: Any) -> None:
    named = f"shops.demo.tag.{key}" + ("[0]" if isinstance(value, list) else "")
    refused(tmp_path, changed(f"shops.demo.tag.{key}", value), named, "character")


@pytest.mark.parametrize(
    ("public_url", "endpoint"),
    [
        (SUBDOMAIN, "https://gp.myshop.example/gp/demo/e"),
        (SUBDOMAIN + "/", "https://gp.myshop.example/gp/demo/e"),
        ("https://gp.myshop.example:8443", "https://gp.myshop.example:8443/gp/demo/e"),
        (PATH_MODE, "https://www.myshop.example/gp/demo/e"),
        ("https://www.myshop.example/a/b/", "https://www.myshop.example/a/b/demo/e"),
        (LOCALHOST, "http://localhost:8000/gp/demo/e"),
    ],
)
def test_the_endpoint_lies_below_public_url(tmp_path: Path, public_url: str, endpoint: str) -> None:
    settings = read_settings(write_configuration(tmp_path, changed("public_url", public_url)))
    assert settings.endpoint("demo") == endpoint


def test_data_dir_is_relative_to_the_file_not_to_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_configuration(tmp_path, changed("data_dir", "kept/here"))
    monkeypatch.chdir("/")
    assert read_settings(file).data_dir == tmp_path / "kept/here"
    file = write_configuration(tmp_path, changed("data_dir", "/srv/gatepost"))
    assert read_settings(file).data_dir == Path("/srv/gatepost")


def test_secrets_may_lie_in_the_environment_or_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEPOST_TEST_SECRET", SECRET)
    monkeypatch.setenv("GATEPOST_TEST_KEY", BLUESHIFT_KEY)
    (tmp_path / "older").write_text(f"{OTHER_SECRET}\n")
    table = changed("secrets", ["env:GATEPOST_TEST_SECRET", "file:older", f"file:{tmp_path}/older"])
    table["shops"]["demo"]["vendors"]["blueshift"]["api_key"] = "env:GATEPOST_TEST_KEY"
    settings = read_settings(write_configuration(tmp_path, table))
    assert [secret.reveal() for secret in settings.secrets] == [SECRET, OTHER_SECRET, OTHER_SECRET]
    credentials: Any = settings.shops["demo"].vendors["blueshift"]
    assert credentials.api_key.reveal() == BLUESHIFT_KEY


def test_the_file_that_init_writes_is_right_and_fresh_each_time(tmp_path: Path) -> None:
    read: list[Settings] = []
    for name in ("one.toml", "two.toml"):
        write_first(tmp_path / name)
        read.append(read_settings(tmp_path / name))
    for settings in read:
        assert list(settings.shops) == ["demo"]
        assert settings.shops["demo"].consent == "required"
        assert settings.shops["demo"].vendors == {}
    revealed = [
        secret.reveal()
        for settings in read
        for secret in (*settings.secrets, *settings.shops["demo"].api_keys)
    ]
    assert len(set(revealed)) == len(revealed) == 4


# Secrets are not shown.


def test_no_representation_of_the_settings_shows_a_secret(tmp_path: Path) -> None:
    settings = read_settings(write_configuration(tmp_path, full()))
    (secret, *_) = settings.secrets
    for shown in (
        repr(settings),
        str(settings),
        f"{settings}",
        f"{secret}",
        f"{secret!r}",
        f"{secret:}",
        "%s %r" % (secret, secret),  # noqa: UP031
        repr(vars(SettingsError(secret))),
        repr(settings.shops["demo"].vendors),
    ):
        assert not [one for one in EVERY_SECRET if one in shown]


# What is refused.


def test_the_full_one_is_not_what_is_wrong_with_the_following(tmp_path: Path) -> None:
    assert read_settings(write_configuration(tmp_path, full()))


@pytest.mark.parametrize("key", ["public_url", "secrets", "shops", "shops.demo.origins"])
def test_a_missing_setting(tmp_path: Path, key: str) -> None:
    refused(tmp_path, changed(key, None), key, "is missing")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("retention", 7),
        ("file", "x"),
        ("Public_url", "x"),
        ("shops.demo.origin", ORIGIN),
        ("shops.demo.vendors.blueshift.apikey", "x"),
        ("shops.demo.vendors.blueshift.stream", "web"),
        ("shops.demo.tag.hash", True),
    ],
)
def test_an_unknown_key_at_any_level(tmp_path: Path, key: str, value: Any) -> None:
    refused(tmp_path, changed(key, value), key, "remove it")


def test_an_unknown_key_with_a_line_break_in_it_is_still_one_line(tmp_path: Path) -> None:
    sentence = refusal(write_configuration(tmp_path, changed("a\nb", 1)))
    assert "remove it" in sentence
    _is_one_honest_sentence(sentence)
    sentence = refusal(write_configuration(tmp_path, changed("shops", {"a\nb": {"origins": [ORIGIN]}})))
    _is_one_honest_sentence(sentence)


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("public_url", 5, "a string"),
        ("data_dir", 5, "a string"),
        ("secrets", SECRET, "a list"),
        ("trusted_proxies", "10.0.0.0/8", "a list"),
        ("retention_days", "7", "a whole number"),
        ("retention_days", True, "a whole number"),
        ("retention_days", 7.5, "a whole number"),
        ("shops", "demo", "[shops.demo]"),
        ("shops.demo", "x", "[shops.demo]"),
        ("shops.demo.origins", ORIGIN, "a list"),
        ("shops.demo.ab_segments", "yes", "true or false"),
        ("shops.demo.consent", True, "a string"),
        ("shops.demo.consent", "maybe", '"required" or "not_required"'),
        ("shops.demo.vendors", [], "[shops.demo.vendors.blueshift]"),
        ("shops.demo.vendors.blueshift", "x", "a table"),
        ("shops.demo.vendors.blueshift.batch", "30", "a whole number"),
        ("shops.demo.vendors.blueshift.batch", 0, "1"),
        ("shops.demo.vendors.blueshift.batch", 101, "100"),
        ("shops.demo.tag", True, "[shops.demo.tag]"),
        ("shops.demo.tag.routes", "fragment", '"path" or "hash"'),
        ("shops.demo.tag.query", "page", "a list"),
        ("shops.demo.tag.item_id", 7, "a string"),
        ("shops.demo.tag.consent_tools", "yes", "true or false"),
    ],
)
def test_a_value_of_the_wrong_kind(tmp_path: Path, key: str, value: Any, hint: str) -> None:
    refused(tmp_path, changed(key, value), key, hint)


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("secrets", [SECRET, 5], "secrets[1]"),
        ("secrets", [[SECRET]], "secrets[0]"),
        ("shops.demo.origins", [ORIGIN, 5], "shops.demo.origins[1]"),
        ("shops.demo.api_keys", [API_KEY, {}], "shops.demo.api_keys[1]"),
        ("shops.demo.tag.query", ["page", 5], "shops.demo.tag.query[1]"),
    ],
)
def test_a_wrong_entry_of_a_list_is_told_by_its_place(
    tmp_path: Path, key: str, value: Any, place: str
) -> None:
    table = changed(key, value)
    if value[1:] == [{}]:
        table = changed(key, [API_KEY, 7])
    refused(tmp_path, table, place, "a string")


@pytest.mark.parametrize("key", ["secrets", "shops.demo.api_keys"])
@pytest.mark.parametrize(
    ("secret", "hint"),
    [
        ("", "32 random characters"),
        ("c9d1f6be52a34f0f8e0d7b6a5c4e3f2", "32 random characters"),
        ("0" * 64, "32 random characters"),
        ("abcabcabcabcabcabcabcabcabcabcabcabc", "32 random characters"),
        ("change-me-to-something-that-is-long-enough", "placeholder"),
        ("your-own-random-0123456789-characters-here", "placeholder"),
        ("<0123456789abcdefghijklmnopqrstuvwxyz>", "placeholder"),
    ],
)
def test_a_secret_that_is_short_or_a_placeholder(tmp_path: Path, key: str, secret: str, hint: str) -> None:
    refused(tmp_path, changed(key, [SECRET, secret]), f"{key}[1]", hint, "openssl rand")


def test_no_secret_at_all(tmp_path: Path) -> None:
    refused(tmp_path, changed("secrets", []), "secrets", "gatepost init")


def test_a_secret_in_an_environment_that_lacks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEPOST_TEST_SECRET", raising=False)
    for name in ("GATEPOST_TEST_SECRET", ""):
        refused(tmp_path, changed("secrets", [f"env:{name}"]), "secrets[0]", "environment", name)
    monkeypatch.setenv("GATEPOST_TEST_SECRET", "")
    refused(tmp_path, changed("secrets", ["env:GATEPOST_TEST_SECRET"]), "secrets[0]", "GATEPOST_TEST_SECRET")
    monkeypatch.setenv("GATEPOST_TEST_SECRET", "tooshort")
    refused(tmp_path, changed("secrets", ["env:GATEPOST_TEST_SECRET"]), "secrets[0]", "too short")


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe\x00"])
def test_a_secret_in_a_file_that_lacks_it(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    refused(tmp_path, changed("secrets", ["file:secret"]), "secrets[0]", str(tmp_path / "secret"))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_a_secret_in_a_file_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(0)
    refused(tmp_path, changed("secrets", ["file:secret"]), "secrets[0]", "cannot be read")


def test_a_secret_in_a_folder(tmp_path: Path) -> None:
    refused(tmp_path, changed("secrets", ["file:."]), "secrets[0]", "cannot be read")


@pytest.mark.parametrize(
    ("vendor", "key", "value"),
    [
        ("blueshift", "api_key", ""),
        ("blueshift", "api_key", "   "),
        ("blueshift", "api_key", "…"),
        ("blueshift", "api_key", "YOUR_API_KEY"),
        ("blueshift", "api_key", "<api key>"),
        ("esputnik", "api_key", "xxxxxxxx"),
        ("alana", "api_key", "..."),
        ("personaclick", "shop_id", ""),
        ("personaclick", "shop_id", "…"),
        ("personaclick", "shop_id", "YOUR_SHOP_ID"),
        ("eightselect", "api_id", ""),
        ("eightselect", "api_id", "<api-id>"),
    ],
)
def test_a_vendors_key_that_is_empty_or_a_placeholder(
    tmp_path: Path, vendor: str, key: str, value: str
) -> None:
    table = changed("shops.demo.vendors", {vendor: {key: value}})
    refused(tmp_path, table, f"shops.demo.vendors.{vendor}.{key}")


def test_a_vendors_key_that_is_missing(tmp_path: Path) -> None:
    table = changed("shops.demo.vendors", {"blueshift": {}})
    refused(tmp_path, table, "shops.demo.vendors.blueshift.api_key", "is missing")


def test_a_vendor_nobody_knows(tmp_path: Path) -> None:
    table = changed("shops.demo.vendors", {"google": {}})
    known = ("alana", "blueshift", "eightselect", "esputnik", "personaclick")
    refused(tmp_path, table, "shops.demo.vendors.google", *known)


@pytest.mark.parametrize("purpose", ["", "Marketing", "mar keting", "marketing!", "1st", "a" * 41])
def test_a_purpose_that_no_consent_could_name(tmp_path: Path, purpose: str) -> None:
    table = changed("shops.demo.vendors.blueshift.purpose", purpose)
    refused(tmp_path, table, "shops.demo.vendors.blueshift.purpose", '"marketing"')


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.vendor.example",
        "ftp://api.vendor.example",
        "https://",
        "https://api.vendor.example/?key=1",
        "https://api.vendor.example/#x",
        f"https://user:{WITHIN_A_URL}@api.vendor.example",
        "https://api.vendor.example:port",
        "https://api vendor.example",
    ],
)
def test_a_base_url_that_is_none(tmp_path: Path, base_url: str) -> None:
    table = changed("shops.demo.vendors.blueshift.base_url", base_url)
    refused(tmp_path, table, "shops.demo.vendors.blueshift.base_url", "must")


@pytest.mark.parametrize(
    ("origin", "mend"),
    [
        (f"{ORIGIN}/", ORIGIN),
        (f"{ORIGIN}/shop", ORIGIN),
        (f"{ORIGIN}?x=1", ORIGIN),
        (f"{ORIGIN}#x", ORIGIN),
        ("HTTPS://www.myshop.example", ORIGIN),
        ("https://WWW.MyShop.example", ORIGIN),
        (f"{ORIGIN}:443", ORIGIN),
        (f"{ORIGIN}:0443", ORIGIN),
        (f"{ORIGIN}:", ORIGIN),
        ("http://www.myshop.example:80", "http://www.myshop.example"),
        (f"{ORIGIN}:08443", f"{ORIGIN}:8443"),
        # As browsers send it: https://url.spec.whatwg.org/#concept-domain-to-ascii
        ("https://möbel.example", "xn--"),
        ("https://user@www.myshop.example", ""),
        ("https://*.myshop.example", ""),
        ("*", ""),
        ("www.myshop.example", ""),
        ("//www.myshop.example", ""),
        ("ftp://www.myshop.example", ""),
        ("null", ""),
        ("", ""),
        (f" {ORIGIN}", ""),
        (f"{ORIGIN}:99999", ""),
        ("https://[::1", ""),
        ("https://www.my shop.example", ""),
    ],
)
def test_an_origin_that_no_browser_sends_is_refused_with_the_one_it_does(
    tmp_path: Path, origin: str, mend: str
) -> None:
    table = changed("shops.demo.origins", [ORIGIN, origin])
    refused(tmp_path, table, "shops.demo.origins[1]", f'"{mend}"' if mend else "origin")


def test_no_origin_at_all(tmp_path: Path) -> None:
    refused(tmp_path, changed("shops.demo.origins", []), "shops.demo.origins", "is empty")


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:8080", "https://www.myshop.example:8443", "http://[::1]:8080", "http://10.0.0.1"],
)
def test_every_origin_that_a_browser_sends_may_be_named(tmp_path: Path, origin: str) -> None:
    settings = read_settings(write_configuration(tmp_path, changed("shops.demo.origins", [origin])))
    assert settings.shops["demo"].origins == (origin,)


@pytest.mark.parametrize(
    ("public_url", "hint"),
    [
        ("http://gp.myshop.example", "https://"),
        ("http://127.0.0.1:8000", "http://localhost"),
        ("http://localhost.myshop.example", "https://"),
        ("gp.myshop.example", "https://gp.myshop.example"),
        ("", "https://"),
        ("https://", "https://"),
        ("ftp://gp.myshop.example", "https://"),
        ("https://gp.myshop.example:99999", "https://"),
        (f"https://gp:{WITHIN_A_URL}@gp.myshop.example", "user name"),
        ("https://gp.myshop.example?x=1", "query"),
        ("https://gp.myshop.example#x", "fragment"),
        ("https://gp.myshop.example/a b", "https://"),
        ("https://gp.myshop.example/a/../b", "path"),
        ("https://gp.myshop.example//a", "path"),
        ("https://gp.myshop.example/ä", "path"),
        ("https://gp.myshop.example/gp;Domain=evil", "path"),
        ("https://gp.möbel.example", "xn--"),
    ],
)
def test_a_public_url_that_browsers_could_not_use_safely(tmp_path: Path, public_url: str, hint: str) -> None:
    refused(tmp_path, changed("public_url", public_url), "public_url", hint)


@pytest.mark.parametrize("network", ["10.0.0.1/8", "proxy.local", "", "10.0.0", "::/129", "*"])
def test_a_trusted_proxy_that_is_no_network(tmp_path: Path, network: str) -> None:
    table = changed("trusted_proxies", ["10.0.0.0/8", network])
    refused(tmp_path, table, "trusted_proxies[1]", '"10.0.0.0/8"')


@pytest.mark.parametrize(
    ("key", "value"),
    [("retention_days", 0), ("retention_days", -1), ("retention_days", 401), ("requests_per_minute", 0)],
)
def test_a_number_out_of_reason(tmp_path: Path, key: str, value: int) -> None:
    refused(tmp_path, changed(key, value), key, "1")


@pytest.mark.parametrize("name", ["Demo", "de mo", "", "démo", "a" * 41, "-a", "../x", "a/b"])
def test_a_shops_name_that_is_no_part_of_an_address(tmp_path: Path, name: str) -> None:
    sentence = refusal(write_configuration(tmp_path, changed("shops", {name: {"origins": [ORIGIN]}})))
    assert "1 to 40 of a-z, 0-9, - and _" in sentence
    _is_one_honest_sentence(sentence)


def test_no_shop_at_all(tmp_path: Path) -> None:
    refused(tmp_path, changed("shops", {}), "shops", "[shops.demo]")


# Files that are none.


@pytest.mark.parametrize(
    "content",
    [
        b"public_url = ",
        b"public_url = 'a'\npublic_url = 'b'",
        b"\xff\xfe",
        b"just text",
        b'{"public_url": 1}',
        b"a = " + b"[" * 100_000,
        b'secrets = ["' + SECRET.encode(),
    ],
)
def test_a_file_that_is_not_toml(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "gatepost.toml"
    file.write_bytes(content)
    sentence = refusal(file)
    assert sentence.startswith(f"{file}: is not TOML")
    assert SECRET not in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("missing.toml", "gatepost init"),
        ("missing/gatepost.toml", "gatepost init"),
        (".", "folder"),
        ("plain/gatepost.toml", "cannot be read"),
        ("a" * 300, "cannot be read"),
    ],
)
def test_a_file_that_is_not_there(tmp_path: Path, place: str, hint: str) -> None:
    (tmp_path / "plain").write_text("not a folder")
    sentence = refusal(tmp_path / place)
    assert sentence.startswith(f"{tmp_path / place}: ")
    assert hint in sentence
    assert "\n" not in sentence
