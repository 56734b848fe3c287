"""``python -m chatd`` as a process, on pipes or at a terminal of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from types import MappingProxyType

from tests.processes.servers import ROOT

PATIENCE = 30
CHATD = (sys.executable, "-m", "chatd")
# Who leads a session and opens a terminal has it as its own: passwords are asked for there; Ctrl-C counts.
_AT_TERMINAL = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.executable, sys.argv[1:])"


def environment(more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Ours, without a password and with UTF-8."""
    ours = {key: value for key, value in os.environ.items() if key != "CHATD_PASSWORD"}
    return {**ours, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **more}


def run(*arguments: object, said: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, with something on its standard input and no terminal."""
    return subprocess.run(
        [*CHATD, *map(str, arguments)],
        input=said,
        env=environment(more),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        start_new_session=True,
    )


class Command:
    """A command that runs for a ``with`` block, at the end of which it is killed if it still does.

    :param terminal: whether it is at a terminal of its own; otherwise on pipes.
    """

    def __init__(self, *arguments: object, terminal: bool = False, **more: str) -> None:
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        command = [*CHATD, *map(str, arguments)]
        if terminal:
            self._input, inner = os.openpty()
            self._output = self._input
            command = [sys.executable, "-c", _AT_TERMINAL, *command]
        else:
            inner, self._input = os.pipe()
            self._output, inner_output = os.pipe()
        self.process = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner if terminal else inner_output,
            stderr=inner if terminal else inner_output,
            env=environment(more),
            start_new_session=True,
        )
        for descriptor in {inner} if terminal else {inner, inner_output}:
            os.close(descriptor)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Command":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for descriptor in {self._input, self._output} - {-1}:
            os.close(descriptor)

    @property
    def text(self) -> str:
        """All that it has printed."""
        with self._changed:
            return "\n".join(self._lines)

    def wait_for(self, pattern: str, times: int = 1) -> "re.Match[str]":
        """Wait until so many lines hold a pattern. :returns: where the last one does."""
        end = time.monotonic() + PATIENCE
        with self._changed:
            while True:
                found = [match for line in self._lines if (match := re.search(pattern, line))]
                if len(found) >= times:
                    return found[times - 1]
                left = end - time.monotonic()
                assert left > 0 and not self._ended, f"no {pattern!r} in:\n" + "\n".join(self._lines)
                self._changed.wait(left)

    def type(self, *lines: str) -> None:
        """Type lines."""
        for line in lines:
            self.write(f"{line}\n".encode())

    def write(self, data: bytes) -> None:
        """Send it bytes."""
        os.write(self._input, data)

    def press(self, key: str) -> None:
        """Press Ctrl and a key, at a terminal."""
        os.write(self._input, bytes([ord(key) - ord("A") + 1]))

    def end_input(self) -> None:
        """There is nothing more to come on the pipe."""
        os.close(self._input)
        self._input = -1

    def interrupt(self) -> None:
        """Send it what Ctrl-C sends."""
        self.process.send_signal(signal.SIGINT)

    def wait(self) -> int:
        """Wait for its end. :returns: its status."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def _read(self) -> None:
        unread = b""
        while True:
            try:
                data = os.read(self._output, 65536)
            except OSError:  # how Linux tells that nobody has the terminal any more
                data = b""
            unread += data
            *whole, rest = unread.split(b"\n")
            shown = [line.decode("utf-8", "backslashreplace").removesuffix("\r") for line in whole]
            with self._changed:
                if rest.endswith(b"Password: "):  # which no end of the line follows
                    shown.append(rest.decode())
                    rest = b""
                self._lines += shown
                self._ended = not data
                self._changed.notify_all()
            unread = rest
            if not data:
                return
