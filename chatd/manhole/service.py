"""The manhole as a service, and where it may be."""

from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXServerEndpoint, serverFromString
from twisted.internet.interfaces import IReactorCore, IReactorTime, IStreamServerEndpoint

from chatd import config
from chatd.house import Listener
from chatd.logs import Log
from chatd.manhole.ssh import SSHServer

log = Log()

STOP_SECONDS = 2  # for operators to take their leave


def endpoint(reactor: IReactorCore, description: str) -> IStreamServerEndpoint:
    """Where to listen: on a UNIX socket or on the loopback interface.

    :raises Exception: what Twisted's parsers raise, and ValueError for what may be reached from elsewhere.
    """
    found: IStreamServerEndpoint = serverFromString(reactor, description)
    interface = getattr(found, "_interface", "")
    if not isinstance(found, UNIXServerEndpoint) and not (interface and ip_address(interface).is_loopback):
        raise ValueError("others could reach it")
    return found


class Manhole(Listener):
    """Listens for operators from the start of the house until its very end.

    :param namespace: what can be named at the prompt.
    """

    def __init__(
        self,
        clock: IReactorTime,
        settings: config.Manhole,
        endpoint: IStreamServerEndpoint,
        namespace: dict[str, Any],
    ) -> None:
        self._clock = clock
        self._server = SSHServer(clock, namespace, settings.authorized_keys, settings.host_key)
        super().__init__(settings.listen, endpoint, self._server)

    def privilegedStartService(self) -> None:
        """Read the keys and listen. :raises StartError: where that cannot be done."""
        self._server.read_keys()
        super().privilegedStartService()

    def stopService(self) -> "Deferred[None]":
        """Close it, and end its connections."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self.close()
        gone = self._server.hang_up()
        gone.addTimeout(STOP_SECONDS, self._clock)
        gone.addErrback(lambda _: log.warn("some operators did not hang up in time"))
        await gone
