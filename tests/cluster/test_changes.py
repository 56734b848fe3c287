"""Around a change of a room's owner, and a node that was cut off: nobody acts twice, or is left deaf."""

import signal
import time
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed

from tests.cluster.nodes import Cluster
from tests.cluster.redis import Redis
from tests.processes.clients import PATIENCE, Client
from tests.processes.frames import notice, text

OWNER = "return {ok = redis.call('HGET', KEYS[1], 'node') or ''}"


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


def owner(redis: Redis | None, room: str) -> str:
    """The node whose a room is, as Redis knows."""
    assert redis is not None
    return redis.ask("EVAL", OWNER, "1", f"chatd:{{{room}}}:owner").decode().strip("+\r\n")


def test_who_moves_away_from_a_room_without_an_owner_is_in_the_new_one(build: Callable[..., Cluster]) -> None:
    cluster = build(count=2, balanced=False)
    ann, bob = cluster.nodes[0].join("ann", "one"), cluster.nodes[1].join("bob", "one")
    cid = cluster.nodes[1].join("cid", "two")
    ann.receive()
    cluster.nodes[0].signal(signal.SIGSTOP)
    bob.say("for room one")
    bob.ask("updateRoomName", messageContent="two")
    for client in (bob, cid):
        assert client.receive() == notice("in", "bob", 2, "two")
    while owner(cluster.redis, "one").startswith("node0"):
        time.sleep(0.05)
    for speaker, other in ((cid, bob), (bob, cid)):
        speaker.say("for room two")
        assert other.receive()["messageContent"] == speaker.receive()["messageContent"] == "for room two"
    assert bob.hears_nothing() and cid.hears_nothing()


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
    asked = second.ask("GET", "/metrics-are-not-json")  # what Bob asks is on its way before this is answered
    assert asked[0] == 404
    cluster.cut(1, "drop")
    first.signal(signal.SIGCONT)
    heard = frames_until(ann, tells("out", "bob"))
    assert heard == [text("bob", "once"), notice("out", "bob", 1)]
    cluster.mend(1)
    second.wait_until_ready()
    assert frames_until(ann, tells("in", "bob")) == [notice("in", "bob", 2)]
    bob.say("and again")
    assert ann.receive() == text("bob", "and again")
    assert [frame["messageContent"] for frame in frames_until(bob, says("and again"))].count("once") == 1


def test_who_leaves_while_redis_is_away_does_not_count_any_more(build: Callable[..., Cluster]) -> None:
    cluster = build(count=2, balanced=False, lease=20.0, config="[server]\nmax_per_user = 1\n")
    first, second = cluster.nodes
    ann = first.join("ann")
    cluster.cut(0, "drop")
    first.wait_until_ready(False)
    ann.leave()
    cluster.mend(0)
    first.wait_until_ready()
    end = time.monotonic() + PATIENCE
    while True:
        again = second.connect(userId="ann", name="Ann", roomName="another")
        try:
            assert again.receive() == notice("in", "ann", 1, "another")
            break
        except ConnectionClosed:
            assert time.monotonic() < end
