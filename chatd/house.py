"""The services of the server: they start together and stop in order."""

from collections.abc import Callable

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorTime, IStreamServerEndpoint
from twisted.internet.protocol import Factory

from chatd.chat import Chat
from chatd.checkers.projects import Projects
from chatd.container import Container
from chatd.errors import StartError
from chatd.factory import ChatFactory
from chatd.interfaces import IMessageStore
from chatd.logs import Log
from chatd.outbox import Outbox
from chatd.registry import Registry
from chatd.stamp import Stamp
from chatd.tls import TLSEndpoint
from chatd.turn import StoreError

log = Log()

STOP_SECONDS = 5  # for the last turn to be kept, and for the last connections to close, whatever they do


class Keeper(Service):
    """Opens the store and takes back what it knows; waits for what is under way, and closes it."""

    name = "keeper"

    def __init__(
        self, clock: IReactorTime, store: IMessageStore, outbox: Outbox, registry: Registry, stamp: Stamp
    ) -> None:
        self._clock = clock
        self._store = store
        self._outbox = outbox
        self._registry = registry
        self._stamp = stamp

    def startService(self) -> None:
        """Open the store. :raises StartError: if that cannot be done."""
        super().startService()
        try:
            restored = self._store.open()
        except StoreError as error:
            raise StartError(str(error)) from None
        self._stamp.resume(restored.last_id)
        containers = ((state.room, Container.restored(state)) for state in restored.containers)
        self._registry.restore_containers(containers, self._clock.seconds())
        if restored.containers:
            log.info("{count} containers are back", count=len(restored.containers))

    async def drained(self) -> None:
        """Wait until all that was said is kept, but not forever."""
        drained = self._outbox.drained()
        drained.addTimeout(STOP_SECONDS, self._clock)
        drained.addErrback(lambda _: log.error("the store did not take in time what was said last"))
        await drained

    def stopService(self) -> None:
        """Close the store."""
        super().stopService()
        self._store.close()


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

    def reload(self) -> None:
        """Read a certificate again. One that will not do changes nothing."""
        if isinstance(self._endpoint, TLSEndpoint):
            try:
                self._endpoint.reload()
            except ValueError as error:
                log.error(
                    "{endpoint}: the certificate was not read again: {error}",
                    endpoint=self.description,
                    error=error,
                )

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
        self,
        clock: IReactorTime,
        chat: Chat,
        factory: ChatFactory,
        keeper: Keeper,
        listeners: list[Listener],
        projects: Projects,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._chat = chat
        self._factory = factory
        self._keeper = keeper
        self._listeners = listeners
        self._projects = projects
        projects.setServiceParent(self)
        keeper.setServiceParent(self)  # first: what it knows is there before anybody comes
        for listener in listeners:
            listener.setServiceParent(self)

    def privilegedStartService(self) -> None:
        """Listen. :raises StartError: where that cannot be done, for instance on a port that is taken."""
        self._start(super().privilegedStartService)

    def startService(self) -> None:
        """Begin. :raises StartError: where that cannot be done, for instance with a store that is away."""
        self._start(super().startService)

    def _start(self, start: Callable[[], None]) -> None:
        try:
            start()
        except StartError as error:
            if self.daemon:  # whose standard error nobody sees
                log.critical("{error}", error=error)
            raise

    def reload(self) -> None:
        """Read again what may change without dropping anybody: certificates, and files of accounts."""
        for listener in self._listeners:
            listener.reload()
        self._projects.reload()
        log.info("read again: certificates, accounts")

    def stopService(self) -> "Deferred[None]":
        """Close the doors, then every connection with 1001, then the rest."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await DeferredList([Deferred.fromCoroutine(listener.close()) for listener in self._listeners])
        self._chat.close()
        await self._keeper.drained()
        closed = self._factory.close_all("the server is going away")
        closed.addTimeout(STOP_SECONDS, self._clock)
        closed.addErrback(lambda _: log.warn("some connections did not close in time"))
        await closed
        await super().stopService()
