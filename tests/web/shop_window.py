"""The pages in memory: a whole house, and HTTP bytes to and from the pages' door.

window = Window()
assert window.get("/").status == 200
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from chatd.admin.door import Opening
from chatd.config import Config
from tests.admin.office import Answer
from tests.building import CHAT, Building, Doorway

PAGES = IPv4Address("TCP", "127.0.0.1", 9327)
HOST = "127.0.0.1:9327"


class Window(Building):
    """A house with pages.

    :param address: of the pages.
    :param chat: of the chat.
    :param admin: where the admin API listens, if it does.
    :param read: reads the configuration again.
    :param sections: of the configuration.
    """

    def __init__(
        self,
        *,
        address: Any = PAGES,
        chat: Any = CHAT,
        admin: Opening | None = None,
        read: Callable[[], Config] | None = None,
        **sections: Any,
    ) -> None:
        self._web = Doorway(address)
        super().__init__(Config(**sections), read=read, admin=admin, web=self._web, chat=chat)

    def dial(self, peer: str = "192.0.2.7") -> "Visit | None":
        """A connection from an address; None: it was closed at once."""
        channel = self._web.factory.buildProtocol(IPv4Address("TCP", peer, 50000))
        return channel and Visit(self, channel, peer)

    def get(self, path: str, peer: str = "192.0.2.7", **headers: str) -> Answer:
        """What there is."""
        return self.ask("GET", path, peer, **headers)

    def ask(self, method: str, path: str, peer: str = "192.0.2.7", **headers: str) -> Answer:
        """A request; ``If_None_Match`` stands for the header so named, and an empty one is left out."""
        visit = self.dial(peer)
        assert visit is not None
        return visit.ask(method, path, **headers)


class Visit:
    """One connection to the pages."""

    def __init__(self, window: Window, channel: Any, peer: str) -> None:
        self._window = window
        self._channel = channel
        self.transport = StringTransport(peerAddress=IPv4Address("TCP", peer, 50000))
        channel.makeConnection(self.transport)

    def ask(self, method: str, path: str, **headers: str) -> Answer:
        """A request, and its answer."""
        fields = {"Host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in fields.items() if value]
        self.send("\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1"))
        answer = Answer(self.transport.value())
        self.transport.clear()
        return answer

    def send(self, data: bytes) -> None:
        """Bytes, and the end of the turn."""
        self._channel.dataReceived(data)
        self._window.settle()

    def hang_up(self) -> None:
        """The visitor is gone."""
        self._channel.connectionLost()
