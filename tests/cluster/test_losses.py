"""A node ends, or Redis is away: who is on another node hears what is true, and loses nothing."""

import signal
from collections.abc import Callable

import pytest

from tests.cluster.nodes import Cluster, PatientClient
from tests.cluster.redis import Redis
from tests.processes.clients import Client
from tests.processes.frames import error, notice, text

OWNER = "return {ok = redis.call('HGET', KEYS[1], 'node') or ''}"
RECONNECT = (1001, "the server is going away: reconnect")


def say_until_taken(client: Client, content: str) -> None:
    """Say something, again if it is refused. It is heard once."""
    while True:
        client.say(content, clientMessageId=content)
        heard = client.receive()
        if heard["messageType"] != "error":
            assert heard.get("clientMessageId") == content, heard
            return
        assert heard == error("storage_unavailable", eventType="ordinary", clientMessageId=content)


def conversation(cluster: Cluster, owner: int, other: int) -> tuple[Client, Client]:
    """Agnes and Carl, both on one node, in a room that another node may own."""
    cluster.nodes[owner].join("ann", "shop")
    agnes, carl = cluster.nodes[other].join("agnes", "shop"), cluster.nodes[other].customer("carl", "shop")
    assert agnes.receive()["userId"] == "carl"
    carl.ask("createContainer", acceptId="agnes")
    assert agnes.receive()["eventType"] == carl.receive()["eventType"] == "createContainer"
    agnes.ask("addContainer", containerId="carl")
    assert agnes.receive() == carl.receive() == notice("in", "agnes", 2, "shop", containerId="carl")
    return agnes, carl


# -- a node ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("ending", [0, 1], ids=["where the room began", "where it did not"])
def test_who_was_on_a_node_that_ends_goes_once_and_the_others_talk_on(
    build: Callable[..., Cluster], how: signal.Signals, ending: int
) -> None:
    cluster = build(count=3)
    users = ["ann", "bob", "cid"]
    ann, bob, cid = (node.join(user) for node, user in zip(cluster.nodes, users, strict=True))
    ann.receive(), ann.receive(), bob.receive()
    clients = [ann, bob, cid]
    clients[1].say("before")
    assert ann.receive() == bob.receive() == cid.receive() == text("bob", "before")
    leaver, stayers = clients.pop(ending), clients
    cluster.nodes[ending].signal(how)
    if how == signal.SIGTERM:
        assert leaver.closed() == RECONNECT
    cluster.nodes[ending].wait()
    for stayer in stayers:
        assert stayer.receive() == notice("out", users[ending], 2)
    say_until_taken(stayers[0], "after")
    heard = stayers[1].receive()
    assert heard["messageContent"] == "after"
    assert stayers[0].hears_nothing() and stayers[1].hears_nothing()
    cluster.restart(ending)
    back = cluster.nodes[ending].connect(userId="dan", name="Dan", after=heard["messageId"])
    assert back.receive() == notice("in", "dan", 3)
    assert back.receive()["messages"] == []
    assert stayers[0].receive() == stayers[1].receive() == notice("in", "dan", 3)


def test_who_is_on_a_node_that_the_new_owner_has_not_heard_of_stays(build: Callable[..., Cluster]) -> None:
    cluster = build(count=3, balanced=False, lease=20.0)  # nodes look for new ones every five seconds
    redis, second = cluster.redis, cluster.nodes[2]
    assert isinstance(redis, Redis)
    second.end(signal.SIGTERM)
    second.start()
    ann, bob, cid = (node.join(user) for node, user in zip(cluster.nodes, ("ann", "bob", "cid"), strict=True))
    ann.receive(), ann.receive(), bob.receive()
    second.signal(signal.SIGSTOP)  # so that the room becomes the other's
    cluster.nodes[0].end(signal.SIGTERM)
    while b"node1" not in redis.ask("EVAL", OWNER, "1", "chatd:{lobby}:owner"):
        pass
    second.signal(signal.SIGCONT)
    for stayer in (bob, cid):
        assert stayer.receive() == notice("out", "ann", 2)
    say_until_taken(cid, "after")
    assert bob.receive()["messageContent"] == "after"
    assert bob.hears_nothing() and cid.hears_nothing()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_conversation_goes_on_when_the_node_of_its_room_ends(
    build: Callable[..., Cluster], how: signal.Signals
) -> None:
    cluster = build(count=2, balanced=False)
    agnes, carl = conversation(cluster, 0, 1)
    cluster.nodes[0].end(how)
    assert agnes.receive() == notice("out", "ann", 2, "shop")
    carl.say("still there?", clientMessageId="1")
    assert agnes.receive() == text("carl", "still there?", "shop", containerId="carl")
    assert carl.receive()["clientMessageId"] == "1"
    agnes.ask("removeContainer", containerId="carl")
    assert agnes.receive()["action"] == carl.receive()["action"] == "outAll"
    assert agnes.hears_nothing() and carl.hears_nothing()


def test_a_message_on_its_way_to_a_node_that_dies_is_heard_once(build: Callable[..., Cluster]) -> None:
    cluster = build(count=3, balanced=False)
    ann, bob, cid = (node.join(user) for node, user in zip(cluster.nodes, ("ann", "bob", "cid"), strict=True))
    ann.receive(), ann.receive(), bob.receive()
    cluster.nodes[0].signal(signal.SIGSTOP)  # so that it is on its way
    bob.say("anybody?", clientMessageId="1")
    cluster.kill(0)
    heard = [[client.receive(), client.receive()] for client in (bob, cid)]
    sent = next(frame for frame in heard[0] if frame["messageType"] != "notice")
    if sent["messageType"] == "error":
        assert sent == error("storage_unavailable", eventType="ordinary", clientMessageId="1")
        bob.say("anybody?", clientMessageId="1")
        heard[0].append(bob.receive())
    for frames, client in zip(heard, (bob, cid), strict=True):
        told = [frame for frame in frames if frame["messageType"] != "error"]
        assert notice("out", "ann", 2) in told
        assert [frame["messageContent"] for frame in told if frame["messageType"] == "text"] == ["anybody?"]
        assert client.hears_nothing()


def test_who_moves_away_from_a_room_whose_node_dies_is_in_the_other_room_alone(
    build: Callable[..., Cluster],
) -> None:
    cluster = build(count=2, balanced=False)
    ann, bob = cluster.nodes[0].join("ann", "first"), cluster.nodes[1].join("bob", "first")
    assert ann.receive()["userId"] == "bob"
    cid = cluster.nodes[1].join("cid", "second")
    cluster.nodes[0].signal(signal.SIGSTOP)
    bob.say("to the first")
    bob.ask("updateRoomName", messageContent="second")
    assert bob.receive() == cid.receive() == notice("in", "bob", 2, "second")
    cluster.kill(0)
    dan = cluster.nodes[1].join("dan", "first")  # which is the other node's by then
    dan.ask("history")
    assert [message["messageContent"] for message in dan.receive()["messages"]] == ["to the first"]
    cid.say("to the second")
    assert bob.receive() == text("cid", "to the second", "second")
    assert cid.receive()["messageContent"] == "to the second"
    assert bob.hears_nothing() and cid.hears_nothing() and dan.hears_nothing()


# -- Redis is away ----------------------------------------------------------------------------------


def lose(cluster: Cluster, how: str) -> Callable[[], None]:
    """Redis is away from now on. :returns: brings it back."""
    assert cluster.redis is not None
    if how == "paused":
        cluster.redis.pause()
        return cluster.redis.resume
    if how == "ended":
        cluster.redis.stop()
        return cluster.redis.start
    cut = "hold" if how == "held" else "drop"
    for number in range(len(cluster.nodes)):
        cluster.cut(number, "hold" if cut == "hold" else "drop")

    def mend() -> None:
        for number in range(len(cluster.nodes)):
            cluster.mend(number)

    return mend


@pytest.mark.parametrize("how", ["paused", "ended", "held", "dropped"])
def test_while_redis_is_away_messages_are_refused_and_everybody_stays(
    build: Callable[..., Cluster], how: str
) -> None:
    cluster = build(count=2, balanced=False)
    ann, bob = cluster.nodes[0].join("ann"), cluster.nodes[1].join("bob")
    ann.receive()
    bring_back = lose(cluster, how)
    try:
        for node in cluster.nodes:
            assert "bus" in node.wait_until_ready(False)
        for client in (ann, bob):
            client.say("anybody?", clientMessageId="lost")
            refusal = error("storage_unavailable", eventType="ordinary", clientMessageId="lost")
            assert client.receive() == refusal
            assert Client.hears_nothing(client)  # a heartbeat is answered
    finally:
        bring_back()
    for node in cluster.nodes:
        node.wait_until_ready()
    say_until_taken(ann, "I am")
    assert bob.receive() == text("ann", "I am")
    say_until_taken(bob, "so am I")
    assert ann.receive() == text("bob", "so am I")
    assert ann.hears_nothing() and bob.hears_nothing()
    cluster.assert_no_bugs()


def test_a_room_that_was_left_while_redis_was_away_is_open_to_other_nodes(
    build: Callable[..., Cluster],
) -> None:
    cluster = build(count=2, balanced=False, lease=20.0)  # the node is not given up
    ann = cluster.nodes[0].join("ann", "room")
    cluster.cut(0, "drop")
    cluster.nodes[0].wait_until_ready(False)
    ann.leave()
    cluster.mend(0)
    cluster.nodes[0].wait_until_ready()
    bob = cluster.nodes[1].join("bob", "room")
    assert bob.hears_nothing()


def test_who_is_on_a_node_that_was_cut_off_for_longer_than_its_lease_talks_on_with_the_others(
    build: Callable[..., Cluster],
) -> None:
    cluster = build(count=2, balanced=False)
    ann, bob = cluster.nodes[0].join("ann"), cluster.nodes[1].join("bob")
    assert ann.receive()["userId"] == "bob"
    cluster.cut(0, "drop")
    assert bob.receive() == notice("out", "ann", 1)  # the room is the other node's
    cluster.mend(0)
    assert bob.receive() == notice("in", "ann", 2)
    cluster.nodes[0].wait_until_ready()
    say_until_taken(ann, "I am back")
    assert bob.receive() == text("ann", "I am back")
    say_until_taken(bob, "So am I")
    assert ann.receive() == text("bob", "So am I")
    assert ann.hears_nothing() and bob.hears_nothing()


def test_a_node_that_is_cut_off_is_not_ready_and_the_others_are(build: Callable[..., Cluster]) -> None:
    cluster = build(count=2)
    ann = cluster.nodes[0].join("ann")
    cluster.cut(1, "hold")
    assert "bus" in cluster.nodes[1].wait_until_ready(False)
    cluster.balancer.wait_until(1, "DOWN")
    others = [cluster.join(user) for user in ("bob", "cid")]  # both come to the other node
    assert [ann.receive()["userId"] for _ in others] == ["bob", "cid"]
    ann.say("hello")
    assert ann.receive() == others[1].receive() == text("ann", "hello")
    cluster.mend(1)
    cluster.balancer.wait_until(1, "UP")
    assert isinstance(cluster.nodes[1].join("dan"), PatientClient)
    assert ann.receive() == notice("in", "dan", 4)
