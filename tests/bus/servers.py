"""Redis servers of the tests' own: processes on 127.0.0.1 or on a UNIX socket, which keep nothing on disk."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.certificates import Files
from tests.ports import free_port

PATIENCE = 60  # seconds
MISSING = "redis-server is not installed"


def is_installed() -> bool:
    """Whether there are redis-server and redis-cli."""
    return bool(shutil.which("redis-server") and shutil.which("redis-cli"))


class Server:
    """A server, started and ended as often as one likes.

    :param folder: its own; for a socket, and what a cluster's server writes.
    :param settings: as redis-server's options have them.
    """

    def __init__(self, folder: Path, *settings: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.port = free_port(beside=10_000)  # Redis Cluster listens there too
        self.socket = folder / "redis.sock"
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self._is_paused = False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it takes connections."""
        self._process = subprocess.Popen(
            [
                *("redis-server", "--dir", str(self.folder), "--save", "", "--appendonly", "no"),
                *("--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", str(self.socket)),
                *self._settings,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if "Ready to accept connections" in line or "The server is now ready" in line:
                return
        raise AssertionError(f"redis-server does not start: {said}")

    def stop(self) -> None:
        """End it, at once."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate(timeout=PATIENCE)

    def pause(self) -> None:
        """It does nothing any more, and its connections stay."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def ask(self, *words: str) -> str:
        """What redis-cli prints for a command."""
        return run("redis-cli", "-s", str(self.socket), *words)


def with_tls(files: Files) -> list[str]:
    """The settings of a server that speaks TLS alone. Its port is ``--tls-port``."""
    return ["--port", "0", "--tls-cert-file", str(files.certificate), "--tls-key-file", str(files.key),
            "--tls-auth-clients", "no"]  # fmt: skip


def cluster_of(folder: Path, masters: int, replicas: int = 0) -> list[Server]:
    """The servers of a new cluster, which serves: masters, then replicas, each of one of them, in order."""
    servers = [
        Server(folder / str(number), "--cluster-enabled", "yes", "--cluster-node-timeout", "1500")
        for number in range(masters + replicas)
    ]
    for server in servers:
        server.start()
    places = [f"127.0.0.1:{server.port}" for server in servers]
    said = run("redis-cli", "--cluster", "create", *places[:masters], "--cluster-yes")
    assert "All 16384 slots covered" in said, said
    for master, replica in zip(servers, places[masters:], strict=False):
        add = ("add-node", replica, places[0], "--cluster-slave", "--cluster-master-id")
        said = run("redis-cli", "--cluster", *add, master.ask("CLUSTER", "MYID"))
        assert "New node added correctly" in said, said
        while "master_link_status:up" not in servers[places.index(replica)].ask("INFO", "replication"):
            pass
    for server in servers:
        while "cluster_state:ok" not in server.ask("CLUSTER", "INFO"):
            pass
    return servers


def run(*command: str) -> str:
    """What a program prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()
