"""How chatd starts, and how it says that it cannot: one line on standard error, and status 1."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes.clients import RawClient
from tests.processes.frames import notice
from tests.processes.servers import LISTENING, Server, twistd


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port of 127.0.0.1 on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def chatd(directory: Path, *arguments: str | Path) -> tuple[int, str, str]:
    """Run chatd, which is not to start. :returns: its status, what it prints, and its errors."""
    ended = twistd("-n", "--pidfile=", "chatd", *arguments, cwd=directory)
    return ended.returncode, ended.stdout, ended.stderr


# -- --check ----------------------------------------------------------------------------------------


def test_check_says_ok_of_a_sound_file(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[notices]\nin = "hello {name}"\n')
    assert chatd(tmp_path, "--config", "c.toml", "--check") == (0, "ok\n", "")


def test_check_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[heartbeat]\ninterval = 'x'")
    line = 'chatd: c.toml: heartbeat.interval: expected a number > 0, got "x"\n'
    assert chatd(tmp_path, "--config", "c.toml", "--check") == (1, "", line)


def test_a_server_does_not_start_with_a_mistake_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[server]\nlisten = 9326\n")
    line = "chatd: c.toml: server.listen: expected a list of texts, got 9326\n"
    assert chatd(tmp_path, "--config", "c.toml") == (1, "", line)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    line = f"chatd: {tmp_path / 'c.toml'}: No such file or directory\n"
    assert chatd(tmp_path, "--config", tmp_path / "c.toml") == (1, "", line)


def test_an_option_that_chatd_does_not_have_is_refused(tmp_path: Path) -> None:
    status, output, _ = chatd(tmp_path, "--port", "9326")
    assert status == 1
    assert "option --port not recognized" in output


# -- --listen ---------------------------------------------------------------------------------------


def test_listen_overrides_the_file(start: Callable[..., Server], taken_port: int) -> None:
    server = start(f'[server]\nlisten = ["tcp:{taken_port}:interface=127.0.0.1"]\n')
    assert server.join("ann").hears_nothing()


def test_the_file_says_where_to_listen(tmp_path: Path, taken_port: int) -> None:
    (tmp_path / "c.toml").write_text(f'[server]\nlisten = ["tcp:{taken_port}:interface=127.0.0.1"]\n')
    status, _, errors = chatd(tmp_path, "--config", "c.toml")
    assert (status, str(taken_port) in errors) == (1, True)


def test_one_room_has_as_many_doors_as_listen_says(start: Callable[..., Server], tmp_path: Path) -> None:
    path = tmp_path / "chat.sock"
    more = ("--listen", "tcp:0:interface=127.0.0.1", "--listen", f"unix:{path}")
    server = start(arguments=more)
    ann = server.join("ann")
    server.port = int(server.wait_for(LISTENING, times=2).group(1))
    bob = server.join("bob")
    server.dial(path).join(userId="cid", name="Cid")
    assert [ann.receive(), ann.receive()] == [notice("in", "bob", 2), notice("in", "cid", 3)]
    assert bob.receive() == notice("in", "cid", 3)


# -- where it cannot listen -------------------------------------------------------------------------


def test_a_port_that_is_taken_is_one_line(tmp_path: Path, taken_port: int) -> None:
    status, _, errors = chatd(tmp_path, "--listen", f"tcp:{taken_port}:interface=127.0.0.1")
    assert status == 1
    assert errors == (
        f"chatd: Couldn't listen on 127.0.0.1:{taken_port}: [Errno 98] Address already in use.\n"
    )


def test_a_place_that_is_none_is_one_line(tmp_path: Path) -> None:
    status, output, errors = chatd(tmp_path, "--listen", "unix:nowhere/chat.sock")
    assert status == 1
    assert errors.startswith("chatd: Couldn't listen on unix:nowhere/chat.sock: ")
    assert errors.count("\n") == 1
    assert "Traceback" not in output


def test_a_client_of_ipv4_has_its_own_address_on_a_port_of_ipv6_too(start: Callable[..., Server]) -> None:
    server = start(arguments=("--listen", r"tcp6:0:interface=\:\:ffff\:127.0.0.1"))
    port = int(
        server.wait_for(r"listening on IPv6Address\(type='TCP', host='::ffff:127.0.0.1', port=(\d+)").group(1)
    )
    with RawClient(port).join():
        server.wait_for(r"#info\] 127\.0\.0\.1:\d+ joined as 'ann'")
