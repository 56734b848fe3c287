"""A ``twistd chatd`` process: started, listened to through its log, and ended by its id."""

import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.processes.clients import Client, RawClient

TWISTD = str(Path(sys.executable).with_name("twistd"))
ROOT = Path(__file__).parents[2]
PATIENCE = 30  # seconds for anything that must happen; a machine that is busy may need some of them
ANY_PORT = "tcp:0:interface=127.0.0.1"
NO_PAGES = '\n[web]\nlisten = ""\n'  # whose port is always the same
PAGES = f'[web]\nlisten = "{ANY_PORT}"\n'
LISTENING = r"listening on IPv4Address\(type='TCP', host='127\.0\.0\.1', port=(\d+)\)"

# As systemd does: the descriptors are 3 and those that follow, and LISTEN_PID is who is to have them.
GIVE = """
import os, sys
given, command = sys.argv[1].split(","), sys.argv[2:]
for place, descriptor in enumerate(given, 3):
    os.dup2(int(descriptor), place, inheritable=True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(given))}
os.execv(command[0], command)
"""


def given(names: str, *descriptors: int, **environment: str) -> dict[str, Any]:
    """Options of a :class:`Server` that gets listening sockets, of these names, as systemd gives them.

    :param descriptors: above those that a process begins with.
    """
    return {
        "listen": None,
        "launcher": (sys.executable, "-c", GIVE, ",".join(map(str, descriptors))),
        "descriptors": descriptors,
        "environment": {"LISTEN_FDNAMES": names, **environment},
    }


def twistd(*arguments: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run twistd to its end: that of its parent, where it becomes a daemon."""
    return subprocess.run(
        [TWISTD, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE
    )


def bugs(log: str) -> list[str]:
    """The lines of a log that tell of a bug."""
    return [line for line in log.split("\n") if re.search(r"Traceback|Unhandled|a bug in|Error:", line)]


def wait_for_exit(pid: int) -> None:
    """Wait until a process, which need not be a child, is no more."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([process], [], [], PATIENCE)
    finally:
        os.close(process)
    assert ended, f"process {pid} did not end"


class Front:
    """Where clients come in: a server's port, or that of who stands before several."""

    port: int
    client = Client
    """What its clients are."""

    def __init__(self) -> None:
        self._clients = ExitStack()

    def connect(self, **parameters: Any) -> Client:
        """A client that has done its handshake; see :func:`tests.house.target`."""
        return self._clients.enter_context(self.client(self.port, **parameters))

    def join(self, user: str, room: str = "lobby", **parameters: str) -> Client:
        """A room-scoped client that has heard its own ``in``: ``ann`` is called Ann."""
        client = self.connect(**{"userId": user, "name": user.capitalize(), "roomName": room} | parameters)
        assert client.receive()["action"] == "in"
        return client

    def customer(self, user: str, room: str, **parameters: str) -> Client:
        """A container-scoped client, about order-1, that has heard its own ``in``."""
        return self.join(user, room, **{"containerId": user, "targetId": "order-1"} | parameters)

    def dial(self, socket: Path | None = None) -> RawClient:
        """A connection on which nothing has been said: to the port, or to a UNIX socket."""
        return self._clients.enter_context(RawClient(socket or self.port))

    def hang_up(self) -> None:
        """Close all clients."""
        self._clients.close()


class Server(Front):
    """A server in the foreground, on a port of the system's choice, for a ``with`` block.

    When the block ends the server must end too, by SIGTERM unless the test has sent it another signal, and
    its log may not tell of a bug.

    :param directory: where it runs and has its configuration.
    :param config: the text of a configuration file. Without a section ``[web]`` there are no pages.
    :param options: twistd's own.
    :param arguments: chatd's, besides the port and the configuration.
    :param listen: where; None: as the configuration says.
    :param environment: what it has besides ours.
    :param launcher: a command that becomes the server, given that one's.
    :param descriptors: that the launcher inherits.
    :param changed: is told of each line of the log.
    """

    def __init__(
        self,
        directory: Path,
        config: str = "",
        options: tuple[str, ...] = (),
        arguments: tuple[str, ...] = (),
        listen: str | None = ANY_PORT,
        environment: Mapping[str, str] = MappingProxyType({}),
        launcher: tuple[str, ...] = (),
        descriptors: tuple[int, ...] = (),
        changed: threading.Condition | None = None,
    ) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._changed = changed or threading.Condition()
        self._ended = False
        self._signal: int | None = None
        file = directory / "chatd.toml"
        file.write_text(config if "[web]" in config else config + NO_PAGES, encoding="utf-8")
        chatd = ["chatd", *(("--listen", listen) if listen else ()), "--config", str(file), *arguments]
        self.process = subprocess.Popen(
            [*launcher, TWISTD, "-n", "--pidfile=", *options, *chatd],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},  # the path for what --logger names
            pass_fds=descriptors,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Server":
        self._reader.start()
        try:
            self.port = int(self.wait_for(LISTENING).group(1))
            self.wait_for(r"chatd \S+ is ready")
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.hang_up()
            if self._signal is None:
                self.signal(signal.SIGTERM)
            status = self.wait()
        finally:
            self._kill()
        self.assert_no_bugs()
        assert self._signal is not None
        expected = 0 if self._signal == signal.SIGTERM else -self._signal
        assert status == expected, f"ended with status {status}:\n{self.log}"

    # -- its log ------------------------------------------------------------------------------------

    @property
    def log(self) -> str:
        """Everything that it has said, on both of its outputs."""
        with self._changed:
            return "\n".join(self._lines)

    def wait_for(self, pattern: str, times: int = 1) -> "re.Match[str]":
        """Wait until so many lines of the log hold a pattern. :returns: where the last one does."""
        end = time.monotonic() + PATIENCE
        with self._changed:
            while True:
                found = [match for line in self._lines if (match := re.search(pattern, line))]
                if len(found) >= times:
                    return found[times - 1]
                left = end - time.monotonic()
                assert left > 0 and not self._ended, f"no {pattern!r} in the log:\n" + "\n".join(self._lines)
                self._changed.wait(left)

    def assert_no_bugs(self) -> None:
        """Nothing in the log tells of a bug."""
        assert bugs(self.log) == [], self.log

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:  # bytes end at \n alone: a text's lines would end at U+2028 too
            with self._changed:
                self._lines.append(line.decode("utf-8", "backslashreplace").removesuffix("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def web(self) -> str:
        """The URL of its pages: of one whose configuration has a section ``[web]``."""
        return self.wait_for(r"pages: (http\S+/)").group(1)

    # -- its end ------------------------------------------------------------------------------------

    def signal(self, number: int) -> None:
        """Send it a signal, by which it is to end."""
        self._signal = number
        self.process.send_signal(number)

    def stop(self) -> str:
        """End it by SIGTERM. :returns: the whole log."""
        self.signal(signal.SIGTERM)
        self.wait()
        return self.log

    def wait(self) -> int:
        """Wait for its end. :returns: its exit status, negative for a signal."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def _kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
