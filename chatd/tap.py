"""``twistd chatd``: its options, and the house put together.

The only module that names concrete stores and buses, and the global reactor.
"""

import gc
import resource
import signal
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path
from types import TracebackType
from typing import Any

from twisted.application.service import MultiService
from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.portal import Portal
from twisted.internet.interfaces import IReactorCore, IReactorTime, IStreamServerEndpoint
from twisted.python import usage

from chatd import config, logs, tls
from chatd.accounts import Means
from chatd.admission import Admission
from chatd.bus.local import LocalBus
from chatd.chat import Chat
from chatd.checkers.file import FileChecker
from chatd.checkers.guard import Guard, Throttle
from chatd.checkers.hashes import Hashes
from chatd.checkers.http import HttpChecker
from chatd.checkers.projects import Projects
from chatd.checkers.sql import SqlChecker
from chatd.config import Auth, Config, ConfigError, Server
from chatd.conversations import Conversations
from chatd.errors import StartError
from chatd.factory import ChatFactory
from chatd.house import House, Keeper, Listener
from chatd.interfaces import IMessageStore
from chatd.notices import NoticeTexts
from chatd.outbox import Outbox
from chatd.rate import Rate
from chatd.realm import Logins, Realm
from chatd.registry import Registry
from chatd.stamp import Stamp
from chatd.store.none import NoStore
from chatd.store.retention import Retention
from chatd.store.urls import database
from chatd.sweeper import Sweeper
from chatd.turn import StoreError
from chatd.wire.events import Encoder


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
                sections = {name: kind.Section for name, kind in _kinds().items()}
                self.configuration = config.load(Path(self["config"]), sections)
            from twisted.internet import reactor

            _endpoints(self, reactor)
            _store(self)
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
    house = build(options.configuration, reactor, _endpoints(options, reactor), _store(options))
    reactor.callWhenRunning(signal.signal, signal.SIGHUP, lambda *_: reactor.callLater(0, house.reload))
    house.daemon = options.parent is not None and not options.parent["nodaemon"]
    return house


def build(
    settings: Config,
    clock: IReactorTime,
    endpoints: list[tuple[str, IStreamServerEndpoint]],
    store: IMessageStore,
) -> "House":
    """Put the house together.

    :param clock: turns and timers are its.
    :param endpoints: where to listen, each with its description.
    :param store: not yet open.
    """
    registry = Registry(Encoder(settings.notices.time_format).encode)
    outbox = Outbox(clock, LocalBus(registry.deliver), store, settings.store.queue)
    stamp = Stamp(time.time)
    notices = NoticeTexts(
        into=settings.notices.into, out=settings.notices.out, out_all=settings.notices.out_all
    )
    conversations = Conversations(
        registry,
        outbox,
        stamp,
        notices,
        settings.autoreply,
        settings.containers.replay,
        settings.containers.idle_timeout,
    )
    chat = Chat(registry, outbox, clock, stamp, notices, conversations, settings.server.displace)
    sweeper = Sweeper(
        clock,
        settings.heartbeat.interval,
        settings.heartbeat.misses,
        conversations.expire,
    )
    projects = _projects(settings.auth, clock)
    factory = ChatFactory(
        clock,
        chat,
        sweeper,
        _logins(settings, projects),
        admission=_admission(settings.server),
        max_connections=settings.server.max_connections,
        message_size=settings.limits.message_size,
        send_buffer=settings.limits.send_buffer,
        rate=Rate(settings.limits.rate, settings.limits.burst),
        errors_in_a_row=settings.limits.errors_in_a_row,
        heartbeat_reply=settings.heartbeat.reply,
        direct_send=settings.server.direct_send,
    )
    keeper = Keeper(clock, store, outbox, registry, stamp)
    house = House(
        clock,
        chat,
        factory,
        keeper,
        [Listener(name, endpoint, factory) for name, endpoint in endpoints],
        projects,
    )
    registry.setServiceParent(house)
    sweeper.setServiceParent(house)
    if settings.store.keep_days:
        days = settings.store.keep_days
        Retention(clock, store, days, time.time).setServiceParent(house)
    return house


def _admission(settings: Server) -> Admission:
    rate = Rate(settings.connect_rate, settings.connect_burst) if settings.connect_rate else None
    return Admission(
        origins=settings.origins,
        no_origin=settings.no_origin,
        proxies=settings.proxies,
        max_per_address=settings.max_per_address,
        max_per_user=settings.max_per_user,
        rate=rate,
    )


def _projects(settings: Auth, clock: IReactorTime) -> Projects:
    hashes = Hashes(clock)  # type: ignore[arg-type]
    means = Means(clock, hashes)
    throttle = Throttle(settings.failures, settings.failures_per_address, settings.failure_window)
    kinds = _kinds() if settings.projects else {}
    checkers = {
        name: Guard(
            name, kinds[project.kind](project, means), clock, throttle, settings.remember, settings.timeout
        )
        for name, project in settings.projects.items()
    }
    rooms = {name: project.rooms for name, project in settings.projects.items()}
    return Projects(checkers, rooms, hashes)


def _logins(settings: Config, projects: Projects) -> Logins:
    checkers: list[ICredentialsChecker] = [projects]
    if settings.auth.anonymous:
        checkers.append(AllowAnonymousAccess())
    return Logins(Portal(Realm(), checkers), settings.auth.projects, settings.auth.default)


def _kinds() -> dict[str, Any]:
    """The kinds of checkers: ours, and those that installed packages bring."""
    kinds: dict[str, Any] = {"file": FileChecker, "http": HttpChecker, "sql": SqlChecker}
    for entry_point in entry_points(group="chatd.checkers"):
        try:
            kinds[entry_point.name] = entry_point.load()
        except Exception as error:
            kind = f"auth: the kind {entry_point.name!r}, {entry_point.value}"
            raise ConfigError(f"{kind}: {error}") from None
    return kinds


def _store(options: Options) -> IMessageStore:
    """The store that store.url names, not yet open. :raises ConfigError: if it names none."""
    settings = options.configuration.store
    if settings.url == "none":
        return NoStore(time.time, settings.repeat_window, options.configuration.containers.replay)
    try:
        return database(settings.url, settings.repeat_window, settings.flush)
    except StoreError as error:
        raise ConfigError(f"{options['config']}: store.url: {error}") from None


def _endpoints(options: Options, reactor: IReactorCore) -> list[tuple[str, IStreamServerEndpoint]]:
    given = options["listen"]
    where = "--listen" if given else f"{options['config']}: server.listen"
    found = []
    for description in given or options.configuration.server.listen:
        try:
            found.append((description, tls.endpoint(reactor, description)))
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
