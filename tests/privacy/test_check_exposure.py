"""`gatepost check` predicts how long Safari keeps the cookies, and finds what is open that should not be.

What Safari does is from WebKit's source (NetworkTaskCocoa.mm); the answers of the name servers are ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.check import check
from server.configure import read_settings
from server.exposure import cookie_lives, exposure
from server.finding import Finding
from server.resolver import Host, Resolver, system_resolver
from server.safari import predict, registrable
from tests.gateway import configuration, gatepost, write_configuration

GATEWAY, PAGE = "gp.myshop.example", "www.myshop.example"
V4, SAME_16, OTHER_16 = "203.0.113.10", "203.0.200.99", "203.1.113.10"
V6, SAME_64, OTHER_64 = "2001:db8:1:2::10", "2001:db8:1:2:ffff::99", "2001:db8:1:3::10"


def zone(**answers: tuple[Any, ...]) -> Resolver:
    """A name server that knows `gateway` and `page`: their addresses, or an alias and its addresses."""
    known = {}
    for key, answer in answers.items():
        host = {"gateway": GATEWAY, "page": PAGE}[key]
        has_alias = isinstance(answer[-1], tuple)
        known[host] = Host(*answer) if has_alias else Host(host, answer)
    return known.get


@pytest.mark.parametrize(
    ("answers", "life", "says"),
    [
        # One address, or near ones, and no alias.
        ({"gateway": (V4,), "page": (V4,)}, "full", "has no alias"),
        ({"gateway": (V4,), "page": (SAME_16,)}, "full", "has no alias"),
        ({"gateway": (V6,), "page": (SAME_64,)}, "full", "has no alias"),
        # Far ones.
        ({"gateway": (V4,), "page": (OTHER_16,)}, "seven_days", "first 16 bits"),
        ({"gateway": (V6,), "page": (OTHER_64,)}, "seven_days", "first 64 bits"),
        # Families.
        ({"gateway": (V6,), "page": (V4,)}, "seven_days", "different families"),
        ({"gateway": (V4,), "page": (V4, V6)}, "seven_days", "different families"),
        ({"gateway": (V4, V6), "page": (V4,)}, "seven_days", "different families"),
        # One of several is enough to lose some visitors.
        ({"gateway": (V4, OTHER_16), "page": (V4,)}, "seven_days", f"{OTHER_16} and {V4} differ"),
        # Aliases.
        ({"gateway": ("lb.myshop.example", (V4,)), "page": (OTHER_16,)}, "full", "same site"),
        (
            {"gateway": ("x.hosting.example", (V4,)), "page": (V4,)},
            "seven_days",
            "not of the site myshop.example",
        ),
        (
            {"gateway": ("x.hosting.example", (V4,)), "page": ("y.hosting.example", (OTHER_16,))},
            "full",
            "ends in hosting.example too",
        ),
        (
            {"gateway": ("x.hosting.example", (V4,)), "page": ("y.cdn.example", (V4,))},
            "seven_days",
            "x.hosting.example, which is not of the site",
        ),
        ({"gateway": (V4,), "page": ("shops.cdn.example", (V4,))}, "full", "has no alias"),
        # Names that nobody knows.
        ({"page": (V4,)}, "unknown", f"{GATEWAY} cannot be looked up"),
        ({"gateway": (V4,)}, "unknown", f"{PAGE} cannot be looked up"),
    ],
)
def test_how_long_safari_keeps_the_cookie(answers: dict[str, Any], life: str, says: str) -> None:
    found = predict(GATEWAY, PAGE, zone(**answers))
    assert found.life == life
    assert says in found.why


def test_with_addresses_of_both_families_each_visitor_uses_one_family_for_both() -> None:
    found = predict(GATEWAY, PAGE, zone(gateway=(V4, V6), page=(SAME_16, SAME_64)))
    assert found.life == "full"


def test_on_the_shops_own_host_nothing_has_to_be_looked_up() -> None:
    def nobody(host: str) -> None:
        raise AssertionError(f"{host} was looked up")

    assert predict(PAGE, PAGE, nobody).life == "full"


@pytest.mark.parametrize(
    ("gateway", "page"),
    [
        ("gp.gatepost.example", "www.myshop.example"),
        ("gp.shop-a.co.uk", "www.shop-b.co.uk"),
        ("gp.shop-a.github.io", "www.shop-b.github.io"),
        ("203.0.113.10", "www.myshop.example"),
        ("localhost", "www.myshop.example"),
    ],
)
def test_of_another_site_no_cookie_is_sent_at_all(gateway: str, page: str) -> None:
    assert predict(gateway, page, lambda host: None).life == "none"


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("a.b.myshop.co.uk", "myshop.co.uk"),
        ("myshop.example", "myshop.example"),
        ("co.uk", None),
        ("203.0.113.10", None),
        ("2001:db8::1", None),
    ],
)
def test_the_site_of_a_host_is_its_registrable_domain(host: str, site: str | None) -> None:
    assert registrable(host) == site


# What is said of it.


def findings(tmp_path: Path, resolve: Resolver = lambda host: None, **changes: Any) -> list[Finding]:
    file = write_configuration(tmp_path, configuration(**changes))
    settings = read_settings(file)
    return [*exposure(settings), *cookie_lives(settings, resolve)]


def test_each_prediction_comes_with_its_reason_and_its_mend(tmp_path: Path) -> None:
    (full,) = findings(tmp_path, zone(gateway=(V4,), page=(V4,)))
    assert (full.level, full.about) == ("ok", "shops.demo")
    assert "390 days" in full.says
    (short,) = findings(tmp_path, zone(gateway=("x.hosting.example", (V4,)), page=(V4,)))
    assert short.level == "note"
    assert "7 days only" in short.says
    assert 'public_url = "https://www.myshop.example/gp"' in short.says
    (unknown,) = findings(tmp_path)
    assert unknown.level == "note"
    (wrong,) = findings(tmp_path, public_url="https://gp.elsewhere.example")
    assert wrong.level == "wrong"
    assert "is not of the same site as www.myshop.example" in wrong.says
    (path,) = findings(tmp_path, public_url="https://www.myshop.example/gp")
    assert path.level == "ok"


def test_every_host_of_every_shop_is_judged_once(tmp_path: Path) -> None:
    table = configuration(
        shop={
            "origins": [
                "https://www.myshop.example",
                "https://www.myshop.example:8443",
                "https://m.myshop.example",
            ]
        }
    )
    table["shops"]["other"] = {"origins": ["https://www.other.example"]}
    found = list(cookie_lives(read_settings(write_configuration(tmp_path, table)), lambda host: None))
    assert [(one.about, one.level) for one in found] == [
        ("shops.demo", "note"),
        ("shops.demo", "note"),
        ("shops.other", "wrong"),
    ]


@pytest.mark.parametrize(
    ("network", "level"),
    [
        ("10.0.0.0/8", None),
        ("172.16.0.0/12", None),
        ("192.168.1.5", None),
        ("127.0.0.1", None),
        ("fc00::/7", None),
        ("0.0.0.0/0", "wrong"),
        ("::/0", "wrong"),
        ("0.0.0.0/1", "wrong"),
        ("10.0.0.0/7", "wrong"),
        ("2000::/3", "wrong"),
        ("173.245.48.0/20", "note"),
        ("8.0.0.0/8", "note"),
        ("2606:4700::/32", "note"),
    ],
)
def test_proxies_that_are_trusted_too_widely_are_found(
    tmp_path: Path, network: str, level: str | None
) -> None:
    found = findings(tmp_path, zone(gateway=(V4,), page=(V4,)), trusted_proxies=[network])
    about_proxies = [one for one in found if one.about == "trusted_proxies"]
    assert [one.level for one in about_proxies] == ([level] if level else [])
    assert all(network in one.says for one in about_proxies)


def test_a_development_profile_for_public_pages_is_found(tmp_path: Path) -> None:
    found = findings(tmp_path, public_url="http://localhost:8000")
    assert [one.level for one in found] == ["note", "wrong"]
    assert "cannot reach http://localhost" in found[1].says
    local = {"origins": ["http://localhost:8080", "http://127.0.0.1:3000", "http://shop.test"]}
    assert [one.level for one in findings(tmp_path, public_url="http://localhost:8000", shop=local)] == [
        "note"
    ]


def test_a_shop_that_asks_nobody_is_found(tmp_path: Path) -> None:
    file = write_configuration(tmp_path, configuration(shop={"consent": "not_required"}))
    file.chmod(0o600)
    said = [one for one in check(file, send_test=False, resolve=lambda host: None) if "consent" in one.says]
    assert [one.level for one in said] == ["note"]
    assert "no exemption for audience measurement" in said[0].says


def test_a_name_that_nobody_has_cannot_be_looked_up() -> None:
    assert system_resolver("no-such-host.invalid") is None
    assert system_resolver("a" * 300) is None


def test_this_machine_can_be_looked_up() -> None:
    found = system_resolver("localhost")
    assert found is not None
    assert {str(address) for address in found.parsed()} <= {"127.0.0.1", "::1"}
    assert system_resolver("127.0.0.1") == Host("127.0.0.1", ("127.0.0.1",))


def test_the_command_shows_it(tmp_path: Path) -> None:
    write_configuration(tmp_path, configuration(public_url="https://gp.elsewhere.example"))
    done = gatepost("check", folder=tmp_path)
    assert done.returncode == 1
    assert (
        "wrong  shops.demo: no browser sends our cookies from the pages of www.myshop.example" in done.stdout
    )
