"""The turn: everything that rooms and connections hear is collected here, kept, and sent on together.

This is the one road to the sockets, so its order is the order in which everybody sees things (M7).
What comes in during one turn of the reactor is one transaction of the store, and is published as one list
once it is kept (M5). While a transaction is under way the next turn collects.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from chatd.delivery import Attach, Delivery, Item
from chatd.errors import ErrorCode
from chatd.interfaces import IBus, IMessageStore
from chatd.logs import Log
from chatd.model import Audience, Error, Event, History, Message
from chatd.room import Connection
from chatd.turn import ContainerState, Kept, Page, PageFound, Turn

log = Log()

RETRY_SECONDS = 1.0
PAGES = 8
"""Pages that are read in one turn, and of those that may wait, one for each connection: so who asks for much
fills no memory and holds nobody up."""


class Recall(msgspec.Struct, frozen=True):
    """Messages of the store for some connections, as of this point on the road.

    ``asker`` is the user who is answered with one history (R1); without one, each message is told (D4).
    One that ``may_wait`` is answered in a later turn if its connection has asked for much.
    """

    connections: tuple[Connection, ...]
    page: Page
    asker: str | None = None
    client_message_id: str | None = None
    may_wait: bool = False


class Keep(msgspec.Struct, frozen=True):
    """A container to keep, or to forget if there is no state."""

    room: str
    id: str
    state: ContainerState | None


class Outbox:
    """Collects a turn's items, has them kept, and publishes them.

    :param clock: whose next turn ends the collecting.
    :param bus: takes the list to every node.
    :param store: keeps messages and containers.
    :param most: how many items may wait for the store; see :attr:`is_full`.
    """

    def __init__(self, clock: IReactorTime, bus: IBus, store: IMessageStore, most: int = 10_000) -> None:
        self._clock = clock
        self._bus = bus
        self._store = store
        self._most = most
        self._items: list[Item | Recall | Keep] = []
        self._unkept: dict[tuple[str, str], Keep] = {}  # of turns that failed; they go with the next
        self._undone: list[tuple[str, str, str]] = []
        self._recalls = 0  # among the items
        self._asking: set[Connection] = set()  # whose recalls, of those that may wait, are in this turn
        self._later: list[Recall] = []
        self._committing = False
        self._drained: Deferred[None] | None = None
        self.refused: Callable[[Message], None] = lambda message: None
        """Called with each message that was not kept, for who has acted upon it already."""
        self.failing: str | None = None
        """Why the store did not keep the last turn; None if it did."""

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the store that nothing more is taken."""
        return len(self._items) + len(self._later) >= self._most

    # -- collecting ---------------------------------------------------------------------------------

    def post(self, audience: Audience, event: Event, origin: Connection | None = None) -> None:
        """Tell an event to an audience, and to the connection that caused it."""
        self._collect(Delivery(audience, event, origin))

    def tell(self, connection: Connection, event: Event) -> None:
        """Tell one connection alone, in order with all else that it hears."""
        self._collect(Delivery(None, event, connection))

    def attach(self, connection: Connection) -> None:
        """From this point on the connection hears the room of its identity."""
        self._collect(Attach(connection, connection.identity.room))

    def recall(self, recall: Recall) -> None:
        """Tell connections what the store has, as of this point."""
        if recall.may_wait:
            (connection,) = recall.connections
            if connection in self._asking or len(self._asking) == PAGES:
                self._later.append(recall)
                return
            self._asking.add(connection)
        self._recalls += 1
        self._collect(recall)

    def keep(self, room: str, id: str, state: ContainerState | None) -> None:
        """Keep a container as it is now, or forget it."""
        self._collect(Keep(room, id, state))

    def _collect(self, item: Item | Recall | Keep) -> None:
        if not self._items and not self._committing:
            self._clock.callLater(0, self._linger if self._store.gathers else self.flush)
        self._items.append(item)

    def _linger(self) -> None:
        """A transaction costs more than to look once more at who has something to say."""
        self._clock.callLater(0, self.flush)

    def drained(self) -> "Deferred[None]":
        """Fires when nothing is under way: all that was collected is kept and published.

        For containers that could not be kept so far, that is one more try.
        """
        if self._unkept:
            self.flush()
        if not self._committing and not self._items:
            return succeed(None)
        if self._drained is None:
            self._drained = Deferred()
        return self._drained

    # -- the turn's end -----------------------------------------------------------------------------

    def flush(self) -> None:
        """End the turn now, unless the one before it is still being kept."""
        if self._committing:
            return
        items = [*self._unkept.values(), *self._take()]
        self._unkept = {}
        turn = _turn(items, self._undone)
        if turn is None:
            self._publish([item for item in items if isinstance(item, Delivery | Attach)])
            if not self._items:
                self._rest()
            return
        self._committing = True
        kept = self._store.commit(turn)
        kept.addCallbacks(self._kept, self._failed, callbackArgs=(items,), errbackArgs=(items, turn))
        kept.addErrback(lambda failure: log.failure("a turn was lost by a bug", failure))
        kept.addCallback(lambda _: self._next())

    def _take(self) -> "list[Item | Recall | Keep]":
        """The items of this turn: all, or as far as the pages go that it may read."""
        end = len(self._items)
        if self._recalls > PAGES:
            at = [place for place, item in enumerate(self._items) if type(item) is Recall]
            end = at[PAGES]
        taken, self._items = self._items[:end], self._items[end:]
        self._recalls = max(0, self._recalls - PAGES)
        return taken

    def _kept(self, kept: Kept, items: Sequence[Item | Recall | Keep]) -> None:
        self._undone = []
        if self.failing is not None:
            log.info("the store works again")
            self.failing = None
        self._publish(list(_as_kept(items, kept)))

    def _failed(self, failure: Failure, items: Sequence[Item | Recall | Keep], turn: Turn) -> None:
        reason = " ".join(failure.getErrorMessage().split())
        if reason != self.failing:
            log.error("the store fails, messages are refused: {reason}", reason=reason)
        self.failing = reason
        if len(self._undone) < self._most:
            self._undone += [(it.room, it.container_id or "", it.id) for it in turn.messages]
        self._unkept = {(item.room, item.id): item for item in items if isinstance(item, Keep)}
        if self._unkept:
            self._clock.callLater(RETRY_SECONDS, self.flush)
        self._publish(list(_as_failed(items)))
        for message in turn.messages:
            self.refused(message)

    def _next(self) -> None:
        self._committing = False
        self._ask_again()
        if self._items:
            self.flush()
        else:
            self._rest()

    def _ask_again(self) -> None:
        """What waited while other pages were read; of connections that are gone, nothing."""
        later, self._later = self._later, []
        self._asking.clear()
        for recall in later:
            if recall.connections[0].room is not None:
                self.recall(recall)

    def _rest(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.callback(None)

    def _publish(self, items: list[Item]) -> None:
        if items:
            self._bus.publish(items)


def _turn(items: Sequence[Item | Recall | Keep], undone: list[tuple[str, str, str]]) -> Turn | None:
    """What a turn asks of the store; None if it asks nothing."""
    messages: list[Message] = []
    pages: list[Page] = []
    containers: dict[tuple[str, str], ContainerState | None] = {}
    for item in items:
        if type(item) is Delivery:
            event = item.event
            if type(event) is Message and item.audience is not None:
                messages.append(event)
        elif type(item) is Recall:
            pages.append(item.page)
        elif type(item) is Keep:
            containers[item.room, item.id] = item.state
    if not (messages or pages or containers):
        return None
    return Turn(
        messages=messages,
        pages=pages,
        saved=[state for state in containers.values() if state is not None],
        gone=[key for key, state in containers.items() if state is None],
        undone=undone,
    )


def _as_kept(items: Iterable[Item | Recall | Keep], kept: Kept) -> Iterable[Item]:
    """What is to be heard of a turn that was kept: of a repeat, by its sender alone, the first one (M6)."""
    at, pages = 0, iter(kept.pages)
    for item in items:
        if type(item) is Delivery:
            if type(item.event) is Message and item.audience is not None:
                first = kept.repeats.get(at)
                at += 1
                if first is not None:
                    if item.origin is not None:
                        yield Delivery(None, first, item.origin)
                    continue
            yield item
        elif type(item) is Recall:
            yield from _recalled(item, next(pages))
        elif type(item) is Attach:
            yield item


def _recalled(recall: Recall, found: PageFound | None) -> Iterable[Item]:
    page = recall.page
    events: Sequence[Event]
    if found is None:
        events = [_unavailable("history", recall.client_message_id, "Nothing is stored here.")]
    elif recall.asker is None:
        events = found.messages
    else:
        events = [
            History(
                room=page.room,
                container_id=page.container_id,
                user_id=recall.asker,
                messages=found.messages,
                more=found.more,
            )
        ]
    for connection in recall.connections:
        for event in events:
            yield Delivery(None, event, connection)


def _as_failed(items: Iterable[Item | Recall | Keep]) -> Iterable[Item]:
    """What is to be heard of a turn that was not kept: an error in place of each message, by its sender."""
    sentence = "It could not be stored. Send it again later."
    for item in items:
        if type(item) is Delivery:
            event = item.event
            if type(event) is Message and item.audience is not None:
                if item.origin is not None:
                    error = _unavailable(event.event, event.client_message_id, sentence)
                    yield Delivery(None, error, item.origin)
            elif not (type(event) is Error and event.code is ErrorCode.AGENT_OFFLINE):
                yield item  # of agent_offline the request is refused itself
        elif type(item) is Recall:
            event_asked = "addContainer" if item.asker is None else "history"
            error = _unavailable(event_asked, item.client_message_id, "What was said cannot be read now.")
            for connection in item.connections:
                yield Delivery(None, error, connection)
        elif type(item) is Attach:
            yield item


def _unavailable(event: str, client_message_id: str | None, sentence: str) -> Error:
    return Error(
        code=ErrorCode.STORAGE_UNAVAILABLE,
        sentence=sentence,
        event=event,
        client_message_id=client_message_id,
    )
