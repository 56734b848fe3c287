"""A user's connections are counted on all nodes together."""

import time
from collections.abc import Callable

from tests.cluster.nodes import Cluster, Node
from tests.processes.clients import Client
from tests.processes.frames import notice
from tests.processes.servers import PATIENCE

CONFIG = "[server]\nmax_per_user = 2\n"


def refused(node: Node, user: str) -> bool:
    """Whether one more connection of a user is refused."""
    client = node.connect(userId=user, name=user, roomName="room")
    first = client.receive()
    if first["messageType"] == "error":
        assert first["code"] == "rate_limited"
        assert client.closed()[0] == 4429
        return True
    client.leave()
    return False


def come(node: Node, user: str = "ann", room: str = "room") -> Client:
    client = node.join(user, room)
    assert client.hears_nothing()
    return client


def until(node: Node, is_refused: bool) -> None:
    """Wait until one more connection of Ann's is refused, or is not: what other nodes have they tell Redis a
    little after they tell the client."""
    end = time.monotonic() + PATIENCE
    while refused(node, "ann") != is_refused:
        assert time.monotonic() < end


def test_a_user_has_so_many_connections_on_all_nodes(build: Callable[..., Cluster]) -> None:
    cluster = build(count=2, config=CONFIG, balanced=False)
    here, there = cluster.nodes
    first, second = come(here), come(there, room="another")
    for node in cluster.nodes:
        assert refused(node, "ann")
        assert not refused(node, "bob")
    second.leave()
    until(here, is_refused=False)
    come(here).leave()
    until(there, is_refused=False)
    third = come(there)
    for node in cluster.nodes:
        assert refused(node, "ann")
    first.leave()
    third.leave()
    assert cluster.redis is not None
    cluster.settle()
    assert cluster.redis.ask("EXISTS", "chatd:user:ann") == b":0\r\n"


def test_what_a_dead_node_had_does_not_count(build: Callable[..., Cluster]) -> None:
    cluster = build(count=2, config=CONFIG, balanced=False)
    here, there = cluster.nodes
    for room in ("a", "b"):
        come(there, room=room)
    assert refused(here, "ann")
    cluster.kill(1)
    cluster.wait_for("node node1-.* is gone")
    assert not refused(here, "ann")
    come(here)
    come(here)
    assert refused(here, "ann")


def test_a_redis_that_has_forgotten_all_is_told_again(build: Callable[..., Cluster]) -> None:
    cluster = build(count=2, config=CONFIG, balanced=False)
    here, there = cluster.nodes
    come(here)
    come(there)
    assert cluster.redis is not None
    cluster.redis.stop()
    for node in cluster.nodes:
        node.wait_until_ready(False)
    cluster.redis.start()
    for node in cluster.nodes:
        node.wait_until_ready()
    for node in cluster.nodes:
        until(node, is_refused=True)


def test_who_leaves_while_redis_is_away_is_not_counted_any_more(build: Callable[..., Cluster]) -> None:
    cluster = build(count=2, config=CONFIG, balanced=False, lease=20.0)  # the node is not given up
    here, there = cluster.nodes
    clients = [come(here), come(here)]
    assert refused(there, "ann")
    cluster.cut(0, "drop")
    here.wait_until_ready(False)
    for client in clients:
        client.leave()
    cluster.mend(0)
    here.wait_until_ready()
    until(there, is_refused=False)


def test_in_a_large_room_who_comes_to_whichever_node_is_told_together(build: Callable[..., Cluster]) -> None:
    config = "[notices]\ncoalesce_above = 2\ncoalesce_window = 10.0\n"
    here, there = build(count=2, config=config, balanced=False).nodes
    ann, bob = here.join("ann", "room"), there.join("bob", "room")
    assert ann.receive()["userId"] == "bob"
    for node, names in ((here, ("cid", "dan")), (there, ("eve", "fay"))):
        for name in names:
            last = node.join(name, "room")  # hears its own at once
    told = notice("in", "fay", 6, "room")
    assert ann.receive() == bob.receive() == told
    assert ann.hears_nothing() and bob.hears_nothing()
    assert last.hears_nothing()  # of itself not twice
