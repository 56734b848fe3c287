"""A Redis server of the tests' own: started, paused, ended and started again, on a port of 127.0.0.1."""

import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from subprocess import TimeoutExpired

from tests.ports import free_port
from tests.processes.servers import PATIENCE

PROGRAM = shutil.which("redis-server", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")
PASSWORD = "a-password-of-the-tests"


class Redis:
    """A server, for a ``with`` block.

    :param keeps: whether it knows after a restart what it knew before.
    """

    def __init__(self, keeps: bool = False) -> None:
        assert PROGRAM is not None
        self.port = free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="chatd-redis-"))
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self._directory),
            "logfile": str(self._directory / "log"),
            "save": "",
            "appendonly": "yes" if keeps else "no",
            "requirepass": PASSWORD,
        }
        self._command = [PROGRAM, *(part for key, value in options.items() for part in (f"--{key}", value))]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Redis":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self._directory)

    @property
    def pid(self) -> int:
        """Of its process, which there is."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it. Returns when it answers."""
        self._process = subprocess.Popen(self._command)
        while not self._answers():
            try:
                status = self._process.wait(0.02)
            except TimeoutExpired:
                continue
            raise AssertionError(f"redis-server ended with {status}")

    def stop(self) -> None:
        """kill -9."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(PATIENCE)

    def pause(self) -> None:
        """From now on it does nothing, and its connections stay."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on where it was."""
        self._signal(signal.SIGCONT)

    def ask(self, *words: str) -> bytes:
        """A command. :returns: the beginning of the answer, as it is on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(_written("AUTH", PASSWORD) + _written(*words))
            with connection.makefile("rb") as answers:
                if (answer := answers.readline()) != b"+OK\r\n":
                    raise ConnectionError(f"AUTH was answered {answer!r}")  # b"": it is just beginning
                return answers.readline()

    def _answers(self) -> bool:
        try:
            return self.ask("PING") == b"+PONG\r\n"
        except OSError:
            return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


def _written(*words: str) -> bytes:
    """A command in Redis' protocol."""
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()
