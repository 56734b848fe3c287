"""Who is where: rooms that come and go, and containers nobody is in (C6, K1)."""

import pytest

from chatd.container import SIZE, Container
from chatd.registry import Registry
from chatd.room import Connection
from chatd.wire.events import Encoder
from tests.channel import connection


@pytest.fixture
def registry() -> Registry:
    """An empty one."""
    return Registry(encode=Encoder().encode)


def entered(registry: Registry, user: str, room: str = "lobby", container: str | None = None) -> Connection:
    """A connection that is online."""
    new = connection(user, room, container)
    registry.enter(new)
    return new


def test_it_says_how_much_is_in_it(registry):
    entered(registry, "ann")
    entered(registry, "bob")
    assert repr(registry) == "<Registry rooms=1 connections=2>"


def test_a_room_is_there_while_somebody_is_in_it(registry):
    ann = entered(registry, "ann")
    assert list(registry.rooms) == ["lobby"]
    registry.leave(ann, now=0)
    assert registry.rooms == {}


def test_the_first_and_the_last_connection_of_a_user_are_told_apart(registry):
    """(C6)"""
    first, second = connection("ann"), connection("ann")
    assert [registry.enter(first), registry.enter(second)] == [True, False]
    assert [registry.leave(first, now=0), registry.leave(second, now=0)] == [False, True]


def test_a_user_in_two_rooms_is_first_in_both(registry):
    """(C6)"""
    assert registry.enter(connection("ann", "lobby"))
    assert registry.enter(connection("ann", "den"))
    assert [room.online for room in registry.rooms.values()] == [1, 1]


def test_a_users_connections_are_found_in_whatever_room(registry):
    here, there, _ = entered(registry, "ann"), entered(registry, "ann", "den"), entered(registry, "bob")
    assert registry.connections_of("ann") == [here, there]
    assert registry.connections_of("carl") == []


def test_who_is_in_several_rooms_is_one_user(registry):
    assert registry.users == 0
    for user, room in (("ann", "lobby"), ("ann", "den"), ("ann", "den"), ("bob", "den")):
        entered(registry, user, room)
    assert registry.users == 2
    assert [room.connections for room in registry.rooms.values()] == [1, 3]


def test_connections_are_counted_over_all_rooms(registry):
    connections = [entered(registry, "ann"), entered(registry, "ann"), entered(registry, "bob", "den")]
    assert registry.connections == 3
    for one in connections:
        registry.leave(one, now=0)
    assert registry.connections == 0


def test_a_container_expires_when_nobody_of_it_was_online_for_the_time(registry):
    """(K1)"""
    carl = entered(registry, "carl", container="carl")
    registry.rooms["lobby"].open_container("carl", since="0")
    registry.leave(carl, now=100)
    assert registry.expire_containers(now=1899.9, idle_timeout=1800) == []
    assert list(registry.rooms["lobby"].containers) == ["carl"]
    assert registry.expire_containers(now=1900, idle_timeout=1800) == [("lobby", "carl")]
    assert registry.rooms == {}


def test_a_container_does_not_expire_while_one_of_its_members_is_online(registry):
    """(K1)"""
    carl = entered(registry, "carl", container="carl")
    agnes = entered(registry, "agnes")
    room = registry.rooms["lobby"]
    registry.join_container(room, room.open_container("carl", since="0"), "agnes")
    registry.leave(carl, now=0)
    assert registry.expire_containers(now=10_000, idle_timeout=1800) == []
    registry.leave(agnes, now=10_000)
    assert registry.expire_containers(now=10_001, idle_timeout=1800) == []
    assert registry.expire_containers(now=11_800, idle_timeout=1800) == [("lobby", "carl")]


def test_a_member_who_comes_back_stops_the_clock(registry):
    """(K1, K2)"""
    carl = entered(registry, "carl", container="carl")
    room = registry.rooms["lobby"]
    room.open_container("carl", since="0")
    registry.leave(carl, now=0)
    carl = entered(registry, "carl", container="carl")
    assert registry.expire_containers(now=10_000, idle_timeout=1800) == []
    registry.leave(carl, now=10_000)
    assert registry.expire_containers(now=11_799, idle_timeout=1800) == []


def test_who_joins_a_deserted_container_stops_the_clock(registry):
    """(K1) From when the last of its members goes the time is counted anew, in its place among the others."""
    room = registry.open_room("lobby")
    agnes = entered(registry, "agnes")
    for now, customer in enumerate(("carl", "dora")):
        one = entered(registry, customer, container=customer)
        room.open_container(customer, since="0")
        registry.leave(one, now=now)
    registry.join_container(room, room.containers["carl"], "agnes")
    assert registry.expire_containers(now=1800, idle_timeout=1800) == []
    registry.leave(agnes, now=1800)
    assert registry.expire_containers(now=1801, idle_timeout=1800) == [("lobby", "dora")]
    assert registry.expire_containers(now=3600, idle_timeout=1800) == [("lobby", "carl")]


def test_a_stranger_in_the_room_keeps_no_container(registry):
    """(K1)"""
    carl = entered(registry, "carl", container="carl")
    registry.rooms["lobby"].open_container("carl", since="0")
    entered(registry, "eve")
    registry.leave(carl, now=0)
    assert registry.expire_containers(now=1800, idle_timeout=1800) == [("lobby", "carl")]
    assert list(registry.rooms) == ["lobby"]


def test_containers_expire_each_at_its_own_time(registry):
    """(K1)"""
    for now, customer in enumerate(("carl", "dora")):
        one = entered(registry, customer, container=customer)
        registry.rooms["lobby"].open_container(customer, since="0")
        registry.leave(one, now=now)
    assert registry.expire_containers(now=1800, idle_timeout=1800) == [("lobby", "carl")]
    assert list(registry.rooms["lobby"].containers) == ["dora"]


def test_a_container_that_was_removed_does_not_expire_again(registry):
    """(K1)"""
    carl = entered(registry, "carl", container="carl")
    room = registry.rooms["lobby"]
    room.open_container("carl", since="0")
    registry.leave(carl, now=0)
    registry.remove_container(room, room.containers["carl"])
    assert registry.rooms == {}
    assert registry.expire_containers(now=1800, idle_timeout=1800) == []


def test_a_new_container_of_a_name_does_not_inherit_the_old_ones_time(registry):
    """(K1)"""
    for _ in range(2):
        carl = entered(registry, "carl", container="carl")
        registry.rooms["lobby"].open_container("carl", since="0")
        registry.leave(carl, now=0)
        assert registry.expire_containers(now=1800, idle_timeout=1800) == [("lobby", "carl")]


def test_containers_that_are_back_expire_when_nobody_of_them_comes(registry):
    """(K1, K2)"""
    for room, customer in (("lobby", "carl"), ("den", "dora")):
        registry.restore_containers([(room, Container(customer, since="0"))], now=100)
    assert sorted(registry.rooms) == ["den", "lobby"]
    carl = entered(registry, "carl", container="carl")
    assert registry.expire_containers(now=1899, idle_timeout=1800) == []
    assert registry.expire_containers(now=1900, idle_timeout=1800) == [("den", "dora")]
    assert list(registry.rooms) == ["lobby"]
    registry.leave(carl, now=2000)
    assert registry.expire_containers(now=3800, idle_timeout=1800) == [("lobby", "carl")]
    assert registry.rooms == {}


def desert(registry: Registry, *customers: str, now: float = 0) -> None:
    """Customers who begin a conversation and go."""
    for customer in customers:
        one = entered(registry, customer, container=customer)
        registry.rooms["lobby"].open_container(customer, since="0")
        registry.leave(one, now=now)


def test_deserted_containers_that_hold_too_much_are_forgotten_from_the_oldest_on(registry):
    desert(registry, "carl", "dora", "emma")
    assert registry.shed_containers(3 * SIZE) == []
    assert registry.shed_containers(2 * SIZE) == [("lobby", "carl")]
    assert registry.shed_containers(0) == [("lobby", "dora"), ("lobby", "emma")]
    assert registry.rooms == {}


def test_who_is_online_is_not_forgotten_however_much_it_holds(registry):
    desert(registry, "carl", "dora", "emma")
    carl = entered(registry, "carl", container="carl")
    registry.remove_container(registry.rooms["lobby"], registry.rooms["lobby"].containers["dora"])
    assert registry.shed_containers(SIZE) == []
    assert registry.shed_containers(0) == [("lobby", "emma")]
    registry.leave(carl, now=1)
    assert registry.shed_containers(SIZE - 1) == [("lobby", "carl")]


def test_what_containers_of_a_room_that_moves_away_hold_is_not_counted_any_more(registry):
    desert(registry, "carl", "dora")
    registry.abandon("lobby")
    desert(registry, "emma")
    assert registry.shed_containers(SIZE) == []
