"""Who is asking: whose word on a sender's address is believed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.client import TrustedProxies, is_loopback, subscriber

SHOPPER = "203.0.113.7"
PROXY = "10.0.0.1"
BEHIND = TrustedProxies(["10.0.0.0/8", "192.0.2.44", "2001:db8:1::/48"])


@pytest.mark.parametrize("claimed", ["", "198.51.100.1", "10.0.0.1, 198.51.100.1", "nonsense"])
def test_without_trusted_proxies_only_the_connection_is_believed(claimed: str) -> None:
    assert TrustedProxies([]).sender(SHOPPER, claimed) == SHOPPER
    assert BEHIND.sender(SHOPPER, claimed) == SHOPPER


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "sender"),
    [
        (PROXY, "", PROXY),
        (PROXY, SHOPPER, SHOPPER),
        (PROXY, f"  {SHOPPER} ", SHOPPER),
        # What the shopper wrote stands left of what our proxy appended.
        (PROXY, f"198.51.100.1, {SHOPPER}", SHOPPER),
        (PROXY, f"198.51.100.1, 10.9.9.9, {SHOPPER}", SHOPPER),
        # Two proxies of ours, one behind the other.
        (PROXY, f"{SHOPPER}, 10.3.3.3", SHOPPER),
        (PROXY, f"198.51.100.1, {SHOPPER}, 192.0.2.44, 10.3.3.3", SHOPPER),
        # All of them ours: the first is as far as it goes.
        (PROXY, "10.4.4.4, 10.3.3.3", "10.4.4.4"),
        ("2001:db8:1::5", "2001:db8:9::1", "2001:db8:9::1"),
        # A socket that listens on both families sees IPv4 peers so.
        ("::ffff:10.0.0.1", SHOPPER, SHOPPER),
        # Some gateways name the port as well.
        (PROXY, f"{SHOPPER}:49152", SHOPPER),
        (PROXY, "[2001:db8:9::1]:49152", "2001:db8:9::1"),
        (PROXY, "[2001:db8:9::1]", "2001:db8:9::1"),
        # What is no address ends what can be known.
        (PROXY, "unknown", PROXY),
        (PROXY, f"{SHOPPER}, unknown", PROXY),
        (PROXY, f"{SHOPPER}, ", PROXY),
        (PROXY, ",", PROXY),
    ],
)
def test_a_trusted_proxy_names_whom_it_serves_read_from_the_right(
    peer: str, forwarded_for: str, sender: str
) -> None:
    assert BEHIND.sender(peer, forwarded_for) == sender


@given(
    peer=st.ip_addresses().map(str) | st.text(max_size=10),
    forwarded_for=st.lists(
        st.ip_addresses().map(str) | st.text(",:[]. 0123456789abcf", max_size=12), max_size=5
    ).map(",".join),
)
@settings(max_examples=300, deadline=None)
def test_the_sender_is_the_peer_or_somebody_a_proxy_of_ours_named(peer: str, forwarded_for: str) -> None:
    assert TrustedProxies([]).sender(peer, forwarded_for) == peer
    sender = TrustedProxies(["0.0.0.0/0", "::/0"]).sender(peer, forwarded_for)
    assert sender == peer or sender in forwarded_for


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_the_machine_itself_is_known(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", [SHOPPER, PROXY, "2001:db8::1", "", "localhost", "0.0.0.0", "::"])
def test_nobody_else_is_the_machine_itself(address: str) -> None:
    assert not is_loopback(address)


def test_an_ipv6_subscriber_is_a_whole_network_an_ipv4_one_an_address() -> None:
    assert subscriber("2001:db8:1:2::1") == subscriber("2001:db8:1:2:ffff:ffff:ffff:ffff")
    assert subscriber("2001:db8:1:2::1") != subscriber("2001:db8:1:3::1")
    assert subscriber(SHOPPER) == SHOPPER
    assert subscriber("") == ""
