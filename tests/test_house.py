"""The house starts, or says in one line why not, and stops in order: doors, guests, house."""

from pathlib import Path
from typing import Any

import pytest
import txaio
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, LogLevel
from zope.interface import implementer

from chatd.build import build
from chatd.config import Config, Containers, Server
from chatd.house import House, StartError
from chatd.model import Message
from chatd.store.none import NoStore
from chatd.turn import Restored, StoreError, Turn
from tests.building import Building
from tests.stores import HeldStore, PromptStore

# -- the start --------------------------------------------------------------------------------------


@implementer(IStreamServerEndpoint)
class Broken:
    """An endpoint that cannot listen."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def listen(self, factory: Factory) -> "Deferred[Any]":
        """See IStreamServerEndpoint."""
        return fail(self._error)


def house_at(endpoint: object) -> House:
    """A house with one door."""
    clock = MemoryReactorClock()
    return build(Config(), clock, [("somewhere", endpoint)], NoStore(clock.seconds, 300, 100))  # type: ignore[list-item]


def test_it_logs_where_it_listens(log: list[LogEvent]) -> None:
    Building(Config())
    assert [event["address"].port for event in log if "address" in event] == [9326]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (CannotListenError("127.0.0.1", 80, "taken"), "Couldn't listen on 127.0.0.1:80: taken."),
        (PermissionError(13, "not you"), "Couldn't listen on somewhere: [Errno 13] not you"),
        (OverflowError("too high"), "Couldn't listen on somewhere: too high"),
    ],
)
def test_a_door_that_cannot_be_opened_ends_the_start_with_a_line(error: Exception, line: str) -> None:
    with pytest.raises(StartError) as end:
        house_at(Broken(error)).privilegedStartService()
    assert str(end.value) == line


def test_a_bug_in_an_endpoint_ends_the_start_as_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        house_at(Broken(ZeroDivisionError())).privilegedStartService()


@pytest.mark.parametrize("daemon", [True, False])
def test_a_daemon_that_cannot_start_says_so_in_its_log(daemon: bool, log: list[LogEvent]) -> None:
    house = house_at(Broken(CannotListenError("127.0.0.1", 80, "taken")))
    house.daemon = daemon
    with pytest.raises(StartError):
        house.privilegedStartService()
    critical = [event for event in log if event["log_level"] is LogLevel.critical]
    assert [str(event["error"]) for event in critical] == ["Couldn't listen on 127.0.0.1:80: taken."] * daemon


# -- the store --------------------------------------------------------------------------------------


class Locked(PromptStore):
    """A store that cannot be opened."""

    def open(self, containers: bool = True) -> Restored:
        """See IMessageStore."""
        raise StoreError("store.url: chatd.sqlite: locked")


@pytest.mark.parametrize("daemon", [True, False])
def test_a_store_that_cannot_be_opened_ends_the_start_with_a_line(daemon: bool, log: list[LogEvent]) -> None:
    clock = MemoryReactorClock()
    house = build(Config(), clock, [], Locked())
    house.daemon = daemon
    house.privilegedStartService()
    with pytest.raises(StartError) as end:
        house.startService()
    assert str(end.value) == "store.url: chatd.sqlite: locked"
    critical = [event for event in log if event["log_level"] is LogLevel.critical]
    assert [str(event["error"]) for event in critical] == ["store.url: chatd.sqlite: locked"] * daemon


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a store is that outlives its house."""
    return str(tmp_path / "chatd.sqlite")


def building_that_ends(path: str) -> tuple[Building, PromptStore]:
    """A house, and its store: once that is closed another house may have the file."""
    store = PromptStore(path)
    return Building(Config(), store), store


def test_what_was_kept_is_back_in_the_next_house(path: str, log: list[LogEvent]) -> None:
    """(K2, D3, M7) The open container, the request that waits, and the ids."""
    first, store = building_that_ends(path)
    agnes, _ = first.conversation()
    agnes.ask("addContainer", containerId="carl")
    dora = first.connect(userId="dora", roomName="shop", containerId="dora", targetId="order-2")
    dora.ask("createContainer", acceptId="bert")
    dora.say("hello?")
    said = dora.frames()[-1]["messageId"]
    store.close()
    second = Building(Config(), PromptStore(path))
    assert "2 containers are back" in [event["log_format"].format(**event) for event in log]
    agnes = second.connect(userId="agnes", roomName="shop", name="Agnes")
    assert [frame.get("containerId") for frame in agnes.frames()] == [None, "carl"]
    agnes.say("still here", containerId="carl")
    assert agnes.frame()["messageId"] > said
    bert = second.connect(userId="bert", roomName="shop")
    assert [frame.get("eventType") for frame in bert.frames()] == [None, "createContainer"]
    bert.ask("addContainer", containerId="dora")
    assert bert.contents()[1:] == ["hello?"]


def test_containers_that_are_back_wait_for_their_members_as_long_as_deserted_ones(path: str) -> None:
    """(K1)"""
    first, store = building_that_ends(path)
    first.conversation()
    store.close()
    store = PromptStore(path)
    second = Building(Config(containers=Containers(idle_timeout=10)), store)
    second.wait(11)
    store.close()
    third = Building(Config(), PromptStore(path))
    assert len(third.connect(userId="agnes", roomName="shop").frames()) == 1


def test_ids_go_on_where_they_were_though_the_clock_went_back(path: str) -> None:
    """(M7)"""
    store = PromptStore(path)
    store.open()
    future = Message(
        id="ffffffffffff00", created=0, room="lobby", user_id="ann", name="", icon="", event="ordinary"
    )
    store.commit(Turn(messages=[future]))
    store.close()
    ann = Building(Config(), PromptStore(path)).connect()
    ann.texts()
    ann.say("hello")
    assert ann.frame()["messageId"] == "ffffffffffff01"


# -- the stop ---------------------------------------------------------------------------------------


@pytest.fixture
def held() -> HeldStore:
    """A store that keeps when the test says so."""
    return HeldStore(PromptStore())


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch, held: HeldStore) -> Building:
    """A house with it, which stops listening at once."""
    building = Building(Config(), held)
    monkeypatch.setattr(txaio.config, "loop", building.clock)
    building.door.closed.callback(None)
    return building


def test_it_waits_for_what_is_being_kept_and_tells_it(holding: Building, held: HeldStore) -> None:
    """(M5)"""
    ann = holding.connect()
    ann.texts()
    ann.say("my last word")
    holding.stop()
    holding.settle()
    assert (ann.closed, ann.texts()) == (None, [])
    held.keep()
    assert (ann.closed, ann.contents()) == (1001, ["my last word"])


def test_it_takes_nothing_any_more_while_it_waits(holding: Building, held: HeldStore) -> None:
    """(M6) Who has no receipt says it again elsewhere."""
    ann = holding.connect()
    ann.texts()
    ann.say("before")
    holding.stop()
    ann.say("after")
    held.keep()
    holding.settle()
    assert (ann.closed, ann.contents()) == (1001, ["before"])
    assert [len(turn.messages) for turn in held.turns] == [1]


def test_it_does_not_wait_forever_for_a_store_that_hangs(
    holding: Building, held: HeldStore, log: list[LogEvent]
) -> None:
    ann = holding.connect()
    ann.say("my last word")
    holding.stop()
    holding.wait(4.5)
    assert ann.closed is None
    holding.wait(0.5)
    assert ann.closed == 1001
    holding.wait(1)
    assert holding.has_ended
    assert [event["log_format"] for event in log if event["log_level"] is LogLevel.error] == [
        "the store did not take in time what was said last"
    ]


@pytest.fixture
def building(monkeypatch: pytest.MonkeyPatch) -> Building:
    """A house that has started."""
    building = Building(Config())
    monkeypatch.setattr(txaio.config, "loop", building.clock)  # whom Autobahn's timers follow
    return building


def test_it_closes_the_doors_first_then_the_connections(building: Building) -> None:
    ann = building.connect(userId="ann")
    building.stop()
    assert building.door.closing
    assert ann.closed is None
    building.door.closed.callback(None)
    assert (ann.closed, ann.reason) == (1001, "the server is going away: reconnect")
    assert not building.has_ended
    building.settle()  # Ann answers
    building.settle()
    assert building.has_ended


def test_it_is_over_at_once_where_nobody_is_connected(building: Building) -> None:
    building.door.closed.callback(None)
    building.stop()
    assert building.has_ended


def test_nobody_hears_out_of_those_who_go_with_the_server(building: Building) -> None:
    ann, bob = building.connect(userId="ann"), building.connect(userId="bob")
    ann.texts(), bob.texts()
    building.door.closed.callback(None)
    building.stop()
    building.settle()
    assert (ann.texts(), bob.texts()) == ([], [])


def test_it_sweeps_until_the_last_connection_is_gone(building: Building) -> None:
    stuck = building.connect(userId="ann")
    stuck.stop_reading()
    building.door.closed.callback(None)
    building.stop()
    building.wait(1)
    assert not building.has_ended
    building.wait(2.5)
    assert not stuck.is_connected
    assert building.has_ended


def test_it_ends_though_a_connection_never_does(building: Building, log: list[LogEvent]) -> None:
    immortal = building.connect(userId="ann")
    immortal.transport.lose = lambda reason: None  # type: ignore[method-assign]
    building.door.closed.callback(None)
    building.stop()
    building.wait(4.5)
    assert not building.has_ended
    building.wait(0.5)
    assert building.has_ended
    assert [event["log_format"] for event in log if event["log_level"] is LogLevel.warn] == [
        "some connections did not close in time"
    ]


def test_no_timer_is_left_when_it_has_ended(building: Building) -> None:
    ann = building.connect(userId="ann")
    building.door.closed.callback(None)
    building.stop()
    building.settle()
    building.settle()
    assert not ann.is_connected
    assert building.clock.getDelayedCalls() == []


# -- over a while -----------------------------------------------------------------------------------


@pytest.fixture
def draining(monkeypatch: pytest.MonkeyPatch) -> Building:
    """A house that takes ten seconds to close its connections."""
    building = Building(Config(server=Server(drain_seconds=10)))
    monkeypatch.setattr(txaio.config, "loop", building.clock)
    building.door.closed.callback(None)
    return building


def test_connections_are_closed_evenly_over_the_time_that_there_is(draining: Building) -> None:
    clients = [draining.connect(userId=str(number)) for number in range(20)]
    draining.stop()
    closed = []
    draining.wait(0.25)
    for _ in range(10):
        closed.append(len([client for client in clients if client.closed]))
        draining.wait(1)
    assert closed == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert {(client.closed, client.reason) for client in clients} == {
        (1001, "the server is going away: reconnect")
    }
    assert draining.has_ended


def test_who_comes_meanwhile_is_answered_503_and_the_doors_close_at_the_end(draining: Building) -> None:
    draining.connect(userId="ann")
    draining.stop()
    draining.wait(5)
    assert draining.connect(userId="bob").status == 503
    assert not draining.door.closing
    draining.wait(6)
    assert draining.door.closing
    assert draining.has_ended


def test_who_is_not_closed_yet_chats_on_and_hears_who_leaves(draining: Building) -> None:
    ann, bob = draining.connect(userId="ann"), draining.connect(userId="bob")
    ann.texts(), bob.texts()
    draining.stop()
    draining.wait(5.25)
    (here,) = [client for client in (ann, bob) if client.closed is None]
    here.say("alone")
    assert [frame.get("action") or frame["messageContent"] for frame in here.frames()] == ["out", "alone"]


def test_where_nobody_is_there_is_nothing_to_wait_for(draining: Building) -> None:
    draining.stop()
    assert draining.has_ended


def test_who_is_in_a_hurry_need_not_wait(draining: Building) -> None:
    ann = draining.connect(userId="ann")
    draining.stop()
    draining.wait(1)
    assert ann.closed is None
    draining.house.hurry()
    draining.settle()
    draining.settle()
    assert ann.closed == 1001
    assert draining.has_ended


def test_who_is_in_a_hurry_need_not_wait_for_a_store_that_hangs(
    monkeypatch: pytest.MonkeyPatch, held: HeldStore
) -> None:
    building = Building(Config(server=Server(drain_seconds=600)), held)
    monkeypatch.setattr(txaio.config, "loop", building.clock)
    clients = [building.connect(userId=str(number)) for number in range(600)]
    clients[0].say("x")
    building.stop()
    building.wait(2)
    building.house.hurry()
    building.settle()
    assert building.door.closing
    building.door.closed.callback(None)
    building.wait(5)
    assert {client.closed for client in clients} == {1001}


def test_who_leaves_meanwhile_is_not_waited_for(draining: Building) -> None:
    ann, bob = draining.connect(userId="ann"), draining.connect(userId="bob")
    draining.stop()
    ann.leave(), bob.leave()
    draining.wait(1)
    assert draining.has_ended


def test_who_is_closed_has_its_receipts_and_is_heard_no_more_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that it can say elsewhere what has no receipt, and nothing is said twice (M6)."""
    store = HeldStore(PromptStore())
    building = Building(Config(server=Server(drain_seconds=1)), store)
    monkeypatch.setattr(txaio.config, "loop", building.clock)
    building.door.closed.callback(None)
    ann = building.connect(userId="ann")
    ann.texts()
    ann.say("kept", clientMessageId="1")
    building.settle()
    building.stop()
    building.wait(1.5)
    ann.say("too late", clientMessageId="2")
    assert ann.closed is None
    store.keep()
    assert ([frame["messageContent"] for frame in ann.frames()], ann.closed) == (["kept"], 1001)
    building.wait(1)
    assert building.has_ended
    assert [message.content for turn in store.turns for message in turn.messages] == ["kept"]


def test_a_store_that_keeps_nothing_does_not_hold_the_end_for_ever(draining: Building) -> None:
    store = HeldStore(PromptStore())
    building = Building(Config(server=Server(drain_seconds=1)), store)
    building.door.closed.callback(None)
    ann = building.connect(userId="ann")
    ann.say("x")
    building.stop()
    building.wait(15)
    assert ann.closed == 1001
    assert building.has_ended
