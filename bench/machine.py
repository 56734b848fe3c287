"""Describes the machine and the versions of what was measured."""

import datetime
import importlib.metadata
import platform
import re
import shutil
import subprocess
from pathlib import Path

from bench.servers import PEERS, Server, peer_python

OWN = ("chatd", "Twisted", "autobahn", "msgspec")
PYTHON_PEERS = ("picows", "websockets", "aiohttp", "socketify", "uvloop", "msgspec", "aiofastnet")


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return (done.stdout or done.stderr).strip()


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _version(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def _peer_versions() -> str:
    script = (
        "import importlib.metadata as m\n"
        f"for name in {PYTHON_PEERS!r}:\n"
        "    try: print(name, m.version(name))\n"
        "    except m.PackageNotFoundError: pass"
    )
    return ", ".join(_output(peer_python(), "-c", script).splitlines())


def _ws_version() -> str:
    manifest = PEERS / "node_modules" / "ws" / "package.json"
    found = re.search(r'"version": "([^"]+)"', manifest.read_text()) if manifest.exists() else None
    return f"ws {found[1]} on node {_output('node', '--version')}" if found else ""


def _nginx_version() -> str:
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not binary:
        return ""
    nchan = _output("dpkg-query", "-W", "-f=${Version}", "libnginx-mod-nchan")
    return _output(binary, "-v").replace("nginx version: ", "") + (f", nchan {nchan}" if nchan else "")


def describe(servers: list[Server]) -> list[tuple[str, str]]:
    """(what, which) of everything that the numbers depend on."""
    names = {server.name for server in servers}
    facts = [
        ("Date", datetime.datetime.now(datetime.UTC).date().isoformat()),
        ("CPU", _cpu_model()),
        ("Kernel", f"{platform.system()} {platform.release()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("chatd", ", ".join(filter(None, map(_version, OWN)))),
        ("C compiler", _output("cc", "--version").partition("\n")[0]),
    ]
    if names & set(PYTHON_PEERS):
        facts.append(("Python peers", _peer_versions()))
    if "ws" in names:
        facts.append(("Node peer", _ws_version()))
    if "nchan" in names:
        facts.append(("nginx", _nginx_version()))
    return [fact for fact in facts if fact[1]]
