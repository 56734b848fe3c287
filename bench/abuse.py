"""``python -m bench.abuse``: what attacks cost a room on the same server, its memory and its CPU.

The attacks are those of ``tests/abuse``, each repeated for as long as it is measured, ten times a second or
as often as one CPU can: ``connect_rate = 10`` allows an address as many connections, and most need one. Those
of a whole crowd are repeated once a second.
Meanwhile a room of 100 hears 20 messages a second. The server has one CPU; attacker, load and room share the
other, on which the attacker gives way to the load. Each attack has a server of its own, which is measured
undisturbed first.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import generator
from bench.machine import describe
from bench.measure import Watch
from bench.processes import Cores, running
from bench.servers import ALL
from bench.tables import Table, number
from tests.abuse.attacks import CONFIG, attacks
from tests.abuse.conftest import write_accounts
from tests.ports import free_port

ROOT = Path(__file__).parents[1]
HEADER = ["attack", "rounds/s", "p50 ms", "p99 ms", "p99 ×", "CPU", "memory MiB"]
OWN = '[log]\nlevel = "error"\n[store]\nurl = "sqlite:chatd.sqlite"\n'
WARM = 1.0
ROOM: dict[str, object] = {"mode": "paced", "members": 80, "rate": 20, "join": "frame", "warm": WARM}


class Attacker:
    """A process that repeats one attack."""

    def __init__(self, name: str, port: int, seconds: float, rate: float, cpu: int) -> None:
        command = [sys.executable, "-m", "tests.abuse.attacks", name, str(port), str(seconds), str(rate)]

        def prepare() -> None:
            os.sched_setaffinity(0, {cpu})
            os.nice(19)

        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=prepare,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def begin(self) -> None:
        """Attack."""
        assert self._process.stdin is not None
        self._process.stdin.write("now\n")
        self._process.stdin.flush()

    def rounds(self) -> int:
        """Wait for its end. :returns: how many rounds there were."""
        out, _ = self._process.communicate()
        if self._process.returncode:
            raise SystemExit("the server did not answer the attack as it should")
        return int(out)


def measure(name: str, seconds: float, rate: float, cores: Cores) -> list[str]:
    """One line of the table."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        folder, port = Path(directory), free_port()
        write_accounts(folder)
        command = ALL["chatd"].command(port, folder)
        (folder / "chatd.toml").write_text(CONFIG + OWN)
        with running(command, {"PYTHONUNBUFFERED": "1"}, port, folder, cores.server) as process:
            options = ROOM | {"seconds": seconds}
            quiet = generator.run(options, port, cores.load, lambda _: None)
            watch = Watch(process.pid)
            attacker = Attacker(name, port, seconds, rate, cores.load)

            def at(barrier: str) -> None:
                watch(barrier)
                if barrier == "begin":
                    attacker.begin()

            during: dict[str, Any] = generator.run(options, port, cores.load, at)
            rounds = attacker.rounds()
    return [
        name.replace("_", " "),
        number(rounds / seconds),
        number(during["p50_us"] / 1000),
        number(during["p99_us"] / 1000),
        f"{during['p99_us'] / quiet['p99_us']:.2f}",
        f"{watch.window_cpu / during['seconds']:.0%}",
        f"{(watch.peak - watch.rss['begin']) / (1 << 20):.1f}",
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m bench.abuse", description=__doc__)
    parser.add_argument("attacks", nargs="*", help="some of them; without, all")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (5)")
    parser.add_argument("--rate", type=float, default=10.0, help="attacks a second at most (10)")
    given = parser.parse_args()
    cores = Cores.pick()
    os.sched_setaffinity(0, {cores.load})
    rows = []
    for name in given.attacks or attacks():
        rate = given.rate / 10 if "crowd" in name else given.rate
        rows.append(measure(name, given.seconds, rate, cores))
        print(*rows[-1], file=sys.stderr)
    print(Table("Attacks beside a room of 80", "", HEADER, rows).text(), "", sep="\n")
    print(*(f"{what}: {which}" for what, which in describe([])), sep="\n")


if __name__ == "__main__":
    main()
