"""A store that fails, or hangs, or is none, as clients see it (M5, R1, E1)."""

from tests.house import history, talk
from tests.stores import HeldStore, PromptStore


def test_where_nothing_is_stored_history_says_so(house):
    (ann,) = house.room("ann")
    error = history(ann, clientMessageId="m-1")
    assert (error["messageType"], error["code"]) == ("error", "storage_unavailable")
    assert (error["eventType"], error["clientMessageId"]) == ("history", "m-1")


def test_where_nothing_is_stored_after_says_so_and_the_connection_stays(house):
    ann = house.join("ann", after="")
    notice, error = ann.frames()
    assert (notice["action"], error["code"], ann.closed) == ("in", "storage_unavailable", None)


def test_where_nothing_is_stored_containers_are_not_to_be_read_but_replayed(house):
    """(D4)"""
    agnes, carl = house.conversation()
    talk(carl, 2)
    agnes.texts()
    assert history(agnes, containerId="carl")["code"] == "storage_unavailable"
    agnes.ask("addContainer", containerId="carl")
    assert agnes.contents()[1:] == ["0", "1"]


def test_a_message_that_cannot_be_kept_is_refused_and_the_connection_stays(open_stored):
    """(M5, E1)"""
    store = HeldStore(PromptStore())
    house = open_stored(store=store)
    ann, bob = house.room("ann", "bob")
    ann.say("hello", clientMessageId="m-1")
    assert (ann.texts(), bob.texts()) == ([], [])
    store.fail()
    error = ann.frame()
    assert (error["messageType"], error["code"]) == ("error", "storage_unavailable")
    assert (error["eventType"], error["clientMessageId"]) == ("ordinary", "m-1")
    assert bob.frames() == []
    ann.say("hello", clientMessageId="m-1")
    house.settle()
    store.keep()
    assert (ann.contents(), bob.contents()) == (["hello"], ["hello"])


def test_what_is_more_than_may_wait_is_refused_at_once_and_changes_nothing(open_stored):
    """(M5)"""
    store = HeldStore(PromptStore())
    house = open_stored(store=store, queue=2)
    ann, bob = house.room("ann", "bob")
    for number in range(3):
        ann.say(str(number))
    assert ann.texts() == []
    for what in (
        {"messageType": "text", "messageContent": "3"},
        {"eventType": "updateRoomName", "messageContent": "den"},
        {"eventType": "updateUserInfo", "messageContent": "Anna"},
        {"eventType": "history"},
    ):
        ann.send({**what, "clientMessageId": "m-1"})
        error = ann.frame()
        assert (error["code"], error["clientMessageId"]) == ("storage_unavailable", "m-1")
    assert list(house.registry.rooms) == ["lobby"]
    store.keep()
    store.keep()
    assert bob.contents() == ["0", "1", "2"]
    ann.say("4")
    store.keep()
    assert bob.frame()["nickName"] == "Ann"


def test_a_heartbeat_is_answered_though_the_store_hangs(open_stored):
    """(H1)"""
    house = open_stored(store=HeldStore(PromptStore()))
    (ann,) = house.room("ann")
    ann.say("hello")
    ann.beat()
    assert len(ann.texts()) == 1


def test_nobody_hears_later_of_a_request_that_could_not_be_kept(open_stored):
    """(M5, D3) Nor is the customer told that it waits."""
    store = HeldStore(PromptStore())
    house = open_stored(store=store)
    carl = house.customer("carl")
    carl.frames()
    carl.ask("createContainer", acceptId="agnes", clientMessageId="r-1")
    house.settle()
    store.fail()
    assert [(error["code"], error["clientMessageId"]) for error in carl.frames()] == [
        ("storage_unavailable", "r-1")
    ]
    house.wait(2)
    store.keep()
    agnes = house.join("agnes", "agnes")
    agnes.ask("addContainer", containerId="carl")
    assert [frame.get("code") for frame in agnes.frames()] == [None, "forbidden"]


def test_a_request_that_waits_goes_on_waiting_when_another_could_not_be_kept(open_stored):
    """(M5, D3)"""
    store = HeldStore(PromptStore())
    house = open_stored(store=store)
    carl = house.customer("carl")
    carl.ask("createContainer", acceptId="agnes")
    house.settle()
    store.keep()
    carl.ask("createContainer", acceptId="bea")
    house.settle()
    store.fail()
    house.wait(2)
    store.keep()
    agnes, bea = house.join("agnes", "agnes"), house.join("bea", "agnes")
    assert "createContainer" in [frame.get("eventType") for frame in agnes.frames()]
    assert "createContainer" not in [frame.get("eventType") for frame in bea.frames()]


def test_nobody_hears_later_of_requests_none_of_which_could_be_kept(open_stored):
    """(M5, D3)"""
    store = HeldStore(PromptStore())
    house = open_stored(store=store)
    carl = house.customer("carl")
    with house.one_turn():
        carl.ask("createContainer", acceptId="agnes")
        carl.ask("createContainer", acceptId="agnes")
    house.settle()
    store.fail()
    house.wait(2)
    store.keep()
    agnes = house.join("agnes", "agnes")
    assert "createContainer" not in [frame.get("eventType") for frame in agnes.frames()]


def test_nobody_has_a_new_name_that_could_not_be_kept(open_stored):
    """(M5) As nobody was told of it."""
    store = HeldStore(PromptStore())
    house = open_stored(store=store)
    ann = house.join("ann")
    with house.one_turn():
        ann.ask("updateUserInfo", messageContent="Anna")
        ann.ask("updateUserInfo", messageContent="Annie")
    house.settle()
    store.fail()
    ann.frames()
    ann.say("hello")
    house.settle()
    store.keep()
    assert ann.frame()["nickName"] == "Ann"
