"""``twistd chatd``: its options, and the process in which the house of :mod:`chatd.build` stands.

The only module that names the global reactor.
"""

import gc
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReactorCore, IStreamServerEndpoint
from twisted.python import usage

from chatd import __version__, config, logs, notify, tls
from chatd.admin.access import Token
from chatd.admin.door import Opening
from chatd.build import build, kinds
from chatd.config import Config, ConfigError
from chatd.errors import StartError
from chatd.house import House
from chatd.interfaces import IMessageStore
from chatd.logs import Log
from chatd.store.none import NoStore
from chatd.store.urls import database
from chatd.turn import StoreError
from chatd.web import site

log = Log()

SPARE_FILES = 100
"""What is open beside connections: ports, the store, the log, and what Twisted and Python need."""


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
            self.configuration = self.read()
            from twisted.internet import reactor

            _endpoints(self, reactor)
            _store(self)
            _manhole(self, reactor)
            _admin(self, reactor)
            _web(self, reactor)
            _check_cluster(self)
        except ConfigError as error:
            raise SystemExit(f"chatd: {error}") from None
        if self["check"]:
            print("ok")
            raise SystemExit(0)

    def read(self) -> Config:
        """The configuration as it is in the file now. :raises ConfigError: with the one line to print."""
        if self["config"] is None:
            return Config()
        return config.load(Path(self["config"]), {name: kind.Section for name, kind in kinds().items()})


def makeService(options: Options) -> MultiService:
    """The whole server, on the global reactor."""
    from twisted.internet import reactor

    sys.excepthook = _excepthook
    logs.set_level(options.configuration.log.level)
    _raise_file_limit(options.configuration)
    _spare_the_garbage_collector()
    endpoints, store = _endpoints(options, reactor), _store(options)
    manhole, admin, web = _manhole(options, reactor), _admin(options, reactor), _web(options, reactor)
    house = build(options.configuration, reactor, endpoints, store, options.read, manhole, admin, web)
    house.report_to(notify.from_environment(reactor, os.environ))
    reactor.callWhenRunning(_heed_signals, reactor, house)
    house.daemon = options.parent is not None and not options.parent["nodaemon"]
    return house


def _store(options: Options) -> IMessageStore:
    """The store that store.url names, not yet open. :raises ConfigError: if it names none."""
    settings = options.configuration.store
    if settings.url == "none":
        return NoStore(time.time, settings.repeat_window, options.configuration.containers.replay)
    try:
        return database(settings.url, settings.repeat_window, settings.flush)
    except StoreError as error:
        raise ConfigError(f"{options['config']}: store.url: {error}") from None


def _admin(options: Options, reactor: IReactorCore) -> Opening | None:
    """Where the admin API listens; None: nowhere. :raises ConfigError: with what is wrong."""
    settings = options.configuration.admin
    if not settings.listen:
        return None
    if not settings.token_file:
        raise ConfigError(f"{options['config']}: admin.token_file: is required where admin.listen is set")
    try:
        token = Token(Path(settings.token_file))
    except ValueError as error:
        raise ConfigError(f"{options['config']}: admin.token_file: {error}") from None
    where = f"{options['config']}: admin.listen"
    return Opening(settings.listen, _endpoint(where, settings.listen, reactor), token)


def _web(options: Options, reactor: IReactorCore) -> tuple[str, IStreamServerEndpoint] | None:
    """Where the pages are served; None: nowhere. :raises ConfigError: if that is no place."""
    listen = options.configuration.web.listen
    if not listen:
        return None
    return listen, _endpoint(f"{options['config']}: web.listen", listen, reactor)


def _check_cluster(options: Options) -> None:
    """:raises ConfigError: if this cannot be a node among others."""
    settings = options.configuration
    if not settings.cluster.redis:
        return
    where = f"{options['config']}: cluster"
    try:
        from chatd.bus.redis import RedisUrl

        RedisUrl.parse(settings.cluster.redis)
    except ImportError as error:
        raise ConfigError(f"{where}.redis: {error}: pip install 'chatd[redis]'") from None
    except ValueError as error:
        raise ConfigError(f"{where}.redis: {error}") from None
    if not settings.store.url.startswith(("postgresql:", "postgres:")):
        expected = "nodes share their messages: expected store.url to be postgresql://…"
        raise ConfigError(f"{where}.redis: {expected}, got {settings.store.url!r}")


def _endpoints(options: Options, reactor: IReactorCore) -> list[tuple[str, IStreamServerEndpoint]]:
    given = options["listen"]
    where = "--listen" if given else f"{options['config']}: server.listen"
    found = []
    for description in given or options.configuration.server.listen:
        found.append((description, _endpoint(where, description, reactor)))
    if not found:
        raise ConfigError(f"{where}: expected at least one endpoint")
    return found


def _heed_signals(reactor: Any, house: House) -> None:
    """SIGHUP: read the configuration again. SIGTERM: stop, and end with status 0; a second one: hurry."""

    def stop() -> None:
        house.hurry()
        with suppress(ReactorNotRunning):  # it has been told before
            reactor.stop()

    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(house.reload))
    signal.signal(signal.SIGTERM, lambda *_: reactor.callFromThread(stop))
    log.info("chatd {version} is ready", version=__version__)


def _manhole(options: Options, reactor: IReactorCore) -> IStreamServerEndpoint | None:
    """Where the manhole is, if there is one. :raises ConfigError: if it cannot be there."""
    settings = options.configuration.manhole
    if not settings.listen:
        return None
    where = f"{options['config']}: manhole"
    for key in ("authorized_keys", "host_key"):
        if not getattr(settings, key):
            raise ConfigError(f"{where}.{key}: expected the path of a file, as there is a manhole.listen")
    try:
        from chatd.manhole import service
    except ImportError as error:
        raise ConfigError(f"{where}.listen: {error}: pip install 'chatd[manhole]'") from None
    try:
        return service.endpoint(reactor, settings.listen)
    except Exception as error:  # each kind of endpoint raises what it likes
        expected = 'expected "unix:PATH", "tcp:PORT:interface=127.0.0.1" or the like'
        raise ConfigError(f"{where}.listen: {expected}, got {settings.listen!r} ({error})") from None


def _endpoint(where: str, description: str, reactor: IReactorCore) -> IStreamServerEndpoint:
    try:
        return tls.endpoint(reactor, description)
    except Exception as error:  # each kind of endpoint raises what it likes
        mistake = f"expected an endpoint such as tcp:9326, got {description!r} ({error})"
        raise ConfigError(f"{where}: {mistake}") from None


def _spare_the_garbage_collector() -> None:
    """Connections live long and in great numbers: look at them less often, and at what is there now never."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _raise_file_limit(settings: Config) -> None:
    """Every connection is an open file: take as many as the system lets us, and say whether they suffice."""
    max_connections, spare = settings.server.max_connections, SPARE_FILES
    if settings.web.listen:
        spare += site.MOST
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < max_connections + spare:
        log.warn(
            "{files} files may be open, and max_connections is {max_connections}: that does not fit; "
            "raise the limit (ulimit -n, LimitNOFILE), or lower max_connections",
            files=hard,
            max_connections=max_connections,
        )
    else:
        log.info(
            "{files} files may be open, and max_connections is {max_connections}",
            files=hard,
            max_connections=max_connections,
        )


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A start-up that cannot go on says so in one line; anything else is a bug and shows where."""
    if isinstance(error, StartError):
        print(f"chatd: {error}", file=sys.__stderr__)  # sys.stderr is the log by now
    else:
        sys.__excepthook__(kind, error, trace)
