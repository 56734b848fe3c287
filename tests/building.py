"""The house as :func:`chatd.build.build` puts it together, on a reactor in memory."""

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from chatd.admin.door import Opening
from chatd.build import build
from chatd.config import Config
from chatd.interfaces import IMessageStore
from chatd.store.none import NoStore
from tests.client import Client
from tests.house import request, target

CHAT = IPv4Address("TCP", "127.0.0.1", 9326)


class Door:
    """A port that closes when a test lets it.

    :param address: where it is.
    """

    def __init__(self, address: Any) -> None:
        self._address = address
        self.closed: Deferred[None] = Deferred()
        self.closing = False

    def getHost(self) -> Any:
        """See IListeningPort."""
        return self._address

    def stopListening(self) -> "Deferred[None]":
        """See IListeningPort."""
        self.closing = True
        return self.closed


@implementer(IStreamServerEndpoint)
class Doorway:
    """An endpoint that listens at a door."""

    factory: Factory

    def __init__(self, address: Any = CHAT) -> None:
        self.door = Door(address)

    def listen(self, factory: Factory) -> "Deferred[Any]":
        """See IStreamServerEndpoint."""
        self.factory = factory
        return succeed(self.door)


class Building:
    """A house that has started.

    :param store: not yet open; where there is none, nothing is stored.
    :param read: reads the configuration again.
    :param admin: where the admin API listens, if it does.
    :param web: where the pages are, if they are.
    :param chat: the address of the door.
    """

    def __init__(
        self,
        settings: Config,
        store: IMessageStore | None = None,
        read: Callable[[], Config] | None = None,
        admin: Opening | None = None,
        web: Doorway | None = None,
        chat: Any = CHAT,
    ) -> None:
        self.clock = MemoryReactorClock()
        self._doorway = Doorway(chat)
        self.door = self._doorway.door
        store = store or NoStore(self.clock.seconds, settings.store.repeat_window, settings.containers.replay)
        doors = [("door", self._doorway)]
        pages = ("pages", web) if web is not None else None
        self.house = build(settings, self.clock, doors, store, read=read, admin=admin, web=pages)
        self.house.privilegedStartService()
        self.house.startService()
        self.has_ended = False

    @property
    def factory(self) -> Any:
        """What listens."""
        return self._doorway.factory

    def connect(self, headers: dict[str, str] | None = None, **parameters: str) -> Client:
        """A client that has asked for its handshake."""
        protocol = self.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000))
        client = Client(self.clock, protocol, self.settle)
        client.send_bytes(request(target(**parameters), **(headers or {})))
        return client

    def conversation(self) -> tuple[Client, Client]:
        """An agent, and a customer whose container is asked for; nothing is heard yet."""
        agent = self.connect(userId="agnes", roomName="shop")
        customer = self.connect(userId="carl", roomName="shop", containerId="carl", targetId="order-1")
        customer.ask("createContainer", acceptId="agnes")
        agent.texts(), customer.texts()
        return agent, customer

    def settle(self) -> None:
        """The reactor's turn ends."""
        self.clock.advance(0)

    def wait(self, seconds: float) -> None:
        """Time passes, and nobody does anything."""
        self.clock.pump([0.25] * int(seconds * 4))

    def stop(self) -> None:
        """As the reactor does: see ``has_ended``."""
        self.house.stopService().addCallback(self._ended)

    def _ended(self, _: None) -> None:
        self.has_ended = True
