"""Who is online, as clients ask for it (R2)."""

from typing import Any

import pytest

from chatd.rate import Rate
from tests.client import Client
from tests.stores import HeldStore, PromptStore


def online(client: Client, **fields: Any) -> dict[str, Any]:
    """The one answer to a question of who is online."""
    client.ask("online", **fields)
    return client.frame()


def users(answer: dict[str, Any]) -> list[str]:
    """The userIds of an answer."""
    return [user["userId"] for user in answer["users"]]


# -- who stands in an answer, and in which order ----------------------------------------------------


def test_all_in_the_room_are_told_in_the_order_of_their_coming(house):
    bob = house.join("bob", icon="https://cdn.example/bob.png")
    house.join("ann")
    house.customer("carl", "lobby")
    house.hush()
    assert online(bob) == {
        "messageType": "online",
        "roomName": "lobby",
        "count": 3,
        "users": [
            {"userId": "bob", "nickName": "Bob", "userIcon": "https://cdn.example/bob.png"},
            {"userId": "ann", "nickName": "Ann"},
            {"userId": "carl", "nickName": "Carl", "containerId": "carl"},
        ],
    }


def test_the_answer_is_to_the_asker_alone(house):
    ann, tab, bob = house.room("ann", "ann", "bob")
    ann.ask("online")
    assert [len(client.frames()) for client in (ann, tab, bob)] == [1, 0, 0]


def test_a_user_with_several_connections_stands_once_as_the_first_of_them(house):
    """(C6)"""
    ann, bob = house.room("ann", "bob")
    tab = house.join("ann", name="Anna", icon="https://cdn.example/ann.png")
    house.hush()
    assert online(bob)["users"][0] == {"userId": "ann", "nickName": "Ann"}
    ann.leave()
    house.hush()
    answer = online(tab)
    assert (answer["count"], users(answer)) == (2, ["ann", "bob"])
    assert answer["users"][0]["nickName"] == "Anna"


def test_who_went_is_in_it_no_more_and_who_comes_back_is_the_last(house):
    ann, bob = house.room("ann", "bob")
    ann.leave()
    house.hush()
    assert users(online(bob)) == ["bob"]
    house.join("ann")
    house.hush()
    assert users(online(bob)) == ["bob", "ann"]


def test_names_and_icons_are_as_they_are_now(house):
    ann, bob = house.room("ann", "bob")
    ann.ask("updateUserInfo", messageContent="Anna", userIconUpdate="https://cdn.example/new.png")
    house.hush()
    assert online(bob)["users"][0] == {
        "userId": "ann",
        "nickName": "Anna",
        "userIcon": "https://cdn.example/new.png",
    }


def test_who_is_in_another_room_is_not_in_it(house):
    (ann,) = house.room("ann")
    house.room("bob", room="den")
    assert users(online(ann)) == ["ann"]
    ann.ask("updateRoomName", messageContent="den")
    house.hush()
    answer = online(ann)
    assert (answer["roomName"], users(answer)) == ("den", ["bob", "ann"])


# -- how many ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "told"), [(1, 1), (2, 2), (3, 3), (1000, 3), (None, 3)])
def test_an_answer_has_at_most_its_limit_and_count_tells_of_all(house, limit, told):
    ann, *_ = house.room("ann", "bob", "cid")
    answer = online(ann, limit=limit)
    assert (answer["count"], users(answer)) == (3, ["ann", "bob", "cid"][:told])


def test_two_hundred_are_told_where_no_limit_is_asked_and_a_thousand_at_most(house):
    ann, *_ = house.room("ann", *(f"u-{number}" for number in range(1000)))
    assert [len(online(ann, limit=limit)["users"]) for limit in (None, 1000)] == [200, 1000]
    assert online(ann)["count"] == 1001


def test_of_long_names_and_icons_an_answer_holds_fewer(house):
    """256 Ki characters together: the icon's 2,048, and seven of userId and name."""
    icon = "https://cdn.example/" + "x" * 2028
    for number in range(100, 250):
        house.join(f"u{number}", name="Ann", icon=icon)
    ann = house.join("ann")
    house.hush()
    answer = online(ann)
    assert (answer["count"], len(answer["users"])) == (151, 256 * 1024 // (2048 + 4 + 3))


@pytest.mark.parametrize("limit", [0, -1, 1001, "50", 1.5])
def test_a_limit_that_cannot_be_is_named(house, limit):
    (ann,) = house.room("ann")
    error = online(ann, limit=limit, clientMessageId="m-1")
    assert (error["code"], error["eventType"], error["clientMessageId"]) == ("bad_message", "online", "m-1")
    assert error["messageContent"].startswith("limit: ")


def test_a_question_counts_as_a_message(open_house):
    house = open_house(rate=Rate(1, 3))
    (ann,) = house.room("ann")
    for _ in range(4):
        ann.ask("online")
    assert [frame.get("code") for frame in ann.frames()] == [None, None, None, "rate_limited"]


# -- of containers ----------------------------------------------------------------------------------


def test_of_a_container_its_members_who_are_online_are_told(house):
    agnes, carl = house.conversation()
    house.room("bert", room="agnes")
    expected = {
        "messageType": "online",
        "roomName": "agnes",
        "containerId": "carl",
        "count": 2,
        "users": [
            {"userId": "carl", "nickName": "Carl", "containerId": "carl"},
            {"userId": "agnes", "nickName": "Agnes"},
        ],
    }
    house.hush()
    assert online(agnes, containerId="carl") == expected
    carl.vanish()
    house.hush()
    answer = online(agnes, containerId="carl")
    assert (answer["count"], users(answer)) == (1, ["agnes"])


def test_a_customer_asks_about_its_own_container_named_or_not(house):
    """(M4.2) It learns of nobody else in the room."""
    agnes, carl = house.conversation()
    house.customer("cleo")
    house.hush()
    answer = online(carl)
    assert (answer["containerId"], answer["count"], users(answer)) == ("carl", 2, ["carl", "agnes"])
    assert online(carl, containerId="carl") == answer
    agnes.vanish()
    house.hush()
    assert users(online(carl)) == ["carl"]


def test_a_customer_may_ask_before_it_has_said_anything(house):
    carl = house.customer("carl")
    house.hush()
    answer = online(carl)
    assert (answer["containerId"], answer["count"], users(answer)) == ("carl", 1, ["carl"])


def test_that_an_agent_is_a_customer_elsewhere_is_not_told_in_a_container(house):
    """Nor that the container's customer came without a containerId first."""
    house.customer("agnes", "shop")
    agnes, tab = house.room("agnes", "carl", room="shop")
    carl = house.customer("carl", "shop")
    carl.ask("createContainer", acceptId="agnes")
    agnes.ask("addContainer", containerId="carl")
    house.hush()
    expected = [
        {"userId": "carl", "nickName": "Carl", "containerId": "carl"},
        {"userId": "agnes", "nickName": "Agnes"},
    ]
    assert online(carl)["users"] == online(tab, containerId="carl")["users"] == expected


def test_a_container_is_cut_to_the_limit_too(house):
    _, carl = house.conversation()
    answer = online(carl, limit=1)
    assert (answer["count"], users(answer)) == (2, ["carl"])


@pytest.mark.parametrize(
    ("who", "container", "code"),
    [
        ("eve", "carl", "not_member"),
        ("eve", "nobody", "not_found"),
        ("dora", "carl", "not_member"),
        ("dora", "nobody", "not_member"),
        ("bert", "carl", "not_found"),
        ("asked", "carl", "not_member"),
    ],
)
def test_only_members_ask_about_a_container(house, who, container, code):
    """``asked`` is an agent who was asked and has not answered."""
    _, carl = house.conversation("agnes", "carl")
    clients = {
        "eve": house.join("eve", "agnes"),
        "dora": house.customer("dora"),
        "bert": house.join("bert", "lobby"),
        "asked": house.join("asked", "agnes"),
    }
    carl.ask("createContainer", acceptId="asked")
    house.hush()
    error = online(clients[who], containerId=container, clientMessageId="m-1")
    assert (error["code"], error["eventType"], error["clientMessageId"]) == (code, "online", "m-1")


# -- many questions at once -------------------------------------------------------------------------


def test_a_connection_gets_one_answer_in_a_turn_and_the_next_as_things_are_then(house):
    ann, bob = house.room("ann", "bob")
    writes = record_writes(ann)
    with house.one_turn():
        for _ in range(3):
            ann.ask("online")
        bob.ask("online")
        house.join("cid")
    house.wait(1)
    first, *later = (users(answer) for answer in answers(ann.frames()))
    assert (first, later) == (["ann", "bob"], [["ann", "bob", "cid"]] * 2)
    assert [write.count(b'"online"') for write in writes] == [1, 1, 1]
    assert users(answers(bob.frames())[0]) == ["ann", "bob"]


def test_questions_that_wait_for_a_store_that_hangs_are_bounded_and_answered_when_it_works(open_house):
    store = HeldStore(PromptStore())
    house = open_house(store=store, rate=Rate(1000, 1000))
    ann, bob = house.room("ann", "bob")
    bob.say("hello")
    assert store.is_busy
    for _ in range(201):
        ann.ask("online")
    assert ann.frames() == []
    ann.ask("online", clientMessageId="m-1")
    error = ann.frame()
    assert (error["code"], error["clientMessageId"]) == ("rate_limited", "m-1")
    store.keep()
    house.wait(1)
    assert [users(answer) for answer in answers(ann.frames())] == [["ann", "bob"]] * 201
    assert users(online(ann)) == ["ann", "bob"]


def test_who_is_gone_meanwhile_is_answered_no_more(house):
    ann, bob = house.room("ann", "bob")
    with house.one_turn():
        ann.ask("online")
        ann.ask("online")
        ann.vanish()
    house.wait(1)
    assert ann.frames() == []
    house.hush()
    assert users(online(bob)) == ["bob"]


def test_who_is_no_member_any_more_when_its_question_comes_up_is_refused(house):
    agnes, carl = house.conversation()
    with house.one_turn():
        agnes.ask("online", containerId="carl")
        agnes.ask("online", containerId="carl", clientMessageId="m-1")
        agnes.ask("online")
        carl.ask("removeContainer", containerId="carl")
    house.wait(1)
    first, out_all, error, last = agnes.frames()
    assert users(first) == ["carl", "agnes"]
    assert out_all["action"] == "outAll"
    assert (error["code"], error["eventType"], error["clientMessageId"]) == ("not_found", "online", "m-1")
    assert users(last) == ["agnes", "carl"]


def test_who_moves_on_is_answered_about_the_room_it_is_in_by_then(house):
    ann, bob = house.room("ann", "bob")
    house.room("cid", room="den")
    with house.one_turn():
        ann.ask("online")
        ann.ask("online")
        ann.ask("updateRoomName", messageContent="den")
    house.wait(1)
    old, came, new = ann.frames()
    assert (old["roomName"], users(old)) == ("lobby", ["ann", "bob"])
    assert (came["action"], came["roomName"]) == ("in", "den")
    assert (new["roomName"], users(new)) == ("den", ["cid", "ann"])
    assert [frame["action"] for frame in bob.frames()] == ["out"]


def answers(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of some frames that tell who is online."""
    return [frame for frame in frames if frame["messageType"] == "online"]


def record_writes(client: Client) -> list[bytes]:
    """What the server writes to a client from now on, write by write."""
    writes: list[bytes] = []
    write = client.transport.write

    def recorded(payload: bytes) -> None:
        writes.append(payload)
        write(payload)

    client.transport.write = recorded  # type: ignore[method-assign]
    return writes
