"""What one node alone does: it sends the events of all, and another goes on where it ends."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.nodes import Cluster, Node
from tests.processes.backends import Backend


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    with Backend(tmp_path) as backend:
        yield backend


def webhook(backend: Backend) -> str:
    """A configuration with quick retries."""
    return f'[webhook]\n{backend.settings}events = ["online", "message"]\nretry = 0.05\nretry_most = 0.2\n'


def wait_for_leader(cluster: Cluster) -> None:
    """Wait until all know that the first one leads."""
    cluster.wait_for("node node0-.* is there", times=2)


def of_messages(bodies: list[dict[str, Any]], room: str | None = None) -> list[str]:
    """What was said, in a room or in all."""
    found = [it for it in bodies if "message" in it and room in (None, it["room"])]
    return [it["message"]["messageContent"] for it in found]


def say(node: Node, room: str, *words: str) -> None:
    """Somebody comes by a node and says something, and has a receipt for it."""
    client = node.join(f"user-of-{node.name}", room)
    for word in words:
        client.say(word)
        assert client.receive()["messageContent"] == word


def test_events_of_all_nodes_are_sent_once(build: Callable[..., Cluster], backend: Backend) -> None:
    cluster = build(count=3, config=webhook(backend), balanced=False)
    wait_for_leader(cluster)
    for node in cluster.nodes:
        say(node, node.name, *(f"{node.name} {number}" for number in range(5)))
    said = [f"{node.name} {number}" for node in cluster.nodes for number in range(5)]
    backend.wait_for(lambda bodies: len(bodies) >= len(said) + 3)
    assert sorted(of_messages(backend.bodies)) == said
    for node in cluster.nodes:
        mine = of_messages(backend.bodies, node.name)
        assert mine == sorted(mine)


def test_another_node_goes_on_where_the_leader_ends(
    build: Callable[..., Cluster], backend: Backend
) -> None:
    cluster = build(count=3, config=webhook(backend), balanced=False)
    wait_for_leader(cluster)
    backend.go()
    for node in cluster.nodes:
        say(node, node.name, *(f"{node.name} {number}" for number in range(5)))
    cluster.kill(0)
    say(cluster.nodes[1], "node1", "after it")
    backend.come()
    said = {f"{node.name} {number}" for node in cluster.nodes for number in range(5)} | {"after it"}
    backend.wait_for(lambda bodies: said <= set(of_messages(bodies)))
    assert sorted(of_messages(backend.unique())) == sorted(said)
    for node in cluster.nodes:
        mine = of_messages(backend.unique(), node.name)
        assert mine[:5] == [f"{node.name} {number}" for number in range(5)]
