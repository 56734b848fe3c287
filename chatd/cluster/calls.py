"""What a node asks another, or all of them, and what it answers."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred, FirstError, gatherResults, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from chatd.cluster import wire
from chatd.logs import Log

log = Log()


class NoAnswer(Exception):
    """A node did not answer; the text is a sentence that names it."""


class Refused(Exception):
    """A node does not do what it is asked; the text is its sentence."""


class Post(Protocol):
    """What is needed of :class:`chatd.cluster.nodes.Nodes`."""

    me: str
    alive: frozenset[str]

    def post(self, node: str, message: wire.ToNode) -> None:
        """Say something to a node."""


Work = Callable[[bytes], "bytes | Deferred[bytes]"]


class Calls:
    """Asks, and answers.

    :param wait: seconds within which an answer comes, or none does.
    :param look: sees to it that all nodes are known that there are now; :exc:`NoAnswer` if it cannot.
    """

    def __init__(
        self, clock: IReactorTime, nodes: Post, wait: float, look: Callable[[], Awaitable[None]]
    ) -> None:
        self._clock = clock
        self._nodes = nodes
        self._wait = wait
        self._look = look
        self._last = 0
        self._asked: dict[int, tuple[str, Deferred[bytes], IDelayedCall]] = {}
        self.answers: dict[str, Work] = {}
        """What this node does if it is asked, by name. A :exc:`Refused` is told to who asks."""

    def ask(self, node: str, name: str, args: bytes) -> "Deferred[bytes]":
        """Have a node do something.

        :returns: fires with its answer; fails with :exc:`Refused`, or with :exc:`NoAnswer`: it may have been
            done, or not.
        """
        answer: Deferred[bytes] = Deferred()
        if node == self._nodes.me:
            self._do(name, args).chainDeferred(answer)
            return answer
        self._last += 1
        timer = self._clock.callLater(self._wait, self._too_late, self._last)
        self._asked[self._last] = node, answer, timer
        self._nodes.post(node, wire.Call(self._nodes.me, self._last, name, args))
        return answer

    def ask_all(self, name: str, args: bytes) -> "Deferred[list[bytes]]":
        """Have all nodes do something, this one too.

        :returns: fires with the answers; fails as :meth:`ask` does, if any of them does not answer.
        """
        return Deferred.fromCoroutine(self._ask_all(name, args))

    async def _ask_all(self, name: str, args: bytes) -> list[bytes]:
        await self._look()
        asked = [self.ask(node, name, args) for node in sorted(self._nodes.alive | {self._nodes.me})]
        return await gatherResults(asked, consumeErrors=True).addErrback(_first)

    def tell(self, node: str, name: str, args: bytes = b"") -> None:
        """Have a node do something; whether it does, nobody learns."""
        self._nodes.post(node, wire.Call(self._nodes.me, 0, name, args))

    def gone(self, nodes: frozenset[str]) -> None:
        """Nodes are no more: they will not answer."""
        for id, (node, _, _) in tuple(self._asked.items()):
            if node in nodes:
                self._fail(id, NoAnswer(f"The node {node} is gone."))

    def take(self, message: wire.Call | wire.Answer) -> None:
        """What another node asks, or answers."""
        if isinstance(message, wire.Call):
            doing = self._do(message.name, message.args)
            done, not_done = partial(self._reply, message, True), partial(self._not_done, message)
            doing.addCallbacks(done, not_done)
            doing.addErrback(lambda failure: log.failure("a bug in answering another node", failure))
        elif message.is_done:
            _, answer, timer = self._asked.pop(message.id, _NOBODY)
            if answer is not None and timer is not None:
                timer.cancel()
                answer.callback(message.body)
        else:
            self._fail(message.id, Refused(message.body.decode()))

    def _do(self, name: str, args: bytes) -> "Deferred[bytes]":
        work: Callable[[bytes], Any] = self.answers.get(name, partial(_unknown, name))
        return maybeDeferred(work, args)

    def _reply(self, call: wire.Call, is_done: bool, body: bytes) -> None:
        if call.id:
            self._nodes.post(call.node, wire.Answer(call.id, is_done, body))

    def _not_done(self, call: wire.Call, failure: Failure) -> None:
        if failure.check(Refused):
            self._reply(call, False, failure.getErrorMessage().encode())
            return
        log.failure("a bug in answering another node", failure)
        self._reply(call, False, b"This is a bug. The other node's log has more.")

    def _too_late(self, id: int) -> None:
        node = self._asked[id][0]
        self._fail(id, NoAnswer(f"The node {node} does not answer."))

    def _fail(self, id: int, error: Exception) -> None:
        _, answer, timer = self._asked.pop(id, _NOBODY)
        if answer is not None and timer is not None:
            if timer.active():
                timer.cancel()
            answer.errback(error)


_NOBODY: tuple[str, None, None] = "", None, None


def _unknown(name: str, args: bytes) -> bytes:
    raise Refused(f"The other node does not know {name!r}: it is of another version.")


def _first(failure: Failure) -> Failure:
    failure.trap(FirstError)
    assert isinstance(failure.value, FirstError)
    return failure.value.subFailure
