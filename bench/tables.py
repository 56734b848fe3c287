"""The tables, made of results; and their two forms: plain text and reStructuredText."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from bench.results import REFERENCE, Results
from bench.scenarios import Scenario
from bench.servers import Server

Cell = Callable[[str, str], str]
Column = tuple[str, str, Cell]  # heading, scenario, what makes the text of scenario and server


@dataclass(frozen=True)
class Table:
    """Rows of text under a heading, with a sentence on what is in it."""

    title: str
    about: str
    header: list[str]
    rows: list[list[str]]

    def text(self) -> str:
        """For a terminal."""
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]

        def line(cells: Sequence[str]) -> str:
            first, *rest = (
                cell.ljust(width) if not index else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
            )
            return "  ".join([first, *rest]).rstrip()

        body = map(line, self.rows)
        return "\n".join([self.title, line(self.header), "  ".join("-" * width for width in widths), *body])

    def rst(self) -> str:
        """For the documentation."""
        lines = [self.title, "-" * len(self.title), "", *textwrap.wrap(self.about, 110), ""]
        lines += [".. list-table::", "   :header-rows: 1", ""]
        for row in (self.header, *self.rows):
            lines += [f"   {'*' if not index else ' '} - {cell}".rstrip() for index, cell in enumerate(row)]
        return "\n".join(lines) + "\n"


def number(value: float | None) -> str:
    """Three significant digits, thousands separated; a dash for nothing."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Tables:
    """Makes the tables of one benchmark."""

    def __init__(self, results: Results, servers: list[Server], scenarios: list[Scenario]) -> None:
        self.results = results
        self.servers = servers
        self.scenarios = scenarios

    def all(self) -> list[Table]:
        """Every table there is something for."""
        return list(
            chain(self._closed(), self._paced(), self._connections(), self._growth(), self._stalled())
        )

    def _group(self, group: str) -> list[Scenario]:
        return [scenario for scenario in self.scenarios if scenario.group == group]

    def _median(self, scenario: str, server: str, metric: str, scale: float = 1.0) -> str:
        value = self.results.median(scenario, server, metric)
        if value is None and (scenario, server) in self.results.failures:
            return "failed"
        return number(None if value is None else value * scale)

    def _with_ratio(self, scenario: str, server: str, metric: str) -> str:
        text = self._median(scenario, server, metric)
        ratio = self.results.ratio(scenario, server, metric)
        return text if ratio is None or server == REFERENCE else f"{text} ({number(ratio)}×)"

    def _table(self, title: str, about: str, columns: list[Column]) -> list[Table]:
        """One row per server with anything in it."""
        rows = []
        keys = [key for _, key, _ in columns]
        for server in self._touched(keys):
            rows.append([server.title, *(make(key, server.name) for _, key, make in columns)])
        header = ["server", *(heading for heading, _, _ in columns)]
        return [Table(title, about, header, rows)] if rows and columns else []

    def _touched(self, scenarios: list[str]) -> list[Server]:
        """The servers that had any of the scenarios."""
        had = {(key, name) for key, name in chain(self.results.samples, self.results.failures)}
        return [s for s in self.servers if any((key, s.name) in had for key in scenarios)]

    def _cell(self, metric: str, scale: float = 1.0) -> Cell:
        return lambda key, server: self._median(key, server, metric, scale)

    def _cpu(self, key: str, server: str) -> str:
        return self._with_ratio(key, server, "cpu_us")

    def _closed(self) -> list[Table]:
        group = self._group("closed")
        cost: list[Column] = [(s.heading, s.key, self._cpu) for s in group]
        flow: list[Column] = []
        for s in group:
            flow.append((f"{s.heading}: 1000/s", s.key, self._cell("per_second", 1e-3)))
            flow.append(("frames/read", s.key, self._cell("frames_per_read")))
        return [
            *self._table(
                "CPU per delivery, saturated",
                "Microseconds of the server's CPU per delivered message, in one room of N members: the "
                "closed loop, 10 senders with 4 messages in flight each. "
                "In brackets: the multiple of chatd's.",
                cost,
            ),
            *self._table(
                "Throughput, saturated",
                "The same runs: thousand deliveries per second, and how many messages the receivers got with "
                "one read (above one: the server joins what it has to say).",
                flow,
            ),
        ]

    def _paced(self) -> list[Table]:
        columns: list[Column] = []
        for s in self._group("paced"):
            columns.append((f"{s.heading}: CPU µs", s.key, self._cpu))
            columns += [(f"{p} ms", s.key, self._cell(f"{p}_us", 1e-3)) for p in ("p50", "p99", "max")]
        about = (
            "Messages at a fixed rate to one room: CPU per delivery, and the time from sending to receiving "
            "over all deliveries. The receivers read one after the other, which is part of the time."
        )
        return self._table("Latency at a fixed rate", about, columns)

    def _connections(self) -> list[Table]:
        columns: list[Column] = []
        for s in self._group("idle"):
            columns.append(("kB per idle connection", s.key, self._cell("rss_each", 1e-3)))
            columns.append(("MB empty", s.key, self._cell("rss_empty", 1e-6)))
        for s in self._group("handshakes"):
            columns.append(("handshakes/s", s.key, self._cell("per_second")))
            columns.append(("CPU µs each", s.key, self._cpu))
        about = (
            "Resident memory of the server per connection with all of them open in rooms of 10 (the kernel's "
            "socket buffers are not in it), and connecting, joining an own room and closing again."
        )
        return self._table("Connections", about, columns)

    def _growth(self) -> list[Table]:
        rooms = [s for s in self.scenarios if s.key.startswith("rooms-")]
        members = [s for s in self.scenarios if s.key.startswith("closed-")]
        columns: list[Column] = [(s.heading, s.key, self._cpu) for s in members + rooms]
        about = (
            "CPU µs per delivery, closed loop: one room of N members, and many rooms of 10 with a sender in "
            "each (in a single room: 10 senders, so more is joined there)."
        )
        part = Tables(self.results, self._touched([s.key for s in rooms]), self.scenarios)
        return part._table("Growth of the cost", about, columns)

    def _ending(self, key: str, server: str) -> str:
        code = self.results.words(key, server, "stalled_code")
        return self.results.words(key, server, "stalled_end") + (f" {code}" if code not in ("", "0") else "")

    def _stalled(self) -> list[Table]:
        columns: list[Column] = []
        for s in self._group("stalled"):
            columns += [(f"{p} ms", s.key, self._cell(f"{p}_us", 1e-3)) for p in ("p50", "p99", "max")]
            columns.append(("MB before", s.key, self._cell("rss_before", 1e-6)))
            columns.append(("MB peak", s.key, self._cell("rss_peak", 1e-6)))
            columns.append(("its end", s.key, self._ending))
        about = (
            "One member of a room of 100 stops reading; 100 messages of 16 kB a second go to all. The "
            "others' latency, the server's memory, and what the stalled member found when it read on: a "
            "close frame with its code, a dropped connection, or an open one."
        )
        return self._table("A member that does not read", about, columns)
