"""Messages that come from no connection: what becomes of them is told to who says them."""

from collections.abc import Sequence

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from chatd.delivery import Item
from chatd.outbox import NotKept, Outbox
from tests.outbox import LOBBY, ListBus, heard, message, no_store
from tests.stores import HeldStore, PromptStore


@pytest.fixture
def clock() -> Clock:
    """Whose turns a test ends."""
    return Clock()


@pytest.fixture
def bus() -> ListBus:
    """Where the outbox publishes."""
    return ListBus()


@pytest.fixture
def store() -> HeldStore:
    """What the outbox's turns wait for."""
    store = HeldStore(PromptStore())
    store.open()
    return store


@pytest.fixture
def outbox(clock: Clock, bus: ListBus, store: HeldStore) -> Outbox:
    """An outbox whose turns are kept when the test says so."""
    return Outbox(clock=clock, bus=bus, store=store)


def test_it_is_told_when_the_message_is_kept_and_published(clock, bus, store, outbox):
    told: list[object] = []
    first, second = message("1"), message("2")
    outbox.say(LOBBY, first).addCallback(lambda kept: told.append((kept, heard(bus))))
    outbox.post(LOBBY, second)
    clock.pump([0, 0])
    assert told == []
    store.keep()
    assert told == [(first, [["1", "2"]])]


def test_of_a_repeat_it_is_told_the_first_one_and_nobody_hears_it(clock, bus, store, outbox):
    told: list[object] = []
    first = message("1", "m")
    outbox.post(LOBBY, first)
    outbox.say(LOBBY, message("2", "m")).addCallback(told.append)
    clock.pump([0, 0])
    store.keep()
    assert [kept.id for kept in told] == ["1"]
    assert heard(bus) == [["1"]]


def test_of_a_message_that_was_not_kept_it_is_told_so(clock, bus, store, outbox):
    told: list[object] = []
    outbox.say(LOBBY, message("1")).addErrback(told.append)
    clock.pump([0, 0])
    store.fail()
    assert [failure.type for failure in told] == [NotKept]
    assert heard(bus) == []


def test_each_is_told_of_its_own_turn(clock, store, outbox):
    told: list[object] = []
    outbox.say(LOBBY, message("1")).addErrback(lambda _: told.append("1 is lost"))
    clock.pump([0, 0])
    outbox.say(LOBBY, message("2")).addCallback(lambda kept: told.append(kept.id))
    store.fail()
    assert told == ["1 is lost"]
    store.keep()
    assert told == ["1 is lost", "2"]


def test_what_a_bug_loses_is_told_as_not_kept(clock: Clock, log: list[LogEvent]) -> None:
    class Broken(ListBus):
        def publish(self, items: Sequence[Item]) -> None:
            raise ZeroDivisionError

    outbox = Outbox(clock=clock, bus=Broken(), store=no_store())
    told: list[object] = []
    outbox.say(LOBBY, message("1")).addErrback(told.append)
    clock.advance(0)
    assert [failure.type for failure in told] == [NotKept]
    assert [event["log_failure"].type for event in log if "log_failure" in event] == [ZeroDivisionError]
    log.clear()
