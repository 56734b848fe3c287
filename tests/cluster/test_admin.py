"""The admin API says and does the same on every node, wherever a room lives and a client is connected."""

from collections.abc import Callable
from itertools import count
from signal import SIGCONT, SIGSTOP
from typing import Any
from urllib.parse import quote

import pytest

from tests.cluster.nodes import Cluster, Node
from tests.processes.frames import notice, text

ROOMS = count(1)


@pytest.fixture
def room() -> str:
    """A room in which nobody has been."""
    return f"office {next(ROOMS)}/é"  # a path needs it encoded


def path(room: str, *more: str) -> str:
    return "/".join(("/v1/rooms", *(quote(part, safe="") for part in (room, *more))))


def said(content: str, **fields: Any) -> dict[str, Any]:
    return {"messageType": "text", "messageContent": content, **fields}


def pages(node: Node, where: str, key: str, limit: int) -> list[list[Any]]:
    """All pages of a list."""
    found, after = [], ""
    while True:
        status, page = node.ask("GET", f"{where}?limit={limit}&after={quote(after)}")
        assert status == 200
        found.append(page[key])
        if page["next"] is None:
            return found
        after = page["next"]


# -- rooms ------------------------------------------------------------------------------------------


def test_rooms_of_all_nodes_are_one_list(pair: Cluster, room: str) -> None:
    there = pair.nodes[1]
    for number in range(5):  # each lives where its first member is
        pair.nodes[number % 2].join("ann", f"{room} {number}")
    bob = there.join("bob", f"{room} 0")
    assert bob.hears_nothing()
    for node in pair.nodes:
        for limit, sizes in ((2, [2, 2, 1]), (5, [5]), (100, [5])):
            found = pages(node, "/v1/rooms", "rooms", limit)
            assert [len(page) for page in found] == sizes
            rooms = [each for page in found for each in page]
            assert [each["name"] for each in rooms] == [f"{room} {number}" for number in range(5)]
            assert [each["online"] for each in rooms] == [2, 1, 1, 1, 1]


def test_a_room_is_told_of_by_each_node(pair: Cluster, room: str) -> None:
    pair.nodes[0].join("ann", room)
    bob = pair.nodes[1].join("bob", room)
    assert bob.hears_nothing()
    views = [node.ask("GET", path(room)) for node in pair.nodes]
    assert views[0] == views[1]
    status, view = views[0]
    assert (status, view["online"], view["connections"]) == (200, 2, 2)
    assert [member["userId"] for member in view["members"]] == ["ann", "bob"]


def test_what_is_nowhere_is_found_by_no_node(pair: Cluster, room: str) -> None:
    for node in pair.nodes:
        for where in (path(room), path(room, "containers"), path(room, "containers", "carl")):
            assert node.ask("GET", where)[0] == 404
        assert node.ask("DELETE", path(room, "containers", "carl"))[0] == 404
        assert node.ask("POST", path(room, "containers", "carl", "messages"), said("x"))[0] == 404
        assert node.ask("GET", "/v1/users/nobody/connections")[0] == 404
        assert node.ask("POST", "/v1/users/nobody/kick", {"reason": "x"})[0] == 404


# -- messages ---------------------------------------------------------------------------------------


def test_a_message_to_a_room_in_which_nobody_is_is_kept(pair: Cluster, room: str) -> None:
    ids = []
    for number, node in enumerate([*pair.nodes, *pair.nodes]):
        status, answer = node.ask("POST", path(room, "messages"), said(str(number)))
        assert status == 201
        ids.append(answer["messageId"])
    assert ids == sorted(ids)
    for node in pair.nodes:
        page = node.join("ann", room, after="").receive()
        assert [message["messageContent"] for message in page["messages"]] == ["0", "1", "2", "3"]
        assert [message["messageId"] for message in page["messages"]] == ids


def test_a_repeat_by_another_node_is_known(pair: Cluster, room: str) -> None:
    bodies = [
        node.ask("POST", path(room, "messages"), said("once", clientMessageId="1"))[1] for node in pair.nodes
    ]
    assert [body["repeated"] for body in bodies] == [False, True]
    assert bodies[0]["messageId"] == bodies[1]["messageId"]


def test_what_is_wrong_with_a_body_is_told_by_each_node(pair: Cluster, room: str) -> None:
    pair.nodes[0].join("ann", room)
    for node in pair.nodes:
        assert node.ask("POST", path(room, "messages"), {"messageType": "text"})[0] == 422


# -- containers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [0, 1])
def test_a_container_is_seen_spoken_in_and_closed_by_each_node(pair: Cluster, room: str, asked: int) -> None:
    node = pair.nodes[asked]
    agnes, carl = pair.nodes[0].join("agnes", room), pair.nodes[1].customer("carl", room)
    assert agnes.receive()["userId"] == "carl"
    carl.ask("createContainer", acceptId="agnes")
    assert agnes.receive()["eventType"] == carl.receive()["eventType"] == "createContainer"
    agnes.ask("addContainer", containerId="carl")
    assert agnes.receive() == carl.receive() == notice("in", "agnes", 2, room, containerId="carl")
    status, view = node.ask("GET", path(room, "containers", "carl"))
    assert (status, view["state"], view["members"], view["online"]) == (200, "open", ["carl", "agnes"], 2)
    assert node.ask("GET", path(room, "containers"))[1]["containers"] == [view]
    assert view in [each for page in pages(node, "/v1/containers", "containers", 1) for each in page]
    assert node.ask("POST", path(room, "containers", "carl", "messages"), said("we close"))[0] == 201
    by_the_system = {"containerId": "carl", "nickName": "system"}
    assert agnes.receive() == carl.receive() == text("system", "we close", room, **by_the_system)
    assert node.ask("DELETE", path(room, "containers", "carl")) == (204, None)
    assert agnes.receive()["action"] == carl.receive()["action"] == "outAll"
    assert node.ask("GET", path(room, "containers", "carl"))[0] == 404


# -- users ------------------------------------------------------------------------------------------


def test_a_users_connections_are_those_of_all_nodes(pair: Cluster, room: str) -> None:
    pair.nodes[0].join("ann", room)
    for name in (room, f"{room} too"):
        assert pair.nodes[1].join("ann", name).hears_nothing()
    for node in pair.nodes:
        status, answer = node.ask("GET", "/v1/users/ann/connections")
        assert status == 200
        assert sorted(each["room"] for each in answer["connections"]) == [room, room, f"{room} too"]
        assert all(each["peer"].startswith("127.0.0.1:") for each in answer["connections"])


def test_who_is_kicked_out_of_a_room_stays_in_others(pair: Cluster, room: str) -> None:
    here, there = pair.nodes
    out, stays = there.join("ann", room), there.join("ann", f"{room} too")
    assert here.ask("POST", "/v1/users/ann/kick", {"reason": "spam", "room": room}) == (200, {"closed": 1})
    assert out.closed() == (1008, "spam")
    assert stays.hears_nothing()


# -- automatic replies ------------------------------------------------------------------------------


def test_an_automatic_reply_is_set_and_deleted_on_all_nodes(pair: Cluster) -> None:
    here, there = pair.nodes
    assert here.ask("PUT", "/v1/autoreplies/bye", {"text": "Good bye!"})[0] == 200
    for node in pair.nodes:
        assert node.ask("GET", "/v1/autoreplies")[1]["replies"]["bye"] == "Good bye!"
    assert there.ask("DELETE", "/v1/autoreplies/bye") == (204, None)
    for node in pair.nodes:
        assert "bye" not in node.ask("GET", "/v1/autoreplies")[1]["replies"]
        assert node.ask("DELETE", "/v1/autoreplies/bye")[0] == 404


# -- what goes wrong --------------------------------------------------------------------------------


def test_a_node_that_does_not_answer_is_named_rather_than_left_out(build: Callable[..., Cluster]) -> None:
    cluster = build(count=2, lease=8.0, balanced=False)
    here, there = cluster.nodes
    ann = here.join("ann", "here")
    bob = there.join("bob", "there")
    assert ann.hears_nothing() and bob.hears_nothing()
    there.signal(SIGSTOP)
    requests = [
        ("GET", "/v1/rooms", None),
        ("POST", "/v1/online", {"rooms": ["here"]}),
        ("POST", "/v1/users/ann/kick", {"reason": "x", "room": "elsewhere"}),
        ("GET", "/v1/rooms/there", None),
    ]
    for method, where, body in requests:
        status, answer = here.ask(method, where, body)
        assert (status, answer["error"]) == (503, "node_away")
        assert "node1-" in answer["message"]
    assert here.ask("GET", "/v1/rooms/here")[0] == 200
    there.signal(SIGCONT)
    assert bob.hears_nothing()
    assert here.ask("GET", "/v1/rooms/there")[1]["online"] == 1
