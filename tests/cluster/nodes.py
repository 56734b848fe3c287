"""A cluster: nodes that share a Redis and a PostgreSQL, and haproxy before them."""

import json
import re
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals
from typing import Any

import coverage

from tests.client import HEARTBEAT
from tests.cluster.forwarder import Cut, Forwarder
from tests.cluster.redis import PASSWORD, Redis
from tests.durability.balancer import Balancer
from tests.ports import free_port
from tests.processes.clients import Client
from tests.processes.servers import PATIENCE, ROOT, Front, Server, bugs

TOKEN = "a-token-of-the-cluster"
LEASE = 2.0  # seconds after which a node that says nothing is taken for dead
WAIT = 1.0  # seconds that a request waits for a Redis that is away
CHECK = "inter 100ms fall 3 rise 1"  # machines that tests run on are busy

# Much of what nodes do they do only with each other: where lines are counted, theirs are too.
COUNTED = {"COVERAGE_PROCESS_START": str(ROOT / "setup.cfg"), "COVERAGE_FILE": str(ROOT / ".coverage")}

Sections = Mapping[str, Mapping[str, str | float]]


def merged(config: str, sections: Sections) -> str:
    """A configuration with some more keys, in sections that it may have already."""
    for name, keys in sections.items():
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
        head = re.search(rf"(?m)^\[{name}\]\n", config)
        if head:
            config = config[: head.end()] + lines + config[head.end() :]
        else:
            config += f"\n[{name}]\n{lines}"
    return config


class PatientClient(Client):
    """A client whose node may still be waiting for what the room's owner tells."""

    def hears_nothing(self) -> bool:
        """Whether nothing was on its way here: what the room's owner and its own node answer is the next that
        arrives.

        What the room was asked to do before, and has answered to whoever asked, has left the owner by then;
        and what an owner tells a node stays in order.
        """
        self.ask("history", limit=1)
        frame = self.receive()
        asked = frame["messageType"] == "history" or frame.get("eventType") == "history"
        self.send(HEARTBEAT)
        return asked and self.receive_text() == HEARTBEAT


class Node(Front):
    """A node, which may end and start again on the same ports.

    :param sections: its part of the configuration.
    :param changed: is told of each line of the log.
    """

    client = PatientClient

    def __init__(
        self, name: str, folder: Path, config: str, sections: Sections, changed: threading.Condition
    ) -> None:
        super().__init__()
        self.name = name
        self.port, self.admin_port = free_port(), free_port()
        self._folder = folder / name
        self._folder.mkdir()
        token = folder / "token"
        admin = {"listen": f"tcp:{self.admin_port}:interface=127.0.0.1", "token_file": str(token)}
        self._config = merged(config, {"admin": admin} | dict(sections))
        self._changed = changed
        self._server: Server | None = None
        self._past = ""

    @property
    def is_up(self) -> bool:
        """Whether it has a process."""
        return self._server is not None

    @property
    def log(self) -> str:
        """What it has said in all its lives."""
        return self._past + (self._server.log if self._server is not None else "")

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        where = f"tcp:{self.port}:interface=127.0.0.1"
        counted = COUNTED if coverage.Coverage.current() is not None else {}
        self._server = Server(
            self._folder, self._config, listen=where, environment=counted, changed=self._changed
        )

    def start(self) -> None:
        """Start it, if it has not been launched. Returns when it says that it is ready."""
        if self._server is None:
            self.launch()
        assert self._server is not None
        self._server.__enter__()

    def signal(self, number: Signals) -> None:
        """Send it a signal: one that ends it, or SIGSTOP, or SIGCONT."""
        if self._server is None:
            return
        if number in (SIGSTOP, SIGCONT):
            self._server.process.send_signal(number)
        else:
            self._server.signal(number)

    def end(self, number: Signals) -> None:
        """End it by a signal. Returns when it is no more; its log may not tell of a bug."""
        self.signal(number)
        self.wait()

    def wait(self) -> None:
        """Wait until it has ended, by the signal that it was sent. Its clients are hung up."""
        self.hang_up()
        server, self._server = self._server, None
        if server is not None:
            try:
                server.__exit__()
            finally:
                self._past += server.log + "\n"

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A request to its admin API. :returns: status and JSON of the answer."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        with closing(HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")

    def wait_until_ready(self, ready: bool = True) -> dict[str, Any]:
        """Wait until it says that it is, or is not, ready. :returns: the reasons."""
        end = time.monotonic() + PATIENCE
        while True:
            status, answer = self.ask("GET", "/readyz")
            if (status == 200) == ready:
                reasons: dict[str, Any] = answer["reasons"]
                return reasons
            assert time.monotonic() < end, f"{self.name}: {answer}"

    def people(self) -> int:
        """How many users it thinks are online, by room."""
        _, answer = self.ask("GET", "/v1/rooms")
        return sum(room["online"] for room in answer["rooms"])


class Cluster(Front):
    """Some nodes, for a ``with`` block; each client that connects here comes to the next one of them.

    :param folder: where they run.
    :param url: of their PostgreSQL database.
    :param count: how many they are.
    :param config: what they all have in their configuration.
    :param redis: their Redis; None: one of their own. False: none, which is for a single node.
    :param balanced: whether somebody stands before them, who waits until they are ready.
    """

    client = PatientClient

    def __init__(
        self,
        folder: Path,
        url: str,
        count: int = 3,
        config: str = "",
        redis: Redis | bool | None = None,
        lease: float = LEASE,
        balanced: bool = True,
    ) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._folder = folder
        self._changed = threading.Condition()
        self._own_redis = redis is None
        self.url = url
        self.redis = Redis() if redis is None else redis if isinstance(redis, Redis) else None
        self._wires: list[Forwarder] = []
        self._make = (count, config, lease)
        self._balanced = balanced
        self.nodes: list[Node] = []

    def __enter__(self) -> "Cluster":
        with ExitStack() as stack:
            if self.redis is not None and self._own_redis:
                stack.enter_context(self.redis)
            self._make_nodes(stack)
            stack.callback(self._end)
            for node in self.nodes:
                node.launch()
            for node in self.nodes:
                node.start()
            if self._balanced:
                self._balance(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._stack.close()

    def _make_nodes(self, stack: ExitStack) -> None:
        token = self._folder / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        count, config, lease = self._make
        for number in range(count):
            sections: dict[str, Mapping[str, str | float]] = {"store": {"url": self.url}}
            if self.redis is not None:
                wire = stack.enter_context(Forwarder(self.redis.port))
                self._wires.append(wire)
                sections["cluster"] = {
                    "redis": f"redis://default:{PASSWORD}@127.0.0.1:{wire.port}/0",
                    "lease": lease,
                    "wait": WAIT,
                    "name": f"node{number}",
                }
            self.nodes.append(Node(f"node{number}", self._folder, config, sections, self._changed))

    def _balance(self, stack: ExitStack) -> None:
        self.port = free_port()
        ports = [(node.port, node.admin_port) for node in self.nodes]
        balancer = stack.enter_context(Balancer(self._folder, self.port, ports, TOKEN, CHECK))
        for number in range(len(self.nodes)):
            balancer.wait_until(number, "UP")
        self.balancer = balancer

    def _end(self) -> None:
        """All at once, so that what each of them waits for passes but once."""
        if self.redis is not None:
            self.redis.resume()
        for wire in self._wires:
            wire.mend()
        for node in self.nodes:
            node.signal(SIGCONT)
            node.signal(SIGTERM)
        with ExitStack() as ends:
            for node in self.nodes:
                ends.callback(node.wait)

    def signal(self, number: Signals) -> None:
        """Send all nodes a signal, by which they are to end."""
        for node in self.nodes:
            node.signal(number)

    def wait(self) -> None:
        """Wait until all nodes have ended."""
        for node in self.nodes:
            node.wait()

    # -- what happens to it -------------------------------------------------------------------------

    def kill(self, number: int) -> None:
        """kill -9 of a node."""
        self.nodes[number].end(SIGKILL)

    def restart(self, number: int) -> None:
        """Start a node that has ended. Returns when it is ready and new clients come to it."""
        self.nodes[number].start()
        self.balancer.wait_until(number, "UP")

    def cut(self, number: int, how: Cut) -> None:
        """A node no longer reaches Redis."""
        self._wires[number].cut(how)

    def mend(self, number: int) -> None:
        """It does again."""
        self._wires[number].mend()

    # -- what it says -------------------------------------------------------------------------------

    @property
    def log(self) -> str:
        """What all nodes have said."""
        return "\n".join(node.log for node in self.nodes)

    def wait_for(self, pattern: str, times: int = 1) -> "re.Match[str]":
        """Wait until so many lines of all logs hold a pattern. :returns: where the last one does."""
        end = time.monotonic() + PATIENCE
        with self._changed:
            while True:
                found = [match for line in self.log.split("\n") if (match := re.search(pattern, line))]
                if len(found) >= times:
                    return found[times - 1]
                left = end - time.monotonic()
                assert left > 0, f"no {pattern!r} in the logs:\n{self.log}"
                self._changed.wait(left)

    def assert_no_bugs(self) -> None:
        """Nothing in the logs tells of a bug."""
        assert bugs(self.log) == [], self.log

    def settle(self) -> None:
        """Wait until nobody is online any more, whichever node one asks."""
        end = time.monotonic() + PATIENCE
        while any(node.people() for node in self.nodes if node.is_up):
            assert time.monotonic() < end, [node.ask("GET", "/v1/rooms") for node in self.nodes]
