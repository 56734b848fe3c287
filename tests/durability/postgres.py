"""A PostgreSQL server of the tests' own: made, ended and started again, on a port of 127.0.0.1."""

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from tests.durability.rounds import ROWS, Row, rows
from tests.ports import free_port

PATIENCE = 60  # seconds
ENOUGH = 8 * 1024**3  # bytes, for some hundred databases


def programs() -> Path | None:
    """Where initdb and pg_ctl are, if they are anywhere."""
    in_path = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    for initdb in [Path(in_path), *installed] if in_path else installed:
        folder = initdb.resolve().parent  # PATH may have links to some of the programs
        if (folder / "pg_ctl").exists():
            return folder
    return None


class Cluster:
    """A server, for a ``with`` block. It does not run as root: see :func:`_owner`."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._owner = _owner()
        # pytest's folders are closed to other users
        self._directory = Path(tempfile.mkdtemp(prefix="chatd-pg-", dir=_place()))
        if self._owner is not None:
            os.chown(self._directory, self._owner.pw_uid, self._owner.pw_gid)
        self.port = free_port()
        self._names = count(1)

    def __enter__(self) -> "Cluster":
        try:
            self._run("initdb", "--username=chatd", "--auth=trust", "--no-sync", "--encoding=UTF8")
            self.start()
        except BaseException:
            shutil.rmtree(self._directory)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop("immediate")
        finally:  # the files of many databases take a busy disk longer than a test may
            atexit.register(shutil.rmtree, self._directory)

    @property
    def pid(self) -> int:
        """Of its first process, which has started the others."""
        return int((self._directory / "data" / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start it. Returns when it takes connections."""
        # Processes end here, and the machine does not: what the system has been given is not lost.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        log = str(self._directory / "log")
        self._run("pg_ctl", "--wait", f"--log={log}", f"--options={options}", "start")

    def stop(self, mode: str) -> None:
        """Stop it, as ``pg_ctl`` does: ``immediate`` is without a word to its clients."""
        self._run("pg_ctl", "--wait", f"--mode={mode}", "stop")

    def restart(self) -> None:
        """Its processes are ended at once, and it recovers."""
        self.stop("immediate")
        self.start()

    def database(self) -> str:
        """A new, empty database. :returns: its URL."""
        name = f"chatd{next(self._names)}"
        at = f"postgresql://chatd@127.0.0.1:{self.port}/postgres"
        self.query(at, f"CREATE DATABASE {name}")
        self.query(at, "CHECKPOINT")  # else each restart would make it again
        return f"postgresql://chatd@127.0.0.1:{self.port}/{name}"

    def query(self, url: str, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement."""
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def rows(self, url: str) -> list[Row]:
        """The messages of a database, in the order of keeping."""
        return rows(self.query(url, ROWS))

    def _run(self, program: str, *arguments: str) -> None:
        ids: dict[str, Any] = {}
        if self._owner is not None:
            ids = {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}
        command = [str(self._programs / program), f"--pgdata={self._directory / 'data'}", *arguments]
        ended = subprocess.run(
            command,
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would be the server's too, and never end
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            **ids,
        )
        assert ended.returncode == 0, f"{command} ended with {ended.returncode}"


def _place() -> str | None:
    """Memory, where there is enough of it: every database is hundreds of files. None: the usual place."""
    memory = Path("/dev/shm")
    enough = memory.is_dir() and shutil.disk_usage(memory).free > ENOUGH
    return str(memory) if enough else None


def _owner() -> pwd.struct_passwd | None:
    """As whom it runs: root may not run it."""
    if os.geteuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")
