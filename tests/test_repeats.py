"""Messages that are sent again (M6)."""

from collections.abc import Callable

import pytest

from tests.house import House, history, said
from tests.stores import PromptStore


@pytest.fixture(params=["none", "sqlite"])
def repeating(request: pytest.FixtureRequest, open_house: Callable[..., House]) -> House:
    """A house with each kind of store."""
    if request.param == "none":
        return open_house()
    houses: list[House] = []
    house = open_house(store=PromptStore(now=lambda: houses[0].now()))
    houses.append(house)
    return house


def test_a_repeat_is_answered_to_its_sender_alone_with_the_first_ones_copy(repeating):
    """(M6)"""
    ann, tab, bob = repeating.room("ann", "ann", "bob")
    ann.say("hello", clientMessageId="m-1")
    first = ann.frame()
    repeating.hush()
    ann.say("hello again", clientMessageId="m-1")
    assert ann.frames() == [first]
    assert (tab.frames(), bob.frames()) == ([], [])


def test_a_repeat_on_another_connection_of_the_user_is_one_too(repeating):
    """(M6)"""
    ann, bob = repeating.room("ann", "bob")
    ann.say("hello", clientMessageId="m-1")
    first = ann.frame()
    ann.vanish()
    ann = repeating.join("ann")
    repeating.hush()
    ann.say("hello", clientMessageId="m-1")
    assert (ann.frames(), bob.frames()) == ([first], [])


def test_a_repeat_within_one_turn_is_one_too(repeating):
    """(M6)"""
    ann, bob = repeating.room("ann", "bob")
    with repeating.one_turn():
        ann.say("one", clientMessageId="m-1")
        ann.say("two", clientMessageId="m-1")
        ann.say("three", clientMessageId="m-2")
    assert ann.contents() == ["one", "one", "three"]
    assert bob.contents() == ["one", "three"]


def test_a_repeat_is_remembered_for_the_window_and_not_longer(repeating):
    """(M6)"""
    ann, bob = repeating.room("ann", "bob")
    ann.say("one", clientMessageId="m-1")
    for _ in range(4):
        repeating.wait(74)
        ann.beat(), bob.beat()
    repeating.hush()
    ann.say("two", clientMessageId="m-1")
    assert (ann.contents(), bob.contents()) == (["one"], [])
    repeating.wait(5)
    ann.say("three", clientMessageId="m-1")
    assert (ann.contents(), bob.contents()) == (["three"], ["three"])
    ann.say("four", clientMessageId="m-1")
    assert (ann.contents(), bob.contents()) == (["three"], [])


def test_another_users_message_of_the_same_id_is_no_repeat(repeating):
    """(M6)"""
    ann, bob = repeating.room("ann", "bob")
    ann.say("one", clientMessageId="m-1")
    bob.say("two", clientMessageId="m-1")
    assert (ann.contents(), bob.contents()) == (["one", "two"], ["one", "two"])


def test_a_message_of_the_same_id_in_another_room_is_no_repeat(repeating):
    """(M6)"""
    (ann,), (bob,) = repeating.room("ann"), repeating.room("bob", room="den")
    ann.say("one", clientMessageId="m-1")
    ann.ask("updateRoomName", messageContent="den")
    repeating.hush()
    ann.say("one", clientMessageId="m-1")
    assert bob.contents() == ["one"]


def test_messages_without_an_id_are_no_repeats(repeating):
    """(M6)"""
    ann, bob = repeating.room("ann", "bob")
    for id in (None, "", None):
        ann.say("hello", clientMessageId=id)
    assert bob.contents() == ["hello"] * 3


def test_a_repeat_in_a_container_is_heard_by_its_sender_alone(repeating):
    """(M6, M4)"""
    agnes, carl = repeating.conversation()
    carl.say("hello", clientMessageId="m-1")
    first = carl.frame()
    agnes.texts()
    carl.say("hello", clientMessageId="m-1")
    assert (carl.frames(), agnes.frames()) == ([first], [])
    agnes.ask("addContainer", containerId="carl")
    assert agnes.contents()[1:] == ["hello"]  # once


def test_a_repeat_is_once_in_history(stored):
    """(M6, R1)"""
    (ann,) = stored.room("ann")
    for _ in range(2):
        ann.say("hello", clientMessageId="m-1")
    ann.texts()
    assert said(history(ann)) == ["hello"]


def test_a_request_that_is_repeated_is_not_told_again_to_who_has_answered_it(repeating):
    """(M6, D3)"""
    agnes, carl = repeating.join("agnes", "agnes"), repeating.customer("carl")
    repeating.hush()
    carl.ask("createContainer", acceptId="agnes", clientMessageId="m-1")
    first = carl.frame()
    agnes.ask("addContainer", containerId="carl")
    repeating.hush()
    carl.ask("createContainer", acceptId="agnes", clientMessageId="m-1")
    assert (carl.frames(), agnes.frames()) == ([first], [])
    tab = repeating.join("agnes", "agnes")
    assert [frame.get("eventType") for frame in tab.frames()] == [None]


def test_a_request_that_is_repeated_waits_on_as_the_first_one(repeating):
    """(M6, D3)"""
    carl = repeating.customer("carl")
    repeating.hush()
    carl.ask("createContainer", acceptId="agnes", clientMessageId="m-1")
    first = carl.frames()[0]
    carl.ask("createContainer", acceptId="agnes", clientMessageId="m-1")
    agnes = repeating.join("agnes", "agnes")
    told = [frame for frame in agnes.frames() if frame.get("eventType") == "createContainer"]
    assert [frame["messageId"] for frame in told] == [first["messageId"]]


def test_a_new_name_that_is_repeated_does_not_come_back(repeating):
    """(M6) Neither one by one nor when all that has no receipt is sent again at once."""
    ann, bob = repeating.room("ann", "bob")
    for number, name in enumerate(("Anna", "Annie")):
        ann.ask("updateUserInfo", messageContent=name, clientMessageId=str(number))
    repeating.hush()
    ann.ask("updateUserInfo", messageContent="Anna", clientMessageId="0")
    ann.say("hello")
    assert bob.frame()["nickName"] == "Annie"
    with repeating.one_turn():
        ann.ask("updateUserInfo", messageContent="Anna", clientMessageId="0")
        ann.ask("updateUserInfo", messageContent="Annie", clientMessageId="1")
    assert bob.frames() == []
    ann.say("hello")
    assert bob.frame()["nickName"] == "Annie"
