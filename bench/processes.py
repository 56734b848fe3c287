"""Starts servers, waits until they accept, and ends them: each by its own pid."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import procfs

START_LIMIT = 30.0  # seconds until a server must accept
STOP_LIMIT = 10.0  # seconds from SIGTERM to SIGKILL
_PR_SET_PDEATHSIG = 1


class ServerError(Exception):
    """A server did not start or ended by itself; the text has the end of its log."""


@dataclass(frozen=True)
class Cores:
    """The CPU of the servers and the CPU of the load generator (and of this process)."""

    server: int
    load: int

    @classmethod
    def pick(cls) -> "Cores":
        """The first and the second allowed CPU."""
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2:
            raise SystemExit("two CPUs are needed: one for the server, one for the load")
        return cls(allowed[0], allowed[1])


def pinned(cpu: int | None) -> Callable[[], None]:
    """For a child before it becomes its program: one CPU, or all, many files, and an end with its parent."""

    def prepare() -> None:
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return prepare


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until_accepting(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if _accepts(port):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            raise ServerError(f"it ended with {process.returncode}: {tail(log)}")
    raise ServerError(f"it does not accept connections: {tail(log)}")


def tail(log: Path, characters: int = 800) -> str:
    """The end of a server's output."""
    return log.read_text(errors="replace")[-characters:].strip()


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and its descendants: a request, and after the limit an order."""
    members = procfs.tree(process.pid)
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def running(
    command: list[str], environment: dict[str, str], port: int, folder: Path, cpu: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that accepts on the port, for as long as the block lasts.

    :param folder: its working directory; its output goes to ``log`` there.
    """
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=os.environ | environment,
            start_new_session=True,
            preexec_fn=pinned(cpu),
        )
    try:
        _wait_until_accepting(process, port, log)
        yield process
    finally:
        stop(process)
