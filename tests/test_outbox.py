"""The turn: what comes in during one is sent on together (M7)."""

from collections.abc import Sequence

import pytest
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyClass, verifyObject

from chatd.bus.local import LocalBus
from chatd.delivery import Attach, Delivery, Item
from chatd.interfaces import IBus
from chatd.model import ToRoom
from chatd.notices import NoticeTexts
from chatd.outbox import Outbox
from tests.channel import connection

ANN = connection("ann")
NOTICE = NoticeTexts().came(ANN.identity, "lobby", 1)


@implementer(IBus)
class ListBus:
    """Remembers what was published, turn by turn."""

    def __init__(self) -> None:
        self.turns: list[list[Item]] = []

    def publish(self, items: Sequence[Item]) -> None:
        """See IBus."""
        self.turns.append(list(items))


@pytest.fixture
def clock() -> Clock:
    """Whose turns a test ends."""
    return Clock()


@pytest.fixture
def bus() -> ListBus:
    """Where the outbox publishes."""
    return ListBus()


@pytest.fixture
def outbox(clock: Clock, bus: ListBus) -> Outbox:
    """An empty one."""
    return Outbox(clock=clock, bus=bus)


def test_what_is_posted_waits_for_the_end_of_the_turn(clock, bus, outbox):
    outbox.post(ToRoom("lobby"), NOTICE)
    assert bus.turns == []
    clock.advance(0)
    assert bus.turns == [[Delivery(ToRoom("lobby"), NOTICE, None)]]


def test_a_turn_is_published_as_one_list_in_its_order(clock, bus, outbox):
    """(M7)"""
    outbox.attach(ANN)
    outbox.post(ToRoom("lobby"), NOTICE, ANN)
    outbox.tell(ANN, NOTICE)
    clock.advance(0)
    assert bus.turns == [
        [Attach(ANN, "lobby"), Delivery(ToRoom("lobby"), NOTICE, ANN), Delivery(None, NOTICE, ANN)]
    ]


def test_the_next_turn_is_a_list_of_its_own(clock, bus, outbox):
    for _ in range(2):
        outbox.tell(ANN, NOTICE)
        clock.advance(0)
    assert [len(turn) for turn in bus.turns] == [1, 1]


def test_what_a_delivery_causes_belongs_to_the_next_turn(clock):
    turns = []

    def deliver(items: Sequence[Item]) -> None:
        turns.append(len(items))
        if len(turns) == 1:
            outbox.tell(ANN, NOTICE)

    outbox = Outbox(clock=clock, bus=LocalBus(deliver=deliver))
    outbox.tell(ANN, NOTICE)
    clock.advance(0)
    assert turns == [1, 1]


def test_a_turn_can_be_ended_at_once_and_ends_once(clock, bus, outbox):
    outbox.tell(ANN, NOTICE)
    outbox.flush()
    clock.advance(0)
    assert len(bus.turns) == 1


def test_where_nothing_is_said_nothing_is_published(bus, outbox):
    outbox.flush()
    assert bus.turns == []


def test_the_local_bus_is_a_plain_call():
    delivered = []
    bus = LocalBus(deliver=delivered.append)
    items = [Delivery(ToRoom("lobby"), NOTICE)]
    bus.publish(items)
    assert delivered == [items]


def test_both_buses_are_buses():
    assert verifyClass(IBus, LocalBus)
    assert verifyObject(IBus, ListBus())
