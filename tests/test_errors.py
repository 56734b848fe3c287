"""Every error code and what provokes it, through the wire (E1, E2)."""

import json

import pytest

BAD_MESSAGES = [
    ({"messageType": "text"}, "messageContent"),
    ({"messageType": "text", "messageContent": 1}, "messageContent"),
    ({"messageContent": "hello"}, "messageType"),
    ({"messageType": "poke"}, "messageType"),
    ({"eventType": 1}, "eventType"),
    ({"messageType": "text", "messageContent": "x", "acceptId": "x" * 129}, "acceptId"),
    ({"messageType": "text", "messageContent": "x", "userIcon": "x" * 2049}, "userIcon"),
    ({"messageType": "text", "messageContent": "x", "containerId": "x" * 129}, "containerId"),
    ({"messageType": "text", "messageContent": "x", "targetId": ["x"]}, "targetId"),
    ({"messageType": "text", "messageContent": "x", "accessoryContent": []}, "accessoryContent"),
    ({"messageType": "picture"}, "accessoryContent"),
    ({"messageType": "picture", "accessoryContent": {}}, "accessoryContent.file"),
    (
        {"messageType": "video", "accessoryContent": {"file": "x", "previewUrl": 1}},
        "accessoryContent.previewUrl",
    ),
    (
        {"messageType": "voice", "accessoryContent": {"file": "x", "duration": -1}},
        "accessoryContent.duration",
    ),
    ({"messageType": "event", "accessoryContent": {"eventType": 1}}, "accessoryContent.eventType"),
    ({"messageType": "text", "messageContent": "x", "clientMessageId": "x" * 65}, "clientMessageId"),
    ({"eventType": "createContainer", "targetId": "order-1"}, "acceptId"),
    ({"eventType": "addContainer"}, "containerId"),
    ({"eventType": "removeContainer"}, "containerId"),
    ({"eventType": "autoReturn", "containerId": "carl"}, "messageContent"),
    ({"eventType": "autoReturn", "messageContent": "hours"}, "containerId"),
    ({"eventType": "updateRoomName"}, "messageContent"),
    ({"eventType": "updateRoomName", "messageContent": "x" * 129}, "messageContent"),
    ({"eventType": "updateUserInfo"}, "messageContent"),
    ({"eventType": "updateUserInfo", "messageContent": "x" * 65}, "messageContent"),
    ({"eventType": "updateUserInfo", "userIconUpdate": "x" * 2049}, "userIconUpdate"),
]


@pytest.mark.parametrize(("fields", "field"), BAD_MESSAGES)
def test_a_bad_message_is_told_which_field_is_at_fault(house, fields, field):
    """(E1: bad_message)"""
    ann, bob = house.room("ann", "bob")
    ann.send(fields)
    error = ann.frame()
    assert (error["messageType"], error["code"]) == ("error", "bad_message")
    assert error["messageContent"].startswith(f"{field}: ")
    assert (bob.frames(), ann.closed) == ([], None)


def test_a_request_about_nothing_is_told_what_is_missing(house):
    """(E1: bad_message) createContainer needs a targetId, here or in the URL."""
    carl = house.connect(userId="carl", containerId="carl", roomName="agnes")
    house.hush()
    carl.ask("createContainer", acceptId="agnes")
    error = carl.frame()
    assert (error["code"], error["messageContent"][:9]) == ("bad_message", "targetId:")
    assert house.registry.rooms["agnes"].containers == {}


@pytest.mark.parametrize("payload", ["hello", "", "{", '{"messageContent":"x",}', "\u0000", "{}{}"])
def test_what_is_not_json_is_bad_json(house, payload):
    """(E1: bad_json)"""
    ann, bob = house.room("ann", "bob")
    ann.send(payload)
    assert (ann.frame()["code"], bob.frames(), ann.closed) == ("bad_json", [], None)


def test_an_event_that_does_not_exist_is_unknown(house):
    """(E1: unknown_event)"""
    (ann,) = house.room("ann")
    ann.ask("dance", clientMessageId="m-1")
    error = ann.frame()
    assert (error["code"], error["eventType"], error["clientMessageId"]) == ("unknown_event", "dance", "m-1")


def test_what_does_not_exist_is_not_found(house):
    """(E1: not_found)"""
    (agnes,) = house.room("agnes", room="agnes")
    for event in ("addContainer", "removeContainer"):
        agnes.ask(event, containerId="carl")
    agnes.ask("autoReturn", containerId="carl", messageContent="hours")
    agnes.say("hello", containerId="carl")
    assert [frame["code"] for frame in agnes.frames()] == ["not_found"] * 4


def test_who_is_no_member_is_told_so(house):
    """(E1: not_member)"""
    _, carl = house.conversation()
    (bert,) = house.room("bert", room="agnes")
    carl.texts()
    bert.say("hello", containerId="carl")
    assert (bert.frame()["code"], carl.frames()) == ("not_member", [])


def test_an_unknown_reply_is_told_to_who_asked_alone(house):
    """(E1: unknown_reply, D5)"""
    agnes, carl = house.conversation()
    agnes.ask("autoReturn", containerId="carl", messageContent="weather", clientMessageId="m-1")
    error = agnes.frame()
    assert (error["code"], error["clientMessageId"]) == ("unknown_reply", "m-1")
    assert carl.frames() == []


def test_who_has_no_right_is_forbidden(house):
    """(E1: forbidden)"""
    agnes, carl = house.conversation()
    agnes.ask("createContainer", acceptId="agnes", targetId="order-1")
    carl.ask("updateRoomName", messageContent="lobby")
    carl.ask("addContainer", containerId="carl")
    assert [client.frames()[0]["code"] for client in (agnes, carl)] == ["forbidden", "forbidden"]


def test_an_error_looks_like_this(house):
    """(E1) To the character."""
    agnes, _ = house.conversation()
    agnes.ask("addContainer", containerId="dora", clientMessageId="m-1")
    assert agnes.texts() == [
        '{"messageType":"error","code":"not_found",'
        '"messageContent":"There is no such container in this room.",'
        '"eventType":"addContainer","clientMessageId":"m-1"}'
    ]


def test_an_error_of_an_ordinary_message_still_tells_which(house):
    """(M1, E1)"""
    (ann,) = house.room("ann")
    ann.send({"messageType": "text", "clientMessageId": "m-1"})
    error = ann.frame()
    assert (error["clientMessageId"], "eventType" in error) == ("m-1", False)


def test_an_error_is_for_who_caused_it_alone(house):
    """(E1) Not even for the user's other connections."""
    ann, again, bob = house.room("ann", "ann", "bob")
    ann.send("{")
    assert (len(ann.frames()), again.frames(), bob.frames()) == (1, [], [])


# -- in a row (E2) ----------------------------------------------------------------------------------


def test_erroneous_messages_in_a_row_close_a_connection_in_the_end(house):
    """(E2, C2: 1008)"""
    ann, bob = house.room("ann", "bob")
    for _ in range(19):
        ann.send("{")
    assert (ann.closed, bob.frames()) == (None, [])
    ann.send("{")
    assert (len(ann.frames()), ann.closed) == (20, 1008)
    assert bob.frame()["action"] == "out"


def test_a_good_message_is_the_end_of_a_row(house):
    """(E2)"""
    (ann,) = house.room("ann")
    for _ in range(3):
        for _ in range(19):
            ann.send("{")
        ann.say("hello")
    assert ann.closed is None


def test_how_many_in_a_row_can_be_configured(open_house):
    """(E2)"""
    (ann,) = open_house(errors_in_a_row=1).room("ann")
    ann.ask("dance")
    assert (ann.frame()["code"], ann.closed) == ("unknown_event", 1008)


def test_what_follows_the_last_error_is_not_done(house):
    """(E2) Not even in the same bytes."""
    ann, bob = house.room("ann", "bob")
    with house.one_turn():
        for _ in range(20):
            ann.send("{")
        ann.say("hello")
    assert [frame.get("action") for frame in bob.frames()] == ["out"]


# -- a connection's limits --------------------------------------------------------------------------


def test_a_message_may_be_as_large_as_the_limit(house):
    ann, bob = house.room("ann", "bob")
    content = "x" * (65536 - len(json.dumps({"messageType": "text", "messageContent": ""})))
    ann.say(content)
    assert bob.contents() == [content]


def test_a_message_may_not_be_larger_than_the_limit(house):
    """(E1: too_large, C2: 1009)"""
    ann, bob = house.room("ann", "bob")
    ann.say("x" * 65536)
    error = ann.frame()
    assert (error["code"], ann.closed, ann.is_connected) == ("too_large", 1009, False)
    assert [frame["action"] for frame in bob.frames()] == ["out"]


def test_the_limit_can_be_configured(open_house):
    """(C2: 1009)"""
    (ann,) = open_house(message_size=100).room("ann")
    ann.send("x" * 100)
    assert (ann.frame()["code"], ann.closed) == ("bad_json", None)
    ann.send("x" * 101)
    assert (ann.frame()["code"], ann.closed) == ("too_large", 1009)
