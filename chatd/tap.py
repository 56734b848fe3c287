"""``twistd chatd``: its options, and the house put together.

The only module that names concrete buses and the global reactor.
"""

import gc
import resource
import sys
import time
from pathlib import Path
from types import TracebackType

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorCore, IReactorTime, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.python import usage

from chatd import config, logs
from chatd.bus.local import LocalBus
from chatd.chat import Chat
from chatd.config import Config, ConfigError
from chatd.conversations import Conversations
from chatd.logs import Log
from chatd.notices import NoticeTexts
from chatd.outbox import Outbox
from chatd.protocol import ChatFactory
from chatd.rate import Rate
from chatd.registry import Registry
from chatd.stamp import Stamp
from chatd.sweeper import Sweeper
from chatd.wire.events import Encoder

log = Log()

STOP_SECONDS = 5  # for the last connections to close, whatever they do


class StartError(Exception):
    """Start-up cannot go on; the text is the one line to print."""


class Options(usage.Options):
    """The command line of ``twistd chatd``."""

    synopsis = "[--config FILE] [--listen ENDPOINT]... [--check]"
    longdesc = "A chat server: rooms and customer-service conversations over plain WebSocket."
    optParameters = [  # noqa: RUF012 - Twisted's way
        ["config", "c", None, "The configuration, a TOML file; without one, all defaults."],
    ]
    optFlags = [  # noqa: RUF012 - Twisted's way
        ["check", None, 'Read the configuration, say "ok" or what is wrong, and exit.'],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.configuration = Config()
        self["listen"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Where to listen, as tcp:9326 or unix:/run/chatd.sock; may be repeated, and overrides the file's."""
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def postOptions(self) -> None:
        """Read the configuration; a mistake in it is one line and status 1."""
        try:
            if self["config"] is not None:
                self.configuration = config.load(Path(self["config"]))
            from twisted.internet import reactor

            _endpoints(self, reactor)
        except ConfigError as error:
            raise SystemExit(f"chatd: {error}") from None
        if self["check"]:
            print("ok")
            raise SystemExit(0)


def makeService(options: Options) -> MultiService:
    """The whole server, on the global reactor."""
    from twisted.internet import reactor

    sys.excepthook = _excepthook
    _raise_file_limit()
    _spare_the_garbage_collector()
    logs.set_level(options.configuration.log.level)
    house = build(options.configuration, reactor, _endpoints(options, reactor))
    house.daemon = options.parent is not None and not options.parent["nodaemon"]
    return house


def build(
    settings: Config, clock: IReactorTime, endpoints: list[tuple[str, IStreamServerEndpoint]]
) -> "House":
    """Put the house together.

    :param clock: turns and timers are its.
    :param endpoints: where to listen, each with its description.
    """
    registry = Registry(Encoder(settings.notices.time_format).encode)
    outbox = Outbox(clock, LocalBus(registry.deliver))
    stamp = Stamp(time.time)
    notices = NoticeTexts(
        into=settings.notices.into, out=settings.notices.out, out_all=settings.notices.out_all
    )
    conversations = Conversations(
        registry, outbox, stamp, notices, settings.autoreply, settings.containers.replay
    )
    chat = Chat(registry, outbox, clock, stamp, notices, conversations, settings.server.displace)
    sweeper = Sweeper(
        clock,
        registry,
        settings.heartbeat.interval,
        settings.heartbeat.misses,
        settings.containers.idle_timeout,
    )
    factory = ChatFactory(
        clock,
        chat,
        sweeper,
        origins=settings.server.origins,
        max_connections=settings.server.max_connections,
        message_size=settings.limits.message_size,
        send_buffer=settings.limits.send_buffer,
        rate=Rate(settings.limits.rate, settings.limits.burst),
        errors_in_a_row=settings.limits.errors_in_a_row,
        heartbeat_reply=settings.heartbeat.reply,
        anonymous=settings.auth.anonymous,
        direct_send=settings.server.direct_send,
    )
    house = House(clock, chat, factory, [Listener(name, endpoint, factory) for name, endpoint in endpoints])
    registry.setServiceParent(house)
    sweeper.setServiceParent(house)
    return house


class Listener(Service):
    """Listens on one endpoint.

    :param description: the endpoint's, for the log.
    """

    def __init__(self, description: str, endpoint: IStreamServerEndpoint, factory: Factory) -> None:
        self.description = description
        self._endpoint = endpoint
        self._factory = factory
        self._port: IListeningPort | None = None

    def privilegedStartService(self) -> None:
        """Listen, while twistd may still be root. :raises StartError: where that cannot be done."""
        super().privilegedStartService()
        failures: list[Exception] = []
        listening = self._endpoint.listen(self._factory)
        listening.addCallbacks(self._listens, lambda failure: failures.append(failure.value))
        if failures:
            raise self._start_error(failures[0]) from None

    def _start_error(self, error: Exception) -> Exception:
        if isinstance(error, CannotListenError):
            return StartError(str(error))
        if isinstance(error, (OSError, OverflowError)):  # a lock file's directory; a port that is too high
            return StartError(f"Couldn't listen on {self.description}: {error}")
        return error

    def _listens(self, port: IListeningPort) -> None:
        self._port = port
        log.info("listening on {address}", address=port.getHost())

    async def close(self) -> None:
        """Take no more connections."""
        port, self._port = self._port, None
        if port is not None:
            stopped = port.stopListening()
            if stopped is not None:
                await stopped


class House(MultiService):
    """All services. They start together and stop in order: door, guests, house.

    :param listeners: the doors.
    """

    daemon = False

    def __init__(
        self, clock: IReactorTime, chat: Chat, factory: ChatFactory, listeners: list[Listener]
    ) -> None:
        super().__init__()
        self._clock = clock
        self._chat = chat
        self._factory = factory
        self._listeners = listeners
        for listener in listeners:
            listener.setServiceParent(self)

    def privilegedStartService(self) -> None:
        """Listen. :raises StartError: where that cannot be done, for instance on a port that is taken."""
        try:
            super().privilegedStartService()
        except StartError as error:
            if self.daemon:  # whose standard error nobody sees
                log.critical("{error}", error=error)
            raise

    def stopService(self) -> "Deferred[None]":
        """Close the doors, then every connection with 1001, then the rest."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await DeferredList([Deferred.fromCoroutine(listener.close()) for listener in self._listeners])
        self._chat.close()
        closed = self._factory.close_all("the server is going away")
        closed.addTimeout(STOP_SECONDS, self._clock)
        closed.addErrback(lambda _: log.warn("some connections did not close in time"))
        await closed
        await super().stopService()


def _endpoints(options: Options, reactor: IReactorCore) -> list[tuple[str, IStreamServerEndpoint]]:
    given = options["listen"]
    where = "--listen" if given else f"{options['config']}: server.listen"
    found = []
    for description in given or options.configuration.server.listen:
        try:
            found.append((description, serverFromString(reactor, description)))
        except Exception as error:  # each kind of endpoint raises what it likes
            mistake = f"expected an endpoint such as tcp:9326, got {description!r} ({error})"
            raise ConfigError(f"{where}: {mistake}") from None
    if not found:
        raise ConfigError(f"{where}: expected at least one endpoint")
    return found


def _spare_the_garbage_collector() -> None:
    """Connections live long and in great numbers: look at them less often, and at what is there now never."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _raise_file_limit() -> None:
    """Every connection is an open file: take as many as the system lets us."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A start-up that cannot go on says so in one line; anything else is a bug and shows where."""
    if isinstance(error, StartError):
        print(f"chatd: {error}", file=sys.__stderr__)  # sys.stderr is the log by now
    else:
        sys.__excepthook__(kind, error, trace)
