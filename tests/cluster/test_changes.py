"""Around a change of a room's owner, and a node that was cut off: nobody acts twice, or is left deaf."""

import signal
from collections.abc import Callable
from typing import Any

from tests.cluster.nodes import Cluster
from tests.processes.clients import Client
from tests.processes.frames import notice


def frames_until(client: Client, found: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """What somebody hears, until the first frame that is looked for."""
    frames = [client.receive()]
    while not found(frames[-1]):
        frames.append(client.receive())
    return frames


def says(content: str) -> Callable[[dict[str, Any]], bool]:
    """Finds a text."""
    return lambda frame: frame.get("messageContent") == content


def tells(action: str, user: str) -> Callable[[dict[str, Any]], bool]:
    """Finds a notice."""
    return lambda frame: (frame.get("action"), frame.get("userId")) == (action, user)


def test_who_moves_before_the_room_has_an_owner_is_in_the_new_one(build: Callable[..., Cluster]) -> None:
    cluster = build(count=1, balanced=False)
    (node,) = cluster.nodes
    cid = node.join("cid", "two")
    for number in range(5):
        bob = node.connect(userId="bob", name="Bob", roomName=f"one-{number}")
        bob.ask("updateRoomName", messageContent="two")
        assert cid.receive() == notice("in", "bob", 2, "two")
        cid.say("hello")
        assert cid.receive()["messageContent"] == "hello"
        frames_until(bob, says("hello"))
        bob.leave()
        assert cid.receive() == notice("out", "bob", 1, "two")
    assert cid.hears_nothing()


def test_a_node_that_was_cut_off_hears_again_what_the_others_say(build: Callable[..., Cluster]) -> None:
    cluster = build(count=2, balanced=False)
    first, second = cluster.nodes
    for number in range(2):
        room = f"room-{number}"
        ann, bob = first.join("ann", room), second.join("bob", room)
        ann.receive()
        cluster.cut(0, "drop")
        assert bob.receive() == notice("out", "ann", 1, room)
        cluster.mend(0)
        first.wait_until_ready()
        cid = second.connect(userId="cid", name="Cid", roomName=room)
        for client in (ann, bob, cid):
            frames_until(client, tells("in", "cid"))
            client.leave()


def test_a_request_of_a_node_that_was_given_up_is_done_once(build: Callable[..., Cluster]) -> None:
    cluster = build(count=2, balanced=False)
    first, second = cluster.nodes
    ann, bob = first.join("ann"), second.join("bob")
    ann.receive()
    first.signal(signal.SIGSTOP)
    bob.say("once")
    second.wait_until_ready()  # whether it is on its way by now, or is not yet, it is heard once
    cluster.cut(1, "drop")
    first.signal(signal.SIGCONT)
    heard = frames_until(ann, tells("out", "bob"))
    cluster.mend(1)
    second.wait_until_ready()
    heard += frames_until(ann, tells("in", "bob"))
    bob.say("and again")
    heard += frames_until(ann, says("and again"))
    for frames in (heard, frames_until(bob, says("and again"))):
        assert [frame["messageContent"] for frame in frames].count("once") == 1
