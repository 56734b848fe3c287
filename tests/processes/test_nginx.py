"""The reverse-proxy example, in front of a real twistd: etc/nginx.conf by Debian's nginx."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from chatd.web.files import read
from tests.certificates import Authority
from tests.house import target
from tests.ports import free_port
from tests.processes.clients import PATIENCE
from tests.processes.servers import LISTENING, PAGES, ROOT, Server

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
EXAMPLE = ROOT / "etc" / "nginx.conf"
PASSWORD = "5f4dcc3b5aa765d61d8327deb882cf99"

pytestmark = pytest.mark.skipif(NGINX is None, reason="there is no nginx (Debian: nginx)")


class Proxy:
    """nginx with the example's configuration, its paths and ports replaced by the test's.

    :param port: of chatd.
    :param pages: the port of its pages.
    """

    def __init__(self, folder: Path, port: int, pages: int) -> None:
        self.authority = Authority(folder)
        files = self.authority.issue("chat.example")
        self.log = folder / "chatd.log"
        self.port = free_port()
        site = EXAMPLE.read_text(encoding="utf-8")
        for old, new in (
            ("127.0.0.1:9326;", f"127.0.0.1:{port};"),
            ("127.0.0.1:9327;", f"127.0.0.1:{pages};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            ("/etc/ssl/chat.example/chain.pem", str(files.certificate)),
            ("/etc/ssl/chat.example/key.pem", str(files.key)),
            ("/var/log/nginx/chatd.log", str(self.log)),
            ("/var/log/nginx/chatd.error.log", str(folder / "error.log")),
        ):
            assert site.count(old) == 1, old
            site = site.replace(old, new)
        temporary = "".join(
            f"{kind}_temp_path {folder / kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = folder / "main.conf"
        main.write_text(
            f"daemon off;\nmaster_process off;\npid {folder / 'nginx.pid'};\nerror_log stderr crit;\n"
            f"events {{}}\nhttp {{\n{temporary}{site}}}\n",
            encoding="utf-8",
        )
        assert NGINX is not None
        self.process = subprocess.Popen([NGINX, "-c", str(main), "-p", str(folder)])
        self._wait()

    def _wait(self) -> None:
        """Until it listens."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
                return
            except ConnectionRefusedError:
                assert self.process.poll() is None and time.monotonic() < end

    def stop(self) -> str:
        """End it. :returns: its access log."""
        self.process.terminate()
        self.process.wait(PATIENCE)
        return self.log.read_text(encoding="utf-8")


class Through:
    """A chatd behind its proxy."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._stack = stack
        config = '[server]\nproxies = ["127.0.0.1"]\nmax_per_address = 2\n'
        web = 'url = "https://chat.example/"\nwebsocket = "wss://chat.example/"\n'
        self.server = stack.enter_context(Server(folder, f"{config}{PAGES}{web}"))
        pages = self.server.wait_for(LISTENING, times=2).group(1)
        self.proxy = Proxy(folder, self.server.port, int(pages))
        stack.callback(self.proxy.stop)

    def connect(self, address: str = "127.0.0.2", header: str | None = None, **parameters: str) -> Any:
        """A client at an address of loopback's."""
        tcp = socket.create_connection(("127.0.0.1", self.proxy.port), PATIENCE, (address, 0))
        client = connect(
            f"wss://chat.example{target(**parameters)}",
            sock=self._stack.enter_context(tcp),
            ssl=ssl.create_default_context(cafile=self.proxy.authority.file),
            compression=None,
            additional_headers={"X-Forwarded-For": header} if header else None,
        )
        return self._stack.enter_context(client)

    def get(self, path: str) -> tuple[Any, bytes]:
        """A request of a browser's. :returns: the answer, and its body."""
        tcp = socket.create_connection(("127.0.0.1", self.proxy.port), PATIENCE)
        context = ssl.create_default_context(cafile=self.proxy.authority.file)
        connection = HTTPConnection("chat.example")
        connection.sock = self._stack.enter_context(context.wrap_socket(tcp, server_hostname="chat.example"))
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer, answer.read()


@pytest.fixture
def through(tmp_path: Path) -> Iterator[Through]:
    with ExitStack() as stack:
        yield Through(tmp_path, stack)


def test_people_talk_through_it(through):
    ann, bob = through.connect(userId="ann"), through.connect(userId="bob")
    assert '"userId":"ann"' in ann.recv(PATIENCE)
    assert '"userId":"bob"' in bob.recv(PATIENCE)
    bob.send('{"messageType":"text","messageContent":"through nginx"}')
    assert '"userId":"bob"' in ann.recv(PATIENCE)
    assert "through nginx" in ann.recv(PATIENCE)


def test_each_client_counts_for_itself_whatever_it_says_of_itself(through):
    for _ in range(2):
        through.connect("127.0.0.2", header="192.0.2.1").recv(PATIENCE)
    refused = through.connect("127.0.0.2", header="192.0.2.2")
    assert "Too many connections from this address" in refused.recv(PATIENCE)
    with pytest.raises(ConnectionClosed) as closed:
        refused.recv(PATIENCE)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4429
    assert '"action":"in"' in through.connect("127.0.0.3").recv(PATIENCE)
    assert re.search(r"127\.0\.0\.3 via 127\.0\.0\.1:\d+ joined", through.server.log)


def test_a_browser_gets_the_pages_at_the_same_host(through):
    answer, body = through.get("/")
    assert (answer.status, body) == (200, read()["/"].content)
    assert "connect-src 'self' wss://chat.example;" in answer.headers["Content-Security-Policy"]
    assert json.loads(through.get("/config.json")[1])["websocket"] == "wss://chat.example/"


def test_its_log_holds_no_credentials(through):
    with through.connect(clientType="shop", account="agnes@shop", password=PASSWORD) as client:
        assert "4401" not in client.recv(PATIENCE)
    log = through.proxy.stop()
    assert '"GET /" 101' in log
    assert PASSWORD not in log and "agnes" not in log
