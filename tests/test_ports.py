"""No two servers of the tests are told the same port."""

import socket
import subprocess
import sys

import pytest

from tests import ports

TWO = range(24_000, 24_002)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ports, which no other test has."""
    monkeypatch.setattr(ports, "PORTS", TWO)
    monkeypatch.setattr(ports, "_name", lambda port: f"\0chatd-port-of-a-test-{port}")
    monkeypatch.setattr(ports, "_taken", ports.deque())


def test_a_port_is_given_once() -> None:
    assert {ports.free_port(), ports.free_port()} == set(TWO)


def test_a_port_with_another_beside_it_takes_both(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ports.free_port(beside=1) == TWO[0]
    monkeypatch.setattr(ports, "PORTS", range(TWO[0], TWO[0] + 3))
    assert ports.free_port() == TWO[0] + 2


def test_what_another_process_was_given_is_not_given_here() -> None:
    hold = f"import socket; it = socket.socket(socket.AF_UNIX); it.bind({ports._name(TWO[0])!r})"
    command = [sys.executable, "-c", f"{hold}; print(); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert ports.free_port() == TWO[1]
        other.communicate(b"\n")
    assert ports.free_port() == TWO[0]


def test_where_somebody_listens_it_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", TWO[1])):
        assert ports.free_port() == TWO[0]
