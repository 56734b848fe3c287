"""Run the Autobahn|Testsuite's fuzzing client against chatd's WebSocket, and print how it fared.

``python tests/conformance/run.py [CASE ...]``, with chatd installed in that Python; see README.rst beside
this file. Exits with 0 if no case failed.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "conformance"
PACKAGES = BUILD / "packages"
REPORTS = BUILD / "reports"
REQUIREMENTS = HERE / "requirements.txt"
NOT_OFFERED = ["12.*", "13.*"]  # compression
SECONDS = 600  # for the whole suite

# The suite is not started by its own script: packages in a --target directory need their .pth files read.
WSTEST = (
    "import site, sys; site.addsitedir(sys.argv.pop(1)); sys.argv[0] = 'wstest'; "
    "from autobahntestsuite import wstest; wstest.run()"
)
GROUPS = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "closing",
    "9": "limits and performance",
    "10": "miscellaneous",
}
OUTCOMES = ["OK", "NON-STRICT", "INFORMATIONAL", "FAILED"]


def python2() -> str:
    """A Python 2.7 with pip: the suite is written for it."""
    python = os.environ.get("PYTHON27") or shutil.which("python2.7")
    if python is None:
        sys.exit("No python2.7 on PATH; or name one in the environment variable PYTHON27.")
    return python


def install(python: str) -> None:
    """The suite into a directory of its own, once for each list of requirements."""
    stamp = PACKAGES / "installed.txt"
    if stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes():
        return
    shutil.rmtree(PACKAGES, ignore_errors=True)
    where = ["--no-deps", "--target", str(PACKAGES), "-r", str(REQUIREMENTS)]
    subprocess.run([python, "-m", "pip", "install", "-q", *where], check=True)
    stamp.write_bytes(REQUIREMENTS.read_bytes())


def run(python: str, cases: list[str]) -> dict[str, str]:
    """Run cases, as ``6.*`` or ``7.1.6``, against a server of their own. :returns: each case's outcome."""
    shutil.rmtree(REPORTS, ignore_errors=True)
    echo = [sys.executable, str(HERE / "echo_server.py")]
    with subprocess.Popen(echo, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            spec = BUILD / "fuzzingclient.json"
            spec.write_text(json.dumps(specification(port, cases)), encoding="utf-8")
            wstest = [python, "-c", WSTEST, str(PACKAGES), "-m", "fuzzingclient", "-s", str(spec)]
            subprocess.run(wstest, cwd=BUILD, stdout=subprocess.DEVNULL, timeout=SECONDS, check=True)
        finally:
            server.terminate()
    (outcomes,) = json.loads((REPORTS / "index.json").read_text(encoding="utf-8")).values()
    return {case: worse(found["behavior"], found["behaviorClose"]) for case, found in outcomes.items()}


def specification(port: int, cases: list[str]) -> dict[str, object]:
    """What the fuzzing client is to do."""
    return {
        "outdir": str(REPORTS),
        "servers": [{"url": f"ws://127.0.0.1:{port}"}],
        "cases": cases,
        "exclude-cases": NOT_OFFERED,
        "exclude-agent-cases": {},
    }


def worse(behavior: str, behavior_at_close: str) -> str:
    """One outcome of the two that the suite gives to a case; it knows more ways to fail."""
    outcomes = [outcome if outcome in OUTCOMES else "FAILED" for outcome in (behavior, behavior_at_close)]
    return max(outcomes, key=OUTCOMES.index)


def table(outcomes: dict[str, str]) -> list[str]:
    """The outcomes by group of cases, and which cases are not plainly OK."""
    counts: dict[str, Counter[str]] = {group: Counter() for group in GROUPS}
    for case, outcome in outcomes.items():
        counts[case.partition(".")[0]][outcome] += 1
    lines = [f"{'group':<26}" + "".join(f"{outcome:>15}" for outcome in OUTCOMES)]
    for group, count in counts.items():
        if count:
            lines.append(f"{group:>2}  {GROUPS[group]:<22}" + "".join(f"{count[of]:>15}" for of in OUTCOMES))
    total = Counter(outcomes.values())
    lines.append(f"{'all':<26}" + "".join(f"{total[of]:>15}" for of in OUTCOMES))
    return lines + [f"{case}: {outcome}" for case, outcome in outcomes.items() if outcome != "OK"]


def main() -> None:
    """See the module."""
    python = python2()
    BUILD.mkdir(parents=True, exist_ok=True)
    install(python)
    outcomes = run(python, sys.argv[1:] or ["*"])
    print("\n".join(table(outcomes)))
    sys.exit("FAILED" in outcomes.values())


if __name__ == "__main__":
    main()
