"""``python -m bench.manhole``: what a room feels while an operator looks at the server it is on.

1,000 users are connected: a room of 500 of whom one speaks 20 times a second, and 100 rooms of 5 besides.
Each entry of the manhole is called again and again by OpenSSH's own client, one call after the other.

- *turn*: for how long one call, its result made a text, holds the event loop up. CPU time of its thread, the
  mean of 100 calls. What an entry waits for, as ``lag`` does, is no part of it.
- *all*: CPU time of the server for one call by ssh, with connecting and logging in. ``None`` is that alone.
- p50, p99, longest: how late the room's messages are. The longest pause of the event loop is in the longest
  of these times, as is all that other processes on the machine have taken from the server.

The server has one CPU; room, users and ssh share the other.
"""

import argparse
import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench import generator, procfs
from bench.machine import describe
from bench.processes import Cores, running
from bench.servers import ALL
from bench.tables import Table, number
from tests.ports import free_port
from tests.processes.clients import RawClient
from tests.processes.ssh import Operator

CONFIG = """
[limits]
rate = 1e9
burst = 1000000000
[log]
level = "error"
[store]
url = "sqlite:chatd.sqlite"
"""
MEMBERS, ROOMS, EACH = 500, 100, 5
ROOM: dict[str, object] = {
    "mode": "paced",
    "members": MEMBERS,
    "senders": 1,
    "rate": 20,
    "join": "frame",
    "warm": 1,
}
CLOCK = "__import__('time').thread_time"
TURN = f"__import__('timeit').timeit(lambda: repr({{entry}}), timer={CLOCK}, number=100) * 10"
WAITING = ("None", "lag", "profile", "say", "trace")  # an entry whose turn is not measured
ENTRIES = (
    "None",
    "registry.rooms",
    "rooms()",
    "room('elsewhere-0')",
    "who('user-7')",
    "containers()",
    "slow()",
    "stats()",
    "lag(0.1)",
    "profile(0.5)",
    "say('elsewhere-0', 'hello')",
    "trace('user-7', 0.5)",
    "help",
)
HEADER = ["entry", "calls", "turn ms", "all ms", "p50 ms", "p99 ms", "longest ms"]


class Calls:
    """Calls an expression by ssh, one time after the other, until it is told to stop.

    :param expression: None: nobody calls anything.
    """

    def __init__(self, operator: Operator, expression: str | None) -> None:
        self._operator = operator
        self._expression = expression
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._call)
        self.count = 0

    def __enter__(self) -> "Calls":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def start(self) -> None:
        """Begin."""
        if self._expression is not None:
            self._thread.start()

    def _call(self) -> None:
        while not self._stop.is_set():
            self._operator.evaluate(self._expression or "")
            self.count += 1


def connect_users(stack: ExitStack, port: int) -> Callable[[], None]:
    """Those who are in the other rooms. :returns: takes what they have heard."""
    users = [
        stack.enter_context(RawClient(port)).join(
            userId=f"user-{at}",
            name=f"User {at}",
            roomName=f"elsewhere-{at % ROOMS}",
            **({"containerId": f"user-{at}", "targetId": "order"} if at % EACH == 1 else {}),
        )
        for at in range(ROOMS * EACH)
    ]
    for at, user in enumerate(users):
        if at % EACH == 1:
            user.send_frame(1, b'{"messageType":"text","messageContent":"is anybody here?"}')

    def heard() -> None:
        for user in users:
            user.hear_all()

    return heard


class Bench:
    """A server with 1,000 users, and what is measured on it.

    :param pid: the server's.
    """

    def __init__(self, operator: Operator, port: int, pid: int, seconds: float, cpu: int) -> None:
        self._operator = operator
        self._port = port
        self._pid = pid
        self._seconds = seconds
        self._cpu = cpu
        self._at_rest = 0.0  # CPU seconds of the server a second, while nobody calls anything

    def measure(self, expression: str | None) -> list[str]:
        """One line of the table."""
        seen: dict[str, float] = {}

        def at(barrier: str) -> None:
            if barrier == "begin":
                calls.start()
            seen[barrier] = procfs.cpu_seconds(self._pid)
            seen[f"{barrier} calls"] = calls.count

        with Calls(self._operator, expression) as calls:
            report = generator.run(ROOM | {"seconds": self._seconds}, self._port, self._cpu, at)
        spent, count = seen["end"] - seen["begin"], seen["end calls"]
        if expression is None:
            self._at_rest = spent / report["seconds"]
        each = (spent - self._at_rest * report["seconds"]) / count * 1000 if count else 0.0
        return [
            expression or "nobody looks",
            f"{count:.0f}",
            self._turn(expression),
            number(each) if count else "",
            *(number(report[key] / 1000) for key in ("p50_us", "p99_us", "max_us")),
        ]

    def _turn(self, expression: str | None) -> str:
        if expression is None or expression.startswith(WAITING):
            return ""
        return number(float(self._operator.evaluate(TURN.format(entry=expression))))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m bench.manhole", description=__doc__)
    parser.add_argument("entries", nargs="*", default=ENTRIES, help="expressions; without, all")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (5)")
    given = parser.parse_args()
    cores = Cores.pick()
    os.sched_setaffinity(0, {cores.load})
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, ExitStack() as stack:
        folder, port = Path(directory), free_port()
        operator = Operator(folder)
        operator.authorize()
        operator.port = free_port()
        command = ALL["chatd"].command(port, folder)
        listen = f"tcp:{operator.port}:interface=127.0.0.1"
        (folder / "chatd.toml").write_text(CONFIG + operator.config_for(listen))
        server = stack.enter_context(running(command, {"PYTHONUNBUFFERED": "1"}, port, folder, cores.server))
        bench = Bench(operator, port, server.pid, given.seconds, cores.load)
        heard = connect_users(stack, port)
        rows = []
        for expression in (None, *given.entries):
            rows.append(bench.measure(expression))
            heard()
    title = f"A room of {MEMBERS} while somebody looks at a server with {MEMBERS + ROOMS * EACH:,} users"
    print(Table(title, "", HEADER, rows).text(), "", sep="\n")
    print(*(f"{what}: {which}" for what, which in describe([])), sep="\n")


if __name__ == "__main__":
    main()
