"""Places for a store that fail, and work again."""

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes.servers import Server

CHUNK = bytes(1024)


class SmallDisk:
    """A file system of four megabytes, which nothing else uses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        """Use all of its space."""
        with self._filler.open("ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(CHUNK)
            except OSError as error:
                assert error.errno == errno.ENOSPC

    def free(self) -> None:
        """Give back what :meth:`fill` has used."""
        self._filler.unlink()

    def make_read_only(self) -> None:
        """Let nothing be written any more; refused by the system while a file is open for writing."""
        mount("-o", "remount,ro", str(self.path))

    def make_writable(self) -> None:
        """Let it be written again."""
        mount("-o", "remount,rw", str(self.path))


@contextmanager
def small_disk(path: Path) -> Iterator[SmallDisk]:
    """A small disk, mounted there; the test is skipped where that is not permitted."""
    path.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=4m", "chatd-test", str(path))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a file system is not permitted here; it takes root")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", str(path)], check=True)


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, stderr=subprocess.DEVNULL)


def limit_files(server: Server, size: int) -> None:
    """Let no file of a server's grow past a size in bytes, as ``ulimit -f`` does; -1: no limit."""
    assert os.name == "posix"
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))
