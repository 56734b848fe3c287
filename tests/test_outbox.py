"""The turn: what comes in during one is kept and sent on together (M5, M7)."""

from collections.abc import Sequence

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyClass, verifyObject

from chatd.bus.local import LocalBus
from chatd.delivery import Attach, Delivery, Item, Mark
from chatd.interfaces import IBus, IMessageStore
from chatd.model import History, ToRoom, ToUsers
from chatd.outbox import PAGES, Outbox
from chatd.outcome import Recall
from chatd.room import Connection, Room
from chatd.turn import Page
from tests.channel import connection
from tests.outbox import ANN, BOB, LOBBY, NOTICE, ListBus, container, errors, heard, kept, message, no_store
from tests.stores import HeldStore, PromptStore


def in_room(user: str) -> Connection:
    """Somebody in a room."""
    somebody = connection(user)
    Room("lobby").enter(somebody)
    return somebody


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
    return Outbox(clock=clock, bus=bus, store=no_store())


@pytest.fixture
def store() -> HeldStore:
    """What the held outbox's turns wait for."""
    store = HeldStore(PromptStore())
    store.open()
    return store


@pytest.fixture
def held(clock: Clock, bus: ListBus, store: HeldStore) -> Outbox:
    """An outbox whose turns are kept when the test says so."""
    return Outbox(clock=clock, bus=bus, store=store, most=3)


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


def test_what_is_before_a_mark_that_wants_it_told_is_published_before(clock, bus, outbox):
    outbox.tell(ANN, NOTICE)
    outbox.mark(lambda: None)
    outbox.mark(lambda: None, told=True)
    outbox.tell(ANN, NOTICE)
    outbox.mark(lambda: None, told=True)
    clock.advance(0)
    assert [[type(item) for item in turn] for turn in bus.turns] == [
        [Delivery, Mark],
        [Mark, Delivery],
        [Mark],
    ]
    outbox.mark(lambda: None, told=True)
    clock.advance(0)
    assert len(bus.turns) == 4


def test_what_a_delivery_causes_belongs_to_the_next_turn(clock):
    turns = []

    def deliver(items: Sequence[Item]) -> None:
        turns.append(len(items))
        if len(turns) == 1:
            outbox.tell(ANN, NOTICE)

    outbox = Outbox(clock=clock, bus=LocalBus(deliver=deliver), store=no_store())
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


# -- while a turn is being kept ---------------------------------------------------------------------


def test_a_message_is_heard_once_it_is_kept_and_not_before(clock, bus, store, held):
    """(M5)"""
    held.post(LOBBY, message("1"), ANN)
    clock.advance(0)
    assert (store.is_busy, bus.turns) == (True, [])
    store.keep()
    assert bus.turns == [[Delivery(LOBBY, message("1"), ANN)]]
    assert kept(store) == ["1"]


def test_a_turn_is_one_transaction(clock, store, held):
    """(M5)"""
    held.post(LOBBY, message("1"), ANN)
    held.keep("lobby", "carl", container("carl"))
    held.recall(Recall((BOB,), Page(room="lobby", container_id=None, until="1", limit=1), "bob"))
    held.post(LOBBY, NOTICE)
    held.post(LOBBY, message("2"), ANN)
    clock.advance(0)
    (turn,) = store.turns
    assert [each.id for each in turn.messages] == ["1", "2"]
    assert (turn.saved, turn.gone, len(turn.pages)) == ([container("carl")], [], 1)


def test_what_is_said_meanwhile_is_the_next_turn(clock, bus, store, held):
    """(M7)"""
    held.post(LOBBY, message("1"), ANN)
    clock.advance(0)
    for id in ("2", "3"):
        held.post(LOBBY, message(id), BOB)
        clock.advance(1)
    assert len(store.turns) == 1
    store.keep()
    clock.advance(0)
    assert [[each.id for each in turn.messages] for turn in store.turns] == [["1"], ["2", "3"]]
    store.keep()
    assert heard(bus) == [["1"], ["2", "3"]]


def test_a_notice_does_not_overtake_a_message_that_is_being_kept(clock, bus, store, held):
    """(M7)"""
    held.post(LOBBY, message("1"), ANN)
    clock.advance(0)
    held.post(LOBBY, NOTICE)
    clock.advance(1)
    assert bus.turns == []
    store.keep()
    clock.advance(0)
    assert heard(bus) == [["1"], [NOTICE]]


def test_what_needs_no_keeping_waits_for_no_store(clock, bus, store, held):
    held.attach(ANN)
    held.post(LOBBY, NOTICE)
    held.tell(ANN, message("0"))  # to one alone: a request that waited, which was kept before
    clock.advance(0)
    assert heard(bus) == [["attach", NOTICE, "0"]]
    assert store.turns == []


def test_a_container_is_kept_as_it_is_at_the_end_of_the_turn(clock, store, held):
    """(K2)"""
    held.keep("lobby", "carl", container("carl"))
    held.keep("lobby", "dora", None)
    held.keep("lobby", "carl", container("carl", "agnes"))
    clock.advance(0)
    assert (store.turns[0].saved, store.turns[0].gone) == ([container("carl", "agnes")], [("lobby", "dora")])


def test_a_repeat_is_answered_with_the_first_one_to_its_sender_alone(clock, bus, store, held):
    """(M6)"""
    held.post(LOBBY, message("1", "m"), ANN)
    held.post(LOBBY, message("2", "m"), BOB)
    held.post(LOBBY, message("3"), ANN)
    clock.advance(0)
    store.keep()
    assert bus.turns == [
        [
            Delivery(LOBBY, message("1", "m"), ANN),
            Delivery(None, message("1", "m"), BOB),
            Delivery(LOBBY, message("3"), ANN),
        ]
    ]


def test_a_history_is_heard_at_its_place(clock, bus, store, held):
    """(R1)"""
    held.post(LOBBY, message("1"), ANN)
    held.recall(Recall((BOB,), Page(room="lobby", container_id=None, until="1", limit=9), "bob"))
    held.post(LOBBY, message("2"), ANN)
    clock.advance(0)
    store.keep()
    page = History(room="lobby", container_id=None, user_id="bob", messages=(message("1"),), more=False)
    assert bus.turns[0][1] == Delivery(None, page, BOB)
    assert heard(bus) == [["1", page, "2"]]


def test_what_was_said_is_told_message_by_message_to_each(clock, bus, store, held):
    """(D4)"""
    said = [message(id, container_id="carl") for id in ("1", "2")]
    for each in said:
        held.post(ToUsers("lobby", ("carl",)), each, ANN)
    page = Page(room="lobby", container_id="carl", until="2", limit=9, said_only=True)
    held.recall(Recall((ANN, BOB), page))
    clock.advance(0)
    store.keep()
    assert bus.turns[0][2:] == [Delivery(None, each, one) for one in (ANN, BOB) for each in said]


def test_history_that_is_not_stored_is_an_error_of_who_asked(clock, bus, outbox):
    """(R1)"""
    outbox.recall(Recall((BOB,), Page(room="lobby", container_id=None, until="1", limit=9), "bob", "m"))
    clock.advance(0)
    assert errors(bus) == [(BOB, "storage_unavailable", "history", "m")]


def ask(outbox: Outbox, connection: Connection, number: int) -> None:
    """Ask for a page of the lobby that is told from others by its limit."""
    user = connection.identity.user_id
    page = Page(room="lobby", container_id=None, until="", limit=number)
    outbox.recall(Recall((connection,), page, user, str(number), may_wait=True))


def limits(store: HeldStore) -> list[list[int]]:
    """Which pages the store was asked for, turn by turn."""
    return [[page.limit for page in turn.pages] for turn in store.turns]


def test_of_one_connection_one_page_is_read_a_turn_and_others_do_not_wait_for_it(clock, bus, store, held):
    """(R1)"""
    ann, bob = in_room("ann"), in_room("bob")
    for number in (1, 2, 3):
        ask(held, ann, number)
    ask(held, bob, 4)
    clock.advance(0)
    assert limits(store) == [[1, 4]]
    held.post(LOBBY, message("5"), BOB)
    ask(held, bob, 5)
    store.keep()
    assert limits(store) == [[1, 4], [2, 5]]
    assert [message.id for message in store.turns[1].messages] == ["5"]
    store.keep()
    store.keep()
    assert limits(store) == [[1, 4], [2, 5], [3]]
    assert len([event for turn in heard(bus) for event in turn if isinstance(event, History)]) == 5


def test_of_many_connections_so_many_pages_are_read_a_turn_first_come_first_served(clock, store, held):
    """(R1)"""
    crowd = [in_room(str(number)) for number in range(2 * PAGES + 1)]
    for number, somebody in enumerate(crowd):
        ask(held, somebody, number)
    clock.advance(0)
    while len(limits(store)) < 3:
        store.keep()
    assert limits(store) == [
        list(range(PAGES)),
        list(range(PAGES, 2 * PAGES)),
        [2 * PAGES],
    ]


def test_pages_that_may_not_wait_are_read_so_many_a_turn_at_their_places(clock, bus, store, held):
    """(D4, M7)"""
    for number in range(PAGES + 1):
        held.recall(Recall((ANN,), Page(room="lobby", container_id=None, until="", limit=number), "ann"))
        held.post(LOBBY, message(str(number)), ANN)
    clock.advance(0)
    store.keep()
    store.keep()
    assert limits(store) == [list(range(PAGES)), [PAGES]]
    assert [[each.id for each in turn.messages] for turn in store.turns] == [
        [str(number) for number in range(PAGES)],
        [str(PAGES)],
    ]


def test_of_who_has_left_no_page_is_read(clock, store, held):
    """(R1)"""
    ann = in_room("ann")
    ask(held, ann, 1)
    ask(held, ann, 2)
    clock.advance(0)
    ann.room.leave(ann)
    drained = held.drained()
    store.keep()
    assert limits(store) == [[1]]
    assert drained.called


def test_pages_that_wait_count_as_what_waits_for_the_store(clock, held):
    ann = in_room("ann")
    for number in range(3):
        ask(held, ann, number)
    assert held.is_full


def test_the_outbox_is_drained_when_the_last_page_is_answered(clock, store, held):
    ann = in_room("ann")
    ask(held, ann, 1)
    ask(held, ann, 2)
    clock.advance(0)
    drained = held.drained()
    store.keep()
    assert not drained.called
    store.keep()
    assert drained.called


# -- what has passed --------------------------------------------------------------------------------


def test_where_nothing_is_under_way_all_has_passed(outbox):
    assert outbox.passed().called


def test_what_is_collected_has_passed_when_it_is_kept_and_told(clock, bus, store, held):
    held.post(LOBBY, message("1"), ANN)
    passed = held.passed()
    heard_then = []
    passed.addCallback(lambda _: heard_then.extend(heard(bus)))
    clock.advance(0)
    assert not passed.called
    store.keep()
    assert heard_then == [["1"]]


def test_what_is_being_kept_has_not_passed_and_what_comes_later_does_not_matter(clock, store, held):
    held.post(LOBBY, message("1"), ANN)
    clock.advance(0)
    first = held.passed()
    held.post(LOBBY, message("2"), ANN)
    second = held.passed()
    store.keep()
    assert not second.called
    store.keep()
    assert first.called and second.called


def test_what_was_refused_has_passed_too(clock, store, held):
    held.post(LOBBY, message("1"), ANN)
    passed = held.passed()
    clock.advance(0)
    store.fail()
    assert passed.called


def test_what_needs_no_keeping_has_passed_at_the_end_of_the_turn(clock, held):
    held.post(LOBBY, NOTICE)
    passed = held.passed()
    clock.advance(0)
    assert passed.called


# -- the bus ----------------------------------------------------------------------------------------


def test_the_local_bus_is_a_plain_call():
    delivered = []
    bus = LocalBus(deliver=delivered.append)
    items = [Delivery(ToRoom("lobby"), NOTICE)]
    bus.publish(items)
    assert delivered == [items]


def test_both_buses_are_buses():
    assert verifyClass(IBus, LocalBus)
    assert verifyObject(IBus, ListBus())


def test_the_stores_of_the_tests_are_stores():
    for store in (no_store(), HeldStore(no_store()), PromptStore()):
        assert verifyObject(IMessageStore, store)
