"""Attacks with what looks right: being another, and ruling over what is another's."""

import json
from typing import Any

from tests.abuse.attacks import ACCOUNT, PASSWORD, Target
from tests.client import TEXT
from tests.house import target
from tests.processes.clients import RawClient

SPOOFED = {
    "createUser": "agnes",
    "nickName": "Agnes",
    "userId": "agnes",
    "createTime": "1999-12-31T23:59:59.999Z",
    "messageId": "00000000000000",
    "roomName": "vault",
    "action": "out",
    "count": 99,
    "code": "forbidden",
}


def _send(client: RawClient, **fields: Any) -> None:
    client.send_frame(TEXT, json.dumps(fields).encode())


def _ask(client: RawClient, **fields: Any) -> dict[str, Any]:
    _send(client, **fields)
    return client.receive()


def _join(on: Target, user: str, room: str, **parameters: str) -> RawClient:
    return on.dial().join(userId=user, name=user.capitalize(), roomName=room, **parameters)


def spoofed_fields(on: Target) -> None:
    """Who said it, when and where is what the server knows, whatever the message says."""
    room = f"den {on.round}"
    with _join(on, "witness", room) as witness, _join(on, "mallory", room) as mallory:
        witness.receive()
        heard = _ask(mallory, messageType="text", messageContent="x", **SPOOFED)
        assert heard == witness.receive()
        assert (heard["createUser"], heard["nickName"], heard["roomName"]) == ("mallory", "Mallory", room)
        assert heard["createTime"] > "2026"
        assert heard["messageId"] > SPOOFED["messageId"]
        assert not {"userId", "action", "count", "code"} & heard.keys()
        _send(mallory, messageType="notice", messageContent="x", **SPOOFED)
        assert mallory.receive()["code"] == "bad_message"
        _send(mallory, messageType="text", eventType="notice", messageContent="x")
        assert mallory.receive()["code"] == "unknown_event"
        assert witness.hear_all() == []


def spoofed_containers(on: Target) -> None:
    """not_member, not_found or forbidden for messages into conversations of others; nobody hears them."""
    room = f"shop {on.round}"
    with (
        _join(on, "agnes", room) as agnes,
        _join(on, "carl", room, containerId="carl", targetId="order-1") as carl,
        _join(on, "cleo", room, containerId="cleo", targetId="order-2") as cleo,
        _join(on, "mallory", room) as mallory,
    ):
        _open(agnes, carl)
        mallory.hear_all()
        for intruder in (mallory, cleo):
            for event in ("ordinary", "addContainer", "removeContainer", "autoReturn", "history", "online"):
                fields = {"messageType": "text"} if event == "ordinary" else {}
                refused = _ask(intruder, eventType=event, messageContent="x", containerId="carl", **fields)
                assert refused["code"] in ("not_member", "forbidden", "not_found"), refused
        refused = _ask(cleo, eventType="updateRoomName", messageContent="vault")
        assert refused["code"] == "forbidden"
        assert (
            _ask(mallory, eventType="createContainer", acceptId="agnes", targetId="x")["code"] == "forbidden"
        )
        with on.dial() as outsider:
            assert outsider.request(target(userId="mallory", roomName=room, containerId="carl"))
            assert outsider.receive()["code"] == "forbidden"
            assert outsider.closed()[0] == 4403
        assert _ask(carl, messageType="text", messageContent="still here")["createUser"] == "carl"
        assert agnes.receive()["messageContent"] == "still here"
        assert agnes.hear_all() == []
        assert _ask(agnes, eventType="removeContainer", containerId="carl")["action"] == "outAll"


def _open(agent: RawClient, customer: RawClient) -> None:
    """A conversation, once both have heard of it."""
    _send(customer, eventType="createContainer", acceptId="agnes")
    _hear(agent, eventType="createContainer")
    _send(agent, eventType="addContainer", containerId="carl")
    for client in (agent, customer):
        _hear(client, action="in", containerId="carl")


def _hear(client: RawClient, **fields: str) -> None:
    """Read until a frame has these fields."""
    while not fields.items() <= client.receive().items():
        pass


def requests_to_many(on: Target) -> None:
    """A customer that asks one agent after another has one conversation, for the last one asked."""
    room = f"shop {on.round}"
    with (
        _join(on, "agnes", room) as agnes,
        _join(on, "carl", room, containerId="carl", targetId="order-1") as carl,
    ):
        for number in range(20):
            _send(carl, eventType="createContainer", acceptId=f"nobody-{number}")
        _hear(carl, acceptId="nobody-19")
        agnes.hear_all()
        assert _ask(agnes, eventType="addContainer", containerId="carl")["code"] == "forbidden"


def another_user(on: Target) -> None:
    """4403 for the right password and another's userId."""
    for user in ("agnes", "Owner", "owner ", "ownеr"):
        with on.dial() as client:
            parameters = {"clientType": "shop", "account": ACCOUNT, "password": PASSWORD, "userId": user}
            assert client.request(target(**parameters)).startswith("HTTP/1.1 101 ")
            assert client.receive()["code"] == "forbidden"
            assert client.closed()[0] == 4403
