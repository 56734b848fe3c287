"""Sends reports to the business's backend: each until it is taken, those of a line in their order.

Reports wait in the store; see :mod:`chatd.lines` for which of them are in memory. Of a line one is under way
at a time, and lines go side by side, so many at most. Nobody in the chat waits for any of this.
"""

from collections import deque
from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from chatd.endpoint import Answer, Endpoint, NoAnswer
from chatd.errors import StartError
from chatd.interfaces import IMessageStore
from chatd.lines import LINE, Line, Lines
from chatd.logs import Log
from chatd.turn import Waiting, WaitingFound

log = Log()

PAGE = 100  # reports that are read at once
DONE = 1000  # reports that were taken and that the store has not forgotten, before no more are sent
DROP_SECONDS = 10.0  # between looks for what has waited too long
DROP_BATCH = 500
RETRY_SECONDS = 1.0  # of the store's
STOP_SECONDS = 5.0  # for what is under way when the server stops
LATE = 6  # looks after which what has been read is not looked at once more
REASONS = 20  # different ones that are logged of one outage


class Webhook(Service):
    """Sends reports.

    :param store: where they are.
    :param endpoint: who is told.
    :param may_read: whether what the store has now is what was kept; see :attr:`chatd.outbox.Outbox.failing`.
    :param concurrency: how many requests may be under way.
    :param retry: seconds until the first retry; each further one waits twice as long.
    :param retry_most: seconds, the longest that a retry waits.
    :param keep_hours: reports that have waited longer are dropped.
    :param most: the oldest are dropped where more wait.
    :param now: the time in seconds since the epoch.
    :param chance: a number from 0 to 1, another one each time; so retries do not all come at once.
    """

    name = "webhook"

    def __init__(
        self,
        clock: IReactorTime,
        store: IMessageStore,
        endpoint: Endpoint,
        may_read: Callable[[], bool],
        *,
        concurrency: int,
        retry: float,
        retry_most: float,
        keep_hours: float,
        most: int,
        now: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._store = store
        self._endpoint = endpoint
        self._may_read = may_read
        self._concurrency = concurrency
        self._retry = retry
        self._retry_most = retry_most
        self._keep_hours = keep_hours
        self._most = most
        self._now = now
        self._chance = chance
        self.sent = 0
        """Reports that were taken."""
        self.failed = 0
        """Requests that came to nothing."""
        self.dropped = 0
        """Reports that have waited too long."""
        self.waiting = 0
        """Reports that are still to be taken."""
        self._lines = Lines()
        self._has_more = False  # whether the store has reports that have not been read
        self._reading = False
        self._under_way: dict[Line, Deferred[None]] = {}
        self._retries: dict[Line, IDelayedCall] = {}
        self._done: list[int] = []
        self._forgetting: list[int] = []
        self._failing: set[Line] = set()
        self._reasons: set[str] = set()
        self._finished: Deferred[None] | None = None
        self._leads = True  # where there are several nodes, one of them sends
        self._recounts = False
        self._term = 0
        self._places = deque([0], LATE)  # up to which had been read, at the last looks
        self.pass_on: Callable[[int], None] = lambda count: None
        """Called with the number of reports that were kept, if another node is to send them."""
        self._loop = LoopingCall(lambda: Deferred.fromCoroutine(self._drop()))
        self._loop.clock = clock

    def privilegedStartService(self) -> None:
        """Read what is to be trusted. :raises StartError: with the one line to print."""
        super().privilegedStartService()
        try:
            self._endpoint.start()
        except ValueError as error:
            raise StartError(f"webhook.{error}") from None

    def startService(self) -> None:
        """Begin to send."""
        super().startService()
        self._loop.start(DROP_SECONDS, now=False).addErrback(
            lambda failure: log.failure("old events are dropped no more", failure)
        )
        self._read()

    def reload(self) -> None:
        """Read again what is to be trusted. :raises ValueError: if that cannot be done; all is as before."""
        self._endpoint.start()

    def finish(self) -> "Deferred[None]":
        """Begin nothing more. :returns: fires when nothing is under way, or after some seconds; what was not
        taken is left for the next start."""
        self.running = False
        for retry in self._retries.values():
            retry.cancel()
        self._retries.clear()
        if self._is_idle:
            return succeed(None)
        self._finished = Deferred()
        return self._finished.addTimeout(STOP_SECONDS, self._clock).addErrback(self._give_up)

    def stopService(self) -> "Deferred[None] | None":
        """Let go."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        return self._endpoint.stop()

    def reported(self, count: int) -> None:
        """So many reports more are in the store."""
        if not self._leads:
            self.pass_on(count)
            return
        self.waiting += count
        self._has_more = True
        self._read()

    # -- several nodes: one of them sends -----------------------------------------------------------

    def lead(self) -> None:
        """From now on this node sends, with what is in the store; some of it may have been sent."""
        self._lines.forget()
        self._places = deque([0], LATE)
        self._leads, self._has_more = True, True
        self._read()

    def follow(self) -> None:
        """From now on another node sends. What is under way is not called back."""
        self._leads, self._recounts = False, True
        self._term += 1
        for retry in self._retries.values():
            retry.cancel()
        self._retries.clear()
        self._failing.clear()
        self._lines.forget()
        self.waiting = 0

    def look(self) -> None:
        """Others have kept reports too, maybe some before those that have been read, or nobody said so."""
        self._places.append(self._lines.place)
        self._lines.rewind(0 if self._lines.is_empty and self._is_idle else self._places[0])
        self._has_more = True
        self._read()

    # -- from the store -----------------------------------------------------------------------------

    def _read(self) -> None:
        """Read on: what a line is short of, else what comes next, unless enough is in memory."""
        if self._reading or not (self.running and self._leads and self._may_read()):
            return
        line = self._lines.take_short()
        if line is not None:
            most = LINE if self._lines.has_room else 1
            found = self._store.waiting(line.last, most, line.key)
        elif self._has_more and self._lines.has_room:
            self._has_more = False  # unless there is more, or some are reported meanwhile
            found = self._store.waiting(self._lines.place, PAGE)
        else:
            return
        self._reading = True
        found.addCallbacks(self._found, self._not_found, callbackArgs=(line, self._term), errbackArgs=(line,))
        found.addErrback(lambda failure: log.failure("events were lost by a bug", failure))

    def _found(self, found: WaitingFound, line: Line | None, term: int) -> None:
        self._reading = False
        if term != self._term:
            pass  # another node has sent meanwhile
        elif line is not None:
            self._lines.refill(line, found)
        elif self._may_read():
            self._lines.pass_by(found.reports, {*self._done, *self._forgetting})
            self._has_more = self._has_more or found.more
        else:  # a turn has failed meanwhile, and nobody knows yet what of it was kept
            self._has_more = True
        self._pump()
        self._read()

    def _not_found(self, failure: Failure, line: Line | None) -> None:
        self._reading = False
        if line is not None:
            self._lines.not_refilled(line)
        else:
            self._has_more = True
        if self.running:
            log.warn("events cannot be read: {reason}", reason=failure.getErrorMessage())
            self._clock.callLater(RETRY_SECONDS, self._read)

    # -- to the endpoint ----------------------------------------------------------------------------

    def _pump(self) -> None:
        """Send what may be sent."""
        while (
            self.running
            and self._leads
            and len(self._under_way) < self._concurrency
            and len(self._done) + len(self._forgetting) < DONE
            and (line := self._lines.take_ready()) is not None
        ):
            self._send(line, line.reports[0])

    def _send(self, line: Line, waiting: Waiting) -> None:
        sending = self._endpoint.post(waiting.body, {"X-Chatd-Delivery": waiting.id}).addCallback(_check)
        self._under_way[line] = sending
        sending.addCallbacks(
            self._taken, self._not_taken, callbackArgs=(line, waiting), errbackArgs=(line, waiting)
        )
        sending.addErrback(lambda failure: log.failure("an event was lost by a bug", failure))
        sending.addCallback(self._go_on)

    def _taken(self, _: None, line: Line, waiting: Waiting) -> None:
        del self._under_way[line]
        self.sent += 1
        if self._lines.is_first(line, waiting):
            self.waiting = max(0, self.waiting - 1)
            self._done.append(waiting.place)
        self._lines.advance(line, waiting)
        self._works(line)

    def _not_taken(self, failure: Failure, line: Line, waiting: Waiting) -> None:
        del self._under_way[line]
        if not self.running:
            return
        self.failed += 1
        if not self._leads:
            self._lines.advance(line, waiting)
        elif self._lines.is_first(line, waiting):
            self._lines.rest(line)
            delay = min(self._retry_most, self._retry * 2.0 ** min(line.failures - 1, 30))
            delay *= 0.5 + self._chance() / 2
            self._retries[line] = self._clock.callLater(delay, self._try_again, line)
            self._fails(line, failure)
        else:  # it was dropped meanwhile
            self._lines.advance(line, waiting)
            self._failing.discard(line)

    def _try_again(self, line: Line) -> None:
        del self._retries[line]
        self._lines.wake(line)
        self._pump()

    def _go_on(self, _: None) -> None:
        self._forget()
        self._pump()
        self._read()
        self._finish_if_idle()

    # -- what was taken, what waits too long --------------------------------------------------------

    def _forget(self) -> None:
        """Have the store forget what was taken, one transaction at a time."""
        if self._done and not self._forgetting:
            self._forgetting, self._done = self._done, []
            self._store.sent(self._forgetting).addCallbacks(self._forgotten, self._not_forgotten)

    def _forgotten(self, _: None) -> None:
        self._forgetting = []
        self._forget()
        self._pump()
        self._finish_if_idle()

    def _not_forgotten(self, failure: Failure) -> None:
        log.warn("events that were taken cannot be forgotten: {reason}", reason=failure.getErrorMessage())
        self._done, self._forgetting = self._forgetting + self._done, []
        if self.running:
            self._clock.callLater(RETRY_SECONDS, self._forget)
        else:
            self._done = []  # the next start sends them once more
        self._finish_if_idle()

    async def _drop(self) -> None:
        """Drop what has waited for too long, and what is too much."""
        before = int((self._now() - self._keep_hours * 3600) * 1000)
        dropped, places = self.dropped, [0]
        while places and self.running and self._leads:
            try:
                if self._recounts:
                    self.waiting = await self._store.count_waiting()
                places = await self._store.drop(before, max(0, self.waiting - self._most), DROP_BATCH)
            except Exception as error:
                log.warn("old events cannot be dropped: {reason}", reason=error)
                break
            self._dropped({*places} - {*self._done, *self._forgetting})
        if self.dropped > dropped:
            log.error("dropped {count} events that nobody took", count=self.dropped - dropped)
        self._read()

    def _dropped(self, places: set[int]) -> None:
        self.waiting = max(0, self.waiting - len(places))
        self.dropped += len(places)
        for line in self._lines.drop(places):
            self._retries.pop(line).cancel()
            self._failing.discard(line)
        self._pump()

    # -- what the log says --------------------------------------------------------------------------

    def _fails(self, line: Line, failure: Failure) -> None:
        """Each reason is told once in an outage, which lasts until nothing waits for a retry."""
        if failure.check(NoAnswer):
            reason = str(failure.value)
        else:
            reason = type(failure.value).__name__
            log.failure("a bug in sending an event", failure)
        self._failing.add(line)
        if reason not in self._reasons and len(self._reasons) < REASONS:
            self._reasons.add(reason)
            log.error("the webhook fails, events wait: {reason}", reason=reason)

    def _works(self, line: Line) -> None:
        self._failing.discard(line)
        if self._reasons and not self._failing:
            self._reasons.clear()
            log.info("the webhook works again")

    # -- the end ------------------------------------------------------------------------------------

    @property
    def _is_idle(self) -> bool:
        return not (self._under_way or self._done or self._forgetting)

    def _finish_if_idle(self) -> None:
        if self._finished is not None and self._is_idle:
            finished, self._finished = self._finished, None
            finished.callback(None)

    def _give_up(self, failure: Failure) -> None:
        self._finished = None
        log.warn(
            "{count} events were under way for too long; they are sent again after the next start",
            count=len(self._under_way),
        )
        for sending in tuple(self._under_way.values()):
            sending.cancel()


def _check(answer: Answer) -> None:
    """Any 2xx takes a report. :raises NoAnswer: for what else is answered."""
    if not 200 <= answer.code < 300:
        raise NoAnswer(f"the endpoint answered {answer.code}")
