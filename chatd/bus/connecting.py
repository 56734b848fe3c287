"""Keeps one connection to one Redis server: connects, logs in, and does so again whenever it is lost, for
ever."""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.task import deferLater

from chatd.bus.resp import Link, RedisAway, RedisError
from chatd.bus.url import RedisUrl, shown
from chatd.endpoint import reason_of, trust
from chatd.logs import Log

log = Log()

SHORTEST = 0.1
"""Seconds before the second attempt to connect; each further one waits twice as long."""
LONGEST = 3.0
"""Seconds between two attempts at most."""


class _Factory(Factory):
    noisy = False


async def _as_it_is(link: Link) -> None:
    """Nothing has to be prepared."""


class Connection:
    """One server.

    :param address: says where it is, before each attempt; None: at the URL's UNIX socket.
    :param use: what the connection is for, for the log.
    :param timeout: seconds for connecting, and for the answer to a command.
    :param opened: is called with a link that is logged in.
    :param closed: is called with a sentence when the link is lost, and when there is none to be had.
    :param prepare: what is to be done before that; may raise what commands raise.
    """

    def __init__(
        self,
        reactor: Any,
        url: RedisUrl,
        address: Callable[[], tuple[str, int] | None],
        use: str,
        timeout: float,
        opened: Callable[[Link], None],
        closed: Callable[[str], None],
        prepare: Callable[[Link], Awaitable[None]] = _as_it_is,
    ) -> None:
        self._reactor = reactor
        self._url = url
        self._address = address
        self._use = use
        self._timeout = timeout
        self._opened = opened
        self._closed = closed
        self._prepare = prepare
        self._where = ""
        self._running: Deferred[None] | None = None
        self._stopped = False
        self._link: Link | None = None
        self._told: set[str] | None = set()  # None: it works, and the log says so

    def start(self) -> None:
        """Begin."""
        self._running = Deferred.fromCoroutine(self._keep())
        self._running.addErrback(self._ended)

    def stop(self) -> "Deferred[None]":
        """Close. ``closed`` is called, what waits for an answer fails. :returns: fires when it is closed."""
        self._stopped = True
        if self._running is not None:
            self._running.cancel()
        self._closed("chatd stops")
        link, self._link = self._link, None
        if link is None:
            return succeed(None)
        link.drop("chatd stops")
        return link.closed

    def drop(self, reason: str) -> None:
        """Give the connection up, and make another."""
        if self._link is not None:
            self._link.drop(reason)

    def _ended(self, failure: Any) -> None:
        if not failure.check(CancelledError):
            log.failure("nobody looks after the connection to Redis any more", failure)

    async def _keep(self) -> None:
        attempts = 0
        while True:
            began = self._reactor.seconds()
            reason = await self._once()
            if self._stopped:
                return
            self._link = None
            if self._told is None:
                self._told = set()
            if reason not in self._told:  # some reasons alternate
                self._told.add(reason)
                log.error(
                    "Redis at {where} ({use}): {reason}", where=self._where, use=self._use, reason=reason
                )
            self._closed(f"Redis at {self._where} is away: {reason}")
            attempts = 0 if self._reactor.seconds() - began > 2 * LONGEST else attempts + 1
            longest = min(SHORTEST * 2 ** min(attempts, 10), LONGEST)
            await deferLater(self._reactor, longest * random.uniform(0.5, 1))

    async def _once(self) -> str:
        """Connect, and stay so for as long as it goes. :returns: why it ended."""
        try:
            self._link = link = await self._connect()
            await self._log_in(link)
            await self._prepare(link)
        except (RedisError, RedisAway) as error:
            if self._link is not None:
                self._link.drop(str(error))
            return self._without_password(str(error))
        except CancelledError:
            raise
        except (TimeoutError, ValueError) as error:
            return str(error)
        except Exception as error:  # the connection's, of which there are many kinds
            return reason_of(error)
        if self._told is not None:
            log.info("Redis at {where} ({use}): works", where=self._where, use=self._use)
        self._told = None
        self._opened(link)
        return await link.ended

    async def _connect(self) -> Link:
        address = self._address()
        self._where = shown(*address) if address else self._url.path
        link = Link(self._reactor, self._timeout)
        connecting = self._endpoint(address).connect(_Factory.forProtocol(lambda: link))
        connecting.addTimeout(self._timeout, self._reactor, self._not_in_time)
        await connecting
        if address:
            with suppress(AttributeError):
                link.transport.setTcpNoDelay(True)
        return link

    def _not_in_time(self, result: object, seconds: float) -> Any:
        raise TimeoutError(f"no connection in {seconds:g} seconds")

    def _endpoint(self, address: tuple[str, int] | None) -> Any:
        if address is None:
            return UNIXClientEndpoint(self._reactor, self._url.path, timeout=self._timeout)
        host, port = address
        endpoint = HostnameEndpoint(self._reactor, host, port, timeout=self._timeout)
        if not self._url.tls:
            return endpoint
        return wrapClientTLS(optionsForClientTLS(host, trust(self._url.ca_file)), endpoint)

    async def _log_in(self, link: Link) -> None:
        url = self._url
        if url.password:
            await link.call("AUTH", *([url.user] if url.user else []), url.password)
        if url.db:
            await link.call("SELECT", url.db)
        await link.call("PING")  # it says so if it wants a password, or loads what it has on disk

    def _without_password(self, text: str) -> str:
        """Some servers quote what they do not understand."""
        return text.replace(self._url.password, "…") if self._url.password else text
