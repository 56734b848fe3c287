"""haproxy before some servers, as an operator would have it: who is not ready gets nobody new."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.processes.clients import PATIENCE

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin")

CONFIG = """
global
    stats socket {folder}/haproxy.sock mode 600 level operator
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
    # a server that has just gone: another one is asked
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response 503
frontend chat
    bind 127.0.0.1:{port}
    default_backend chatd
backend chatd
    balance roundrobin
    option httpchk
    http-check send meth GET uri /readyz hdr Authorization "Bearer {token}"
    http-check expect status 200
    default-server check {check}
{servers}
"""


class Balancer:
    """A running haproxy, for a ``with`` block.

    :param servers: the chat port and the admin port of each.
    :param check: how often it asks a server, and how often it must be told the same.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        servers: list[tuple[int, int]],
        token: str,
        check: str = "inter 50ms fall 1 rise 1",
    ) -> None:
        self.port = port
        self._socket = folder / "haproxy.sock"
        lines = "\n".join(
            f"    server node{number} 127.0.0.1:{chat} check port {admin}"
            for number, (chat, admin) in enumerate(servers)
        )
        file = folder / "haproxy.cfg"
        file.write_text(CONFIG.format(folder=folder, port=port, token=token, servers=lines, check=check))
        assert HAPROXY is not None
        self._process = subprocess.Popen([HAPROXY, "-db", "-f", str(file)], stderr=subprocess.DEVNULL)

    def __enter__(self) -> "Balancer":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)

    def wait_until(self, number: int, state: str) -> None:
        """Wait until it knows that a server is ``UP`` or ``DOWN``."""
        end = time.monotonic() + PATIENCE
        while self._state(number) != state:
            assert self._process.poll() is None and time.monotonic() < end, f"node{number} is not {state}"

    def _state(self, number: int) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as control:
                control.connect(str(self._socket))
                control.sendall(b"show stat\n")
                answer = b"".join(iter(lambda: control.recv(65536), b"")).decode()
        except OSError:
            return ""
        rows = [line.split(",") for line in answer.splitlines()]
        return next((row[17].split(" ")[0] for row in rows if row[:2] == ["chatd", f"node{number}"]), "")
