"""Whose address is whose, behind proxies too."""

import pytest

from chatd.addresses import Proxies, checked_networks, neighbourhood, plain


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # no proxy of ours: anybody can write that
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "6.6.6.6, what\x1b[31m", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "2001:DB8::1", "2001:db8::1"),
        ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8:ffff::1", "198.51.100.1", "198.51.100.1"),
        ("unix", "198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_client_is_whom_the_last_trusted_proxy_heard_from(peer, forwarded_for, client):
    proxies = Proxies(["10.0.0.0/8", "2001:db8:ffff::/48", "unix"])
    assert proxies.client(peer, forwarded_for) == client


@pytest.mark.parametrize("peer", ["10.0.0.1", "unix"])
def test_without_proxies_nobody_is_believed(peer):
    assert Proxies().client(peer, "198.51.100.1") == peer


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [("192.0.2.1", "192.0.2.1"), ("unix", "unix"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")],
)
def test_ipv6_addresses_are_counted_by_their_64(address, counted_as):
    assert neighbourhood(address) == counted_as


def test_networks_are_addresses_networks_or_unix():
    good = ("127.0.0.1", "10.0.0.0/8", "::1", "unix")
    assert checked_networks(good) == good
    for bad in ("localhost", "10.0.0.1/8", ""):
        with pytest.raises(ValueError, match=r'expected "127.0.0.1"'):
            checked_networks((bad,))


@pytest.mark.parametrize(
    ("address", "bare"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:1", "::ffff:1"),
        ("::1", "::1"),
        ("unix", "unix"),
    ],
)
def test_an_address_of_ipv4_is_one_on_a_socket_for_both_families_too(address, bare):
    assert plain(address) == bare
