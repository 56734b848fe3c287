"""A conversation that nobody is in ends in time, whichever node had it, and if none had (K1)."""

import time
from collections.abc import Callable
from urllib.parse import quote

from tests.cluster.nodes import Cluster, Node
from tests.durability.postgres import Cluster as Postgres
from tests.processes.servers import PATIENCE


def containers(postgres: Postgres, url: str) -> set[str]:
    """The rooms that have conversations, as the store knows."""
    return {room for (room,) in postgres.query(url, "SELECT room FROM containers")}


def wait_until_forgotten(postgres: Postgres, url: str) -> None:
    end = time.monotonic() + PATIENCE
    while containers(postgres, url):
        assert time.monotonic() < end, containers(postgres, url)


def converse(node: Node, room: str) -> None:
    """A customer asks for help, and goes."""
    carl = node.customer("carl", room)
    carl.ask("createContainer", acceptId="agnes")
    assert carl.receive()["eventType"] == "createContainer"
    assert carl.receive()["code"] == "agent_offline"
    carl.leave()


def test_what_a_dead_node_had_is_forgotten_by_another(
    build: Callable[..., Cluster], postgres: Postgres
) -> None:
    cluster = build(count=2, config="[containers]\nidle_timeout = 1.0\n", balanced=False)
    cluster.wait_for("node node0-.* is there")
    for number in (1, 0):  # first the one that follows ends, then the one that leads
        node = cluster.nodes[number]
        for room in ("a", "b"):
            converse(node, f"{room} of {node.name}")
        cluster.kill(number)
        wait_until_forgotten(postgres, cluster.url)
        node.start()


def test_what_is_left_of_nodes_that_were_all_stopped_is_forgotten(
    build: Callable[..., Cluster], postgres: Postgres
) -> None:
    cluster = build(count=2, config="[containers]\nidle_timeout = 600\n", balanced=False)
    for node in cluster.nodes:
        converse(node, f"room of {node.name}")
    cluster.kill(0)
    cluster.kill(1)
    assert containers(postgres, cluster.url) == {"room of node0", "room of node1"}
    assert cluster.redis is not None
    assert cluster.redis.ask("FLUSHALL") == b"+OK\r\n"
    cluster.nodes[1].start()
    cluster.wait_for("2 rooms that nobody owned are this node's now")
    where = f"/v1/rooms/{quote('room of node0', safe='')}/containers/carl"
    assert cluster.nodes[1].ask("GET", where)[1]["waiting"] is True


def test_a_room_with_somebody_in_it_is_left_where_it_is(
    build: Callable[..., Cluster], postgres: Postgres
) -> None:
    cluster = build(count=3, config="[containers]\nidle_timeout = 1.0\n", balanced=False)
    cluster.wait_for("node node0-.* is there", times=2)
    carl = cluster.nodes[1].customer("carl", "room")
    carl.ask("createContainer", acceptId="agnes")
    assert carl.receive()["eventType"] == carl.receive()["eventType"] == "createContainer"
    converse(cluster.nodes[2], "another")
    cluster.kill(2)
    end = time.monotonic() + PATIENCE
    while containers(postgres, cluster.url) != {"room"}:
        assert time.monotonic() < end
    agnes = cluster.nodes[0].join("agnes", "room")
    assert agnes.receive()["eventType"] == "createContainer"
