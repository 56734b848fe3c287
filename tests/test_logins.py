"""Logins (C3): who gets in with an account, as whom, and what a client is told who does not."""

from typing import Any

import pytest
from twisted.logger import formatEvent

from chatd.accounts import TooManyFailures, Unavailable
from tests.checkers.accounts import MD5, SlowChecker
from tests.client import TEXT, Client, client_frame
from tests.house import House, request, target

LOGIN = {"clientType": "shop", "account": "agnes@shop", "password": MD5}


@pytest.fixture
def checker() -> SlowChecker:
    return SlowChecker()


@pytest.fixture
def house(open_house: Any, checker: SlowChecker) -> House:
    return open_house(accounts={"shop": checker})


def refusal(client: Client) -> tuple[int | None, str, str]:
    """How a connection was closed, with which error's code and sentence."""
    error = client.frame()
    assert client.reason == error["messageContent"]
    return client.closed, error["code"], error["messageContent"]


def test_nobody_is_in_a_room_before_its_login_is_decided(house, checker):
    ann = house.join("ann")
    house.hush()
    bob = house.join("bob", **LOGIN)
    assert (ann.texts(), bob.texts(), bob.closed) == ([], [], None)
    checker.answer()
    house.settle()
    assert [frame["userId"] for frame in ann.frames()] == ["bob"]
    assert bob.frame()["action"] == "in"


def test_the_checker_is_told_what_came_and_from_where(house, checker):
    house.join("bob", **LOGIN | {"password": MD5.upper()})
    login = checker.logins[0]
    assert (login.client_type, login.account, login.password) == ("shop", "agnes@shop", MD5)
    assert (login.user_id, login.address) == ("bob", "127.0.0.1")
    assert "agnes" not in repr(login) and MD5 not in repr(login)


def test_a_wrong_login_is_refused_with_4401(house, checker):
    bob = house.join("bob", **LOGIN)
    checker.refuse()
    house.settle()
    assert refusal(bob) == (4401, "unauthorized", "Wrong account or password.")


def test_a_login_that_cannot_be_checked_lets_nobody_in(house, checker):
    """(C3) A client may try again later: 1013."""
    bob = house.join("bob", **LOGIN)
    checker.fail(Unavailable("the endpoint is away"))
    house.settle()
    assert refusal(bob) == (1013, "storage_unavailable", "Accounts cannot be checked now. Try again later.")


def test_a_login_after_too_many_failures_is_refused_with_4429(house, checker):
    bob = house.join("bob", **LOGIN)
    checker.fail(TooManyFailures())
    house.settle()
    assert refusal(bob) == (4429, "rate_limited", "Too many logins have failed. Try again later.")


def test_a_bug_in_a_checker_lets_nobody_in(house, checker, log):
    bob = house.join("bob", **LOGIN)
    checker.fail(KeyError("x"))
    house.settle()
    assert bob.closed == 1011
    assert "a bug in joining" in formatEvent(log[-1])
    log.clear()


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [
        ({"clientType": None}, "This clientType has no accounts here."),
        ({"clientType": "shops"}, "This clientType has no accounts here."),
        ({"account": None}, "Account and password are required."),
        ({"password": None}, "Account and password are required."),
        ({"account": None, "password": None}, "Account and password are required."),
    ],
)
def test_a_login_that_is_not_whole_is_refused_unchecked(house, checker, left_out, sentence):
    bob = house.connect(**LOGIN | left_out)
    assert refusal(bob) == (4401, "unauthorized", sentence)
    assert checker.logins == []


def test_credentials_without_a_client_type_go_to_the_default_project(open_house, checker):
    open_house(accounts={"shop": checker}, default="shop").connect(**LOGIN | {"clientType": None})
    assert checker.logins[0].client_type == "shop"


def test_where_nobody_may_be_anonymous_an_account_is_required(open_house, checker):
    house = open_house(accounts={"shop": checker}, anonymous=False)
    assert refusal(house.connect()) == (4401, "unauthorized", "Credentials are required here.")


def test_who_is_bound_to_a_user_id_cannot_be_another(house, checker):
    bob, agnes = house.join("bob", **LOGIN), house.join("agnes", **LOGIN)
    checker.answer(user_id="agnes")
    checker.answer(user_id="agnes")
    house.settle()
    assert refusal(bob) == (4403, "forbidden", "This account belongs to another userId.")
    assert agnes.frame()["userId"] == "agnes"


def test_a_projects_name_and_icon_take_the_place_of_the_clients(house, checker):
    bob = house.join("bob", **LOGIN)
    checker.answer(name="Robert", icon="https://shop.example/bob.png")
    house.settle()
    assert bob.frame()["nickName"] == "Robert"
    bob.say("hello")
    assert bob.frame()["userIcon"] == "https://shop.example/bob.png"


def test_a_project_has_its_rooms(open_house, checker):
    house = open_house(accounts={"shop": checker}, rooms={"shop": ("shop-*", "hall")})
    allowed, hall, other = (house.join("bob", room, **LOGIN) for room in ("shop-1", "hall", "shops"))
    for _ in range(3):
        checker.answer()
    house.settle()
    assert (allowed.closed, hall.closed) == (None, None)
    assert refusal(other) == (4403, "forbidden", "This account may not enter this room.")


def test_who_has_its_rooms_does_not_move_into_others(open_house, checker):
    house = open_house(accounts={"shop": checker}, rooms={"shop": ("shop-*",)})
    bob = house.join("bob", "shop-1", **LOGIN)
    checker.answer()
    house.settle()
    bob.texts()
    bob.ask("updateRoomName", messageContent="lobby")
    assert bob.frame()["code"] == "forbidden"
    bob.ask("updateRoomName", messageContent="shop-2")
    assert bob.frame()["roomName"] == "shop-2"


def test_an_agent_adds_itself_to_a_container_that_was_not_offered_to_it(house, checker):
    """(M3)"""
    customer = house.customer("carl")
    customer.ask("createContainer", acceptId="agnes")
    agent, other = house.join("bob", "agnes", **LOGIN), house.join("eve", "agnes")
    checker.answer(role="agent")
    house.settle()
    house.hush()
    other.ask("addContainer", containerId="carl")
    assert other.frame()["code"] == "forbidden"
    agent.ask("addContainer", containerId="carl")
    assert customer.frame()["action"] == "in"


# -- while it takes its time ------------------------------------------------------------------------


def test_what_a_client_says_while_its_login_is_checked_is_said_after_it(house, checker):
    bob = house.join("bob", **LOGIN)
    bob.say("early")
    bob.say("bird")
    assert bob.texts() == []
    checker.answer()
    house.settle()
    house.settle()
    assert [frame.get("action", frame["messageContent"]) for frame in bob.frames()] == ["in", "early", "bird"]


def test_what_comes_in_one_piece_with_the_handshake_waits_too(house, checker):
    bob = house.dial()
    early = client_frame(TEXT, b'{"messageType":"text","messageContent":"early"}')
    bob.send_bytes(request(target(**LOGIN)) + early)
    checker.answer()
    house.settle()
    assert [frame.get("action", frame["messageContent"]) for frame in bob.frames()] == ["in", "early"]


def test_a_client_that_goes_while_its_login_is_checked_never_was(house, checker):
    ann = house.join("ann")
    bob = house.join("bob", **LOGIN)
    house.hush()
    bob.vanish()
    checker.answer()
    house.settle()
    assert ann.texts() == []
    assert "bob" not in house.registry.rooms["lobby"].users


def test_a_login_that_is_checked_outlives_the_time_for_a_handshake(house, checker):
    bob = house.join("bob", **LOGIN)
    house.wait(10)
    assert bob.closed is None
    checker.answer()
    house.settle()
    assert bob.frame()["action"] == "in"


def test_a_server_that_stops_does_not_wait_for_a_login(house, checker):
    bob = house.join("bob", **LOGIN)
    house.stop()
    assert bob.closed == 1001
    checker.answer()
    house.settle()
    assert bob.contents() == []


def test_nothing_of_a_login_is_in_the_log(house, checker, log):
    for outcome in (checker.answer, checker.refuse):
        house.join("bob", **LOGIN)
        outcome()
        house.settle()
    text = repr(log)
    assert MD5 not in text and "agnes@shop" not in text
