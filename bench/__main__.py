"""``python -m bench``: measures chatd and its peers, interleaved, and prints tables of medians."""

import argparse
import dataclasses
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench import native
from bench.chatd_config import VARIANTS
from bench.generator import LoadError
from bench.measure import measure
from bench.processes import Cores, ServerError
from bench.report import Report
from bench.results import Results
from bench.scenarios import GROUPS, QUICK, Effort, Scenario, scenarios
from bench.servers import ALL, Server

DOCS = Path(__file__).parent.parent / "docs"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--servers", help="comma-separated; default: all. Known: " + ", ".join(ALL))
    parser.add_argument("--only", help="comma-separated groups; default: all. Known: " + ", ".join(GROUPS))
    parser.add_argument("--runs", type=int, help="runs of everything (3; quick: 1)")
    parser.add_argument("--seconds", type=float, help="length of the measured window (4; quick: 0.5)")
    parser.add_argument("--quick", action="store_true", help="a check that all works, in two minutes")
    parser.add_argument("--write", action="store_true", help="write the page and the plot into the docs")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where --write writes")
    parser.add_argument("--json", type=Path, help="save all samples there")
    return parser.parse_args()


def _chosen(text: str | None, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    if not text:
        return known
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"unknown {what}: {', '.join(unknown)}; known: {', '.join(known)}")
    return names


def _servers(text: str | None) -> tuple[list[Server], dict[str, str]]:
    """Those to measure, and why the others cannot be."""
    if text:
        names = _chosen(text, tuple(ALL), "servers")
    else:
        names = tuple(name for name in ALL if name not in VARIANTS or VARIANTS[name].default)
    reasons = {name: ALL[name].missing() for name in names}
    skipped = {name: reason for name, reason in reasons.items() if reason}
    return [ALL[name] for name in names if name not in skipped], skipped


def _effort(arguments: argparse.Namespace) -> Effort:
    effort = QUICK if arguments.quick else Effort()
    if arguments.runs:
        effort = dataclasses.replace(effort, runs=arguments.runs)
    if arguments.seconds:
        effort = dataclasses.replace(effort, seconds=arguments.seconds)
    return effort


def _one(server: Server, scenario: Scenario, cores: Cores, results: Results) -> str:
    """One measurement into the results; a word on it."""
    key = (scenario.key, server.name)
    try:
        sample = measure(server, scenario, cores)
    except (ServerError, LoadError) as error:
        results.failures[key].append(str(error))
        return f"FAILED: {error}"
    results.samples[key].append(sample)
    shown = ("cpu_us", "per_second", "p99_us", "frames_per_read", "rss_each", "stalled_end", "load_busy")
    values = {name: sample[name] for name in shown if name in sample}
    return "  ".join(
        f"{name} {v:.4g}" if isinstance(v, float) else f"{name} {v}" for name, v in values.items()
    )


def _measure_all(servers: list[Server], wanted: list[Scenario], effort: Effort, named: bool) -> Results:
    """Interleaved: every server in turn, then the next scenario, then all of it again."""
    results, cores = Results(), Cores.pick()
    os.sched_setaffinity(0, {cores.load})
    for run in range(effort.runs):
        for scenario in wanted:
            for server in servers:
                if scenario.few and not (named or server.own or server.limit):
                    continue
                started = time.monotonic()
                word = _one(server, scenario, cores, results)
                took = time.monotonic() - started
                turn = f"{run + 1}/{effort.runs} {scenario.key:12} {server.name:12}"
                print(f"{turn} {took:5.1f} s  {word}", flush=True)
    return results


def main() -> int:
    """Measures, prints, and writes if asked to; 1 when any run failed."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended
    servers, skipped = _servers(arguments.servers)
    for name, reason in skipped.items():
        print(f"skipped: {name}: {reason}")
    if not servers:
        return 1
    native.load_generator()
    effort = _effort(arguments)
    wanted = scenarios(_chosen(arguments.only, GROUPS, "groups"), effort)
    results = _measure_all(servers, wanted, effort, bool(arguments.servers))
    report = Report(results, servers, wanted, effort, skipped)
    print("\n" + report.text())
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        raw = arguments.json or Path(folder) / "samples.json"
        report.save(raw)
        if arguments.write:
            report.write(arguments.docs, raw)
    return 1 if results.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except native.BuildError as error:
        sys.exit(str(error))
