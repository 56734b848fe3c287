"""The arithmetic of the estimate for a large fleet."""

import random

import pytest

from bench.fleet import COSTS, Costs, Fleet, Traffic, edges, loads, redis, room, sizes, together, whole

SMALL = Fleet(nodes=10, connections=1_000)


def test_rooms_hold_all_connections_and_are_the_same_for_the_same_seed():
    drawn = sizes(10_000, 1)
    assert sum(size * count for size, count in drawn.items()) == 10_000
    assert drawn == sizes(10_000, 1) != sizes(10_000, 2)


@pytest.mark.parametrize(("size", "nodes", "others"), [(1, 10, 0), (2, 10, 0.9), (5, 1, 0), (10_000, 10, 9)])
def test_edges_are_the_nodes_beside_the_owner(size, nodes, others):
    assert edges(size, nodes) == pytest.approx(others)


def test_edges_are_as_many_as_chance_makes_them():
    dice = random.Random(7)
    thrown = [len({dice.randrange(20) for _ in range(15)}) - 1 for _ in range(4_000)]
    assert edges(15, 20) == pytest.approx(sum(thrown) / len(thrown), rel=0.02)


def test_turns_are_the_events_when_these_are_few_and_never_more_than_fit():
    assert together(1, 0.005) == pytest.approx(1, rel=0.01)
    assert together(1e9, 0.005) == pytest.approx(200)


def test_a_room_on_one_node_says_nothing_to_others():
    traffic = room(50, Fleet(hashed=50))
    assert (traffic.publications, traffic.hearings, traffic.requests, traffic.bytes_out) == (0, 0, 0, 0)
    assert traffic.owner > 0 < traffic.spread
    assert room(51, Fleet(hashed=50)).hearings > 0


def test_a_room_of_two_nodes_is_heard_on_the_other_one():
    fleet = Fleet(nodes=2, says=0.1, session=20, turn=0, liveliest=100)
    traffic = room(20, fleet)  # two messages a second, and two who come or go
    assert traffic.publications == pytest.approx(4)
    assert traffic.hearings == pytest.approx(4 * edges(20, 2))
    assert traffic.requests == pytest.approx(2)
    turns = 2 * COSTS.said + 2 * COSTS.notice + 4 * COSTS.envelope
    assert traffic.bytes_in == pytest.approx(turns + 2 * COSTS.said + 2 * COSTS.notice)


def test_presence_that_is_told_once_a_second_is_no_more_than_that():
    busy = Fleet(says=0, session=1, turn=0)
    assert room(500, busy).publications == pytest.approx(1_000)
    assert room(500, Fleet(says=0, session=1, turn=0, coalesced=1)).publications == pytest.approx(1)


def test_nobody_reads_more_than_the_liveliest_room_says():
    assert room(10_000, Fleet(session=1e9, turn=0)).publications == pytest.approx(10, rel=0.01)


COUNTED = Traffic(publications=100, hearings=300, requests=50, bytes_in=1e6, bytes_out=2e6)
PLAIN = Costs(publication=(10, 20), hearing=(1, 2), byte_in=0.001, byte_out=0.002, forwarded=5)


def test_redis_works_for_publications_hearers_and_bytes():
    low, high = redis(COUNTED, SMALL, PLAIN)
    assert low == pytest.approx((150 * 10 + 350 * 1 + 1_000 + 4_000) / 1e6)
    assert high == pytest.approx((150 * 20 + 350 * 2 + 1_000 + 4_000) / 1e6)


def test_servers_of_a_redis_cluster_forward_to_each_other_and_those_of_groups_do_not():
    one, _ = redis(COUNTED, SMALL, PLAIN)
    cluster, _ = redis(COUNTED, Fleet(servers=3), PLAIN)
    groups, _ = redis(COUNTED, Fleet(servers=3, groups=True), PLAIN)
    assert cluster == pytest.approx((one + 150 * 2 * 5 / 1e6) / 3)
    assert groups == pytest.approx(one / 3)


def test_groups_keep_rooms_on_fewer_nodes():
    assert Fleet(nodes=80, servers=8, groups=True).reach == 10
    assert Fleet(nodes=80, servers=8).reach == 80


@pytest.mark.parametrize("hashed", [0, 1_000_000])
def test_nodes_do_all_that_there_is_to_do(hashed):
    rooms = sizes(1_000, 3)
    fleet = Fleet(nodes=10, connections=1_000, hashed=hashed)
    traffic = whole(rooms, fleet)
    assert sum(loads(rooms, fleet, 3)) == pytest.approx(traffic.owner + traffic.spread)
