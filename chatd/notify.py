"""Tells systemd, or whoever else started the server, how it fares: what sd_notify(3) describes.

NOTIFY_SOCKET in the environment says whom to tell; without it nobody is. Each telling is one datagram of
lines ``NAME=VALUE``. With WATCHDOG_USEC, who is not told within so many microseconds that the server is alive
restarts it.
"""

import os
import socket
import time
from collections.abc import Callable, Mapping

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from chatd.logs import Log

log = Log()


class Notify(Service):
    """Tells who started the server that it is ready, reads its settings again, stops, and (from ready on
    until it has stopped) that its reactor turns. Once it has begun to stop, nothing but that is told.

    :param clock: paces the last of these.
    :param address: of the socket, a path, or ``@`` and an abstract name; empty: nobody is told.
    :param watchdog: seconds within which a sign of life is wanted; 0: none is.
    :param now: microseconds of the clock CLOCK_MONOTONIC.
    """

    name = "notify"

    def __init__(
        self,
        clock: IReactorTime,
        address: str = "",
        watchdog: float = 0,
        now: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000,
    ) -> None:
        self._address = address
        self._interval = watchdog / 2
        self._now = now
        self._alive = LoopingCall(self._tell, "WATCHDOG=1")
        self._alive.clock = clock
        self._failing = False
        self._stopping = False

    def ready(self, status: str) -> None:
        """The server serves, or does so again. :param status: one line for people."""
        if self._stopping:
            return
        self._tell("READY=1", f"STATUS={status}")
        if self._interval and not self._alive.running:
            self._alive.start(self._interval)

    def reloading(self) -> None:
        """The server reads its settings again; :meth:`ready` is to follow."""
        if not self._stopping:
            self._tell("RELOADING=1", f"MONOTONIC_USEC={self._now()}", "STATUS=reads its settings again")

    def stopping(self, status: str) -> None:
        """The server has begun to stop. :param status: one line for people."""
        self._stopping = True
        self._tell("STOPPING=1", f"STATUS={status}")

    def stopService(self) -> None:
        """From now on nobody is told that the server is alive."""
        super().stopService()
        if self._alive.running:
            self._alive.stop()

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as teller:
                address = self._address
                teller.connect("\0" + address[1:] if address.startswith("@") else address)
                teller.send("\n".join(lines).encode())
        except OSError as error:  # the server can do without
            if not self._failing:
                log.warn("NOTIFY_SOCKET: nobody can be told: {error}", error=error)
            self._failing = True
        else:
            self._failing = False


def from_environment(clock: IReactorTime, environment: Mapping[str, str], pid: int | None = None) -> Notify:
    """Who tells whom a process's environment names.

    :param pid: the process's; its own if left out.
    """
    watched = environment.get("WATCHDOG_PID", "")
    microseconds = environment.get("WATCHDOG_USEC", "")
    is_ours = not watched or watched == str(os.getpid() if pid is None else pid)
    seconds = int(microseconds) / 1e6 if is_ours and microseconds.isdecimal() else 0.0
    return Notify(clock, environment.get("NOTIFY_SOCKET", ""), seconds)
