"""What the admin API does: messages on the ordinary road, kicks, containers that close, automatic replies."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chatd.config import Containers, Limits, Store
from tests.admin.office import TOKEN, Line, Office
from tests.client import Client
from tests.stores import HeldStore, PromptStore

HELLO = {"messageType": "text", "messageContent": "hello"}
NEW_TOKEN = "another-token-of-a-test"


def hush(*clients: Client) -> None:
    """What was heard until now is forgotten."""
    for client in clients:
        client.texts()


# -- messages to rooms ------------------------------------------------------------------------------


def test_a_message_to_a_room_is_heard_there_as_any_other(office: Office) -> None:
    ann = office.connect(roomName="lobby")
    customer = office.connect(userId="carl", roomName="lobby", containerId="carl")
    hush(ann, customer)
    answer = office.post("/v1/rooms/lobby/messages", HELLO)
    frame = ann.frame()
    assert answer.status == 201
    assert answer.json == {"messageId": frame.pop("messageId"), "repeated": False}
    assert frame.pop("createTime")
    assert frame == {
        "messageContent": "hello",
        "messageType": "text",
        "nickName": "system",
        "createUser": "system",
        "eventType": "ordinary",
        "roomName": "lobby",
    }
    assert customer.texts() == []


def test_it_may_be_said_in_a_users_name(office: Office) -> None:
    ann = office.connect(roomName="lobby")
    hush(ann)
    sender = {"userId": "bot", "name": " Bot ", "icon": "https://x.example/b.png", "targetId": "order-7"}
    office.post("/v1/rooms/lobby/messages", HELLO | sender)
    frame = ann.frame()
    said = [frame[key] for key in ("createUser", "nickName", "userIcon", "targetId")]
    assert said == ["bot", "Bot", "https://x.example/b.png", "order-7"]


@pytest.mark.parametrize(
    ("kind", "accessory"),
    [
        ("picture", {"file": "https://x.example/1.png", "previewUrl": "p", "more": [1, 2.50]}),
        ("video", {"file": "f", "duration": 1.5}),
        ("voice", {"file": "f", "duration": 0}),
        ("event", {"eventType": "paid", "customContent": {"deep": [None]}}),
        ("text", {"anything": True}),
    ],
)
def test_every_kind_of_message_passes_with_what_belongs_to_it(
    office: Office, kind: str, accessory: Any
) -> None:
    ann = office.connect(roomName="lobby")
    hush(ann)
    body = {"messageType": kind, "messageContent": "x", "accessoryContent": accessory}
    assert office.post("/v1/rooms/lobby/messages", body).status == 201
    frame = ann.frame()
    assert (frame["messageType"], frame["accessoryContent"]) == (kind, accessory)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Object missing required field messageType."),
        (HELLO | {"messageContent": ""}, "messageContent: expected str of length >= 1."),
        (HELLO | {"messageType": "smell"}, "messageType: Invalid value 'smell'."),
        (HELLO | {"eventType": "createContainer"}, "Object contains unknown field eventType."),
        (HELLO | {"userId": ""}, "userId: expected str of length >= 1."),
        (HELLO | {"userId": "a\n"}, "userId: expected str matching regex"),
        (HELLO | {"name": "x" * 65}, "name: expected str of length <= 64."),
        ({"messageType": "picture"}, "Object missing required field accessoryContent."),
        (
            {"messageType": "picture", "accessoryContent": {"file": ""}},
            "accessoryContent.file: expected str of length >= 1.",
        ),
    ],
)
def test_a_message_that_is_none_is_422_and_nobody_hears_it(
    office: Office, body: object, sentence: str
) -> None:
    ann = office.connect(roomName="lobby")
    hush(ann)
    status, code, said = office.post("/v1/rooms/lobby/messages", body).error
    assert (status, code) == (422, "bad_body")
    assert said.startswith(sentence)
    assert ann.texts() == []


def test_a_message_to_a_room_in_which_nobody_is_is_kept_for_who_comes(
    open_office: Callable[..., Office],
) -> None:
    office = open_office(PromptStore())
    office.post("/v1/rooms/lobby/messages", HELLO)
    ann = office.connect(roomName="lobby")
    hush(ann)
    ann.ask("history")
    assert [message["messageContent"] for message in ann.frame()["messages"]] == ["hello"]


# -- the store --------------------------------------------------------------------------------------


def test_a_message_is_answered_when_it_is_kept_and_not_before(open_office: Callable[..., Office]) -> None:
    store = HeldStore(PromptStore())
    office = open_office(store)
    ann = office.connect(roomName="lobby")
    hush(ann)
    line = Line(office)
    line.ask("POST", "/v1/rooms/lobby/messages", json.dumps(HELLO).encode())
    office.settle()
    assert store.is_busy
    assert not line.has_answer and ann.texts() == []
    store.keep()
    assert line.answer().json["messageId"] == ann.frame()["messageId"]


def test_a_message_that_could_not_be_kept_is_503_and_nobody_hears_it(
    open_office: Callable[..., Office],
) -> None:
    store = HeldStore(PromptStore())
    office = open_office(store)
    ann = office.connect(roomName="lobby")
    hush(ann)
    line = Line(office)
    line.ask("POST", "/v1/rooms/lobby/messages", json.dumps(HELLO).encode())
    office.settle()
    store.fail("password of db.example is wrong")
    sentence = "It could not be stored. Send it again later."
    assert line.answer().error == (503, "storage_unavailable", sentence)
    assert ann.texts() == []


def test_while_too_much_waits_for_the_store_a_message_is_503(open_office: Callable[..., Office]) -> None:
    office = open_office(HeldStore(PromptStore()), store=Store(queue=1))
    client = office.connect()
    client.say("is being kept")
    client.say("waits")
    sentence = "Too much waits to be stored. Try again later."
    assert office.post("/v1/rooms/lobby/messages", HELLO).error == (503, "storage_unavailable", sentence)


def test_a_server_that_stops_takes_no_message_and_closes_no_container(office: Office) -> None:
    _, customer = office.conversation()
    customer.answers_close = False
    office.stop()
    refusal = (503, "going_away", "The server is going away.")
    assert office.post("/v1/rooms/shop/messages", HELLO).error == refusal
    assert office.delete("/v1/rooms/shop/containers/carl").error == refusal


# -- repeats (M6) -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [True, False])
def test_a_repeat_is_answered_with_the_first_ones_id_and_not_heard_again(
    open_office: Callable[..., Office], stored: bool
) -> None:
    office = open_office(PromptStore() if stored else None)
    ann = office.connect(roomName="lobby")
    hush(ann)
    first = office.post("/v1/rooms/lobby/messages", HELLO | {"clientMessageId": "1"}).json
    again = office.post("/v1/rooms/lobby/messages", HELLO | {"clientMessageId": "1"})
    assert (again.status, again.json) == (201, {"messageId": first["messageId"], "repeated": True})
    assert ann.contents() == ["hello"]


def test_a_repeat_in_the_same_turn_is_one_too(open_office: Callable[..., Office]) -> None:
    store = HeldStore(PromptStore())
    office = open_office(store)
    lines = [Line(office), Line(office)]
    office.connect().say("is being kept")
    for line in lines:
        line.ask("POST", "/v1/rooms/lobby/messages", json.dumps(HELLO | {"clientMessageId": "1"}).encode())
    store.keep()
    office.settle()
    store.keep()
    first, again = (line.answer().json for line in lines)
    assert again == {"messageId": first["messageId"], "repeated": True}


def test_another_user_or_room_makes_no_repeat(office: Office) -> None:
    body = HELLO | {"clientMessageId": "1"}
    office.post("/v1/rooms/lobby/messages", body)
    assert not office.post("/v1/rooms/shop/messages", body).json["repeated"]
    assert not office.post("/v1/rooms/lobby/messages", body | {"userId": "bot"}).json["repeated"]


# -- messages to containers -------------------------------------------------------------------------


def test_a_message_to_a_container_is_heard_by_its_members_alone(office: Office) -> None:
    agent, customer = office.conversation()
    agent.ask("addContainer", containerId="carl")
    other = office.connect(userId="bob", roomName="shop")
    hush(agent, customer, other)
    answer = office.post("/v1/rooms/shop/containers/carl/messages", HELLO)
    assert answer.status == 201
    frame = agent.frame()
    assert (frame["messageContent"], frame["containerId"]) == ("hello", "carl")
    assert customer.frame() == frame
    assert other.texts() == []


def test_what_was_said_before_an_agent_came_is_told_to_it(office: Office) -> None:
    agent, _ = office.conversation()
    office.post("/v1/rooms/shop/containers/carl/messages", HELLO)
    agent.ask("addContainer", containerId="carl")
    assert agent.contents()[-1] == "hello"


def test_a_message_to_a_container_that_is_not_there_is_404(office: Office) -> None:
    answer = office.post("/v1/rooms/shop/containers/carl/messages", HELLO)
    assert answer.error == (404, "not_found", "There is no such container.")


# -- kicks ------------------------------------------------------------------------------------------


def test_a_kick_closes_all_connections_of_a_user_and_says_why(office: Office) -> None:
    carls = [office.connect(userId="carl", roomName=room) for room in ("a", "b", "b")]
    ann = office.connect(userId="ann", roomName="a")
    answer = office.post("/v1/users/carl/kick", {"reason": "spam, once more"})
    assert (answer.status, answer.json) == (200, {"closed": 3})
    assert [(carl.closed, carl.reason) for carl in carls] == [(1008, "spam, once more")] * 3
    assert ann.closed is None
    assert ann.frames()[-1]["action"] == "out"


def test_a_kick_may_be_from_one_room(office: Office) -> None:
    here, there = (office.connect(userId="carl", roomName=room) for room in ("a", "b"))
    assert office.post("/v1/users/carl/kick", {"reason": "spam", "room": "a"}).json == {"closed": 1}
    assert (here.closed, there.closed) == (1008, None)


def test_a_reason_that_is_too_long_for_a_close_frame_is_cut(office: Office) -> None:
    carl = office.connect(userId="carl")
    office.post("/v1/users/carl/kick", {"reason": "商" * 120})
    assert (carl.closed, carl.reason) == (1008, "商" * 41)


@pytest.mark.parametrize("body", [{"reason": "x"}, {"reason": "x", "room": "b"}])
def test_a_kick_of_who_is_not_there_is_404(office: Office, body: object) -> None:
    office.connect(userId="carl", roomName="a")
    user = "carl" if len(body) == 2 else "dora"
    assert office.post(f"/v1/users/{user}/kick", body).error == (
        404,
        "not_found",
        "There is no such user online.",
    )


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "x" * 121}, {"reason": "a\nb"}, {"reason": "x", "room": ""}]
)
def test_a_kick_without_a_sound_reason_is_422_and_closes_nothing(office: Office, body: object) -> None:
    carl = office.connect(userId="carl")
    assert office.post("/v1/users/carl/kick", body).status == 422
    assert carl.closed is None


# -- containers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "name"), [("", "system"), ("?name=The%20Boss", "The Boss"), ("?name=%20", "system")]
)
def test_a_container_that_is_closed_is_gone_and_its_members_hear_outAll(
    office: Office, query: str, name: str
) -> None:
    agent, customer = office.conversation()
    agent.ask("addContainer", containerId="carl")
    hush(agent, customer)
    answer = office.delete(f"/v1/rooms/shop/containers/carl{query}")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in answer.headers
    notice = agent.frame()
    assert customer.frame() == notice
    assert [notice[key] for key in ("action", "nickName", "userId", "count", "containerId")] == [
        "outAll",
        name,
        "carl",
        0,
        "carl",
    ]
    assert office.delete(f"/v1/rooms/shop/containers/carl{query}").status == 404


def test_a_container_that_is_closed_does_not_come_back_with_the_next_start(
    open_office: Callable[..., Office], tmp_path: Any
) -> None:
    path = str(tmp_path / "chatd.sqlite")
    store = PromptStore(path)
    office = open_office(store, containers=Containers(idle_timeout=99))
    office.conversation()
    office.delete("/v1/rooms/shop/containers/carl")
    store.close()
    assert open_office(PromptStore(path)).get("/v1/containers").json["containers"] == []


# -- automatic replies ------------------------------------------------------------------------------


def test_automatic_replies_are_those_of_the_configuration(open_office: Callable[..., Office]) -> None:
    office = open_office(autoreply={"hours": "nine to five"})
    assert office.get("/v1/autoreplies").json == {"replies": {"hours": "nine to five"}}


def test_an_automatic_reply_that_is_set_is_said_from_then_on(office: Office) -> None:
    agent, _ = office.conversation()
    agent.ask("addContainer", containerId="carl")
    hush(agent)
    answer = office.put("/v1/autoreplies/%E4%BD%A0/%E5%A5%BD".replace("/%E5", "%2F%E5"), {"text": "您好"})
    assert (answer.status, answer.json) == (200, {"code": "你/好", "text": "您好"})
    agent.ask("autoReturn", messageContent="你/好", containerId="carl")
    assert agent.contents() == ["您好"]


def test_an_automatic_reply_that_is_deleted_is_unknown_from_then_on(
    open_office: Callable[..., Office],
) -> None:
    office = open_office(autoreply={"hours": "nine to five"})
    agent, _ = office.conversation()
    agent.ask("addContainer", containerId="carl")
    hush(agent)
    assert office.delete("/v1/autoreplies/hours").status == 204
    agent.ask("autoReturn", messageContent="hours", containerId="carl")
    assert agent.frame()["code"] == "unknown_reply"
    assert office.delete("/v1/autoreplies/hours").error == (
        404,
        "not_found",
        "There is no such automatic reply.",
    )


def test_there_may_be_a_thousand_automatic_replies(open_office: Callable[..., Office]) -> None:
    office = open_office(autoreply={str(number): "x" for number in range(1000)})
    sentence = "There are 1000 automatic replies, and may not be more."
    assert office.put("/v1/autoreplies/new", {"text": "x"}).error == (409, "too_many", sentence)
    assert office.put("/v1/autoreplies/7", {"text": "y"}).json["text"] == "y"


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x" * 16_385}, {"text": 1}])
def test_an_automatic_reply_without_a_text_is_422(office: Office, body: object) -> None:
    assert office.put("/v1/autoreplies/x", body).status == 422
    assert office.get("/v1/autoreplies").json == {"replies": {}}


def test_a_reload_brings_the_configurations_automatic_replies_back(
    open_office: Callable[..., Office],
) -> None:
    office = open_office(autoreply={"hours": "nine to five"})
    office.put("/v1/autoreplies/hours", {"text": "always"})
    office.put("/v1/autoreplies/new", {"text": "x"})
    office.house.reload()
    assert office.get("/v1/autoreplies").json == {"replies": {"hours": "nine to five"}}


def test_what_is_said_may_be_as_long_as_a_reload_allows(open_office: Callable[..., Office]) -> None:
    office = open_office(limits=Limits(message_size=100))
    body = HELLO | {"messageContent": "x" * 100}
    assert office.post("/v1/rooms/shop/messages", body).status == 413
    office.factory.limit(message_size=1000, max_connections=0, send_buffer=1_000_000)
    assert office.post("/v1/rooms/shop/messages", body).status == 201


# -- the reload of the token ------------------------------------------------------------------------


def test_a_reload_may_be_asked_for_here_too(office: Office) -> None:
    office.put("/v1/autoreplies/new", {"text": "x"})
    assert office.ask("POST", "/v1/reload").status == 204
    assert office.get("/v1/autoreplies").json == {"replies": {}}


def test_a_reload_that_fails_says_why(office: Office) -> None:
    office.house.configuration = lambda: "c.toml: limits.rate: expected a number > 0, got 0"
    error = "Nothing has changed: c.toml: limits.rate: expected a number > 0, got 0"
    assert office.ask("POST", "/v1/reload").error == (409, "not_reloaded", error)


def test_a_reload_reads_the_token_again(office: Office) -> None:
    office.token_file.write_text(NEW_TOKEN)
    assert office.get("/v1/rooms").status == 200
    office.house.reload()
    assert office.get("/v1/rooms").status == 401
    assert office.get("/v1/rooms", Authorization=f"Bearer {NEW_TOKEN}").status == 200


def test_a_token_that_will_not_do_changes_nothing_and_is_named_in_the_log(office: Office, log: Any) -> None:
    office.token_file.write_text("short")
    office.house.reload()
    assert office.get("/v1/rooms", Authorization=f"Bearer {TOKEN}").status == 200
    (line,) = [event["log_format"].format(**event) for event in log if event["log_level"].name == "error"]
    expected = f"{office.token_file}: expected one line of 16 or more printable characters, no spaces"
    assert line == f"admin.token_file: the token was not read again: {expected}"
