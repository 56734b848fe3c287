"""What somebody without the right to it may try: each attempt earns an error and changes nothing (M3, M4)."""

from typing import Any

import pytest

from tests.house import House

TEXT = {"messageType": "text", "messageContent": "psst"}
ADD = {"eventType": "addContainer", "containerId": "carl"}
REMOVE = {"eventType": "removeContainer", "containerId": "carl"}
REPLY = {"eventType": "autoReturn", "messageContent": "hours", "containerId": "carl"}
CREATE = {"eventType": "createContainer", "acceptId": "agnes", "targetId": "order-1"}
RENAME = {"eventType": "updateUserInfo", "messageContent": "Agnes"}
MOVE = {"eventType": "updateRoomName", "messageContent": "lobby"}
WHO = {"eventType": "online", "containerId": "carl"}

# Who, what, why not. Eve is in the room, Dora another customer, Bert an agent in another room; "asked" is
# an agent who was asked and has not answered, "carl-tab" the customer on a connection without a containerId.
ATTEMPTS: list[tuple[str, dict[str, Any], str]] = [
    ("eve", TEXT | {"containerId": "carl"}, "not_member"),
    ("eve", TEXT | {"containerId": "nobody"}, "not_found"),
    ("eve", ADD, "forbidden"),
    ("eve", ADD | {"containerId": "nobody"}, "not_found"),
    ("eve", ADD | {"acceptId": "eve", "targetId": "order-1"}, "forbidden"),
    ("eve", REMOVE, "not_member"),
    ("eve", REMOVE | {"containerId": "nobody"}, "not_found"),
    ("eve", REPLY, "not_member"),
    ("eve", REPLY | {"messageContent": "weather"}, "not_member"),
    ("eve", CREATE, "forbidden"),
    ("eve", CREATE | {"acceptId": "eve", "containerId": "carl"}, "forbidden"),
    ("dora", TEXT | {"containerId": "carl"}, "not_member"),
    ("dora", TEXT | {"containerId": "nobody"}, "not_member"),
    ("dora", ADD, "forbidden"),
    ("dora", ADD | {"containerId": "dora"}, "forbidden"),
    ("dora", ADD | {"containerId": "nobody"}, "forbidden"),
    ("dora", REMOVE, "not_member"),
    ("dora", REMOVE | {"containerId": "nobody"}, "not_member"),
    ("dora", REPLY, "not_member"),
    ("dora", CREATE | {"acceptId": "dora"}, "forbidden"),
    ("dora", MOVE, "forbidden"),
    ("dora", WHO, "not_member"),
    ("eve", WHO, "not_member"),
    ("bert", WHO, "not_found"),
    ("bert", TEXT | {"containerId": "carl"}, "not_found"),
    ("bert", ADD, "not_found"),
    ("bert", REMOVE, "not_found"),
    ("bert", REPLY, "not_found"),
    ("carl", ADD, "forbidden"),
    ("carl", MOVE, "forbidden"),
    ("carl-tab", ADD, "forbidden"),
    ("carl-tab", CREATE, "forbidden"),
    ("asked", TEXT | {"containerId": "emil"}, "not_member"),
    ("asked", REMOVE | {"containerId": "emil"}, "not_member"),
    ("asked", REPLY | {"containerId": "emil"}, "not_member"),
    ("asked", WHO | {"containerId": "emil"}, "not_member"),
    ("asked", ADD, "forbidden"),
]


def state(house: House) -> object:
    """Everything that the rooms know."""
    return {
        room.name: (
            {user: [one.identity for one in mine] for user, mine in room.users.items()},
            list(room.audience),
            {id: container.state(room.name) for id, container in room.containers.items()},
        )
        for room in house.registry.rooms.values()
    }


@pytest.mark.parametrize(("who", "what", "why_not"), ATTEMPTS)
def test_an_attempt_without_right_earns_an_error_and_changes_nothing(house, who, what, why_not):
    """(M3, M4)"""
    agnes, carl = house.conversation("agnes", "carl")
    emil = house.customer("emil")
    clients = {
        "agnes": agnes,
        "carl": carl,
        "emil": emil,
        "eve": house.join("eve", "agnes"),
        "dora": house.customer("dora"),
        "bert": house.join("bert", "lobby"),
        "asked": house.join("asked", "agnes"),
        "carl-tab": house.join("carl", "agnes"),
    }
    emil.ask("createContainer", acceptId="asked")
    carl.say("a secret")
    house.hush()
    before = state(house)
    clients[who].send(what | {"clientMessageId": "m-1"})
    error = clients[who].frame()
    assert (error["messageType"], error["code"], error["clientMessageId"]) == ("error", why_not, "m-1")
    assert [client.texts() for client in clients.values()] == [[]] * len(clients)
    assert state(house) == before
    assert clients[who].closed is None
    agnes.ask("addContainer", containerId="carl")
    assert agnes.contents()[1:] == ["a secret"]  # all that was said there


def test_a_stranger_in_the_room_hears_nothing_of_a_conversation(house):
    """(M4, N4) From its first word to its end."""
    agnes, eve = house.room("agnes", "eve", room="agnes")
    carl = house.customer("carl")
    house.hush()
    carl.say("hello?")
    carl.ask("createContainer", acceptId="agnes")
    agnes.ask("addContainer", containerId="carl")
    carl.say("my card is 4711")
    agnes.say("thank you", containerId="carl")
    agnes.ask("autoReturn", containerId="carl", messageContent="wait")
    carl.ask("updateUserInfo", messageContent="Charles")
    agnes.ask("removeContainer", containerId="carl")
    assert eve.frames() == []


def test_nobody_can_speak_in_anothers_name(house):
    """(D2)"""
    ann, eve = house.room("ann", "eve")
    eve.say(
        "I owe you",
        nickName="Ann",
        createUser="ann",
        userId="ann",
        createTime="x",
        messageId="0",
        roomName="den",
    )
    message = ann.frame()
    assert (message["nickName"], message["createUser"], message["roomName"]) == ("Eve", "eve", "lobby")
    assert message["createTime"] == "2026-11-23T08:15:30.123Z"


@pytest.mark.parametrize("kind", ["notice", "error", "history", "online"])
def test_nobody_can_send_what_only_the_server_says(house, kind):
    """(M2)"""
    ann, eve = house.room("ann", "eve")
    eve.send({"messageType": kind, "messageContent": "x", "action": "out", "code": "forbidden"})
    eve.ask("addContainer", containerId="ann", messageType=kind)
    assert [frame["code"] for frame in eve.frames()] == ["bad_message", "bad_message"]
    assert ann.frames() == []


def test_accessory_content_cannot_add_fields_to_a_message(house):
    """(D1) It is one JSON object, and nothing that follows it."""
    ann, eve = house.room("ann", "eve")
    eve.send('{"messageType":"event","accessoryContent":{"customContent":1},"createUser":"ann"}')
    assert ann.frame()["createUser"] == "eve"
    eve.send('{"messageType":"event","accessoryContent":{},"createUser":"ann"}}')
    assert (eve.frames()[1]["code"], ann.frames()) == ("bad_json", [])
