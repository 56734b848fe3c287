"""What is done in an SSH session: a prompt on a terminal, or ``ssh host 'expression'``."""

import struct
from typing import Any

from twisted.conch.avatar import ConchUser
from twisted.conch.interfaces import ISession
from twisted.conch.ssh.session import SSHSession, SSHSessionProcessProtocol
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.components import registerAdapter
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd import __version__
from chatd.manhole.evaluation import evaluate, last_line
from chatd.manhole.terminal import Shell, Terminal

BANNER = f"chatd {__version__}: help lists what there is, exit() leaves."


class Operator(ConchUser):
    """Who has come in. Sessions are all that it can have: there is no forwarding, and there are no files."""

    def __init__(self, clock: IReactorTime, namespace: dict[str, Any]) -> None:
        super().__init__()
        self.clock = clock
        self.namespace = namespace
        self.channelLookup[b"session"] = SSHSession


class _Input:
    """Takes what a client types.

    :param terminal: where it goes; None: nowhere.
    """

    def __init__(self, terminal: Terminal | None = None) -> None:
        self._terminal = terminal

    def write(self, data: bytes) -> None:
        """See ITransport."""
        if self._terminal is not None:
            self._terminal.dataReceived(data)

    def loseConnection(self) -> None:
        """See ITransport."""
        terminal, self._terminal = self._terminal, None
        if terminal is not None:
            terminal.connectionLost(None)


class _Output:
    """Gives a terminal's output to a client."""

    def __init__(self, visit: "Visit", client: SSHSessionProcessProtocol) -> None:
        self._visit = visit
        self._client = client

    def write(self, data: bytes) -> None:
        """See ITransport."""
        self._client.write(data)

    def loseConnection(self) -> None:
        """See ITransport."""
        self._visit.end(self._client, 0)


@implementer(ISession)
class Visit:
    """One session: a shell, or one expression."""

    def __init__(self, operator: Operator) -> None:
        self._clock = operator.clock
        self._namespace = operator.namespace
        self._size: tuple[int, int] | None = None
        self._shell: Shell | None = None
        self._evaluation: Deferred[Any] | None = None

    def getPty(self, term: bytes, windowSize: tuple[int, int, int, int], modes: object) -> None:
        """The client has a terminal; its size is in rows and columns."""
        self._size = windowSize[1], windowSize[0]

    def windowChanged(self, newWindowSize: tuple[int, int, int, int]) -> None:
        """The terminal has another size now."""
        self._size = newWindowSize[1], newWindowSize[0]
        if self._shell is not None:
            self._shell.terminalSize(*self._size)

    def openShell(self, client: SSHSessionProcessProtocol) -> None:
        """A prompt, if there is a terminal for it."""
        if self._size is None:
            client.makeConnection(_Input())
            client.errReceived(b"The prompt needs a terminal (ssh -t). Without one, give an expression.\n")
            self.end(client, 1)
            return
        self._shell = Shell(dict(self._namespace), BANNER)
        shell = self._shell
        terminal = Terminal(lambda: shell)
        client.makeConnection(_Input(terminal))
        terminal.makeConnection(_Output(self, client))
        shell.terminalSize(*self._size)

    def execCommand(self, client: SSHSessionProcessProtocol, command: bytes) -> None:
        """Evaluate an expression; its result goes to the client's output, an error to its error output."""
        client.makeConnection(_Input())
        self._clock.callLater(0, self._evaluate, client, command)

    def _evaluate(self, client: SSHSessionProcessProtocol, command: bytes) -> None:
        source = command.decode("utf-8", "surrogateescape")
        self._evaluation = Deferred.fromCoroutine(evaluate(source, dict(self._namespace)))
        self._evaluation.addCallback(self._evaluated, client)
        self._evaluation.addErrback(self._failed, client)

    def _evaluated(self, text: str, client: SSHSessionProcessProtocol) -> None:
        client.outReceived(text.encode("utf-8", "surrogateescape"))
        self.end(client, 0)

    def _failed(self, failure: Failure, client: SSHSessionProcessProtocol) -> None:
        client.errReceived(f"{last_line(failure.value)}\n".encode("utf-8", "surrogateescape"))
        self.end(client, 1)

    def end(self, client: SSHSessionProcessProtocol, status: int) -> None:
        """Tell the client the exit status, and close; not before it has been told that the session began."""
        self._clock.callLater(0, self._end, client.session, status)

    def _end(self, channel: Any, status: int) -> None:
        channel.conn.sendRequest(channel, b"exit-status", struct.pack(">L", status))
        channel.loseConnection()

    def eofReceived(self) -> None:
        """Nothing more will be typed. An expression's result is still wanted."""
        if self._shell is not None:
            self._shell.handle_QUIT()

    def closed(self) -> None:
        """The client is gone: what it waits for is given up."""
        if self._evaluation is not None:
            self._evaluation.cancel()


registerAdapter(Visit, Operator, ISession)
