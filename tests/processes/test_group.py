"""Three people in one room (NtoN): every frame that each of them receives."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes.clients import Client
from tests.processes.frames import message, notice, text
from tests.processes.servers import Server

PICTURE = {"file": "https://files.example/1.jpg", "previewUrl": "https://files.example/1s.jpg"}
VIDEO = {"file": "https://files.example/2.mp4", "previewUrl": "https://files.example/2.jpg", "duration": 12.5}
VOICE = {"file": "https://files.example/3.amr", "duration": 3}
EVENT = {"eventType": "gift", "eventDescription": "ein Geschenk 🎁", "customContent": {"id": [1, None, "x"]}}

Three = tuple[Client, Client, Client]


@pytest.fixture(scope="module", params=["true", "false"], ids=["sent directly", "sent by Twisted"])
def shared_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server for each of the two ways to send."""
    with Server(tmp_path_factory.mktemp("chatd"), f"[server]\ndirect_send = {request.param}\n") as server:
        yield server


@pytest.fixture
def three(server: Server) -> Three:
    """Ann, Bob and Cid, who have heard each other come."""
    ann, bob = server.join("ann"), server.join("bob")
    ann.receive()
    cid = server.join("cid")
    ann.receive(), bob.receive()
    return ann, bob, cid


def all_receive(clients: Three, *frames: dict[str, Any]) -> None:
    """Each client receives exactly these frames, and of each the same copy."""
    heard = [[client.receive() for _ in frames] for client in clients]
    assert heard[0] == list(frames)
    assert heard[1] == heard[0]
    assert heard[2] == heard[0]
    assert all(client.hears_nothing() for client in clients)


def test_everybody_is_told_who_comes_the_newcomer_included(server: Server) -> None:
    ann = server.connect(userId="ann", name="Ann")
    assert ann.receive() == notice("in", "ann", 1)
    bob = server.connect(userId="bob", name="Bob")
    assert ann.receive() == bob.receive() == notice("in", "bob", 2)
    cid = server.connect(userId="cid", name="Cid")
    assert ann.receive() == bob.receive() == cid.receive() == notice("in", "cid", 3)
    assert ann.hears_nothing() and bob.hears_nothing() and cid.hears_nothing()


def test_a_text_reaches_all_three(three: Three) -> None:
    three[0].send({"messageType": "text", "eventType": "ordinary", "messageContent": "hello 大家好"})
    all_receive(three, text("ann", "hello 大家好"))


@pytest.mark.parametrize(
    ("kind", "accessory"), [("picture", PICTURE), ("video", VIDEO), ("voice", VOICE), ("event", EVENT)]
)
def test_what_goes_with_a_message_reaches_all_three_unchanged(
    three: Three, kind: str, accessory: dict[str, Any]
) -> None:
    three[1].send({"messageType": kind, "accessoryContent": accessory})
    all_receive(three, message("bob", messageType=kind, accessoryContent=accessory))


def test_a_message_may_carry_every_field_there_is(three: Three) -> None:
    fields = {"acceptId": "bob", "targetId": "order-7", "accessoryContent": PICTURE, "messageContent": "look"}
    three[0].send({"messageType": "picture", "userIcon": "https://i.example/a.png", "colour": "red"} | fields)
    all_receive(three, message("ann", messageType="picture", userIcon="https://i.example/a.png", **fields))


def test_only_the_sender_is_told_its_client_message_id(three: Three) -> None:
    ann, bob, cid = three
    bob.say("once", clientMessageId="b-1")
    assert bob.receive() == text("bob", "once", clientMessageId="b-1")
    assert ann.receive() == cid.receive() == text("bob", "once")


def test_all_three_see_the_same_order(three: Three) -> None:
    for turn in range(20):
        for client in three:
            client.say(str(turn))
    heard = [[client.receive() for _ in range(60)] for client in three]
    assert heard[0] == heard[1] == heard[2]
    assert [frame["messageId"] for frame in heard[0]] == sorted(frame["messageId"] for frame in heard[0])
    for user in ("ann", "bob", "cid"):
        said = [frame["messageContent"] for frame in heard[0] if frame["createUser"] == user]
        assert said == [str(turn) for turn in range(20)]


def test_a_new_name_and_avatar_are_told_to_all_three_and_kept(three: Three) -> None:
    _, bob, _ = three
    renamed = {"nickName": "Robert", "userIcon": "https://i.example/r.png"}
    bob.ask("updateUserInfo", messageContent="Robert", userIconUpdate="https://i.example/r.png")
    bob.say("it is me")
    all_receive(
        three,
        message("bob", messageContent="Robert", eventType="updateUserInfo", **renamed),
        text("bob", "it is me", **renamed),
    )


def test_who_moves_leaves_the_one_room_and_comes_into_the_other(server: Server, three: Three) -> None:
    ann, bob, cid = three
    dan = server.join("dan", "garden")
    bob.ask("updateRoomName", messageContent="garden")
    assert bob.receive() == dan.receive() == notice("in", "bob", 2, "garden")
    assert ann.receive() == cid.receive() == notice("out", "bob", 2)

    bob.say("in the garden")
    assert bob.receive() == dan.receive() == text("bob", "in the garden", "garden")
    ann.say("in the lobby")
    assert ann.receive() == cid.receive() == text("ann", "in the lobby")
    assert all(client.hears_nothing() for client in (ann, bob, cid, dan))


def test_who_stays_is_told_who_leaves(three: Three) -> None:
    ann, bob, cid = three
    cid.leave()
    assert ann.receive() == bob.receive() == notice("out", "cid", 2)
    bob.leave()
    assert ann.receive() == notice("out", "bob", 1)
    assert ann.hears_nothing()


def test_who_asks_is_told_who_is_online_beside_the_notices(server: Server, three: Three) -> None:
    """(R2)"""
    ann, bob, cid = three
    cid.leave()
    assert ann.receive() == bob.receive() == notice("out", "cid", 2)
    server.customer("cora", "lobby")
    assert ann.receive() == bob.receive() == notice("in", "cora", 3)
    ann.ask("online")
    assert ann.receive() == {
        "messageType": "online",
        "roomName": "lobby",
        "count": 3,
        "users": [
            {"userId": "ann", "nickName": "Ann"},
            {"userId": "bob", "nickName": "Bob"},
            {"userId": "cora", "nickName": "Cora", "containerId": "cora"},
        ],
    }
    assert bob.hears_nothing() and ann.hears_nothing()


def test_a_second_tab_of_one_user_is_no_second_person(server: Server, three: Three) -> None:
    ann, bob, _ = three
    tab = server.connect(userId="bob", name="Bob")
    assert tab.receive() == notice("in", "bob", 3)
    ann.say("hello")
    assert bob.receive() == tab.receive() == ann.receive() == text("ann", "hello")
    tab.leave()
    assert ann.hears_nothing()
