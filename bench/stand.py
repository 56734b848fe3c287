"""Nodes on this machine, with a Redis and a PostgreSQL of their own, and what each process of it costs."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import chatd_config, procfs
from bench.processes import running
from tests.cluster.redis import PASSWORD, Redis
from tests.durability.postgres import Cluster as Postgres
from tests.durability.postgres import programs
from tests.ports import free_port

CPU_GROUPS = (
    Path("/sys/fs/cgroup/cpu"),
    Path("/sys/fs/cgroup"),
)  # of the first version of cgroups, or the second
PERIOD = 10_000  # microseconds; short, so that who has used its share up does not keep others waiting


class Share:
    """No more than a share of one CPU, for the processes that are put into it. A ``with`` block."""

    def __init__(self, share: float) -> None:
        self._quota = max(1_000, int(PERIOD * share))
        self._path = Path()

    def __enter__(self) -> "Share":
        old, new = CPU_GROUPS
        is_old = (old / "cpu.cfs_quota_us").exists() or (old / "cgroup.procs").exists()
        self._path = (old if is_old else new) / f"chatd-bench-{os.getpid()}-{id(self)}"
        try:
            if not is_old:
                (new / "cgroup.subtree_control").write_text("+cpu")
            self._path.mkdir()
            if is_old:
                (self._path / "cpu.cfs_period_us").write_text(str(PERIOD))
                (self._path / "cpu.cfs_quota_us").write_text(str(self._quota))
            else:
                (self._path / "cpu.max").write_text(f"{self._quota} {PERIOD}")
        except OSError as error:
            raise SystemExit(f"no share of a CPU can be given (cgroups, as root): {error}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._path.rmdir()

    def put(self, pid: int) -> None:
        """A process, with all its threads."""
        (self._path / "cgroup.procs").write_text(str(pid))


@dataclass(frozen=True)
class Backends:
    """What nodes share."""

    redis: Redis
    postgres: Postgres

    @classmethod
    @contextmanager
    def started(cls) -> Iterator["Backends"]:
        """For a block; they run where the system lets them."""
        found = programs()
        if found is None:
            raise SystemExit("PostgreSQL's initdb and pg_ctl are needed")
        with Redis() as redis, Postgres(found) as postgres:
            yield cls(redis, postgres)

    def settings(self, number: int, url: str, prefix: str, clustered: bool) -> chatd_config.Settings:
        """Of a node."""
        settings: dict[str, dict[str, object]] = {"store": {"url": url}, "web": {"listen": ""}}
        if clustered:
            redis = f"redis://default:{PASSWORD}@127.0.0.1:{self.redis.port}/0"
            settings["cluster"] = {"redis": redis, "name": f"node{number}", "prefix": prefix}
        return settings


class Stand:
    """Nodes that run, for as long as a block lasts.

    :param count: how many; 0: one that knows of no others.
    :param share: of a CPU, that each node may use; None: all of it.
    """

    def __init__(self, backends: Backends, count: int, share: float | None = None) -> None:
        self._backends = backends
        self._count = count
        self._share = share
        self._stack = ExitStack()
        self._shares: dict[str, Share] = {}
        self.ports: list[int] = []
        self.pids: dict[str, int] = {"redis": backends.redis.pid, "postgres": backends.postgres.pid}
        """The processes, by name; a node's is ``node0`` and so on."""
        self.cpu: dict[str, dict[str, float]] = {}

    def __enter__(self) -> "Stand":
        url = self._backends.postgres.database()
        prefix = "bench" + url.rpartition("/")[2]
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            for number in range(max(1, self._count)):
                settings = self._backends.settings(number, url, prefix, bool(self._count))
                self._start(stack, folder / f"node{number}", number, settings)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack, folder: Path, number: int, settings: chatd_config.Settings) -> None:
        folder.mkdir()
        config, port = folder / "chatd.toml", free_port()
        config.write_text(chatd_config.written(settings, folder), encoding="utf-8")
        listen = f"tcp:{port}:interface=127.0.0.1"
        twistd = str(Path(sys.executable).parent / "twistd")
        words = [sys.executable, twistd, "-n", "--pidfile=", "chatd"]
        command = [*words, "--config", str(config), "--listen", listen]
        allowed = sorted(os.sched_getaffinity(0))
        share = stack.enter_context(Share(self._share)) if self._share else None
        environment = {"PYTHONUNBUFFERED": "1"}
        cpu = allowed[number % len(allowed)]
        process = stack.enter_context(running(command, environment, port, folder, cpu))
        if share is not None:
            self._shares[f"node{number}"] = share
        self.ports.append(port)
        self.pids[f"node{number}"] = process.pid

    def __call__(self, barrier: str) -> None:
        """Read what everybody has used; the load generator waits meanwhile. When all have joined, the nodes
        get their shares."""
        if barrier == "joined":
            for name, share in self._shares.items():
                share.put(self.pids[name])
        self.cpu[barrier] = {name: procfs.cpu_seconds(pid) for name, pid in self.pids.items()}

    @property
    def window(self) -> dict[str, float]:
        """CPU seconds of everybody between the barriers."""
        return {name: end - self.cpu["begin"][name] for name, end in self.cpu["end"].items()}
