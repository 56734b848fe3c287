"""The servers that are measured: how each is started, and whether it can be."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import chatd_config, native

PEERS = Path(__file__).parent / "peers"
OWN_ENVIRONMENT = Path(__file__).parent / ".venv" / "bin" / "python"
NGINX_MODULES = (Path("/usr/lib/nginx/modules"), Path("/usr/lib64/nginx/modules"), Path("/etc/nginx/modules"))


def peer_python() -> str:
    """The interpreter that has the peers' libraries: BENCH_PYTHON, or bench/.venv, or this one."""
    if given := os.environ.get("BENCH_PYTHON"):
        return given
    return str(OWN_ENVIRONMENT) if OWN_ENVIRONMENT.exists() else sys.executable


@dataclass(frozen=True)
class Server:
    """One entry of the comparison.

    :param command: makes the command line from the port and the server's folder (which may get files).
    :param missing: why it cannot run here; empty: it can.
    :param joins_with: ``frame``: a newcomer gets a notice; ``upgrade``: the 101 is all there is.
    """

    name: str
    title: str
    command: Callable[[int, Path], list[str]]
    missing: Callable[[], str]
    note: str = ""
    own: bool = False
    limit: bool = False
    joins_with: str = "frame"


def _chatd(variant: str) -> Server:
    def command(port: int, folder: Path) -> list[str]:
        config = folder / "chatd.toml"
        config.write_text(chatd_config.render(variant, folder), encoding="utf-8")
        listen = f"tcp:{port}:interface=127.0.0.1"
        twistd = Path(sys.executable).parent / "twistd"
        return [
            sys.executable, str(twistd), "-n", "--pidfile=",
            "chatd", "--config", str(config), "--listen", listen,
        ]  # fmt: skip

    def missing() -> str:
        return "" if importlib.util.find_spec("chatd.tap") else "chatd cannot be started (no chatd.tap)"

    about = chatd_config.VARIANTS[variant]
    return Server(variant, about.title, command, missing, about.note, own=True)


def _limit(name: str, title: str, flags: list[str], note: str) -> Server:
    def command(port: int, folder: Path) -> list[str]:
        return [str(native.limit_server()), str(port), *flags]

    def missing() -> str:
        return "" if shutil.which("cc") else "there is no C compiler (cc)"

    return Server(name, title, command, missing, note, limit=True)


def _python(module: str, title: str, needs: tuple[str, ...], note: str = "") -> Server:
    def command(port: int, folder: Path) -> list[str]:
        return [peer_python(), str(PEERS / f"{module}_server.py"), str(port)]

    def missing() -> str:
        imports = "; ".join(f"import {name}" for name in (*needs, "msgspec"))
        done = subprocess.run([peer_python(), "-c", imports], capture_output=True, text=True, check=False)
        return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""

    return Server(module, title, command, missing, note)


def _node() -> Server:
    def command(port: int, folder: Path) -> list[str]:
        return [shutil.which("node") or "node", str(PEERS / "ws_server.mjs"), str(port)]

    def missing() -> str:
        if not shutil.which("node"):
            return "there is no node"
        installed = (PEERS / "node_modules" / "ws").exists()
        return "" if installed else "npm install has not been run in bench/peers"

    return Server("ws", "ws (node)", command, missing)


def _nchan() -> Server:
    def module() -> Path | None:
        found = (folder / "ngx_nchan_module.so" for folder in NGINX_MODULES)
        return next((path for path in found if path.exists()), None)

    def binary() -> str | None:
        return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

    def command(port: int, folder: Path) -> list[str]:
        values = {"@PORT@": str(port), "@DIR@": str(folder), "@MODULE@": str(module())}
        text = (PEERS / "nchan.conf").read_text(encoding="utf-8")
        for key, value in values.items():
            text = text.replace(key, value)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        return [str(binary()), "-p", str(folder), "-c", str(folder / "nginx.conf")]

    def missing() -> str:
        return "" if binary() and module() else "nginx or its nchan module is not installed"

    note = (
        "nchan cannot parse or stamp a message: it delivers the sender's text, about half the bytes of the "
        "others, and sends a newcomer nothing. It does not set TCP_NODELAY."
    )
    return Server("nchan", "nginx + nchan (C)", command, missing, note, joins_with="upgrade")


ALL: dict[str, Server] = {
    server.name: server
    for server in (
        *map(_chatd, chatd_config.VARIANTS),
        _limit("c-send", "C, one send() per delivery", [], "The limit without coalescing."),
        _limit("c-turn", "C, one send() per turn", ["coalesce"], "The limit with coalescing."),
        _node(),
        _python("picows", "picows (uvloop)", ("picows", "uvloop")),
        _python("websockets", "websockets (uvloop)", ("websockets.asyncio.server", "uvloop")),
        _python("aiohttp", "aiohttp (uvloop)", ("aiohttp", "uvloop")),
        _python(
            "socketify",
            "socketify (uWebSockets, C++)",
            ("socketify",),
            "Its loop never sleeps, so its CPU time at a paced rate says nothing; its latency does.",
        ),
        _nchan(),
    )
}
