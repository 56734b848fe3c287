"""Prints the results, and writes them into the documentation."""

import json
import subprocess
import sys
from pathlib import Path

from bench import machine
from bench.results import Results
from bench.scenarios import Effort, Scenario
from bench.servers import Server, peer_python
from bench.tables import Table, Tables

PLOT = Path(__file__).parent / "plot.py"
INTRODUCTION = """\
Benchmarks
==========

What chatd costs beside other servers that do the same room work: they read the connect URL, check each JSON
message, stamp who said it, when and under which id, encode it once, and deliver it to everybody in the room,
the sender included. ``python -m bench --write`` wrote this page; ``bench/README.rst`` says how to repeat it.
"""
METHOD = """\
Method
------

* The server is pinned to one CPU, the load generator (C, epoll) to another; all on loopback, with messages
  of about 200 bytes of JSON and no compression. Every run starts the server anew.
* Each figure is the median of {runs} run(s) of {seconds:g} s after {warm:g} s of warming up. The runs are
  interleaved: every server once, then every server again, so a slow minute of the machine hits all alike.
* CPU time is that of the server's whole process tree, user and system, from the scheduler's nanosecond count,
  over exactly the measured window: the load generator stands still while it is read. On loopback it contains
  the receivers' TCP work.
* Every receiver checks every message: complete, in order, none twice. A run where anything is missing fails.
* The closed loop measures the cost at saturation, where joining messages pays most; the fixed rate measures
  latency, and the cost of a single delivery. Neither alone describes a server. A server that joins messages
  is faster than the load generator can read: its throughput is a lower bound, its CPU time is not affected.
* Differences of less than a quarter are ties. The largest spread between the runs of one figure of
  chatd here was {spread}.
"""


def spread_of(results: Results, scenarios: list[Scenario]) -> str:
    """The largest spread of chatd's CPU figures, for the reader to judge differences by."""
    found = [results.spread(scenario.key, "chatd", "cpu_us") for scenario in scenarios]
    known = [value for value in found if value is not None]
    return f"{max(known):.0%}" if known else "not measured"


class Report:
    """One benchmark's outcome in words and tables."""

    def __init__(
        self,
        results: Results,
        servers: list[Server],
        scenarios: list[Scenario],
        effort: Effort,
        skipped: dict[str, str],
    ) -> None:
        self.results = results
        self.servers = servers
        self.scenarios = scenarios
        self.effort = effort
        self.skipped = skipped
        self.tables: list[Table] = Tables(results, servers, scenarios).all()
        self.facts = machine.describe(servers)

    def text(self) -> str:
        """For the terminal."""
        parts = [table.text() for table in self.tables]
        parts.append("\n".join(f"{what}: {which}" for what, which in self.facts))
        lines = [f"skipped: {name}: {reason}" for name, reason in self.skipped.items()]
        for (scenario, server), reasons in self.results.failures.items():
            lines += [f"FAILED: {server} in {scenario}: {reason}" for reason in reasons]
        return "\n\n".join(filter(None, [*parts, "\n".join(lines)]))

    def rst(self, picture: str | None) -> str:
        """The page for the documentation."""
        parts = [INTRODUCTION]
        if picture:
            parts.append(f".. image:: images/{picture}\n   :alt: Cost and latency of each server\n")
        parts += [table.rst() for table in self.tables]
        spread = spread_of(self.results, self.scenarios)
        effort = self.effort
        parts.append(METHOD.format(runs=effort.runs, seconds=effort.seconds, warm=effort.warm, spread=spread))
        parts.append(self._notes())
        facts = [f"* {what}: {which}" for what, which in self.facts]
        parts.append("\n".join(["The machine", "-----------", "", *facts, ""]))
        return "\n".join(parts)

    def _notes(self) -> str:
        notes = [f"* {server.title}: {server.note}" for server in self.servers if server.note]
        notes += [f"* Not measured: {name} ({reason})." for name, reason in self.skipped.items()]
        failed = sorted({f"{server} in {scenario}" for scenario, server in self.results.failures})
        notes += [f"* Failed: {what}." for what in failed]
        return "\n".join(["Notes", "-----", "", *notes, ""]) if notes else ""

    def save(self, path: Path) -> None:
        """All samples as JSON, also for the plot."""
        titles = {server.name: server.title for server in self.servers}
        headings = {scenario.key: scenario.heading for scenario in self.scenarios}
        content = {**self.results.plain(), "titles": titles, "headings": headings, "machine": self.facts}
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")

    def write(self, docs: Path, raw: Path) -> None:
        """The page and its picture.

        :param raw: the samples as saved.
        """
        picture = docs / "images" / "benchmarks.svg"
        picture.parent.mkdir(parents=True, exist_ok=True)
        done = False
        for python in dict.fromkeys((sys.executable, peer_python())):
            command = [python, str(PLOT), str(raw), str(picture)]
            done = done or subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
        if not done:
            print("no plot: it needs matplotlib (bench/requirements.txt)")
        page = docs / "benchmarks.rst"
        page.write_text(self.rst(picture.name if done else None), encoding="utf-8")
        print(f"written: {page}" + (f", {picture}" if done else ""))
