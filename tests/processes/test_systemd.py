"""chatd as systemd starts it: what it tells on NOTIFY_SOCKET, and listening on ports that it is given."""

import fcntl
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.notified import Notified
from tests.processes.servers import Server, given


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Notified]:
    with Notified(tmp_path / "notify") as supervisor:
        yield supervisor


def test_it_says_that_it_is_ready_once_it_listens_and_that_it_stops(supervisor, start):
    server = start(environment={"NOTIFY_SOCKET": supervisor.address})
    assert supervisor.hear() == {"READY": "1", "STATUS": "listens on tcp:0:interface=127.0.0.1"}
    ann = server.join("ann")
    server.signal(signal.SIGTERM)
    assert supervisor.hear()["STOPPING"] == "1"
    assert ann.closed()[0] == 1001
    server.wait()
    assert supervisor.heard() == []


def test_it_says_so_on_an_abstract_socket_too(start):
    with Notified(f"@chatd-{id(start)}") as supervisor:
        start(environment={"NOTIFY_SOCKET": supervisor.address})
        assert supervisor.hear()["READY"] == "1"


def test_it_gives_signs_of_life_for_as_long_as_it_runs(supervisor, start):
    start(environment={"NOTIFY_SOCKET": supervisor.address, "WATCHDOG_USEC": "100000"})
    assert "READY" in supervisor.hear()
    assert [supervisor.hear() for _ in range(5)] == [{"WATCHDOG": "1"}] * 5


def test_a_reload_begins_and_ends(supervisor, start):
    server = start(environment={"NOTIFY_SOCKET": supervisor.address})
    supervisor.hear()
    server.process.send_signal(signal.SIGHUP)
    reloading = supervisor.hear()
    assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) > 0
    assert supervisor.hear()["READY"] == "1"


def test_who_cannot_start_does_not_say_that_it_is_ready(supervisor, tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(AssertionError, match="Couldn't listen on"),
        Server(
            tmp_path,
            listen=f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1",
            environment={"NOTIFY_SOCKET": supervisor.address},
        ),
    ):
        pass
    assert supervisor.heard() == []


# -- ports that it is given -------------------------------------------------------------------------


@pytest.fixture
def activate(start: Callable[..., Server]) -> Iterator[Callable[..., Server]]:
    """Starts a server with listening sockets, as :func:`start` does otherwise."""
    high: list[int] = []

    def activated(config: str, names: str, *sockets: socket.socket, **environment: str) -> Server:
        mine = [fcntl.fcntl(each.fileno(), fcntl.F_DUPFD_CLOEXEC, 100) for each in sockets]
        high.extend(mine)
        return start(config, **given(names, *mine, **environment))

    yield activated
    for descriptor in high:
        socket.close(descriptor)


def test_it_listens_on_the_port_it_is_given(activate):
    with socket.create_server(("127.0.0.1", 0)) as port:
        server = activate('[server]\nlisten = ["systemd:domain=INET:index=0"]\n', "chatd.socket", port)
        assert server.port == port.getsockname()[1]
        assert server.join("ann").hears_nothing()


def test_who_comes_while_it_is_not_there_yet_waits_for_it(activate):
    with socket.create_server(("127.0.0.1", 0)) as port:
        early = socket.create_connection(port.getsockname())
        server = activate('[server]\nlisten = ["systemd:domain=INET:index=0"]\n', "chatd.socket", port)
        with early:
            early.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert early.recv(100).startswith(b"HTTP/1.1 4")
        assert server.join("ann").hears_nothing()


def test_ports_may_be_named_and_of_other_kinds(activate, tmp_path, supervisor):
    path = tmp_path / "chat.sock"
    with socket.create_server(("127.0.0.1", 0)) as port, socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        listen = '"systemd:domain=UNIX:name=local", "systemd:domain=INET:name=web"'
        told = {"NOTIFY_SOCKET": supervisor.address}
        server = activate(f"[server]\nlisten = [{listen}]\n", "web:local", port, door, **told)
        assert supervisor.hear()["STATUS"].startswith("listens on systemd:domain=UNIX:name=local, systemd")
        ann = server.join("ann")
        server.dial(path).join(userId="bob", name="Bob")
        assert ann.receive()["userId"] == "bob"


def test_a_port_that_it_is_not_given_is_one_line(tmp_path):
    config = '[server]\nlisten = ["systemd:domain=INET:index=0"]\n'
    with (
        pytest.raises(AssertionError, match=r"server\.listen: expected an endpoint such as tcp:9326"),
        Server(tmp_path, config, listen=None),
    ):
        pass
