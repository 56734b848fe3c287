"""The turn: everything that rooms and connections hear is collected here, kept, and sent on together.

This is the one road to the sockets, so its order is the order in which everybody sees things (M7).
What comes in during one turn of the reactor is one transaction of the store, and is published as one list
once it is kept (M5). While a transaction is under way the next turn collects.
"""

from collections.abc import Callable, Collection, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from chatd import outcome
from chatd.counts import Histogram
from chatd.delivery import Attach, Delivery, Item, Mark
from chatd.interfaces import IBus, IMessageStore
from chatd.logs import Log
from chatd.model import Audience, Event, Message
from chatd.outcome import Collected, Keep, Recall
from chatd.room import Connection
from chatd.turn import ContainerState, Fenced, Kept, Report, Turn

log = Log()

RETRY_SECONDS = 1.0
PAGES = 8
"""Pages that are read in one turn, and of those that may wait, one for each connection: so who asks for much
fills no memory and holds nobody up."""


class NotKept(Exception):
    """A message was not kept, and nobody hears it."""


class Outbox:
    """Collects a turn's items, has them kept, and publishes them.

    :param clock: whose next turn ends the collecting.
    :param bus: takes the list to every node.
    :param store: keeps messages and containers.
    :param most: how many items may wait for the store; see :attr:`is_full`.
    """

    def __init__(self, clock: IReactorTime, bus: IBus, store: IMessageStore, most: int = 10_000) -> None:
        self._clock = clock
        self._seconds = clock.seconds
        self._bus = bus
        self._store = store
        self._most = most
        self._items: list[Collected] = []
        self._unkept: dict[tuple[str, str], Keep] = {}  # of turns that failed; they go with the next
        self._undone: list[tuple[str, str, str, str]] = []
        self._recalls = 0  # among the items
        self._breaks = 0  # marks that what is before them is published before
        self._unreported: list[Report] = []  # likewise
        self._undone_reports: list[str] = []
        self._asking: set[Connection] = set()  # whose recalls, of those that may wait, are in this turn
        self._later: list[Recall] = []
        self._committing = False
        self._retry: IDelayedCall | None = None
        self._drained: Deferred[None] | None = None
        self._passing: list[Deferred[None]] = []  # with the turn that collects
        self._passed: list[Deferred[None]] = []  # with the one under way
        self._awaited: dict[str, Deferred[Message | None]] = {}  # by the message's id
        self._began = 0.0  # when the turn that collects was given its first item
        self.turn_seconds = Histogram()
        """From the first that a turn collects until it is published."""
        self.commit_seconds = Histogram()
        """How long the store took."""
        self.report_of: Callable[[Message], Report | None] | None = None
        """What the business's backend is to be told of a message, if of any."""
        self.reported: Callable[[int], None] = lambda count: None
        """Called with the number of reports that were kept, and when the store works again."""
        self.fence_of: Callable[[str], int] | None = None
        """The epoch in which a room is this node's, where there are several nodes; see
        :attr:`chatd.turn.Turn.fences`."""
        self.fenced: Callable[[Collection[str]], None] = lambda rooms: None
        """Called with rooms that are another node's by now: nothing of theirs can be kept here."""
        self.failing: str | None = None
        """Why the store did not keep the last turn; None if it did."""

    @property
    def waiting(self) -> int:
        """How many items wait for the store."""
        return len(self._items) + len(self._later)

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the store that nothing more is taken."""
        return len(self._items) + len(self._later) >= self._most

    # -- collecting ---------------------------------------------------------------------------------

    def post(
        self, audience: Audience, event: Event, origin: Connection | None = None, told: bool = False
    ) -> None:
        """Tell an event to an audience, and to the connection that caused it, unless that has been told."""
        self._collect(Delivery(audience, event, origin, told))

    def say(self, audience: Audience, message: Message) -> "Deferred[Message]":
        """Tell an audience a message that comes from no connection.

        :returns: fires once it is kept and published, with the message, or with the first one if it is a
            repeat (M6); fails with :exc:`NotKept`.
        """
        self.post(audience, message)
        return self.fate(message).addCallback(_kept_message)

    def fate(self, message: Message) -> "Deferred[Message | None]":
        """What becomes of a message that was posted just now, for who has acted upon it already.

        :returns: fires once it is kept and published, with the message, or with the first one if it is a
            repeat (M6); with None if it is not kept.
        """
        fate: Deferred[Message | None] = Deferred()
        self._awaited[message.id] = fate
        return fate

    def tell(self, connection: Connection, event: Event) -> None:
        """Tell one connection alone, in order with all else that it hears."""
        self._collect(Delivery(None, event, connection))

    def mark(self, note: Callable[[], None], told: bool = False) -> None:
        """Call this when the road has come to this point.

        :param told: when all that was collected before has been told, rather than while it is.
        """
        self._breaks += told
        self._collect(Mark(note, told))

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

    def report(self, report: Report) -> None:
        """Keep what the business's backend is to be told."""
        self._collect(report)

    def _collect(self, item: Collected) -> None:
        if not self._items:
            self._began = self._seconds()
            if not self._committing:
                self._clock.callLater(0, self._linger if self._store.gathers else self.flush)
        self._items.append(item)

    def _linger(self) -> None:
        """A transaction costs more than to look once more at who has something to say."""
        self._clock.callLater(0, self.flush)

    def owes(self, room: str) -> bool:
        """Whether something of a room, of turns that failed, is still to be kept or undone."""
        return any(owed == room for owed, *_ in (*self._unkept, *self._undone))

    def drained(self) -> "Deferred[None]":
        """Fires when nothing is under way: all that was collected is kept and published.

        For containers and reports that could not be kept so far, that is one more try.
        """
        if self._unkept or self._unreported:
            self.flush()
        if not self._committing and not self._items:
            return succeed(None)
        if self._drained is None:
            self._drained = Deferred()
        return self._drained

    def passed(self) -> "Deferred[None]":
        """Fires when all that was collected until now is kept, or refused, and published."""
        if not (self._items or self._committing):
            return succeed(None)
        passed: Deferred[None] = Deferred()
        self._passing.append(passed)
        return passed

    # -- the turn's end -----------------------------------------------------------------------------

    def flush(self, probe: bool = False) -> None:
        """End the turn now, unless the one before it is still being kept.

        :param probe: where there is nothing to keep, see whether the store would.
        """
        if self._committing:
            return
        began = self._began if self._items else self._seconds()
        items = [*self._unkept.values(), *self._unreported, *self._take()]
        self._unkept, self._unreported = {}, []
        turn = outcome.turn(items, self._undone, self._undone_reports, self.report_of)
        probe = probe and turn is None
        if probe:
            turn = Turn(undone=self._undone)
        if turn is None:
            self._publish([item for item in items if isinstance(item, Delivery | Attach | Mark)])
            if items:
                self.turn_seconds.add(self._seconds() - began)
            self._fire(self._passed)
            if not self._items:
                self._rest()
            return
        if self.fence_of is not None:
            turn = outcome.with_fences(turn, self.fence_of)
        if probe:
            turn = outcome.with_probe(turn)
        self._committing = True
        asked = self._seconds()
        kept = self._store.commit(turn)
        what = (items, turn, asked)
        kept.addCallbacks(self._kept, self._failed, callbackArgs=what, errbackArgs=what)
        kept.addErrback(self._lost, turn)
        kept.addCallback(lambda _: self._next(began))

    def _take(self) -> list[Collected]:
        """The items of this turn: all, or as far as the pages go that it may read."""
        end = len(self._items)
        if self._recalls > PAGES:
            at = [place for place, item in enumerate(self._items) if type(item) is Recall]
            end = at[PAGES]
        taken, self._items = self._items[:end], self._items[end:]
        self._recalls = max(0, self._recalls - PAGES)
        if not self._items:
            self._passed, self._passing = self._passing, []
        return taken

    def _kept(self, kept: Kept, items: Sequence[Collected], turn: Turn, asked: float) -> None:
        self.commit_seconds.add(self._seconds() - asked)
        self._undone, self._undone_reports = [], []
        works_again, self.failing = self.failing is not None, None
        if works_again:
            log.info("the store works again")
        self._publish(list(outcome.as_kept(items, kept)))
        if kept.reports or works_again:
            self.reported(kept.reports)
        if self._awaited:
            for at, message in enumerate(turn.messages):
                awaited = self._awaited.pop(message.id, None)
                if awaited is not None:
                    awaited.callback(kept.repeats.get(at, message))

    def _lost(self, failure: Failure, turn: Turn) -> None:
        log.failure("a turn was lost by a bug", failure)
        self._refuse_awaited(turn)

    def _refuse_awaited(self, turn: Turn) -> None:
        for message in turn.messages:
            awaited = self._awaited.pop(message.id, None)
            if awaited is not None:
                awaited.callback(None)

    def _failed(self, failure: Failure, items: Sequence[Collected], turn: Turn, asked: float) -> None:
        self.commit_seconds.add(self._seconds() - asked)
        lost: Collection[str] = ()
        if isinstance(failure.value, Fenced):
            lost = failure.value.rooms
            self._undone = [undone for undone in self._undone if undone[0] not in lost]
        else:
            self._note_failure(" ".join(failure.getErrorMessage().split()))
        if not lost and len(self._undone) < self._most:
            self._undone += [(it.room, it.container_id or "", it.id, it.user_id) for it in turn.messages]
        if len(self._undone_reports) < self._most:
            self._undone_reports += [it.id for it in turn.reports]
        keeps = [item for item in items if isinstance(item, Keep) and item.room not in lost]
        self._unkept = {(item.room, item.id): item for item in keeps}
        self._unreported = [item for item in items if isinstance(item, Report)]
        if len(self._unreported) > self._most:
            log.error("too many events wait for the store; {count} are lost", count=len(self._unreported))
            self._unreported = []
        if self._retry is None:
            self._retry = self._clock.callLater(RETRY_SECONDS, self._try_again)
        self._publish(list(outcome.as_failed(items)))
        self._refuse_awaited(turn)
        if lost:
            self.fenced(lost)

    def _try_again(self) -> None:
        """Keep what was not kept; where nothing is left of it, see whether the store works again."""
        self._retry = None
        self.flush(probe=self.failing is not None)

    def _note_failure(self, reason: str) -> None:
        if reason != self.failing:
            log.error("the store fails, messages are refused: {reason}", reason=reason)
        self.failing = reason

    def _next(self, began: float) -> None:
        self.turn_seconds.add(self._seconds() - began)
        self._fire(self._passed)
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

    def _fire(self, passed: "list[Deferred[None]]") -> None:
        while passed:
            passed.pop().callback(None)

    def _rest(self) -> None:
        self._fire(self._passing)
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.callback(None)

    def _publish(self, items: list[Item]) -> None:
        begin = 0
        if self._breaks:
            for at, item in enumerate(items):
                if type(item) is Mark and item.told:
                    self._breaks -= 1
                    if at > begin:
                        self._bus.publish(items[begin:at])
                    begin = at
        if begin < len(items):
            self._bus.publish(items[begin:] if begin else items)


def _kept_message(message: Message | None) -> Message:
    if message is None:
        raise NotKept
    return message
