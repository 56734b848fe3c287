"""The store that stores nothing: what a container needs to be replayed, repeats, and waiting reports are in
memory."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from chatd.interfaces import IMessageStore
from chatd.model import Message
from chatd.turn import (
    Claimed,
    Fenced,
    Kept,
    Page,
    PageFound,
    Report,
    Restored,
    Turn,
    Waiting,
    WaitingFound,
    new_reports,
    take,
    take_waiting,
)

_SAID = ("ordinary", "autoReturn")
MEMORY = 64 * 1024 * 1024
"""What all words of containers may hold together, in characters; the same of what may be repeated."""


@implementer(IMessageStore)
class NoStore:
    """Keeps of each container its newest words, and of each clientMessageId its message for a while.

    :param now: the time in seconds since the epoch.
    :param repeat_window: seconds for which a clientMessageId is remembered (M6).
    :param replay: how many messages are kept of a container (D4).
    """

    gathers = False

    def __init__(self, now: Callable[[], float], repeat_window: float, replay: int) -> None:
        self._now = now
        self._repeat_window = repeat_window
        self._said = _Said(replay)
        self._firsts_size = 0
        self._firsts: OrderedDict[tuple[str, str, str], tuple[float, Message]] = OrderedDict()
        self._reports = _Reports()
        self._epochs: dict[str, int] = {}

    def change(self, replay: int) -> None:
        """Keep so many messages of a container from now on."""
        self._said.change(replay)

    def open(self, containers: bool = True) -> Restored:
        """See :meth:`chatd.interfaces.IMessageStore.open`."""
        return Restored("", [])

    def commit(self, turn: Turn) -> "Deferred[Kept]":
        """See :meth:`chatd.interfaces.IMessageStore.commit`."""
        lost = {room for room, epoch in turn.fences if self._epochs.get(room) != epoch}
        if lost:
            return fail(Fenced(sorted(lost)))
        repeats = {}
        for at, message in enumerate(turn.messages):
            if message.client_message_id is not None and (first := self._first(message)) is not None:
                repeats[at] = first
            elif message.container_id is not None and message.event in _SAID:
                self._said.add((message.room, message.container_id), message)
        pages = [self._find(page) for page in turn.pages]
        for key in turn.gone:
            self._said.forget(key)
        reports = new_reports(turn, repeats)
        self._reports.add(reports)
        return succeed(Kept(repeats, pages, len(reports)))

    def claim(self, room: str, node: str) -> "Deferred[Claimed]":
        """See :meth:`chatd.interfaces.IMessageStore.claim`."""
        epoch = self._epochs[room] = self._epochs.get(room, 0) + 1
        return succeed(Claimed(epoch, "", []))

    def kept_rooms(self) -> "Deferred[list[str]]":
        """See :meth:`chatd.interfaces.IMessageStore.kept_rooms`."""
        return succeed([])

    def forget(self, created_before: int, most: int) -> "Deferred[int]":
        """See :meth:`chatd.interfaces.IMessageStore.forget`."""
        return succeed(0)

    def waiting(self, after: int, most: int, line: tuple[str, str] | None = None) -> "Deferred[WaitingFound]":
        """See :meth:`chatd.interfaces.IMessageStore.waiting`."""
        return succeed(take_waiting(self._reports.after(after, line), most))

    def count_waiting(self) -> "Deferred[int]":
        """See :meth:`chatd.interfaces.IMessageStore.count_waiting`."""
        return succeed(len(self._reports))

    def sent(self, places: Sequence[int]) -> "Deferred[None]":
        """See :meth:`chatd.interfaces.IMessageStore.sent`."""
        self._reports.remove(places)
        return succeed(None)

    def drop(self, created_before: int, surplus: int, most: int) -> "Deferred[list[int]]":
        """See :meth:`chatd.interfaces.IMessageStore.drop`."""
        places = [
            place
            for at, (place, time) in enumerate(self._reports.oldest(most))
            if at < surplus or time < created_before
        ]
        self._reports.remove(places)
        return succeed(places)

    def close(self) -> None:
        """See :meth:`chatd.interfaces.IMessageStore.close`."""

    def _first(self, message: Message) -> Message | None:
        """The message that this one repeats; if none, this one is the first of its clientMessageId."""
        now, firsts = self._now(), self._firsts
        while firsts and next(iter(firsts.values()))[0] <= now - self._repeat_window:
            self._forget_first()
        assert message.client_message_id is not None
        key = (message.room, message.user_id, message.client_message_id)
        found = firsts.get(key)
        if found is None:
            firsts[key] = (now, message)
            self._firsts_size += _size(message)
            while self._firsts_size > MEMORY:
                self._forget_first()
            return None
        return found[1]

    def _forget_first(self) -> None:
        _, (_, message) = self._firsts.popitem(last=False)
        self._firsts_size -= _size(message)

    def _find(self, page: Page) -> PageFound | None:
        if not page.said_only or page.container_id is None:
            return None
        said = self._said.of((page.room, page.container_id))
        newest = (message for message in reversed(said) if page.since <= message.id <= page.until)
        messages, more = take(newest, page)
        return PageFound(tuple(reversed(messages)), more)


def _size(message: Message) -> int:
    return message.size + 500


class _Said:
    """The newest words of each container; beyond :data:`MEMORY` it forgets those of the one that has been
    silent for the longest time."""

    def __init__(self, replay: int) -> None:
        self._replay = replay
        self._size = 0
        self._of: OrderedDict[tuple[str, str], deque[Message]] = OrderedDict()

    def of(self, key: tuple[str, str]) -> Sequence[Message]:
        return self._of.get(key, ())

    def add(self, key: tuple[str, str], message: Message) -> None:
        said = self._of.setdefault(key, deque())
        self._of.move_to_end(key)
        said.append(message)
        self._size += _size(message)
        self._keep_newest(key, self._replay)
        while self._size > MEMORY:
            first = next(iter(self._of))
            self._keep_newest(first, len(self._of[first]) - 1)

    def change(self, replay: int) -> None:
        self._replay = replay
        for key in tuple(self._of):
            self._keep_newest(key, replay)

    def forget(self, key: tuple[str, str]) -> None:
        if key in self._of:
            self._keep_newest(key, 0)

    def _keep_newest(self, key: tuple[str, str], count: int) -> None:
        said = self._of[key]
        while len(said) > count:
            self._size -= _size(said.popleft())
        if not said:
            del self._of[key]


class _Reports:
    """Reports by their places, and those of each line as well."""

    def __init__(self) -> None:
        self._last = 0
        self._all: dict[int, tuple[int, Waiting]] = {}  # with the time of each
        self._lines: dict[tuple[str, str], dict[int, Waiting]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, reports: Iterable[Report]) -> None:
        for report in reports:
            self._last += 1
            waiting = Waiting(self._last, report.id, report.room, report.container_id or "", report.body)
            self._all[self._last] = report.time, waiting
            self._lines.setdefault(waiting.line, {})[self._last] = waiting

    def after(self, place: int, line: tuple[str, str] | None) -> Iterator[Waiting]:
        if line is not None:
            yield from (each for at, each in self._lines.get(line, {}).items() if at > place)
            return
        for at in range(max(place + 1, next(iter(self._all), 1)), self._last + 1):
            if at in self._all:
                yield self._all[at][1]

    def oldest(self, most: int) -> list[tuple[int, int]]:
        return [(place, time) for place, (time, _) in islice(self._all.items(), most)]

    def remove(self, places: Iterable[int]) -> None:
        for place in places:
            if place in self._all:
                line = self._all.pop(place)[1].line
                del self._lines[line][place]
                if not self._lines[line]:
                    del self._lines[line]
