"""OpenSSH's client against a server's manhole."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
from pathlib import Path
from types import TracebackType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key

from tests.processes.servers import LISTENING, PATIENCE, Server

_ESCAPES = re.compile(r"\x1b\[[\d;]*[A-Za-z]")


class Operator:
    """Somebody with a key of their own.

    :param folder: where the keys and what the client remembers are kept.
    """

    def __init__(self, folder: Path, name: str = "operator") -> None:
        self._folder = folder
        self._file = folder / name
        key = Key(Ed25519PrivateKey.generate())
        self._file.write_bytes(key.toString("openssh"))
        self._file.chmod(0o600)
        self.public: str = key.public().toString("openssh").decode()
        self.port = 22
        """The manhole's, on the loopback interface."""

    def authorize(self) -> None:
        """Be the one who may come in."""
        file = self._folder / "authorized_keys"
        file.write_text(f"{self.public}\n")
        file.chmod(0o600)

    @property
    def config(self) -> str:
        """The server's, with a manhole on a port of the system's choice."""
        return self.config_for("tcp:0:interface=127.0.0.1")

    def config_for(self, listen: str) -> str:
        """The server's, with a manhole somewhere."""
        return f'[manhole]\nlisten = "{listen}"\nauthorized_keys = "authorized_keys"\nhost_key = "host_key"\n'

    def find(self, server: Server) -> None:
        """Find the manhole of a server."""
        self.port = int(server.wait_for(LISTENING, times=2).group(1))

    def command(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        """A command line."""
        settings = {
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
            "BatchMode": "yes",
            "UserKnownHostsFile": str(self._folder / "known_hosts"),
            "StrictHostKeyChecking": "accept-new",
        }
        given = [f"-o{key}={value}" for key, value in settings.items()]
        where = ["-p", str(self.port), "whoever@127.0.0.1"]
        # Of two values for one setting OpenSSH takes the first.
        return ["ssh", "-F", "none", "-i", str(self._file), *options, *given, *where, *words]

    def run(
        self, *words: str, options: tuple[str, ...] = (), typed: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        command = self.command(*words, options=options)
        return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=PATIENCE)

    def evaluate(self, expression: str) -> str:
        """What an expression, in which nothing may go wrong, comes to."""
        ended = self.run(expression)
        assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
        return ended.stdout


class Terminal:
    """A terminal in which OpenSSH's client runs, for a ``with`` block."""

    def __init__(self, command: list[str], columns: int = 80) -> None:
        self._screen, inside = os.openpty()
        self.resize(columns)
        self.process = subprocess.Popen(
            command, stdin=inside, stdout=inside, stderr=inside, env={**os.environ, "TERM": "xterm-256color"}
        )
        os.close(inside)
        self._shown = ""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        os.close(self._screen)

    def resize(self, columns: int) -> None:
        """Make the window narrower or wider."""
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        if hasattr(self, "process"):
            self.process.send_signal(signal.SIGWINCH)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._screen, keys.encode())

    def wait_for(self, text: str) -> str:
        """Wait until a text is shown. :returns: all up to it that was shown since the last, colours apart."""
        while text not in self._shown:
            readable, _, _ = select.select([self._screen], [], [], PATIENCE)
            assert readable, f"{text!r} is not shown, but {self._shown!r}"
            self._shown = _ESCAPES.sub("", self._shown + os.read(self._screen, 65536).decode())
        shown, _, self._shown = self._shown.partition(text)
        return shown + text

    def ended(self) -> int:
        """Wait for the client's end. :returns: its status."""
        return self.process.wait(PATIENCE)
