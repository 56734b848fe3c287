"""``python -m bench.nodes``: what it costs that rooms are spread over several nodes.

Each node is a process of chatd, with its settings as they are but for the limits on senders and the log. They
share a redis-server and a PostgreSQL (``fsync = off``, so that no disk decides) that are started for it.
The load generator checks that every member hears all messages of its room, once and in order.
"""

import argparse
import json
import os
import signal
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import generator, native
from bench.machine import describe
from bench.nodes_tables import page, tables
from bench.stand import Backends, Stand

FIGURES = Path(__file__).parents[1] / "docs" / "scaling-figures.rst"
GROUPS = ("scale", "bus", "edges")
ROOMS, MEMBERS, SENDERS = 40, 100, 200
"""Of many rooms: so many, of so many members each; senders in all of them together."""
LAYOUTS = {"alone": (0, "random"), "one": (1, "random"), "rooms": (2, "rooms"), "random": (2, "random")}
"""Nodes (0: one that knows of no others), and who is where."""
SPEAKERS = 10
"""Of a room that is on several nodes."""
PLACES = {"here": (1, "0"), "heard": (2, "0" * SPEAKERS + "1"), "said": (2, "0" + "1" * SPEAKERS)}
EDGES = (1, 2, 4, 8)
Sample = dict[str, float]


@dataclass(frozen=True)
class Case:
    """One measurement.

    :param nodes: see :class:`bench.stand.Stand`.
    :param load: options of the load generator.
    :param share: of a CPU, for each node.
    """

    group: str
    pace: str
    layout: str
    nodes: int
    load: Mapping[str, object]
    share: float | None = None

    @property
    def key(self) -> str:
        """What it is called among the samples."""
        return f"{self.group} {self.pace} {self.layout}"


def cases(groups: tuple[str, ...], seconds: float, share: float) -> list[Case]:
    """What is measured, in this order and then again."""
    found = []
    length: dict[str, object] = {"warm": seconds / 4, "seconds": seconds, "limit": 300}
    if "scale" in groups:
        many = {"rooms": ROOMS, "members": MEMBERS, "senders": SENDERS} | length
        for pace, load, part in (
            ("shared", {"mode": "closed", "inflight": 4}, share),
            ("saturated", {"mode": "closed", "inflight": 4}, None),
            ("paced", {"mode": "paced", "rate": 200}, None),
        ):
            for layout, (nodes, places) in LAYOUTS.items():
                found.append(Case("scale", pace, layout, nodes, many | load | {"places": places}, part))
    room = {"rooms": 1, "senders": SPEAKERS, "concurrency": 1} | length
    paces: dict[str, dict[str, object]] = {
        "loaded": {"mode": "closed", "inflight": 10},
        "low": {"mode": "paced", "rate": 50},
    }
    for pace, load in paces.items():
        if "bus" in groups:
            for layout, (nodes, places) in PLACES.items():
                mute = {"mute": 1} if layout == "said" else {}
                one = room | load | mute | {"places": places, "members": SPEAKERS + 1}
                found.append(Case("bus", pace, layout, nodes, one))
        if "edges" in groups:
            for edges in EDGES:
                places = "0" * SPEAKERS + "".join(map(str, range(1, edges + 1)))
                one = room | load | {"places": places, "members": len(places)}
                found.append(Case("edges", pace, str(edges), edges + 1, one))
    return found


def measure(case: Case, backends: Backends) -> Sample:
    """One case, with nodes that are started for it."""
    with Stand(backends, case.nodes, case.share) as stand:
        report = generator.run(case.load, ",".join(map(str, stand.ports)), None, stand)
        sample: Sample = {name: float(report[name]) for name in ("seconds", "deliveries", "messages")}
        sample |= {name: float(report[name]) for name in ("p50_us", "p99_us", "frames_per_read")}
        sample |= {f"{name}_cpu": spent for name, spent in stand.window.items()}
        sample |= {"load_cpu": report["load_cpu"], "load_average": os.getloadavg()[0]}
        return sample


def _shown(sample: Sample) -> str:
    seconds = sample["seconds"]
    nodes = [spent for name, spent in sample.items() if name.startswith("node")]
    busy = " ".join(f"{spent / seconds:.0%}" for spent in nodes)
    each = sum(nodes) * 1e6
    return (
        f"{sample['deliveries'] / seconds:9,.0f}/s  {each / sample['deliveries']:6.2f} µs a delivery  "
        f"{each / sample['messages']:6.1f} a message  nodes {busy}  load average {sample['load_average']:.1f}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.nodes", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each measurement")
    parser.add_argument(
        "--share", type=float, default=0.2, help="of a CPU, for each node, where it is limited"
    )
    parser.add_argument(
        "--only", default=",".join(GROUPS), help="comma-separated; known: " + ", ".join(GROUPS)
    )
    parser.add_argument("--write", action="store_true", help=f"write docs/{FIGURES.name}")
    parser.add_argument("--json", type=Path, help="save all samples there")
    return parser.parse_args()


def main() -> int:
    """Measure, and print tables of medians; 1 if a run failed."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all that was started is ended
    groups = tuple(arguments.only.split(","))
    if unknown := set(groups) - set(GROUPS):
        raise SystemExit(f"unknown groups: {', '.join(unknown)}")
    native.load_generator()
    samples: defaultdict[str, list[Sample]] = defaultdict(list)
    failed = False
    wanted = cases(groups, arguments.seconds, arguments.share)
    with Backends.started() as backends:
        for run in range(arguments.runs):
            for case in wanted:
                try:
                    samples[case.key].append(measure(case, backends))
                except generator.LoadError as error:
                    failed = True
                    print(f"{case.key}: FAILED: {error}", file=sys.stderr)
                else:
                    print(
                        f"{run + 1} {case.key:24}{_shown(samples[case.key][-1])}", file=sys.stderr, flush=True
                    )
    if arguments.json:
        arguments.json.write_text(json.dumps(samples))
    medians = {
        key: {name: statistics.median(each[name] for each in mine) for name in mine[0]}
        for key, mine in samples.items()
    }
    loads = [sample["load_average"] for mine in samples.values() for sample in mine]
    facts = [*describe([]), ("Load average", f"{min(loads):.1f} to {max(loads):.1f}")] if loads else []
    found = tables(medians, arguments.share)
    for table in found:
        print(table.text(), end="\n\n")
    print(*(f"{what}: {which}" for what, which in facts), sep="\n")
    if arguments.write:
        FIGURES.write_text(page(found, facts, arguments.runs), encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
