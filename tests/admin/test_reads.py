"""What the admin API tells: rooms, containers, users and connections, a page at a time."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from chatd.config import Store
from tests.admin.office import Office
from tests.stores import HeldStore, PromptStore


def asked(office: Office, *customers: str, room: str = "shop") -> None:
    """Customers who have asked agnes for help."""
    for customer in customers:
        client = office.connect(userId=customer, roomName=room, containerId=customer, targetId="order-1")
        client.ask("createContainer", acceptId="agnes")


def pages(office: Office, path: str, key: str) -> list[list[Any]]:
    """What all pages of two hold."""
    found, after = [], ""
    while after is not None:
        page = office.get(f"{path}?limit=2&after={quote(after, safe='')}").json
        found.append(page[key])
        after = page["next"]
    return found


# -- rooms ------------------------------------------------------------------------------------------


def test_where_nobody_is_there_is_no_room(office: Office) -> None:
    assert office.get("/v1/rooms").json == {"rooms": [], "next": None}
    assert office.get("/v1/rooms/shop").error == (404, "not_found", "There is no such room.")


def test_a_room_is_told_in_numbers(office: Office) -> None:
    office.connect(userId="agnes", roomName="shop")
    office.connect(userId="agnes", roomName="shop")
    asked(office, "carl")
    room = {"name": "shop", "online": 2, "connections": 3, "containers": 1}
    assert office.get("/v1/rooms").json == {"rooms": [room], "next": None}


def test_rooms_come_by_name_a_page_at_a_time(office: Office) -> None:
    for name in ("b", "é", "a", "商", "c"):
        office.connect(roomName=name)
    told = pages(office, "/v1/rooms", "rooms")
    assert [[room["name"] for room in page] for page in told] == [["a", "b"], ["c", "é"], ["商"]]


def test_a_full_last_page_says_that_it_is_the_last(office: Office) -> None:
    for name in ("a", "b"):
        office.connect(roomName=name)
    assert office.get("/v1/rooms?limit=2").json["next"] is None


def test_one_room_is_told_with_its_members_a_page_at_a_time(office: Office) -> None:
    for user in ("carl", "ann", "bob", "ann"):
        office.connect(userId=user, name=user.upper(), roomName="lobby")
    room = office.get("/v1/rooms/lobby?limit=2").json
    assert room == {
        "name": "lobby",
        "online": 3,
        "connections": 4,
        "containers": 0,
        "members": [
            {"userId": "ann", "name": "ANN", "connections": 2},
            {"userId": "bob", "name": "BOB", "connections": 1},
        ],
        "next": "bob",
    }
    assert [each["userId"] for page in pages(office, "/v1/rooms/lobby", "members") for each in page] == [
        "ann",
        "bob",
        "carl",
    ]


def test_online_counts_of_many_rooms_come_at_once(office: Office) -> None:
    for user, room in (("ann", "a"), ("bob", "a"), ("ann", "a"), ("ann", "商店")):
        office.connect(userId=user, roomName=room)
    assert office.post("/v1/online", {"rooms": ["a", "商店", "none", "a"]}).json == {
        "online": {"a": 2, "商店": 1, "none": 0}
    }


# -- containers -------------------------------------------------------------------------------------


def test_a_container_is_told_with_its_state_and_members(office: Office) -> None:
    agent, _ = office.conversation()
    container = {
        "room": "shop",
        "id": "carl",
        "state": "asked",
        "members": ["carl"],
        "online": 1,
        "acceptId": "agnes",
        "waiting": True,
    }
    path = "/v1/rooms/shop/containers/carl"
    assert office.get(path).json == container
    agent.ask("addContainer", containerId="carl")
    agent.leave()
    opened = container | {"state": "open", "members": ["carl", "agnes"], "waiting": False}
    assert office.get(path).json == opened
    assert office.get("/v1/rooms/shop/containers").json == {"containers": [opened], "next": None}
    assert office.get("/v1/containers").json == {"containers": [opened], "next": None}


def test_a_rooms_containers_come_by_id_a_page_at_a_time(office: Office) -> None:
    asked(office, "carl", "bea", "dora")
    asked(office, "elsewhere", room="other")
    told = pages(office, "/v1/rooms/shop/containers", "containers")
    assert [[each["id"] for each in page] for page in told] == [["bea", "carl"], ["dora"]]


def test_all_containers_come_by_room_and_id_a_page_at_a_time(office: Office) -> None:
    asked(office, "2", "1", room="b")
    asked(office, "3", "商/%0A", room="a/")
    asked(office, "0", room="c")
    told = pages(office, "/v1/containers", "containers")
    assert [[(each["room"], each["id"]) for each in page] for page in told] == [
        [("a/", "3"), ("a/", "商/%0A")],
        [("b", "1"), ("b", "2")],
        [("c", "0")],
    ]


@pytest.mark.parametrize("path", ["/v1/rooms/shop/containers/dora", "/v1/rooms/none/containers/carl"])
def test_a_container_that_is_not_there_is_404(office: Office, path: str) -> None:
    office.conversation()
    assert office.get(path).error == (404, "not_found", "There is no such container.")


def test_containers_of_a_room_that_is_not_there_are_404(office: Office) -> None:
    assert office.get("/v1/rooms/none/containers").error == (404, "not_found", "There is no such room.")


# -- users ------------------------------------------------------------------------------------------


def test_a_users_connections_are_told_whatever_the_room(office: Office) -> None:
    office.connect(userId="carl", name="Carl", roomName="lobby", icon="https://x.example/i.png")
    office.connect(userId="carl", name="C", roomName="shop", containerId="carl", targetId="order-1")
    office.connect(userId="ann", roomName="shop")
    carl = {"userId": "carl", "isAgent": False, "peer": "127.0.0.1:50000"}
    in_lobby = {"room": "lobby", "name": "Carl", "icon": "https://x.example/i.png"}
    in_shop = {"room": "shop", "name": "C", "icon": ""}
    assert office.get("/v1/users/carl/connections").json == {
        "connections": [
            carl | in_lobby | {"containerId": None, "targetId": None},
            carl | in_shop | {"containerId": "carl", "targetId": "order-1"},
        ]
    }


def test_a_user_who_is_not_online_is_404(office: Office) -> None:
    assert office.get("/v1/users/x/connections").error == (404, "not_found", "There is no such user online.")


# -- readiness --------------------------------------------------------------------------------------


def test_a_server_that_works_is_ready(office: Office) -> None:
    answer = office.get("/readyz")
    assert (answer.status, answer.json) == (200, {"ready": True, "reasons": {}})


def test_a_server_whose_store_fails_is_not_ready_until_it_works_again(
    open_office: Callable[..., Office],
) -> None:
    store = HeldStore(PromptStore())
    office = open_office(store)
    client = office.connect()
    client.say("lost")
    store.fail("disk full at db.example")
    answer = office.get("/readyz")
    reason = "The store keeps nothing; the log says why."
    assert (answer.status, answer.json) == (503, {"ready": False, "reasons": {"store": reason}})
    client.say("kept")
    store.keep()
    assert office.get("/readyz").status == 200


def test_a_server_for_whose_store_too_much_waits_is_not_ready(open_office: Callable[..., Office]) -> None:
    office = open_office(HeldStore(PromptStore()), store=Store(queue=1))
    client = office.connect()
    client.say("is being kept")
    client.say("waits")
    assert office.get("/readyz").json["reasons"] == {"store": "Too much waits for the store."}


def test_a_server_whose_bus_is_down_is_not_ready(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatd.bus.local.LocalBus.trouble", "The bus is away.")
    assert office.get("/readyz").json["reasons"] == {"bus": "The bus is away."}


def test_a_server_that_stops_is_alive_and_not_ready_until_its_last_connection_is_gone(office: Office) -> None:
    client = office.connect()
    client.answers_close = False
    office.stop()
    office.door.closed.callback(None)
    office.settle()
    assert client.closed == 1001
    assert office.get("/healthz").status == 200
    assert office.get("/readyz").json["reasons"] == {"draining": "The server is going away."}
    client.vanish()
    assert office.side.door.closing
    assert not office.has_ended
    office.side.door.closed.callback(None)
    assert office.has_ended
