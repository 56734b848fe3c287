"""Who may come in at all (C2): origins, and how many from where."""

from typing import Any

import pytest

from chatd.rate import Rate
from tests.client import Client
from tests.house import House, target

SHOP = "https://shop.example"


def refusal(client: Client) -> tuple[int | None, str, str | None]:
    """How a connection was closed, and with which error."""
    error = client.frame()
    return client.closed, error["code"], error["messageContent"]


def test_where_origins_are_named_one_may_also_come_without(open_house):
    house = open_house(origins=(SHOP,))
    assert house.knock(target()).status == 101
    assert house.knock(target(), Origin=SHOP).status == 101
    for foreign in ("https://evil.example", "null", SHOP + ".evil.example", SHOP.upper(), SHOP + "/"):
        assert house.knock(target(), Origin=foreign).status == 403


def test_who_comes_without_an_origin_may_be_refused(open_house):
    house = open_house(origins=(SHOP,), admission={"no_origin": False})
    assert house.knock(target()).status == 403
    assert house.knock(target(), Origin="").status == 403
    assert house.knock(target(), Origin=SHOP).status == 101


def test_where_no_origins_are_named_none_is_needed(open_house):
    assert open_house(admission={"no_origin": False}).knock(target()).status == 101


def test_an_address_has_so_many_connections_at_a_time(open_house):
    house = open_house(admission={"max_per_address": 2})
    ann, bob = house.join("ann"), house.join("bob")
    house.hush()
    carl = house.join("carl")
    assert refusal(carl) == (4429, "rate_limited", "Too many connections from this address.")
    assert (ann.texts(), bob.texts()) == ([], [])
    ann.leave()
    house.settle()
    assert house.join("carl").closed is None
    assert house.join("dora").closed == 4429


def test_a_refused_connection_does_not_count(open_house):
    house = open_house(admission={"max_per_address": 1})
    assert house.connect(name=None).closed == 4400
    house.settle()
    assert house.join("ann").closed is None


def test_a_user_has_so_many_connections_at_a_time_in_all_rooms(open_house):
    house = open_house(admission={"max_per_user": 2})
    first, second = house.join("ann", "one"), house.join("ann", "two")
    house.hush()
    third = house.join("ann", "three")
    assert refusal(third) == (4429, "rate_limited", "Too many connections of this user.")
    assert house.join("bob", "three").frame()["count"] == 1
    second.vanish()
    assert house.join("ann", "three").closed is None
    assert first.closed is None


def test_an_address_connects_no_faster_than_its_rate(open_house):
    house = open_house(admission={"rate": Rate(1, 2)})
    assert [house.join("ann").closed for _ in range(3)] == [None, None, 4429]
    house.wait(1)
    assert [house.join("ann").closed for _ in range(2)] == [None, 4429]


@pytest.mark.parametrize(
    ("proxies", "outcome"), [(("127.0.0.0/8",), [None, None, 4429]), ((), [None, 4429, 4429])]
)
def test_behind_a_trusted_proxy_each_client_counts_for_itself(open_house, proxies, outcome):
    house = open_house(admission={"max_per_address": 1, "proxies": proxies})
    addresses = ("192.0.2.1", "192.0.2.2", "192.0.2.1")
    clients = [house.knock(target(), X_Forwarded_For=address) for address in addresses]
    assert [client.closed for client in clients] == outcome


def test_the_log_tells_whom_a_proxy_speaks_for(open_house, log):
    house: House = open_house(admission={"proxies": ("127.0.0.1",)})
    house.knock(target(), X_Forwarded_For="192.0.2.1")
    joined: Any = log[-1]
    assert joined["peer"] == "192.0.2.1 via 127.0.0.1:50000"
