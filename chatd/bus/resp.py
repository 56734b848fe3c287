"""One connection to a Redis server: commands out, replies in, in the same order.

The protocol is RESP2. Commands are written as they are called, which Twisted makes one send of for each turn
of the reactor; replies are parsed by hiredis.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import hiredis
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from chatd.endpoint import reason_of

Word = bytes | str | int

_packed: Callable[[tuple[Word, ...]], bytes] = hiredis.pack_command  # type: ignore[assignment]


class RedisError(Exception):
    """What Redis answers to a command that it does not do."""

    @property
    def code(self) -> str:
        """The first word: ``NOSCRIPT``, ``WRONGTYPE``, ``ERR``."""
        return str(self).partition(" ")[0]


class RedisAway(Exception):
    """There is no connection, or it was lost before the reply came, or time is up: the command may have been
    done, or not. The text is a sentence."""


class _Garbled(Exception):
    """What came is not Redis's protocol."""


class Script:
    """A script in Lua, which Redis knows by its SHA-1."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha1 = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Command:
    """A command on its way.

    :param words: what it is made of. Of a script's, the first two are EVALSHA and the SHA-1.
    """

    __slots__ = ("answer", "hops", "packed", "script", "since", "words")

    def __init__(self, words: tuple[Word, ...], script: Script | None = None) -> None:
        self.words = words
        self.packed = _packed(words)
        self.script = script
        self.answer: Deferred[Any] = Deferred()
        self.since = 0.0
        self.hops = 0

    def with_text(self) -> None:
        """Redis does not know the script: say it."""
        assert self.script is not None
        self.words = ("EVAL", self.script.text, *self.words[2:])
        self.packed = _packed(self.words)
        self.script = None


class Link(Protocol):
    """One connection.

    :param timeout: seconds within which a command is answered; else the connection is given up, with all that
        waits.
    :param refused: is asked about an error reply before the command fails with it; True: it is taken care of.

    ``take`` may be set to what is to get all that comes, asked for or not: pub/sub. With ``question``, that
    is asked every third of the timeout; without, PING after so much silence. ``ended`` fires with a sentence
    when the connection is of no more use, ``closed`` when it is closed.
    """

    transport: Any

    def __init__(self, reactor: Any, timeout: float) -> None:
        self._reactor = reactor
        self._seconds: Callable[[], float] = reactor.seconds
        self._timeout = timeout
        self._reader = hiredis.Reader(protocolError=_Garbled, replyError=RedisError)
        self._waiting: deque[Command] = deque()
        self._told: set[str] = set()  # the scripts whose texts were said on this connection
        self._again: list[Command] | None = None
        self._held: list[Command] = []
        self._marks: dict[Command, list[Callable[[], object]]] = {}
        self._timer: IDelayedCall | None = None
        self.open = False
        self.question: tuple[Word, ...] = ()
        self.take: Callable[[Any], None] = self._answer
        self.refused: Callable[[Command, RedisError], bool] = lambda command, error: False
        self.ended: Deferred[str] = Deferred()
        self.closed: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """See :class:`twisted.internet.interfaces.IProtocol`."""
        self.open = True
        self._heard = self._seconds()
        self._look_in(self._timeout / 3)

    def send(self, command: Command) -> None:
        """Send a command. Its ``answer`` fires; with RedisAway if the connection is lost before that.

        A script goes with its text at first: were it one that Redis does not know, a later one that it knows
        would be done before it.
        """
        if self._again is not None:
            self._held.append(command)
            return
        if command.script is not None and command.script.sha1 not in self._told:
            self._told.add(command.script.sha1)
            command.with_text()
        command.since = self._seconds()
        self._waiting.append(command)
        self.transport.write(command.packed)

    def call(self, *words: Word) -> "Deferred[Any]":
        """Send a command."""
        command = Command(words)
        self.send(command)
        return command.answer

    def tell(self, *words: Word) -> None:
        """Send a command whose reply, if it has one, ``take`` gets."""
        self.transport.write(_packed(words))

    def dataReceived(self, data: bytes) -> None:
        """See :class:`twisted.internet.interfaces.IProtocol`."""
        self._heard = self._seconds()
        reader = self._reader
        gets = reader.gets
        try:
            reader.feed(data)
            while (reply := gets()) is not False and self.open:
                self.take(reply)
        except _Garbled:
            self.drop("what answers there does not speak Redis's protocol")

    def _answer(self, reply: Any) -> None:
        if not self._waiting:
            self.drop(f"it said what it was not asked for: {reply}"[:200])
            return
        command = self._waiting.popleft()
        if reply.__class__ is not RedisError:
            command.answer.callback(reply)
        elif reply.code == "NOSCRIPT" and command.script is not None:
            self._say_text(command)
        elif not self.refused(command, reply):
            command.answer.errback(reply)
        if self._marks and command in self._marks:
            for passed in self._marks.pop(command):
                passed()

    def after(self, passed: Callable[[], object]) -> None:
        """Have something called when all is answered that is under way now, or will not be any more."""
        if waiting := self._held or self._again or self._waiting:
            self._marks.setdefault(waiting[-1], []).append(passed)
        else:
            passed()

    def _say_text(self, command: Command) -> None:
        """A script whose text Redis has lost is sent again when all is answered that is under way, and what
        is new waits for that: else a later one could be done before an earlier one."""
        command.with_text()
        if self._again is None:
            if not self._waiting:
                self.send(command)
                return
            self.after(self._resume)
            self._again = []
        self._again.append(command)

    def _resume(self) -> None:
        commands = [*(self._again or ()), *self._held]
        self._again, self._held = None, []
        for command in commands:
            self.send(command)

    def _look_in(self, seconds: float) -> None:
        self._due = self._seconds() + seconds
        self._timer = self._reactor.callLater(seconds, self._look)

    def _look(self) -> None:
        """Is the other side alive? Looks at the oldest command, and for long without any sends a PING."""
        now = self._seconds()
        patience = self._timeout / 3
        if now - self._due > patience:
            self._look_in(0)  # it is us who slept: first read what has come meanwhile
            return
        since = self._waiting[0].since if self._waiting else self._heard
        if now - since >= self._timeout:
            self.drop(f"no answer in {self._timeout:g} seconds")
            return
        if self.question or (not self._waiting and now - self._heard >= patience):
            self._ask()
        self._look_in(max(min(patience, since + self._timeout - now), 0.001))

    def _ask(self) -> None:
        if self.take != self._answer:
            self.tell(*(self.question or ("PING",)))
            return
        command = Command(("PING",))
        command.answer.addErrback(lambda _: None)
        self.send(command)
        command.since = self._heard  # one that is cut off is noticed in time, and not a third of it later

    def drop(self, reason: str) -> None:
        """Give the connection up at once. :param reason: a sentence."""
        if not self.open:
            return
        self._end(reason)
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See :class:`twisted.internet.interfaces.IProtocol`."""
        closed = reason.check(ConnectionDone)
        self._end("it closed the connection" if closed else reason_of(reason.value))
        self.closed.callback(None)

    def _end(self, reason: str) -> None:
        if not self.open:
            return
        self.open = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        lost = [*(self._again or ()), *self._waiting, *self._held]
        self._again, self._held = None, []
        self._waiting.clear()
        self.ended.callback(reason)
        fail(lost, reason)
        marks, self._marks = self._marks, {}
        for passed in chain.from_iterable(marks.values()):
            passed()


def fail(commands: Sequence[Command], reason: str) -> None:
    """Tell who waits that nothing comes any more."""
    for command in commands:
        command.answer.errback(RedisAway(reason))
