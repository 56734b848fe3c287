"""Old messages are deleted, a few at a time."""

from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from chatd.store.retention import BATCH, Retention
from chatd.turn import Page, Turn
from tests.store.conftest import message
from tests.stores import PromptStore

DAY = 86_400
NOW = 1_795_421_730.0


@pytest.fixture
def clock() -> Clock:
    """Whose time a test lets pass."""
    return Clock()


class CountedStore(PromptStore):
    """Remembers what it was told to forget, and fails or hangs if it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, int]] = []
        self.failure: Exception | None = None
        self.hanging: Deferred[int] | None = None

    def forget(self, created_before: int, most: int) -> "Deferred[int]":
        """See IMessageStore."""
        self.asked.append((created_before, most))
        if self.hanging is not None:
            return self.hanging
        return fail(self.failure) if self.failure else super().forget(created_before, most)


@pytest.fixture
def store() -> CountedStore:
    """An open one."""
    store = CountedStore()
    store.open()
    return store


@pytest.fixture
def retention(clock: Clock, store: CountedStore) -> Iterator[Retention]:
    """One that keeps messages for two days."""
    retention = Retention(clock, store, days=2, now=lambda: NOW + clock.seconds())
    retention.startService()
    yield retention
    if retention.running:
        retention.stopService()


def say(store: CountedStore, count: int, age: float, first: int = 0) -> None:
    """Messages of an age in seconds."""
    created = int((NOW - age) * 1000)
    said = [message(f"{first + number:014x}", created=created) for number in range(count)]
    store.commit(Turn(messages=said))


def left(store: CountedStore) -> int:
    """How many messages are left."""
    pages: list[int] = []
    everything = Page(room="lobby", container_id=None, until="~", limit=10**6)
    store.commit(Turn(pages=[everything])).addCallback(lambda kept: pages.append(len(kept.pages[0].messages)))
    return pages[0]


@pytest.mark.usefixtures("retention")
def test_a_message_goes_when_it_is_older_than_the_days(clock: Clock, store: CountedStore) -> None:
    say(store, 1, age=2 * DAY)
    say(store, 1, age=2 * DAY - 3600, first=1)
    clock.advance(1)
    assert (left(store), store.asked) == (1, [(int((NOW + 1 - 2 * DAY) * 1000), BATCH)])


@pytest.mark.usefixtures("retention")
def test_many_go_a_batch_a_second(clock: Clock, store: CountedStore) -> None:
    say(store, 3 * BATCH + 7, age=3 * DAY)
    found = []
    for _ in range(5):
        found.append(left(store))
        clock.advance(1)
    assert found == [3 * BATCH + 7, 2 * BATCH + 7, BATCH + 7, 7, 0]


@pytest.mark.usefixtures("retention")
def test_nothing_is_done_before_the_first_second_is_over(clock: Clock, store: CountedStore) -> None:
    clock.advance(0.9)
    assert store.asked == []


@pytest.mark.usefixtures("retention")
def test_where_nothing_is_old_it_looks_again_after_ten_minutes(clock: Clock, store: CountedStore) -> None:
    clock.advance(1)
    clock.pump([1] * 600)
    assert len(store.asked) == 1
    clock.advance(1)
    assert len(store.asked) == 2


@pytest.mark.usefixtures("retention")
def test_it_does_not_ask_again_before_it_is_answered(clock: Clock, store: CountedStore) -> None:
    store.hanging = Deferred()
    clock.pump([1] * 10)
    assert len(store.asked) == 1
    hanging, store.hanging = store.hanging, None
    hanging.callback(BATCH)
    clock.advance(1)
    assert len(store.asked) == 2


@pytest.mark.usefixtures("retention")
def test_when_it_fails_it_says_so_and_tries_again_after_a_minute(
    clock: Clock, store: CountedStore, log: list[LogEvent]
) -> None:
    say(store, 1, age=3 * DAY)
    store.failure = OSError("disk full")
    clock.advance(1)
    assert [(event["log_level"].name, event["reason"]) for event in log] == [("warn", "disk full")]
    store.failure = None
    clock.pump([1] * 60)
    assert left(store) == 1
    clock.advance(1)
    assert left(store) == 0


@pytest.mark.usefixtures("retention")
def test_it_says_how_many_when_all_are_gone(clock: Clock, store: CountedStore, log: list[LogEvent]) -> None:
    say(store, BATCH + 7, age=3 * DAY)
    clock.pump([1] * 700)
    assert [event["count"] for event in log] == [BATCH + 7]


def test_nothing_is_done_after_the_end_of_the_service(
    clock: Clock, store: CountedStore, retention: Retention
) -> None:
    retention.stopService()
    clock.advance(10)
    assert (store.asked, clock.getDelayedCalls()) == ([], [])
