"""The services of the server: they start together and stop in order."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, TimeoutError
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorTime, IStreamServerEndpoint
from twisted.python.failure import Failure

from chatd.chat import Chat
from chatd.checkers.projects import Projects
from chatd.container import Container
from chatd.errors import StartError
from chatd.factory import ChatFactory
from chatd.interfaces import IMessageStore
from chatd.logs import Log
from chatd.notify import Notify
from chatd.outbox import Outbox
from chatd.readiness import DRAINING, Readiness
from chatd.registry import Registry
from chatd.reload import Reload
from chatd.stamp import Stamp
from chatd.tls import TLSEndpoint
from chatd.turn import StoreError
from chatd.verdicts import Verdicts
from chatd.webhook import Webhook

if TYPE_CHECKING:
    from chatd.cluster.cluster import Cluster

log = Log()

GOING_AWAY = "the server is going away: reconnect"
STOP_SECONDS = 5  # for the last turn to be kept, and for the last connections to close, whatever they do


class Keeper(Service):
    """Opens the store and takes back what it knows; waits for what is under way, and closes it.

    :param containers: whether to take back all containers, as where there are several nodes not.
    """

    name = "keeper"

    def __init__(
        self,
        clock: IReactorTime,
        store: IMessageStore,
        outbox: Outbox,
        registry: Registry,
        stamp: Stamp,
        containers: bool = True,
    ) -> None:
        self._clock = clock
        self._store = store
        self._outbox = outbox
        self._registry = registry
        self._stamp = stamp
        self._containers = containers

    def startService(self) -> None:
        """Open the store. :raises StartError: if that cannot be done."""
        super().startService()
        try:
            restored = self._store.open(self._containers)
        except StoreError as error:
            raise StartError(str(error)) from None
        self._stamp.resume(restored.last_id)
        containers = ((state.room, Container.restored(state)) for state in restored.containers)
        self._registry.restore_containers(containers, self._clock.seconds())
        if restored.reports:
            self._outbox.reported(restored.reports)
        if restored.containers:
            log.info("{count} containers are back", count=len(restored.containers))

    def passed(self) -> "Deferred[None]":
        """Fires when all that was said until now is kept, or refused, or after some seconds."""
        return self._outbox.passed().addTimeout(STOP_SECONDS, self._clock).addErrback(_none_in_time)

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


def _none_in_time(failure: Failure) -> None:
    """Time is up, and no more: who cancels it is to know."""
    failure.trap(TimeoutError)


class Listener(Service):
    """Listens on one endpoint.

    :param description: the endpoint's, for the log.
    """

    def __init__(self, description: str, endpoint: IStreamServerEndpoint, factory: Any) -> None:
        self.description = description
        self._endpoint = endpoint
        self._factory = factory
        self._port: IListeningPort | None = None

    @property
    def address(self) -> Any:
        """Where it listens, as Twisted has it; None while it does not."""
        return self._port and self._port.getHost()

    @property
    def is_secure(self) -> bool:
        """Whether it speaks TLS."""
        return isinstance(self._endpoint, TLSEndpoint)

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
    :param webhook: tells the business's backend, if anybody does.
    :param verdicts: asks it, if anybody does.
    :param cluster: this node among others, if there are any.
    """

    daemon = False
    drain_seconds = 0.0
    """How long to take for closing connections, when the server stops."""
    configuration: Reload | None = None
    """Reads the configuration again."""

    def __init__(
        self,
        clock: IReactorTime,
        chat: Chat,
        factory: ChatFactory,
        keeper: Keeper,
        listeners: list[Listener],
        projects: Projects,
        webhook: Webhook | None = None,
        verdicts: Verdicts | None = None,
        cluster: "Cluster | None" = None,
    ) -> None:
        super().__init__()
        self._cluster = cluster
        self._clock = clock
        self._chat = chat
        self._factory = factory
        self._keeper = keeper
        self._listeners = listeners
        self.projects = projects
        self._draining: Deferred[None] | None = None
        self._side_doors: list[Listener] = []
        self.readiness = Readiness()
        self._notify = Notify(clock)
        projects.setServiceParent(self)
        keeper.setServiceParent(self)  # first: what it knows is there before anybody comes
        for listener in listeners:
            listener.setServiceParent(self)
        self._webhook = webhook
        self._hooks = [hook for hook in (webhook, verdicts) if hook is not None]
        for hook in self._hooks:
            hook.setServiceParent(self)
        if cluster is not None:
            cluster.setServiceParent(self)

    def add_side_door(self, door: Listener) -> None:
        """One that stays open to the end, for who watches the server."""
        self._side_doors.append(door)
        door.setServiceParent(self)

    def privilegedStartService(self) -> None:
        """Listen. :raises StartError: where that cannot be done, for instance on a port that is taken."""
        self._start(super().privilegedStartService)

    def startService(self) -> None:
        """Begin. :raises StartError: where that cannot be done, for instance with a store that is away."""
        self._start(super().startService)
        self._clock.callLater(0, self._tell_ready)  # once signals are heeded, so that a SIGHUP may follow

    def _start(self, start: Callable[[], None]) -> None:
        try:
            start()
        except StartError as error:
            if self.daemon:  # whose standard error nobody sees
                log.critical("{error}", error=error)
            raise

    def replace_projects(self, projects: Projects) -> None:
        """Take other accounts. :raises StartError: if they cannot be had; those there were stay."""
        projects.privilegedStartService()
        projects.startService()
        self.projects.disownServiceParent()
        self.projects = projects
        projects.parent = self
        self.services.insert(0, projects)

    def report_to(self, notify: Notify) -> None:
        """Tell somebody when the server is ready, reads its settings again, and stops."""
        self._notify = notify
        notify.setServiceParent(self)

    def _tell_ready(self) -> None:
        doors = ", ".join(listener.description for listener in self._listeners)
        self._notify.ready(f"listens on {doors}")

    def reload(self) -> str | None:
        """Read again what may change without dropping anybody: the configuration, certificates, and files of
        accounts.

        :returns: why nothing has changed; None if it was done.
        """
        self._notify.reloading()
        trouble = self.configuration() if self.configuration is not None else None
        if trouble is None:
            self._read_again()
        self._tell_ready()
        return trouble

    def _read_again(self) -> None:
        for listener in (*self._listeners, *self._side_doors):
            listener.reload()
        self.projects.reload()
        for hook in self._hooks:
            try:
                hook.reload()
            except ValueError as error:
                log.error("{hook}: not read again: {error}", hook=hook.name, error=error)
        log.info("read again: certificates, accounts")

    @property
    def is_stopping(self) -> bool:
        """Whether nobody may come any more."""
        return self._factory.is_closing

    def stopService(self) -> "Deferred[None]":
        """Let nobody in, close every connection with 1001, then the rest."""
        return Deferred.fromCoroutine(self._stop())

    def hurry(self) -> None:
        """Where the server takes its time to stop: take no more."""
        if self._draining is not None:
            self._draining.cancel()

    async def _stop(self) -> None:
        self._notify.stopping("closes its connections")
        self.readiness.set(DRAINING, "The server is going away.")
        if self.drain_seconds:
            log.info("closing connections within {seconds:g} seconds", seconds=self.drain_seconds)
            draining = self._factory.drain(self.drain_seconds, GOING_AWAY, self._keeper.passed)
            self._draining = Deferred.fromCoroutine(draining)
            with suppress(CancelledError):
                await self._draining
        self._factory.is_closing = True
        await DeferredList([Deferred.fromCoroutine(listener.close()) for listener in self._listeners])
        self._chat.close()
        if self._cluster is not None:
            self._cluster.switchboard.close()
        await self._keeper.drained()
        if self._cluster is not None:
            await self._cluster.farewell()
        closed = self._factory.close_all(GOING_AWAY)
        closed.addTimeout(STOP_SECONDS, self._clock)
        closed.addErrback(lambda _: log.warn("some connections did not close in time"))
        await closed
        if self._webhook is not None:
            await self._webhook.finish()
        await DeferredList([Deferred.fromCoroutine(door.close()) for door in self._side_doors])
        await super().stopService()
