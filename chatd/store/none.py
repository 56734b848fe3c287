"""The store that stores nothing: what a container needs to be replayed, and repeats, are kept in memory."""

from collections import OrderedDict, deque
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from chatd.interfaces import IMessageStore
from chatd.model import Message
from chatd.turn import Kept, Page, PageFound, Restored, Turn, take

_SAID = ("ordinary", "autoReturn")


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
        self._replay = replay
        self._said: dict[tuple[str, str], deque[Message]] = {}
        self._firsts: OrderedDict[tuple[str, str, str], tuple[float, Message]] = OrderedDict()

    def open(self) -> Restored:
        """See :meth:`chatd.interfaces.IMessageStore.open`."""
        return Restored("", [])

    def commit(self, turn: Turn) -> "Deferred[Kept]":
        """See :meth:`chatd.interfaces.IMessageStore.commit`."""
        repeats = {}
        for at, message in enumerate(turn.messages):
            if message.client_message_id is not None and (first := self._first(message)) is not None:
                repeats[at] = first
            elif message.container_id is not None and message.event in _SAID:
                key = (message.room, message.container_id)
                self._said.setdefault(key, deque(maxlen=self._replay)).append(message)
        pages = [self._find(page) for page in turn.pages]
        for key in turn.gone:
            self._said.pop(key, None)
        return succeed(Kept(repeats, pages))

    def forget(self, created_before: int, most: int) -> "Deferred[int]":
        """See :meth:`chatd.interfaces.IMessageStore.forget`."""
        return succeed(0)

    def close(self) -> None:
        """See :meth:`chatd.interfaces.IMessageStore.close`."""

    def _first(self, message: Message) -> Message | None:
        """The message that this one repeats; if none, this one is the first of its clientMessageId."""
        now, firsts = self._now(), self._firsts
        while firsts and next(iter(firsts.values()))[0] <= now - self._repeat_window:
            firsts.popitem(last=False)
        assert message.client_message_id is not None
        key = (message.room, message.user_id, message.client_message_id)
        found = firsts.get(key)
        if found is None:
            firsts[key] = (now, message)
            return None
        return found[1]

    def _find(self, page: Page) -> PageFound | None:
        if not page.said_only or page.container_id is None:
            return None
        said = self._said.get((page.room, page.container_id), ())
        newest = (message for message in reversed(said) if page.since <= message.id <= page.until)
        messages, more = take(newest, page)
        return PageFound(tuple(reversed(messages)), more)
