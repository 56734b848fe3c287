"""TLS on the chat port, by a real twistd: what clients see, and what the renewal of a certificate does."""

import signal
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.certificates import Authority, Files
from tests.house import target
from tests.processes.clients import PATIENCE
from tests.processes.servers import LISTENING, Server


class TlsServer:
    """A server with a plain and a TLS port."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.files = self.authority.issue("localhost", "127.0.0.1")
        self._stack = ExitStack()
        listen = f"ssl:0:interface=127.0.0.1:{self.files.endpoint}"
        self.server = Server(folder, arguments=("--listen", listen))

    def __enter__(self) -> "TlsServer":
        self.server.__enter__()
        self.port = int(self.server.wait_for(LISTENING, times=2).group(1))
        return self

    def __exit__(self, *how: Any) -> None:
        self._stack.close()
        self.server.__exit__(*how)

    def connect(self, user: str) -> Any:
        """A client that verifies the certificate, and has heard its ``in``."""
        context = ssl.create_default_context(cafile=self.authority.file)
        tcp = self._stack.enter_context(socket.create_connection(("127.0.0.1", self.port), PATIENCE))
        url = f"wss://127.0.0.1:{self.port}{target(userId=user)}"
        client = self._stack.enter_context(connect(url, sock=tcp, ssl=context, compression=None))
        assert '"action":"in"' in client.recv(PATIENCE)
        return client

    def serial(self) -> int:
        """The number of the certificate that a new connection is shown."""
        context = ssl.create_default_context(cafile=self.authority.file)
        with (
            socket.create_connection(("127.0.0.1", self.port), PATIENCE) as tcp,
            context.wrap_socket(tcp, server_hostname="127.0.0.1") as tls,
        ):
            shown: Any = tls.getpeercert()
            return int(shown["serialNumber"], 16)

    def renew(self, files: Files) -> None:
        """Put other files in the certificate's place, and tell the server."""
        files.put_in_place_of(self.files)
        self.hang_up()

    def hang_up(self) -> None:
        """SIGHUP, and wait until all has been read again."""
        times = self.server.log.count("read again:")
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_for("read again: certificates", times + 1)


@pytest.fixture
def tls(tmp_path: Path) -> Any:
    with TlsServer(tmp_path) as server:
        yield server


def test_people_on_the_tls_port_and_on_the_plain_one_are_in_one_room(tls):
    ann, bob = tls.server.join("ann"), tls.connect("bob")
    assert ann.receive()["userId"] == "bob"
    bob.send('{"messageType":"text","messageContent":"by TLS"}')
    assert ann.receive()["messageContent"] == "by TLS"
    ann.say("x" * 60_000)
    assert "by TLS" in bob.recv(PATIENCE)
    assert "x" * 60_000 in bob.recv(PATIENCE)


def test_a_renewed_certificate_is_shown_to_who_comes_and_nobody_has_to_go(tls):
    bob = tls.connect("bob")
    before = tls.serial()
    tls.renew(tls.authority.issue("127.0.0.1"))
    assert tls.serial() != before
    bob.send('{"messageType":"text","messageContent":"still here"}')
    assert "still here" in bob.recv(PATIENCE)
    carl = tls.connect("carl")
    assert '"userId":"carl"' in bob.recv(PATIENCE)
    carl.close()


@pytest.mark.parametrize("content", [b"", b"no certificate", None])
def test_a_certificate_that_will_not_do_changes_nothing_and_is_named(tls, content):
    before = tls.serial()
    if content is None:
        tls.files.certificate.unlink()
    else:
        tls.files.certificate.write_bytes(content)
    tls.hang_up()
    assert tls.serial() == before
    assert "the certificate was not read again" in tls.server.log


def test_a_certificate_and_a_key_that_do_not_match_change_nothing(tls):
    before = tls.serial()
    other = tls.authority.issue("127.0.0.1")
    tls.files.key.write_bytes(other.key.read_bytes())
    tls.hang_up()
    assert tls.serial() == before
    assert "the certificate was not read again" in tls.server.log
