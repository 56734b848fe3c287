"""The end of a server that is told to end by SIGTERM."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import target
from tests.processes.clients import PATIENCE
from tests.processes.servers import Server


def test_every_client_is_closed_with_1001_and_a_reason_and_hears_no_out(start: Callable[..., Server]) -> None:
    server = start()
    clients = [server.join("ann"), server.join("bob"), server.customer("carl", "lobby")]
    clients[0].receive(), clients[0].receive(), clients[1].receive()  # bob's and carl's coming
    server.signal(signal.SIGTERM)
    # closed() takes no frame before the close
    assert [client.closed() for client in clients] == [(1001, "the server is going away: reconnect")] * 3
    assert server.wait() == 0


def test_an_open_container_hears_no_out_either(start: Callable[..., Server]) -> None:
    server = start()
    agent, carl = server.join("agnes", "shop"), server.customer("carl", "shop")
    carl.ask("createContainer", acceptId="agnes")
    assert [agent.receive()["action"], agent.receive()["eventType"]] == ["in", "createContainer"]
    agent.ask("addContainer", containerId="carl")
    assert [carl.receive()["eventType"], carl.receive()["action"]] == ["createContainer", "in"]
    server.signal(signal.SIGTERM)
    assert carl.closed()[0] == 1001


def test_nobody_comes_in_while_others_are_on_their_way_out(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    path = tmp_path / "chat.sock"
    server = start(arguments=("--listen", f"unix:{path}"))
    lingering = server.dial().join()
    server.signal(signal.SIGTERM)
    assert lingering.closed()[0] == 1001
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    assert not path.exists()
    assert server.process.poll() is None


def test_a_client_that_does_not_answer_the_close_is_dropped(start: Callable[..., Server]) -> None:
    server = start()
    client = server.dial().join()
    server.signal(signal.SIGTERM)
    assert client.closed() == (1001, "the server is going away: reconnect")
    assert server.wait() == 0
    with pytest.raises(ConnectionResetError):
        client.ended()
    assert "did not close in time" not in server.log


def test_a_handshake_that_is_not_done_does_not_hold_the_end(start: Callable[..., Server]) -> None:
    server = start()
    dialled = server.dial()
    server.join("ann")  # by whose coming the server has seen the other too
    server.signal(signal.SIGTERM)
    with pytest.raises(ConnectionResetError):
        dialled.ended()
    assert server.wait() == 0


def test_sigint_ends_it_the_same_way(start: Callable[..., Server]) -> None:
    server = start()
    ann = server.join("ann")
    server.signal(signal.SIGINT)
    assert ann.closed() == (1001, "the server is going away: reconnect")
    assert server.wait() == -signal.SIGINT


DRAINING = "[server]\ndrain_seconds = 60\n"


def test_it_takes_its_time_and_answers_503_meanwhile_unless_it_is_told_again(
    start: Callable[..., Server],
) -> None:
    server = start(DRAINING)
    clients = [server.join(f"u{number}", f"room {number}") for number in range(3)]
    server.signal(signal.SIGTERM)
    server.wait_for("closing connections within 60 seconds")
    with server.dial() as late:
        assert late.request(target()).startswith("HTTP/1.1 503 ")
    clients[0].say("still here")
    assert clients[0].receive()["messageContent"] == "still here"
    server.signal(signal.SIGTERM)
    assert [client.closed()[0] for client in clients] == [1001] * 3
    assert server.wait() == 0


def test_it_ends_when_the_last_one_was_closed_in_its_time(start: Callable[..., Server]) -> None:
    server = start("[server]\ndrain_seconds = 1\n")
    clients = [server.join(f"u{number}", f"room {number}") for number in range(5)]
    server.signal(signal.SIGTERM)
    assert [client.closed() for client in clients] == [(1001, "the server is going away: reconnect")] * 5
    assert server.wait() == 0
