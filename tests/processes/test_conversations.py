"""One agent and two customers (1toN): every frame that each of them receives, and that nobody else does."""

from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from tests.processes.clients import Client
from tests.processes.frames import error, message, notice, text
from tests.processes.servers import Server

ROOMS = count(1)  # a room of its own for each test, since a container outlives its members' connections


@dataclass
class Desk:
    """An agent in a room, and its two customers; all have heard each other's coming."""

    room: str
    agent: Client
    carl: Client
    cora: Client

    def open(self) -> None:
        """Carl and Cora ask, and the agent opens their containers; all of which is heard."""
        for name, customer in (("carl", self.carl), ("cora", self.cora)):
            customer.ask("createContainer", acceptId="agnes")
            self.agent.ask("addContainer", containerId=self.agent.receive()["containerId"])
            assert self.agent.receive() == self.notice("in", "agnes", 2, containerId=name)
            assert customer.receive()["eventType"] == "createContainer"
            assert customer.receive()["action"] == "in"

    def notice(self, action: str, user: str, online: int, **fields: Any) -> dict[str, Any]:
        """A notice in this room."""
        return notice(action, user, online, self.room, **fields)

    def text(self, user: str, content: str, container: str, **fields: Any) -> dict[str, Any]:
        """A text said in a container of this room."""
        return text(user, content, self.room, containerId=container, **fields)


@pytest.fixture
def desk(server: Server) -> Desk:
    """An agent and two customers of whom no container is open yet."""
    room = f"shop-{next(ROOMS)}"
    agent = server.join("agnes", room)
    carl, cora = server.customer("carl", room), server.customer("cora", room)
    assert [agent.receive()["userId"], agent.receive()["userId"]] == ["carl", "cora"]
    return Desk(room, agent, carl, cora)


@pytest.fixture
def open_desk(desk: Desk) -> Desk:
    """An agent and two customers whose containers are open."""
    desk.open()
    return desk


# -- what each of them hears ------------------------------------------------------------------------


def test_an_agent_is_told_of_each_customer_and_a_customer_of_itself_alone(server: Server) -> None:
    agent = server.join("agnes", "agnes")
    for online, name in enumerate(("carl", "cora"), 2):
        customer = server.connect(userId=name, name=name.capitalize(), roomName="agnes", containerId=name)
        assert customer.receive() == agent.receive() == notice("in", name, online, "agnes")
        assert customer.hears_nothing()
    assert agent.hears_nothing()


def test_a_customers_request_reaches_the_agent_and_itself(desk: Desk) -> None:
    desk.carl.ask("createContainer", acceptId="agnes", clientMessageId="c-1")
    fields = {"acceptId": "agnes", "containerId": "carl", "targetId": "order-1"}
    request = message("carl", desk.room, eventType="createContainer", **fields)
    assert desk.agent.receive() == request
    assert desk.carl.receive() == request | {"clientMessageId": "c-1"}
    assert desk.cora.hears_nothing()


def test_agent_and_customer_are_told_that_the_agent_has_joined(desk: Desk) -> None:
    desk.carl.ask("createContainer", acceptId="agnes")
    desk.agent.receive(), desk.carl.receive()
    desk.agent.ask("addContainer", containerId="carl")
    assert desk.agent.receive() == desk.carl.receive() == desk.notice("in", "agnes", 2, containerId="carl")
    assert desk.agent.hears_nothing()
    assert desk.cora.hears_nothing()


def test_what_a_customer_said_before_reaches_the_agent_who_joins(desk: Desk) -> None:
    desk.carl.say("anybody here?")
    desk.carl.say("hello?")
    desk.carl.ask("createContainer", acceptId="agnes")
    assert desk.agent.receive()["eventType"] == "createContainer"
    assert desk.agent.hears_nothing()
    desk.agent.ask("addContainer", containerId="carl")
    assert [desk.agent.receive() for _ in range(3)] == [
        desk.notice("in", "agnes", 2, containerId="carl"),
        desk.text("carl", "anybody here?", "carl"),
        desk.text("carl", "hello?", "carl"),
    ]
    assert desk.cora.hears_nothing()


def test_a_customers_words_reach_the_agent_in_its_container(open_desk: Desk) -> None:
    open_desk.carl.say("where is my order?")
    told = open_desk.text("carl", "where is my order?", "carl")
    assert open_desk.agent.receive() == open_desk.carl.receive() == told
    open_desk.cora.say("and mine?", containerId="cora")
    told = open_desk.text("cora", "and mine?", "cora")
    assert open_desk.agent.receive() == open_desk.cora.receive() == told
    assert open_desk.carl.hears_nothing()
    assert open_desk.cora.hears_nothing()


def test_an_agents_words_reach_the_customer_of_the_container_they_name(open_desk: Desk) -> None:
    open_desk.agent.say("on its way", containerId="carl", targetId="order-1")
    told = open_desk.text("agnes", "on its way", "carl", targetId="order-1")
    assert open_desk.agent.receive() == open_desk.carl.receive() == told
    assert open_desk.cora.hears_nothing()


def test_an_automatic_reply_is_said_by_the_agent_in_the_container(open_desk: Desk) -> None:
    open_desk.agent.ask("autoReturn", messageContent="hours", containerId="cora")
    told = open_desk.text("agnes", "We are here from nine to five.", "cora", eventType="autoReturn")
    assert open_desk.agent.receive() == open_desk.cora.receive() == told
    assert open_desk.carl.hears_nothing()


def test_a_customer_is_told_who_is_online_in_its_container_and_of_nobody_else(open_desk: Desk) -> None:
    """(R2)"""
    agent, carl, cora = open_desk.agent, open_desk.carl, open_desk.cora
    both = [
        {"userId": "carl", "nickName": "Carl", "containerId": "carl"},
        {"userId": "agnes", "nickName": "Agnes"},
    ]
    answer = {"messageType": "online", "roomName": open_desk.room, "containerId": "carl", "count": 2}
    carl.ask("online")
    assert carl.receive() == answer | {"users": both}
    agent.ask("online", containerId="carl")
    assert agent.receive() == answer | {"users": both}
    cora.ask("online", containerId="carl")
    assert cora.receive() == error("not_member", eventType="online")
    agent.ask("online")
    assert [user["userId"] for user in agent.receive()["users"]] == ["agnes", "carl", "cora"]


def test_all_in_a_container_are_told_of_its_end(open_desk: Desk) -> None:
    open_desk.agent.ask("removeContainer", containerId="carl")
    closed = open_desk.notice("outAll", "carl", 0, nickName="Agnes", containerId="carl")
    assert open_desk.agent.receive() == open_desk.carl.receive() == closed
    open_desk.agent.say("still there?", containerId="carl")
    assert open_desk.agent.receive() == error("not_found")
    assert open_desk.carl.hears_nothing()
    assert open_desk.cora.hears_nothing()


@pytest.mark.parametrize(("name", "other"), [("carl", "cora"), ("cora", "carl")])
def test_neither_customer_ever_receives_a_frame_about_the_other(
    open_desk: Desk, name: str, other: str
) -> None:
    agent, customer = open_desk.agent, getattr(open_desk, name)
    for client, frame in (
        (customer, {"messageType": "text", "messageContent": "hello"}),
        (customer, {"eventType": "updateUserInfo", "messageContent": "someone"}),
        (customer, {"eventType": "createContainer", "acceptId": "agnes"}),
        (agent, {"messageType": "text", "messageContent": "hello", "containerId": name}),
        (agent, {"eventType": "autoReturn", "messageContent": "hours", "containerId": name}),
        (agent, {"eventType": "removeContainer", "containerId": name}),
    ):
        client.send(frame)
        assert customer.receive()["containerId"] == name
        assert getattr(open_desk, other).hears_nothing()
    customer.leave()
    assert getattr(open_desk, other).hears_nothing()


# -- strangers --------------------------------------------------------------------------------------

ATTEMPTS: dict[str, dict[str, Any]] = {
    "join": {"eventType": "addContainer", "containerId": "carl"},
    "close": {"eventType": "removeContainer", "containerId": "carl"},
    "reply": {"eventType": "autoReturn", "messageContent": "hours", "containerId": "carl"},
    "say": {"messageType": "text", "messageContent": "psst", "containerId": "carl"},
    "show": {"messageType": "picture", "accessoryContent": {"file": "x"}, "containerId": "carl"},
    "say elsewhere": {"messageType": "text", "messageContent": "psst", "containerId": "nobody"},
}
STRANGERS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "a user of the room": (
        {"userId": "sam", "roomName": "the same"},
        dict.fromkeys(ATTEMPTS, "not_member") | {"join": "forbidden", "say elsewhere": "not_found"},
    ),
    "a customer without a part in it": (
        {"userId": "cleo", "roomName": "the same", "containerId": "cleo", "targetId": "order-3"},
        dict.fromkeys(ATTEMPTS, "not_member") | {"join": "forbidden"},
    ),
    "a user of another room": (
        {"userId": "sam", "roomName": "elsewhere"},
        dict.fromkeys(ATTEMPTS, "not_found"),
    ),
    "the agent's namesake in another room": (
        {"userId": "agnes", "roomName": "elsewhere"},
        dict.fromkeys(ATTEMPTS, "not_found"),
    ),
    "the customer's namesake in another room": (
        {"userId": "carl", "roomName": "elsewhere"},
        dict.fromkeys(ATTEMPTS, "not_found"),
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("who", STRANGERS)
def test_a_stranger_gets_nothing_and_is_told_why(
    server: Server, open_desk: Desk, who: str, attempt: str
) -> None:
    parameters, codes = STRANGERS[who]
    if parameters["roomName"] == "the same":
        parameters = parameters | {"roomName": open_desk.room}
    stranger = server.connect(**parameters)
    assert stranger.receive()["action"] == "in"
    if parameters["roomName"] == open_desk.room:
        assert open_desk.agent.receive()["userId"] == parameters["userId"]
    stranger.send(ATTEMPTS[attempt] | {"clientMessageId": "x-1"})
    refusal = error(codes[attempt], clientMessageId="x-1")
    if "eventType" in ATTEMPTS[attempt]:
        refusal["eventType"] = ATTEMPTS[attempt]["eventType"]
    assert stranger.receive() == refusal

    told = open_desk.text("carl", "my card number is…", "carl")
    open_desk.carl.say("my card number is…")
    assert open_desk.carl.receive() == open_desk.agent.receive() == told
    told = open_desk.text("agnes", "thank you", "carl")
    open_desk.agent.say("thank you", containerId="carl")
    assert open_desk.carl.receive() == open_desk.agent.receive() == told
    for client in (stranger, open_desk.carl, open_desk.cora, open_desk.agent):
        assert client.hears_nothing()


def test_nobody_may_ask_in_a_customers_name(server: Server, open_desk: Desk) -> None:
    impostor = server.connect(userId="sam", roomName=open_desk.room, containerId="carl")
    assert impostor.receive() == error("forbidden")
    assert impostor.closed()[0] == 4403
    assert open_desk.agent.hears_nothing()


def test_a_customer_may_not_leave_its_agents_room_for_another(open_desk: Desk) -> None:
    open_desk.cora.ask("updateRoomName", messageContent="elsewhere")
    assert open_desk.cora.receive() == error("forbidden", eventType="updateRoomName")
    assert open_desk.agent.hears_nothing()


def test_an_agents_words_to_the_room_reach_no_customer(server: Server, open_desk: Desk) -> None:
    colleague = server.join("anton", open_desk.room)
    open_desk.agent.receive()
    open_desk.agent.say("lunch?")
    assert open_desk.agent.receive() == colleague.receive() == text("agnes", "lunch?", open_desk.room)
    assert open_desk.carl.hears_nothing()
    assert open_desk.cora.hears_nothing()
