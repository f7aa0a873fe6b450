"""The tag as a file: how large it is, what it holds, and how it is served."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Literal

import brotli
import pytest

from server.errors import GatepostError
from server.files import folder
from server.tag import Tag, build_tag, tag_response

ENDPOINT = "https://gp.myshop.example/gp/demo/e"
LARGEST = 4096


@pytest.fixture(scope="module")
def tag() -> Tag:
    return build_tag(ENDPOINT, "required")


@pytest.mark.parametrize("consent", ["required", "not_required"])
@pytest.mark.parametrize(
    "endpoint",
    [ENDPOINT, "https://events.some-other-shop.example/gp/storefront/e", "https://a.example/gp/b/e"],
)
def test_the_tag_with_everything_in_it_is_small(
    endpoint: str, consent: Literal["required", "not_required"]
) -> None:
    assert len(build_tag(endpoint, consent).brotli) <= LARGEST


def test_each_encoding_holds_the_same_script(tag: Tag) -> None:
    assert gzip.decompress(tag.gzip) == tag.plain
    assert brotli.decompress(tag.brotli) == tag.plain
    assert len(tag.brotli) < len(tag.gzip) < len(tag.plain)


def test_the_tag_holds_this_shops_settings(tag: Tag) -> None:
    assert ENDPOINT.encode() in tag.plain
    other = build_tag("https://www.myshop.example/gp/other/e", "required")
    assert b"https://www.myshop.example/gp/other/e" in other.plain
    assert ENDPOINT.encode() not in other.plain
    assert len({tag.etag, other.etag, build_tag(ENDPOINT, "not_required").etag}) == 3


def test_the_same_settings_give_the_same_bytes(tag: Tag) -> None:
    assert build_tag(ENDPOINT, "required") == tag


def test_the_tag_leaves_no_global_and_asks_for_no_eval(tag: Tag) -> None:
    assert re.search(rb"\beval\b|\bFunction\(|innerHTML|createElement|document\.write", tag.plain) is None
    assert tag.plain.startswith(b"((")


@pytest.mark.parametrize("ending", ["</script>", '"', "'", "`", "\\", "${x}", "<!--", "\n", "\u2028", "é"])
def test_no_address_breaks_out_of_the_script(ending: str) -> None:
    script = build_tag(f"{ENDPOINT}/{ending}", "required").plain
    assert b"</script" not in script
    assert b"<!--" not in script
    literal = re.search(rb'"(https://gp\.myshop\.example/[^"]*)"', script)
    assert literal
    assert re.fullmatch(rb"[-\w:/.%$!]+", literal[1])


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        (None, None),
        ("", None),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("*", "br"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0, *", "gzip"),
        ("br;q=0.2, gzip;q=0.9", "gzip"),
        ("br;q=0, gzip;q=0", None),
        ("*;q=0", None),
        ("identity;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("zstd", None),
        ("br;q=lots", None),
    ],
)
def test_the_encoding_is_one_the_browser_accepts(
    tag: Tag, accepted: str | None, encoding: str | None
) -> None:
    response = tag_response(tag, accepted, None)
    assert response.status_code == 200
    assert response.headers.get("Content-Encoding") == encoding
    assert response.get_data() == {"br": tag.brotli, "gzip": tag.gzip, None: tag.plain}[encoding]
    assert response.headers["Content-Length"] == str(len(response.get_data()))
    assert response.headers["Vary"] == "Accept-Encoding"


def test_what_the_answer_says_of_itself(tag: Tag) -> None:
    headers = tag_response(tag, "br", None).headers
    assert headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert re.match(r"public, max-age=\d{2,3}\b", headers["Cache-Control"])
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize("accepted", [None, "gzip", "br"])
def test_a_browser_that_has_it_is_told_so_whatever_the_encoding(tag: Tag, accepted: str | None) -> None:
    etag = tag_response(tag, "br", None).headers["ETag"]
    for known in (etag, f'"something else", {etag}', etag.removeprefix("W/"), "*"):
        response = tag_response(tag, accepted, known)
        assert response.status_code == 304
        assert response.get_data() == b""
        assert response.headers["ETag"] == etag
        for name in ("Cache-Control", "Vary", "Access-Control-Allow-Origin", "Cross-Origin-Resource-Policy"):
            assert response.headers[name] == tag_response(tag, accepted, None).headers[name]
        assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("known", [None, "", '"something else"', "rubbish"])
def test_a_browser_that_has_another_gets_this_one(tag: Tag, known: str | None) -> None:
    assert tag_response(tag, None, known).get_data() == tag.plain


def test_the_files_are_found_in_a_checkout() -> None:
    assert (folder("static") / "tag" / "main.js").is_file()


def test_a_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.files._PACKAGE", tmp_path / "server")
    with pytest.raises(GatepostError, match=r"'static' is missing.*install it again"):
        folder("static")
    installed = tmp_path / "server" / "_files" / "static"
    beside = tmp_path / "static"
    beside.mkdir()
    assert folder("static") == beside
    installed.mkdir(parents=True)
    assert folder("static") == installed
