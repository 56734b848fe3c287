"""What the business's backend is told of, and that it is so exactly if it happened."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.task import Clock

from chatd.outbox import Outbox
from chatd.turn import Report
from tests.house import EPOCH, House
from tests.outbox import ANN, LOBBY, ListBus, message
from tests.stores import HeldStore, PromptStore

NOW = int(EPOCH * 1000)
ALL = ("online", "offline", "createContainer", "addContainer", "removeContainer", "message")


class Told:
    """A house, and what its store has to tell."""

    def __init__(self, open_house: Callable[..., House], store: Any, events: tuple[str, ...] = ALL) -> None:
        self.store = store
        self.house = open_house(store=store, events=events)

    def bodies(self) -> list[dict[str, Any]]:
        """What is to be told, since last asked, without the ids, which are all different."""
        found: list[Any] = []
        self.store.waiting(0, 1000).addCallback(lambda page: found.extend(page.reports))
        self.store.sent([each.place for each in found])
        bodies = [json.loads(each.body) for each in found]
        assert [body.pop("id") for body in bodies] == [each.id for each in found]
        assert len({each.id for each in found}) == len(found)
        assert [(body["room"], body.get("containerId", "")) for body in bodies] == [
            each.line for each in found
        ]
        return bodies

    def events(self) -> list[tuple[str, str | None]]:
        """Who did what."""
        return [(body["event"], body.get("userId")) for body in self.bodies()]


@pytest.fixture
def told(open_house: Any) -> Told:
    return Told(open_house, PromptStore())


def test_the_first_connection_of_a_user_in_a_room_is_online_and_the_last_offline(told):
    """(C6)"""
    ann, tab = told.house.join("ann", icon="a.png"), told.house.join("ann")
    bob = told.house.join("bob")
    ann.leave()
    tab.vanish()
    who = {"room": "lobby", "time": NOW, "userId": "ann", "name": "Ann"}
    assert told.bodies() == [
        {"event": "online", **who, "icon": "a.png", "count": 1},
        {"event": "online", **who, "userId": "bob", "name": "Bob", "count": 2},
        {"event": "offline", **who, "count": 1},
    ]
    assert bob.closed is None


def test_of_a_customer_its_container_and_its_business_key_are_told(told):
    told.house.customer("carl").leave()
    who = {"room": "agnes", "containerId": "carl", "userId": "carl", "name": "Carl", "targetId": "order-1"}
    assert told.bodies() == [
        {"event": "online", "time": NOW, **who, "count": 1},
        {"event": "offline", "time": NOW, **who, "count": 0},
    ]


def test_who_moves_is_offline_in_the_old_room_and_online_in_the_new(told):
    (ann,) = told.house.room("ann")
    told.bodies()
    ann.ask("updateRoomName", messageContent="den")
    assert [(it["event"], it["room"]) for it in told.bodies()] == [("offline", "lobby"), ("online", "den")]


def test_a_server_that_stops_tells_nobody_offline(told):
    told.house.room("ann")
    told.bodies()
    told.house.stop()
    assert told.bodies() == []


def test_a_container_is_asked_for_opened_and_removed(told):
    agnes, carl = told.house.join("agnes", "agnes"), told.house.customer("carl")
    told.bodies()
    carl.ask("createContainer", acceptId="agnes", clientMessageId="m")
    request = agnes.frames()[-1]
    agnes.ask("addContainer", containerId="carl")
    agnes.ask("addContainer", containerId="carl")  # which changes nothing
    agnes.ask("removeContainer", containerId="carl")
    where = {"time": NOW, "room": "agnes", "containerId": "carl"}
    agent = {"userId": "agnes", "name": "Agnes", "members": ["carl", "agnes"]}
    assert told.bodies() == [
        {"event": "createContainer", **where, "userId": "carl", "message": request},
        {"event": "addContainer", **where, **agent},
        {"event": "removeContainer", **where, **agent},
    ]
    assert (request["acceptId"], request["targetId"]) == ("agnes", "order-1")


def test_a_container_that_is_forgotten_is_removed_by_nobody(told):
    """(K1)"""
    agnes, carl = told.house.conversation()
    carl.leave()
    agnes.leave()
    told.bodies()
    told.house.wait(1802)
    (body,) = told.bodies()
    assert (body["event"], body["containerId"], body.get("userId")) == ("removeContainer", "carl", None)


def test_a_message_is_told_as_clients_see_it(told):
    agnes, carl = told.house.conversation()
    (ann,) = told.house.room("ann")
    told.bodies()
    ann.send({"messageType": "picture", "accessoryContent": {"file": "x", "y": [1]}, "clientMessageId": "m"})
    carl.say("说")
    agnes.ask("autoReturn", messageContent="hours", containerId="carl")
    seen = [*carl.frames(), ann.frame()]
    del seen[2]["clientMessageId"]  # which only the sender's copy has
    bodies = told.bodies()
    assert [it["message"] for it in bodies] == [seen[2], seen[0], seen[1]]
    assert [(it["event"], it["userId"], it.get("containerId")) for it in bodies] == [
        ("message", "ann", None),
        ("message", "carl", "carl"),
        ("message", "agnes", "carl"),
    ]


def test_what_is_no_message_is_none(told):
    ann, _ = told.house.room("ann", "bob")
    told.bodies()
    ann.ask("updateUserInfo", messageContent="Anna")
    ann.say("", clientMessageId="refused")
    ann.ask("history")
    ann.beat()
    assert told.bodies() == []


def test_a_message_that_is_sent_again_is_told_once(told):
    """(M6)"""
    ann, _ = told.house.room("ann", "bob")
    told.bodies()
    with told.house.one_turn():
        ann.say("one", clientMessageId="m")
        ann.say("one", clientMessageId="m")
        ann.say("two")
    ann.say("one", clientMessageId="m")
    assert [body["message"]["messageContent"] for body in told.bodies()] == ["one", "two"]


@pytest.mark.parametrize("event", ALL)
def test_only_what_is_asked_for_is_told(open_house, event):
    told = Told(open_house, PromptStore(), (event,))
    agnes, carl = told.house.conversation()
    carl.say("hello")
    agnes.ask("removeContainer", containerId="carl")
    agnes.leave()
    assert {name for name, _ in told.events()} == {event}


def test_nothing_is_told_where_nothing_is_asked_for(open_house):
    told = Told(open_house, PromptStore(), ())
    told.house.conversation()
    assert told.bodies() == []


# -- turns that fail --------------------------------------------------------------------------------


@pytest.fixture
def store() -> HeldStore:
    store = HeldStore(PromptStore())
    store.open()
    return store


def report(id: str) -> Report:
    """Something that happened, and is no message."""
    return Report(id=id, time=0, room="lobby", container_id=None, body=b"{}")


class Post:
    """An outbox whose messages are told of, each by the report ``of`` it."""

    def __init__(self, store: HeldStore) -> None:
        self.store = store
        self.clock = Clock()
        self.outbox = Outbox(self.clock, ListBus(), store, most=3)
        self.outbox.report_of = lambda said: Report(
            id=f"of {said.id}", time=0, room="lobby", container_id=None, body=b"{}", message_id=said.id
        )
        self.counts: list[int] = []
        self.outbox.reported = self.counts.append

    def kept(self) -> list[str]:
        """The ids of the reports that the store has."""
        found: list[str] = []
        self.store.waiting(0, 1000).addCallback(lambda page: found.extend(it.id for it in page.reports))
        return found


@pytest.fixture
def post(store: HeldStore) -> Post:
    return Post(store)


def test_reports_are_kept_in_the_order_in_which_things_happened(post):
    post.outbox.report(report("a"))
    post.outbox.post(LOBBY, message("1"), ANN)
    post.outbox.report(report("b"))
    post.clock.advance(0)
    assert (post.kept(), post.counts) == ([], [])
    post.store.keep()
    assert (post.kept(), post.counts) == (["a", "of 1", "b"], [3])


def test_of_a_message_that_is_refused_nothing_is_told_and_the_rest_later(post):
    """(M5)"""
    post.outbox.post(LOBBY, message("1"), ANN)
    post.outbox.report(report("a"))
    post.clock.advance(0)
    post.store.fail()
    post.outbox.post(LOBBY, message("2"), ANN)
    post.outbox.report(report("b"))
    post.clock.advance(0)
    post.store.keep()
    assert post.kept() == ["a", "of 2", "b"]


def test_what_was_kept_though_it_seemed_lost_is_not_told_or_told_once(post):
    """(M5)"""
    post.outbox.post(LOBBY, message("1"), ANN)
    post.outbox.report(report("a"))
    post.clock.advance(0)
    post.store.fail_though_kept()
    assert (post.kept(), post.counts, post.outbox.failing) == (["of 1", "a"], [], "gone")
    post.clock.advance(1)
    post.store.keep()
    assert (post.kept(), post.counts, post.outbox.failing) == (["a"], [1], None)


def test_a_message_that_seemed_lost_is_undone_soon_though_nobody_speaks(post):
    """(M5) Until then nothing is read, for its report would be."""
    post.outbox.post(LOBBY, message("1"), ANN)
    post.clock.advance(0)
    post.store.fail_though_kept()
    post.clock.advance(1)
    post.store.fail()
    post.clock.advance(1)
    post.store.keep()
    assert (post.kept(), post.counts, post.outbox.failing) == ([], [0], None)
    post.clock.advance(10)
    assert not post.store.is_busy


def test_what_cannot_be_kept_for_long_is_given_up_with_a_line(post, log):
    for number in range(4):
        post.outbox.report(report(str(number)))
    post.clock.advance(0)
    post.store.fail()
    assert "too many events" in log[-1]["log_format"]
    post.clock.advance(1)
    post.store.keep()
    assert post.kept() == []


def test_what_could_not_be_kept_is_tried_once_more_when_the_server_stops(post):
    post.outbox.report(report("a"))
    post.clock.advance(0)
    post.store.fail()
    drained = post.outbox.drained()
    post.store.keep()
    assert (drained.called, post.kept()) == (True, ["a"])
