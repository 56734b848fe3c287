"""One measurement: one server, started anew, under one scenario's load."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bench import generator, procfs
from bench.processes import Cores, running, tail
from bench.scenarios import Scenario
from bench.servers import Server
from tests.ports import free_port

Sample = dict[str, float | int | str]
DELIVERY = ("p50_us", "p99_us", "max_us", "frames_per_read", "bytes_per_frame")


class Watch:
    """What the server had used at each barrier of the load generator."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.cpu: dict[str, float] = {}
        self.rss: dict[str, int] = {}
        self.peak = 0

    def __call__(self, barrier: str) -> None:
        """Read the server's CPU seconds and memory; the generator waits meanwhile."""
        self.cpu[barrier] = procfs.cpu_seconds(self.pid)
        self.rss[barrier] = procfs.memory(self.pid)
        if barrier == "begin":
            procfs.reset_peak(self.pid)
        if barrier == "end":
            self.peak = procfs.memory(self.pid, "VmHWM")

    @property
    def window_cpu(self) -> float:
        """CPU seconds of the server within the measured window."""
        return self.cpu["end"] - self.cpu["begin"]


def _sample(report: dict[str, Any], watch: Watch, scenario: Scenario) -> Sample:
    if scenario.group == "idle":
        each = (watch.rss["end"] - watch.rss["empty"]) / report["joined"]
        return {"rss_each": each, "rss_empty": watch.rss["empty"]}
    counted, seconds = report["joined"], report["seconds"]
    sample: Sample = {
        "server_busy": watch.window_cpu / seconds,
        "load_busy": report["load_cpu"] / seconds,
        "late_max_us": report["late_max_us"],
    }
    if scenario.group != "handshakes":
        counted = report["deliveries"] or 1
        sample |= {key: report[key] for key in DELIVERY}
    sample["cpu_us"] = watch.window_cpu * 1e6 / counted
    sample["per_second"] = counted / seconds
    if scenario.group == "stalled":
        sample |= {key: report[key] for key in ("stalled_end", "stalled_code", "stalled_frames")}
        sample |= {"rss_before": watch.rss["begin"], "rss_peak": watch.peak}
    return sample


def measure(server: Server, scenario: Scenario, cores: Cores) -> Sample:
    """Start the server, run the load, end the server; what was measured.

    :raises ServerError: the server did not run.
    :raises generator.LoadError: the run does not count, with the end of the server's log.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        port = free_port()
        environment = {"PYTHONUNBUFFERED": "1"}
        with running(server.command(port, folder), environment, port, folder, cores.server) as process:
            watch = Watch(process.pid)
            options = {"join": server.joins_with, **scenario.load}
            try:
                report = generator.run(options, port, cores.load, watch)
            except generator.LoadError as error:
                raise generator.LoadError(f"{error} {_aftermath(process, folder)}".strip()) from None
            return _sample(report, watch, scenario)


def _aftermath(process: "subprocess.Popen[bytes]", folder: Path) -> str:
    ended = "" if process.poll() is None else f"; the server ended with {process.returncode}"
    return f"{ended} [log: {tail(folder / 'log', 300)}]"
