"""Talk in a room, from a terminal or a pipe."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.cli import options
from chatd.cli.options import CommandError
from chatd.cli.running import live, name_of, new_id, run, session_of
from chatd.cli.session import Session
from chatd.cli.shown import line as shown
from chatd.cli.talk import Talk
from chatd.cli.typed import HELP
from chatd.model import Identity
from chatd.parameters import Credentials

MORE = """\
Each line that is typed is a message; what is heard is one line each: time, [container], who, what. Lines
that begin with / ask for something else: /help lists them. A lost connection is made again, what was said
meanwhile is told, and what has no receipt is sent again. Ctrl-D ends once everything typed has been received,
Ctrl-C at once.

From a pipe (echo hello | ... connect ...) it ends when all lines have been received, with status 0; it ends
with status 1 at the first that is refused, and says nothing of what follows.
"""
_LONGEST_LINE = 1024 * 1024
_MANY, _FEW = 100, 20  # lines that wait: more are not read, and read again
_FLUSH_SECONDS = 5


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description, parser.epilog = __doc__, MORE
    parser.add_argument(
        "address",
        metavar="URL",
        type=options.address,
        help="HOST, HOST:PORT, ws://HOST:PORT or wss://HOST:PORT",
    )
    parser.add_argument("--room", metavar="R", type=options.identifier, required=True, help="roomName")
    parser.add_argument("--user", metavar="U", type=options.identifier, required=True, help="userId")
    parser.add_argument("--name", metavar="N", type=options.nickname, help="nickname; the userId if left out")
    parser.add_argument(
        "--container", metavar="C", type=options.identifier, help="as a customer: your own userId once more"
    )
    parser.add_argument("--target", metavar="T", type=options.identifier, help="targetId, such as an order's")
    parser.add_argument(
        "--give-up", metavar="SECONDS", type=options.seconds, default=0.0,
        help="end with status 1 if a lost connection is not back after so long; 0, the default: never",
    )  # fmt: skip
    options.add_account(parser)


def main(given: argparse.Namespace) -> None:
    """The command. It ends by SystemExit. :raises CommandError: if it cannot begin."""
    for stream, name in ((sys.stdin, "input"), (sys.stdout, "output")):
        if stream is None:
            raise CommandError(f"standard {name} is closed")
    identity = Identity(given.user, name_of(given), "", given.room, given.container, given.target)
    credentials = options.credentials(given, os.environ)
    with _blocking_as_before():
        run(lambda reactor: _talk(reactor, given, identity, credentials))


async def _talk(
    reactor: Any, given: argparse.Namespace, identity: Identity, credentials: Credentials | None
) -> str | None:
    terminal = _Terminal()

    def note(sentence: str) -> None:
        terminal.write(f"-- {sentence}")

    talk = Talk(
        identity,
        show=lambda frame: terminal.write(shown(frame, datetime.now())),
        note=note,
        new_id=new_id,
        strict=not sys.stdin.isatty(),
    )
    session = session_of(reactor, given, talk, credentials, note, given.give_up)
    terminal.open(reactor, session, talk)
    return await live(reactor, session, terminal.close)


@implementer(IHalfCloseableProtocol)
class _Terminal(Protocol):
    """Standard input and output. Neither is read or written faster than the other side takes it."""

    transport: Any

    def __init__(self) -> None:
        self._unread = b""
        self._ended = False
        self._paused = False
        self._closed: Deferred[None] = Deferred()

    def open(self, reactor: Any, session: Session, talk: Talk) -> None:
        """Read lines for a session from now on."""
        self._session, self._talk = session, talk
        session.progress = self._read_on
        StandardIO(self, reactor=reactor)
        self.transport.registerProducer(session.link, True)

    def write(self, line: str) -> None:
        """Show a line."""
        if self.transport is not None:
            encoding = sys.stdout.encoding or "utf-8"
            self.transport.write(f"{line}\n".encode(encoding, "backslashreplace"))

    async def close(self, reactor: Any) -> None:
        """Fires when all has been shown."""
        if self.transport is not None:
            self.transport.unregisterProducer()
            self.transport.loseConnection()
            self._closed.addTimeout(_FLUSH_SECONDS, reactor)
            self._closed.addErrback(lambda _: None)
            await self._closed

    # -- what is typed ------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Bytes were typed."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._typed(line)
        if len(self._unread) > _LONGEST_LINE:
            self.write("-- not done: the line is too long")
            self._end()
        if self._talk.waiting > _MANY and not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def _read_on(self) -> None:
        if self._paused and self._talk.waiting < _FEW and self.transport is not None:
            self._paused = False
            self.transport.resumeProducing()

    def _typed(self, raw: bytes) -> None:
        if self._ended:
            return
        try:
            line = raw.decode().removesuffix("\r")
        except UnicodeDecodeError:
            self._session.refuse("the line is no UTF-8 text")
            return
        if line.strip() == "/quit":
            self._end()
        elif line.strip() == "/help":
            for help_line in HELP:
                self.write(help_line)
        elif line.strip():
            self._session.say(line)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            if self._talk.waiting and sys.stdin.isatty():
                self.write("-- ends when all that was typed has been received; Ctrl-C ends at once")
            self._session.finish()

    def readConnectionLost(self) -> None:
        """The end of standard input."""
        if self._unread:
            self._typed(self._unread)
        self._end()

    def writeConnectionLost(self) -> None:
        """Nobody reads standard output any more."""
        self.transport = None
        self._session.stop()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """All is closed."""
        self.transport = None
        self._closed.callback(None)
        self._session.stop()


@contextmanager
def _blocking_as_before() -> Iterator[None]:
    """Twisted makes what it reads and writes non-blocking, and a terminal is shared with others."""
    before = {}
    for descriptor in (0, 1, 2):
        with suppress(OSError):  # it may be closed
            before[descriptor] = os.get_blocking(descriptor)
    try:
        yield
    finally:
        for descriptor, blocking in before.items():
            with suppress(OSError):
                os.set_blocking(descriptor, blocking)
