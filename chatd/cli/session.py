"""A talk over a link that is made again when it is lost, until it is over."""

import json
from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from chatd.cli.link import Link, Loss
from chatd.cli.shown import safe
from chatd.cli.talk import Talk

AGAIN_SECONDS = 1.0
"""After which what the server would not take is sent again."""
STEADY_SECONDS = 60.0
"""After which in a room a loss is the first one again."""


class Session:
    """Connects, sends what the talk wants to be sent, and connects again when the connection is lost.

    :param note: called with sentences for people.
    :param random: gives a number from 0 to 1, that clients do not all come back at once.
    :param give_up: seconds without being in the room after which it is over; 0: never.
    """

    def __init__(
        self,
        clock: IReactorTime,
        link: Link,
        talk: Talk,
        note: Callable[[str], None],
        random: Callable[[], float],
        give_up: float = 0,
    ) -> None:
        self._clock = clock
        self.link = link
        self._talk = talk
        self._note = note
        self._random = random
        self._give_up = give_up
        self._was_in = False
        self._came_at = 0.0
        self._seen_at = clock.seconds()  # when we were in the room last
        self._finishing = self._stopping = False
        self._pause: Deferred[None] | None = None
        self._resting = False
        self.progress: Callable[[], None] = lambda: None
        """Called when lines may have come to something."""

    async def run(self) -> str | None:
        """Be there until it is over. :returns: why it ended badly, in one line; None: it ended well."""
        losses = 0
        while not self._is_over():
            loss = await self._connected()
            if self._is_over():
                break
            if loss.is_final or not self._was_in:
                return f"{self.link.address}: {safe(loss.sentence)}"
            if self._clock.seconds() - self._came_at >= STEADY_SECONDS:
                losses = 0
            delay = loss.delay(losses, self._random)
            losses += 1
            if self._give_up and self._clock.seconds() + delay - self._seen_at > self._give_up:
                return f"{self.link.address}: {safe(loss.sentence)}; given up"
            self._note(f"{safe(loss.sentence)}; connecting again in {delay:.0f} s")
            await self._wait(delay)
        return self._outcome()

    def say(self, line: str) -> None:
        """A line was typed."""
        self._talk.say(line)
        self.pump()

    def refuse(self, why: str) -> None:
        """A line was typed that cannot be said."""
        self._talk.refuse(why)
        self.pump()

    def finish(self) -> None:
        """End once every line has come to something."""
        self._finishing = True
        self.pump()

    def stop(self) -> None:
        """End now."""
        self._stopping = True
        self._end()

    # -- inside -------------------------------------------------------------------------------------

    async def _connected(self) -> Loss:
        """Connect, and be connected until that ends."""
        loss = await self.link.connect()
        if self._talk.is_in:
            self._seen_at = self._clock.seconds()
        self._talk.lost(loss.code)
        return loss

    def _is_over(self) -> bool:
        done = self._finishing and self._was_in and not self._talk.waiting
        return self._stopping or self._talk.is_spoilt or done

    def _outcome(self) -> str | None:
        if self._talk.is_spoilt:
            return "a line was refused; what followed it was not said"
        if self._talk.waiting:
            return f"without a receipt: {self._talk.waiting} of what was typed"
        return None

    def heard(self, text: str) -> None:
        """A text has come."""
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            frame = None
        if not isinstance(frame, dict):
            self._note("the server said what is no JSON object")
            return
        was_in = self._talk.is_in
        self._talk.heard(frame)
        if self._talk.is_in and not was_in:
            self._was_in, self._came_at = True, self._clock.seconds()
        self.pump()
        self.progress()

    def pump(self) -> None:
        """Send what is to be sent now; end if it is over."""
        frame = self._talk.next()
        if frame is not None:
            self.link.send(json.dumps(frame, ensure_ascii=False).encode("utf-8", "replace"))
        if self._talk.must_wait and not self._resting:
            self._resting = True
            self._clock.callLater(AGAIN_SECONDS, self._again)
        if self._is_over():
            self._end()

    def _again(self) -> None:
        self._resting = False
        self._talk.again()
        self.pump()

    def _end(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        self.link.close()

    async def _wait(self, seconds: float) -> None:
        self._pause = deferLater(self._clock, seconds, lambda: None)
        try:
            await self._pause
        except CancelledError:
            pass
        finally:
            self._pause = None
