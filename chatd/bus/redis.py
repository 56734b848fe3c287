"""The link to Redis: commands and scripts on one connection, publications on another.

Both connect again for ever. Each change between working and not is one line of the log, and a call of ``up``
or ``down``. A server that is paused, or cut off, is noticed within about the timeout.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from chatd.bus.nodes import Nodes
from chatd.bus.probe import mistake
from chatd.bus.resp import Command, RedisAway, RedisError, Script, Word
from chatd.bus.single import Single
from chatd.bus.subscriber import Subscriber
from chatd.bus.telling import tell
from chatd.bus.url import RedisUrl

__all__ = ["Redis", "RedisAway", "RedisError", "RedisUrl", "Script", "Subscriber", "mistake"]


class Redis(Service):
    """Sends commands.

    :param timeout: seconds within which a command is answered; a connection on which one is not is given up.

    ``trouble`` is a sentence, or None: it works. ``up()`` and ``down(sentence)`` may be set; they are called
    on each change, the first connection included.
    """

    name = "redis"

    def __init__(self, reactor: Any, url: RedisUrl, timeout: float) -> None:
        self.up: Callable[[], None] = _nobody
        self.down: Callable[[str], None] = _nobody
        self._down = False
        route = Nodes if url.cluster else Single
        self._route: Single | Nodes = route(reactor, url, timeout, self._changed)
        self._send = self._route.send

    @property
    def trouble(self) -> str | None:
        """What is wrong with it, for people; None: it works."""
        return self._route.trouble

    def startService(self) -> None:
        """Begin to connect."""
        super().startService()
        self._route.start()

    def stopService(self) -> "Deferred[None]":
        """Close. Commands that wait for their replies fail."""
        super().stopService()
        return self._route.stop()

    def call(self, *words: Word) -> "Deferred[Any]":
        """Send a command; all of one turn of the reactor go out in one write.

        :returns: fires with the reply (bytes, int, None, a list of these), in the order of calling; fails
            with
            :exc:`RedisError` if that is what Redis answers, with :exc:`RedisAway` if there is no answer.
        """
        command = Command(words)
        self._send(command)
        return command.answer

    def run(self, script: Script, keys: Sequence[bytes], words: Sequence[bytes | int]) -> "Deferred[Any]":
        """Have Redis run a script, by its SHA-1, or its text if Redis does not have it.

        :returns: see :meth:`call`; scripts are run in the order of calling in any case.
        """
        command = Command(("EVALSHA", script.sha1, len(keys), *keys, *words), script)
        self._send(command)
        return command.answer

    def _changed(self) -> None:
        trouble = self._route.trouble
        if trouble is None:
            self._down = False
            tell(self.up)
        elif not self._down and self.running:
            self._down = True
            tell(self.down, trouble)


def _nobody(*_: object) -> None:
    """Nobody wants to know."""
