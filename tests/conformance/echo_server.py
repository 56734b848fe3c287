"""chatd's WebSocket with an echo in place of the chat, for a suite that tests WebSocket servers.

Prints the port on which it listens, on 127.0.0.1, and serves until it is ended.
"""

import sys

from twisted.internet import reactor
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from chatd import __version__
from chatd.sweeper import ENDING_SECONDS
from chatd.websocket import CLOSING, LeanFactory, LeanProtocol

MIB = 1024 * 1024


class EchoProtocol(LeanProtocol):
    """Says what it hears."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Text or binary."""
        self.sendMessage(payload, isBinary)

    def sendCloseFrame(
        self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False
    ) -> None:
        """Who never answers a close frame is dropped: by the sweep in the chat, by a timer here."""
        super().sendCloseFrame(code, reasonUtf8, isReply)
        if self.state == CLOSING:
            reactor.callLater(ENDING_SECONDS, self.dropConnection, abort=True)

    def overflowed(self) -> None:
        """The suite reads what it asked for; what it does not read is not waited for."""
        self.dropConnection(abort=True)


def echo_factory() -> Factory:
    """With limits that are out of the suite's way: its largest messages have 16 MiB."""
    return LeanFactory(
        reactor,
        EchoProtocol,
        f"chatd/{__version__}",
        message_size=64 * MIB,
        max_connections=0,
        send_buffer=64 * MIB,
        direct_send=True,
    )


def main() -> None:
    """Listen, tell where, serve."""
    from twisted.internet.endpoints import TCP4ServerEndpoint

    def listens(port: IListeningPort) -> None:
        print(port.getHost().port, flush=True)

    def fails(failure: Failure) -> None:
        print(failure.getErrorMessage(), file=sys.stderr)
        reactor.stop()

    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    endpoint.listen(echo_factory()).addCallbacks(listens, fails)
    reactor.run()


if __name__ == "__main__":
    main()
