"""Two nodes are one server: who is on the other one is heard, counted and found as if it were here."""

from collections.abc import Callable
from itertools import count

import pytest

from tests.cluster.nodes import Cluster
from tests.processes.clients import Client
from tests.processes.frames import error, message, notice, text

ROOMS = count(1)  # a room of its own for each test, since a container outlives its members' connections


@pytest.fixture
def room() -> str:
    """A room in which nobody has been."""
    return f"room-{next(ROOMS)}"


def conversation(pair: Cluster, room: str) -> tuple[Client, Client]:
    """Agnes on the one node and Carl on the other, in Carl's container; all is heard."""
    agnes, carl = pair.nodes[0].join("agnes", room), pair.nodes[1].customer("carl", room)
    assert agnes.receive()["userId"] == "carl"
    carl.ask("createContainer", acceptId="agnes")
    assert agnes.receive()["eventType"] == carl.receive()["eventType"] == "createContainer"
    agnes.ask("addContainer", containerId="carl")
    assert agnes.receive() == carl.receive() == notice("in", "agnes", 2, room, containerId="carl")
    return agnes, carl


# -- who is there -----------------------------------------------------------------------------------


def test_the_count_is_of_users_on_all_nodes(pair: Cluster, room: str) -> None:
    here, there = pair.nodes
    ann = here.connect(userId="ann", name="Ann", roomName=room)
    assert ann.receive() == notice("in", "ann", 1, room)
    bob = there.connect(userId="bob", name="Bob", roomName=room)
    assert ann.receive() == bob.receive() == notice("in", "bob", 2, room)
    tab = there.connect(userId="ann", name="Ann", roomName=room)
    assert tab.receive() == notice("in", "ann", 2, room)
    cid = here.connect(userId="cid", name="Cid", roomName=room)
    assert ann.receive() == bob.receive() == tab.receive() == cid.receive() == notice("in", "cid", 3, room)
    assert ann.hears_nothing() and bob.hears_nothing() and tab.hears_nothing() and cid.hears_nothing()


def test_two_tabs_on_two_nodes_come_once_and_go_once(pair: Cluster, room: str) -> None:
    here, there = pair.nodes
    witnesses = here.join("hal", room), there.join("tom", room)
    witnesses[0].receive()
    first, second = here.join("ann", room), there.join("ann", room)
    for witness in witnesses:
        assert witness.receive() == notice("in", "ann", 3, room)
    first.leave()
    second.say("still here")
    for witness in witnesses:
        assert witness.receive() == text("ann", "still here", room)
    second.leave()
    for witness in witnesses:
        assert witness.receive() == notice("out", "ann", 2, room)
        assert witness.hears_nothing()


def test_a_newer_connection_displaces_the_older_one_on_another_node(build: Callable[..., Cluster]) -> None:
    here, there = build(count=2, config="[server]\ndisplace = true\n").nodes
    witness = here.join("witness")
    for older_on, newer_on in ((here, there), (there, here)):
        older = older_on.join("ann")
        assert witness.receive()["action"] == "in"
        newer = newer_on.join("ann")
        assert older.closed()[0] == 4409
        assert newer.hears_nothing()
        newer.leave()
        assert witness.receive() == notice("out", "ann", 1)


# -- moving and renaming ----------------------------------------------------------------------------


def test_who_moves_is_told_of_in_rooms_of_two_nodes(pair: Cluster, room: str) -> None:
    here, there = pair.nodes
    old, new = f"{room}-old", f"{room}-new"
    left, found = here.join("hal", old), there.join("tom", new)  # the first to come may decide whose it is
    left_too, found_too = there.join("liz", old), here.join("joe", new)
    assert left.receive()["userId"] == "liz" and found.receive()["userId"] == "joe"
    for node, user in ((here, "ann"), (there, "bob")):
        mover = node.join(user, old)
        assert left.receive() == left_too.receive() == notice("in", user, 3, old)
        mover.ask("updateRoomName", messageContent=new)
        assert mover.receive() == found.receive() == found_too.receive() == notice("in", user, 3, new)
        assert left.receive() == left_too.receive() == notice("out", user, 2, old)
        mover.say("here I am")
        assert mover.receive() == found.receive() == found_too.receive() == text(user, "here I am", new)
        mover.leave()
        assert found.receive() == found_too.receive() == notice("out", user, 2, new)
    assert left.hears_nothing() and left_too.hears_nothing()


def test_a_new_name_is_that_of_the_users_tab_on_the_other_node_too(pair: Cluster, room: str) -> None:
    here, there = pair.nodes
    bob, ann, tab = here.join("bob", room), here.join("ann", room), there.join("ann", room)
    bob.receive()
    tab.ask("updateUserInfo", messageContent="Anna", userIconUpdate="https://i.example/a.png")
    renamed = {"nickName": "Anna", "userIcon": "https://i.example/a.png"}
    told = message("ann", room, messageContent="Anna", eventType="updateUserInfo", **renamed)
    assert bob.receive() == ann.receive() == tab.receive() == told
    ann.say("it is me")
    assert bob.receive() == ann.receive() == tab.receive() == text("ann", "it is me", room, **renamed)
    ann.leave()
    tab.leave()
    assert bob.receive() == notice("out", "ann", 1, room, nickName="Anna")


# -- customer service -------------------------------------------------------------------------------


@pytest.mark.parametrize(("agents", "customers"), [(0, 1), (1, 0)])
def test_a_conversation_is_of_two_nodes(pair: Cluster, room: str, agents: int, customers: int) -> None:
    pair.nodes[0].join("witness", room)  # the room is this node's, or might be
    agnes, carl = pair.nodes[agents].join("agnes", room), pair.nodes[customers].customer("carl", room)
    assert agnes.receive() == notice("in", "carl", 3, room)
    carl.ask("createContainer", acceptId="agnes")
    fields = {"acceptId": "agnes", "containerId": "carl", "targetId": "order-1"}
    request = message("carl", room, eventType="createContainer", **fields)
    assert agnes.receive() == carl.receive() == request
    agnes.ask("addContainer", containerId="carl")
    assert agnes.receive() == carl.receive() == notice("in", "agnes", 2, room, containerId="carl")
    agnes.say("can I help?", containerId="carl")
    assert agnes.receive() == carl.receive() == text("agnes", "can I help?", room, containerId="carl")
    carl.say("yes")
    assert agnes.receive() == carl.receive() == text("carl", "yes", room, containerId="carl")
    agnes.ask("removeContainer", containerId="carl")
    gone = notice("outAll", "carl", 0, room, containerId="carl", nickName="Agnes")
    assert agnes.receive()["action"] == carl.receive()["action"] == gone["action"]
    assert agnes.hears_nothing() and carl.hears_nothing()


def test_a_request_that_waits_is_told_when_the_agent_comes_to_another_node(pair: Cluster, room: str) -> None:
    carl = pair.nodes[0].customer("carl", room)
    carl.ask("createContainer", acceptId="agnes")
    request = carl.receive()
    assert carl.receive() == error("agent_offline", eventType="createContainer")
    agnes = pair.nodes[1].join("agnes", room)
    assert agnes.receive() == request
    assert agnes.hears_nothing()


def test_what_was_said_before_reaches_the_agent_on_another_node(pair: Cluster, room: str) -> None:
    carl = pair.nodes[0].customer("carl", room)
    said = []
    for content in ("hello?", "anybody?"):
        carl.say(content)
        said.append(carl.receive())
    carl.ask("createContainer", acceptId="agnes")
    assert carl.receive()["eventType"] == carl.receive()["eventType"] == "createContainer"
    agnes = pair.nodes[1].join("agnes", room)
    assert agnes.receive()["eventType"] == "createContainer"
    agnes.ask("addContainer", containerId="carl")
    assert agnes.receive() == carl.receive() == notice("in", "agnes", 2, room, containerId="carl")
    assert [agnes.receive(), agnes.receive()] == said
    assert agnes.hears_nothing()


def test_an_agent_who_comes_back_by_another_node_is_in_its_containers(pair: Cluster, room: str) -> None:
    agnes, carl = conversation(pair, room)
    agnes.leave()
    assert carl.receive() == notice("out", "agnes", 1, room, containerId="carl")
    agnes = pair.nodes[1].join("agnes", room)
    assert agnes.receive() == carl.receive() == notice("in", "agnes", 2, room, containerId="carl")
    carl.say("there you are")
    assert agnes.receive() == carl.receive() == text("carl", "there you are", room, containerId="carl")


# -- history ----------------------------------------------------------------------------------------


def test_history_is_told_by_each_node(pair: Cluster, room: str) -> None:
    ann, bob = pair.nodes[0].join("ann", room), pair.nodes[1].join("bob", room)
    ann.receive()
    said = []
    for number in range(6):
        (ann, bob)[number % 2].say(str(number))
        said.append(ann.receive())
        assert bob.receive() == said[-1]
    for client in (ann, bob):
        client.ask("history", after=said[1]["messageId"], limit=3)
        page = client.receive()
        assert (page["messages"], page["more"]) == (said[2:5], True)
    for node, user in zip(pair.nodes, ("cid", "dan"), strict=True):
        latecomer = node.join(user, room, after=said[3]["messageId"])
        page = latecomer.receive()
        assert (page["messageType"], page["messages"], page["more"]) == ("history", said[4:], False)


def test_a_repeat_by_another_node_is_answered_with_the_first_and_heard_by_nobody(
    pair: Cluster, room: str
) -> None:
    ann, bob = pair.nodes[0].join("ann", room), pair.nodes[0].join("bob", room)
    ann.receive()
    ann.say("only once", clientMessageId="1")
    first = ann.receive()
    assert bob.receive()["messageId"] == first["messageId"]
    again = pair.nodes[1].join("ann", room)
    again.say("only once", clientMessageId="1")
    assert again.receive() == first
    assert bob.hears_nothing()


# -- the admin API ----------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [0, 1])
def test_a_kick_by_one_node_closes_connections_of_all(pair: Cluster, room: str, asked: int) -> None:
    here, there = pair.nodes
    witness, anns = here.join("witness", room), [here.join("ann", room), there.join("ann", room)]
    witness.receive()
    assert pair.nodes[asked].ask("POST", "/v1/users/ann/kick", {"reason": "spam"}) == (200, {"closed": 2})
    assert [ann.closed() for ann in anns] == [(1008, "spam")] * 2
    assert witness.receive() == notice("out", "ann", 1, room)


def test_a_kick_by_one_node_finds_who_is_on_another_one_alone(pair: Cluster, room: str) -> None:
    for here, there in (pair.nodes, pair.nodes[::-1]):
        ann = there.join("ann", f"{room}-{there.name}")
        assert here.ask("POST", "/v1/users/ann/kick", {"reason": "spam"}) == (200, {"closed": 1})
        assert ann.closed() == (1008, "spam")


def test_a_message_of_the_admin_api_is_heard_on_all_nodes(pair: Cluster, room: str) -> None:
    ann, bob = pair.nodes[0].join("ann", room), pair.nodes[1].join("bob", room)
    ann.receive()
    for node in pair.nodes:
        said = {"messageType": "text", "messageContent": f"by {node.name}"}
        assert node.ask("POST", f"/v1/rooms/{room}/messages", said)[0] == 201
        heard = ann.receive()
        assert bob.receive() == heard
        assert (heard["createUser"], heard["messageContent"]) == ("system", f"by {node.name}")


def test_each_node_counts_who_is_online_on_all(pair: Cluster, room: str) -> None:
    ann, tab, bob = (pair.nodes[n].join(user, room) for n, user in ((0, "ann"), (1, "ann"), (1, "bob")))
    assert bob.hears_nothing()
    for node in pair.nodes:
        assert node.ask("POST", "/v1/online", {"rooms": [room]}) == (200, {"online": {room: 2}})
    tab.leave()
    assert ann.receive()["userId"] == "bob"
    bob.leave()
    assert ann.receive() == notice("out", "bob", 1, room)
    for node in pair.nodes:
        assert node.ask("POST", "/v1/online", {"rooms": [room]}) == (200, {"online": {room: 1}})
