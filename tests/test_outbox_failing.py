"""A turn that the store does not keep, and how much may wait for it (M5)."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from chatd.delivery import Delivery
from chatd.model import Error, Notice
from chatd.outbox import Outbox
from chatd.outcome import Recall
from chatd.turn import Claimed, Page
from tests.outbox import ANN, BOB, LOBBY, NOTICE, ListBus, container, errors, heard, kept, message
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
    """What the held outbox's turns wait for."""
    store = HeldStore(PromptStore())
    store.open()
    return store


@pytest.fixture
def held(clock: Clock, bus: ListBus, store: HeldStore) -> Outbox:
    """An outbox whose turns are kept when the test says so."""
    return Outbox(clock=clock, bus=bus, store=store, most=3)


# -- a turn that is not kept ------------------------------------------------------------------------


def test_who_said_what_could_not_be_kept_is_told_so_and_nobody_else_hears_anything(clock, bus, store, held):
    """(M5)"""
    held.post(LOBBY, message("1", "m"), ANN)
    held.post(LOBBY, message("2"), BOB)
    held.post(LOBBY, message("3"))  # whose sender is on no connection here
    clock.advance(0)
    store.fail()
    assert errors(bus) == [
        (ANN, "storage_unavailable", "ordinary", "m"),
        (BOB, "storage_unavailable", "ordinary", None),
    ]
    assert [len(turn) for turn in bus.turns] == [2]


def test_notices_and_comers_of_a_turn_that_failed_are_heard_in_their_order(clock, bus, store, held):
    """(N1, M7)"""
    held.attach(BOB)
    held.post(LOBBY, message("1", "m"), ANN)
    held.post(LOBBY, NOTICE, BOB)
    clock.advance(0)
    store.fail()
    assert [type(item).__name__ for item in bus.turns[0]] == ["Attach", "Delivery", "Delivery"]
    assert [type(item.event) for item in bus.turns[0][1:]] == [Error, Notice]
    assert bus.turns[0][2] == Delivery(LOBBY, NOTICE, BOB)


@pytest.mark.parametrize(("asker", "event"), [("bob", "history"), (None, "addContainer")])
def test_what_could_not_be_read_is_an_error_of_who_asked(clock, bus, store, held, asker, event):
    """(R1, D4)"""
    page = Page(room="lobby", container_id="carl", until="1", limit=9)
    held.recall(Recall((BOB,), page, asker, "m"))
    clock.advance(0)
    store.fail()
    assert errors(bus) == [(BOB, "storage_unavailable", event, "m")]


def test_a_turn_that_was_kept_though_that_was_not_known_is_undone_by_the_next(clock, bus, store, held):
    """(M5) What nobody heard is in nobody's history."""
    held.post(LOBBY, message("1", "m"), ANN)
    clock.advance(0)
    store.fail_though_kept()
    assert kept(store) == ["1"]
    held.post(LOBBY, message("2", "m"), ANN)
    clock.advance(0)
    assert store.turns[1].undone == [("lobby", "", "1", "ann")]
    store.keep()
    assert kept(store) == ["2"]
    assert heard(bus)[1:] == [["2"]]  # no repeat: the first is undone


def test_all_turns_that_failed_are_undone_by_the_one_that_is_kept(clock, store, held):
    """(M5)"""
    for id in ("1", "2", "3"):
        held.post(LOBBY, message(id, container_id="carl" if id == "2" else None), ANN)
        clock.advance(0)
        store.fail()
    held.post(LOBBY, message("4"), ANN)
    clock.advance(0)
    assert store.turns[3].undone == [
        ("lobby", "", "1", "ann"),
        ("lobby", "carl", "2", "ann"),
        ("lobby", "", "3", "ann"),
    ]
    store.keep()
    held.post(LOBBY, message("5"), ANN)
    clock.advance(0)
    assert store.turns[4].undone == []


def test_what_is_to_be_undone_does_not_grow_without_end(clock, store, held):
    for number in range(20):
        held.post(LOBBY, message(str(number)), ANN)
        clock.advance(0)
        store.fail()
    held.post(LOBBY, message("20"), ANN)
    clock.advance(0)
    assert len(store.turns[-1].undone) == 3  # as much as may wait


def test_a_container_that_was_not_kept_is_kept_with_the_next_turn(clock, store, held):
    """(K2)"""
    held.keep("lobby", "carl", container("carl"))
    clock.advance(0)
    store.fail()
    held.post(LOBBY, message("1"), ANN)
    clock.advance(0)
    assert (store.turns[1].saved, [each.id for each in store.turns[1].messages]) == (
        [container("carl")],
        ["1"],
    )


def test_a_container_that_was_not_kept_is_kept_a_second_later_though_nobody_says_anything(clock, store, held):
    """(K2)"""
    held.keep("lobby", "carl", container("carl"))
    held.keep("lobby", "dora", None)
    clock.advance(0)
    store.fail()
    clock.advance(0.9)
    assert len(store.turns) == 1
    clock.advance(0.1)
    assert (store.turns[1].saved, store.turns[1].gone) == ([container("carl")], [("lobby", "dora")])
    store.keep()
    clock.advance(10)
    assert len(store.turns) == 2


def test_a_store_that_works_again_is_noticed_though_nobody_says_anything(clock, bus, store, held):
    """Nothing is left to be kept, and yet somebody waits: a balancer, the webhook."""
    heard_of: list[int] = []
    held.reported = heard_of.append
    held.post(LOBBY, message("1"), ANN)
    clock.advance(0)
    store.fail_though_kept()
    clock.advance(1)
    store.fail()
    assert (held.failing, kept(store)) == ("disk full", ["1"])
    clock.advance(1)
    store.keep()
    assert (held.failing, heard_of, kept(store)) == (None, [0], [])
    clock.advance(10)
    assert len(store.turns) == 3


def test_whether_a_store_works_is_seen_by_what_it_writes_and_nothing_is_left_of_that(clock, store, held):
    """One that is full can be read."""
    held.fence_of = {"lobby": 7}.__getitem__
    held.post(LOBBY, message("1"), ANN)
    clock.advance(0)
    store.fail()
    clock.advance(1)
    (probe,) = store.turns[1:]
    assert (len(probe.saved), probe.gone) == (1, [(probe.saved[0].room, probe.saved[0].id)])
    assert probe.fences == [("lobby", 7)]  # of what is undone
    store.fail()
    held.fence_of = None
    clock.advance(1)
    store.keep()
    found: list[Claimed] = []
    store.behind.claim(probe.saved[0].room, "node").addCallback(found.append)
    assert found[0].containers == []


def test_a_store_that_fails_is_tried_once_a_second_however_often_it_has_failed(clock, store, held):
    held.keep("lobby", "carl", container("carl"))
    for id in ("1", "2", "3", "4"):
        held.post(LOBBY, message(id), ANN)
        clock.advance(0.25)
        store.fail()
    times: list[float] = []
    for _ in range(12):
        clock.advance(0.25)
        if store.is_busy:
            times.append(clock.seconds())
            store.fail()
    assert times == [1.25, 2.25, 3.25]


def test_notices_do_not_wait_to_see_whether_a_store_works(clock, bus, store, held):
    held.post(LOBBY, message("1"), ANN)
    clock.advance(0)
    store.fail()
    bus.turns.clear()
    held.post(LOBBY, NOTICE)
    clock.advance(0)
    assert heard(bus) == [[NOTICE]]


def test_a_retry_begins_no_second_transaction(clock, store, held):
    """(K2) The store takes one turn at a time, and would say so."""
    held.keep("lobby", "carl", container("carl"))
    clock.advance(0)
    store.fail()
    held.post(LOBBY, message("1"), ANN)
    clock.advance(0)
    held.post(LOBBY, message("2"), ANN)
    clock.advance(5)
    assert len(store.turns) == 2
    store.keep()
    clock.advance(0)
    assert [[each.id for each in turn.messages] for turn in store.turns] == [[], ["1"], ["2"]]


def test_the_newest_state_of_a_container_wins_over_one_that_was_not_kept(clock, store, held):
    """(K2)"""
    held.keep("lobby", "carl", container("carl"))
    clock.advance(0)
    held.keep("lobby", "carl", None)
    store.fail()
    clock.advance(0)
    assert (store.turns[1].saved, store.turns[1].gone) == ([], [("lobby", "carl")])


def test_after_a_failure_all_is_as_before(clock, bus, store, held, log: list[LogEvent]):
    """(M5)"""
    for reason in ("disk full", "disk full", "gone"):
        held.post(LOBBY, message("1", "m"), ANN)
        clock.advance(0)
        store.fail(reason)
    assert held.failing == "gone"
    bus.turns.clear()
    held.post(LOBBY, message("4", "m"), ANN)
    clock.advance(0)
    store.keep()
    assert (heard(bus), held.failing) == ([["4"]], None)
    said = [(event["log_level"].name, event.get("reason")) for event in log if "store" in event["log_format"]]
    assert said == [("error", "disk full"), ("error", "gone"), ("info", None)]


def test_what_was_collected_while_a_turn_failed_is_a_turn_like_others(clock, bus, store, held):
    held.post(LOBBY, message("1"), ANN)
    clock.advance(0)
    held.post(LOBBY, message("2"), ANN)
    store.fail()
    clock.advance(0)
    store.keep()
    assert heard(bus)[1:] == [["2"]]


# -- how much may wait ------------------------------------------------------------------------------


def test_it_is_full_when_so_much_waits_for_the_store(clock, store, held):
    held.post(LOBBY, message("0"), ANN)
    clock.advance(0)
    for id in ("1", "2"):
        held.post(LOBBY, message(id), ANN)
        assert not held.is_full
    held.post(LOBBY, message("3"), ANN)
    assert held.is_full
    assert held.waiting == 3
    store.keep()
    clock.advance(0)
    assert not held.is_full
    assert held.waiting == 0


def fired(drained: "Deferred[None]") -> list[None]:
    """What grows by one when it fires."""
    firings: list[None] = []
    drained.addCallback(firings.append)
    return firings


def test_what_holds_nothing_is_drained(held):
    assert fired(held.drained())


def test_it_is_drained_when_the_last_turn_is_heard(clock, bus, store, held):
    held.post(LOBBY, message("1"), ANN)
    drained = fired(held.drained())
    clock.advance(0)
    held.post(LOBBY, message("2"), ANN)
    store.keep()
    clock.advance(0)
    assert not drained
    assert fired(held.drained()) == []
    store.keep()
    assert len(drained) == 1
    assert heard(bus) == [["1"], ["2"]]


def test_it_is_drained_though_its_last_turn_failed(clock, store, held):
    held.post(LOBBY, message("1"), ANN)
    drained = fired(held.drained())
    clock.advance(0)
    store.fail()
    assert drained


def test_what_only_waits_for_the_turns_end_is_drained_by_it(clock, bus, held):
    held.post(LOBBY, NOTICE)
    drained = fired(held.drained())
    assert not drained
    clock.advance(0)
    assert (len(drained), heard(bus)) == (1, [[NOTICE]])


def test_draining_tries_once_more_to_keep_a_container(clock, store, held):
    """(K2)"""
    held.keep("lobby", "carl", container("carl"))
    clock.advance(0)
    store.fail()
    drained = fired(held.drained())
    assert (store.turns[1].saved, drained) == ([container("carl")], [])
    store.keep()
    assert drained
