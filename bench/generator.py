"""Runs the load generator and answers its barriers."""

import json
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from bench import native
from bench.processes import pinned

BARRIERS = ("empty", "joined", "begin", "end")
COUNTS = ("outstanding", "gaps", "duplicates", "misdelivered", "unknown")


class LoadError(Exception):
    """The load could not be run, or what arrived was not complete and in order."""


def run(
    options: Mapping[str, object], port: int | str, cpu: int | None, at: Callable[[str], None]
) -> dict[str, Any]:
    """One run of the load; its report.

    :param port: of the server; of several, separated by commas.
    :param cpu: it runs on; None: any.
    :param at: called at each barrier, while the generator waits: nothing is sent or counted meanwhile.
    :raises LoadError: with the reason, when the run does not count.
    """
    command = [str(native.load_generator()), f"port={port}", "sync=1"]
    command += [f"{key}={value}" for key, value in options.items()]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=pinned(cpu),
    )
    try:
        return _converse(process, at)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _converse(process: subprocess.Popen[str], at: Callable[[str], None]) -> dict[str, Any]:
    assert process.stdin and process.stdout and process.stderr
    for line in process.stdout:
        if line.strip() in BARRIERS:
            at(line.strip())
            process.stdin.write("go\n")
            process.stdin.flush()
            continue
        report: dict[str, Any] = json.loads(line)
        return _checked(report, process)
    raise LoadError(f"the load generator ended without a report, status {process.wait()}")


def _checked(report: dict[str, Any], process: subprocess.Popen[str]) -> dict[str, Any]:
    if "failed" in report:
        raise LoadError(str(report["failed"]))
    if not report["complete"]:
        assert process.stderr
        counts = {key: report[key] for key in COUNTS}
        raise LoadError(f"incomplete or out of order: {counts} {process.stderr.read()[:300]}")
    return report
