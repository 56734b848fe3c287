"""The house in memory: every real part of the server on a clock that tests turn by hand.

house = House()
ann, bob = house.room("ann", "bob")
ann.say("hello")
assert bob.contents() == ["hello"]
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chatd.admission import Admission
from chatd.bus.local import LocalBus
from chatd.chat import Chat
from chatd.checkers.hashes import Hashes
from chatd.checkers.projects import Projects
from chatd.conversations import Conversations
from chatd.factory import ChatFactory
from chatd.house import Keeper
from chatd.interfaces import IAccountChecker, IMessageStore
from chatd.notices import NoticeTexts
from chatd.outbox import Outbox
from chatd.realm import Logins, Realm
from chatd.registry import Registry
from chatd.reports import Reports
from chatd.stamp import Stamp
from chatd.store.none import NoStore
from chatd.sweeper import Sweeper
from chatd.verdicts import Verdicts
from chatd.wire.events import Encoder
from tests.client import Client

EPOCH = 1795421730.123
"""The time at which the house opens, in seconds since the epoch: 2026-11-23T08:15:30.123Z."""

HEADERS = {
    "Host": "chat.example:9326",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",  # the example of RFC 6455 section 1.3
    "Sec-WebSocket-Version": "13",
}
VERDICTS = {"timeout": 1, "concurrency": 64, "allows": True, "message_size": 65536}
REPLIES = {"hours": "We are here from nine to five.", "wait": "One moment, please."}


class House:
    """A chat server without a socket. ``settings`` are those of the factory."""

    def __init__(
        self,
        *,
        autoreplies: Mapping[str, str] = REPLIES,
        replay: int = 100,
        displace: bool = False,
        interval: float = 30,
        misses: int = 3,
        idle_timeout: float = 1800,
        deserted_size: int = 100_000_000,
        time_format: str = "iso",
        notices: NoticeTexts | None = None,
        store: IMessageStore | None = None,
        queue: int = 10_000,
        anonymous: bool = True,
        accounts: Mapping[str, IAccountChecker] | None = None,
        rooms: Mapping[str, tuple[str, ...]] | None = None,
        default: str = "",
        origins: tuple[str, ...] = (),
        admission: Mapping[str, Any] | None = None,
        events: tuple[str, ...] = (),
        before_message: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.clock = Clock()
        self.clients: list[Client] = []
        self._in_turn = False
        notices = notices or NoticeTexts()
        encode = Encoder(time_format).encode
        self.registry = Registry(encode=encode)
        store = store or NoStore(now=self.now, repeat_window=300, replay=replay)
        bus = LocalBus(deliver=self.registry.deliver)
        self.outbox = Outbox(clock=self.clock, bus=bus, store=store, most=queue)
        self.stamp = stamp = Stamp(now=self.now)
        Keeper(self.clock, store, self.outbox, self.registry, stamp).startService()
        reports = Reports(self.outbox, events, encode, self.now)
        conversations = Conversations(
            registry=self.registry,
            outbox=self.outbox,
            stamp=stamp,
            notices=notices,
            autoreplies=autoreplies,
            replay=replay,
            idle_timeout=idle_timeout,
            deserted_size=deserted_size,
            reports=reports,
        )
        self.chat = Chat(
            registry=self.registry,
            outbox=self.outbox,
            clock=self.clock,
            stamp=stamp,
            notices=notices,
            conversations=conversations,
            displace=displace,
            reports=reports,
        )
        self.sweeper = Sweeper(
            clock=self.clock, interval=interval, misses=misses, expire=conversations.expire
        )
        checkers: list[ICredentialsChecker] = [AllowAnonymousAccess()] if anonymous else []
        accounts = accounts or {}
        rooms = dict.fromkeys(accounts, ()) | dict(rooms or {})
        checkers.append(Projects(accounts, rooms, Hashes(self.clock)))
        verdicts = None
        if before_message is not None:
            verdicts = Verdicts(**{**VERDICTS, "clock": self.clock, "now": self.now, **before_message})
        self.factory = ChatFactory(
            clock=self.clock,
            chat=self.chat,
            sweeper=self.sweeper,
            logins=Logins(Portal(Realm(), checkers), accounts, default),
            admission=Admission(origins=origins, **(admission or {})),
            verdicts=verdicts,
            **settings,
        )
        self.sweeper.startService()

    def now(self) -> float:
        """The time in seconds since the epoch."""
        return EPOCH + self.clock.seconds()

    # -- coming in ----------------------------------------------------------------------------------

    def dial(self) -> Client:
        """A TCP connection on which nothing has been said."""
        protocol = self.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000))
        client = Client(self.clock, protocol, self.settle)
        self.clients.append(client)
        return client

    def knock(self, target: str | bytes, **headers: str | None) -> Client:
        """A handshake for a request-URI as it stands; a header that is None is left out."""
        client = self.dial()
        client.send_bytes(request(target, **headers))
        return client

    def connect(self, **parameters: str | bytes | None) -> Client:
        """A handshake with parameters of C1: see :func:`target`."""
        return self.knock(target(**parameters))

    def join(self, user: str, room: str = "lobby", **parameters: str) -> Client:
        """A room-scoped connection: ``ann`` is called Ann."""
        return self.connect(**{"userId": user, "name": user.capitalize(), "roomName": room} | parameters)

    def customer(self, user: str, room: str = "agnes", **parameters: str) -> Client:
        """A container-scoped connection, about order-1."""
        return self.join(user, room, **{"containerId": user, "targetId": "order-1"} | parameters)

    def room(self, *users: str, room: str = "lobby") -> list[Client]:
        """A room in which these users are, and nothing is heard yet."""
        clients = [self.join(user, room) for user in users]
        self.hush()
        return clients

    def conversation(self, agent: str = "agnes", customer: str = "carl") -> tuple[Client, Client]:
        """An agent in its own room, and a customer whose container it has opened; nothing is heard yet."""
        the_agent, the_customer = self.join(agent, agent), self.customer(customer, agent)
        the_customer.ask("createContainer", acceptId=agent)
        the_agent.ask("addContainer", containerId=customer)
        self.hush()
        return the_agent, the_customer

    # -- time ---------------------------------------------------------------------------------------

    def settle(self) -> None:
        """The reactor's turn ends."""
        if not self._in_turn:
            self.clock.advance(0)

    @contextmanager
    def one_turn(self) -> Iterator[None]:
        """What clients do in here arrives in one turn of the reactor."""
        self._in_turn = True
        yield
        self._in_turn = False
        self.settle()

    def wait(self, seconds: float) -> None:
        """Time passes, and nobody does anything."""
        self.clock.pump([0.5] * int(seconds * 2))

    def hush(self) -> None:
        """What was heard until now is forgotten."""
        for client in self.clients:
            client.texts()

    def stop(self, reason: str = "the server stops") -> "Deferred[None]":
        """The server stops: fires when the last connection is gone."""
        self.chat.close()
        emptied = self.factory.close_all(reason)
        self.settle()
        return emptied


def target(**parameters: str | bytes | None) -> str:
    """A request-URI with C1's parameters, Ann's in the lobby where a test does not say otherwise.

    None leaves a parameter out; bytes go in as they are, a str percent-encoded.
    """
    ann = {"name": "Ann", "senderType": "GROUP", "userId": "ann", "roomName": "lobby", "icon": ""}
    return "/?" + "&".join(
        f"{key}={value.decode('latin-1') if isinstance(value, bytes) else quote(value, safe='')}"
        for key, value in (ann | parameters).items()
        if value is not None
    )


def request(target: str | bytes, **headers: str | None) -> bytes:
    """A WebSocket handshake (RFC 6455 section 4.1); ``Sec_WebSocket_Key`` stands for the header so named."""
    fields = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    uri = target.encode("latin-1") if isinstance(target, str) else target
    return b"GET %s HTTP/1.1\r\n%s\r\n\r\n" % (uri, "\r\n".join(lines).encode())


# -- what was said ----------------------------------------------------------------------------------


def history(client: Client, **fields: Any) -> dict[str, Any]:
    """The one answer to a request for history."""
    client.ask("history", **fields)
    return client.frame()


def said(page: dict[str, Any]) -> list[str]:
    """What the messages of a page say."""
    return [message["messageContent"] for message in page["messages"]]


def talk(client: Client, count: int, **fields: Any) -> list[str]:
    """Somebody says ``0``, ``1``, ``2`` and so on. :returns: the messageIds."""
    client.texts()
    for number in range(count):
        client.say(str(number), **fields)
    return [frame["messageId"] for frame in client.frames()]


def numbers(start: int, end: int) -> list[str]:
    """What :func:`talk` has said from one number up to another."""
    return [str(number) for number in range(start, end)]
