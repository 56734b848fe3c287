"""Heartbeats, and clients that fall silent (H1, H2)."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.client import CLOSE, HEARTBEAT, PING, PONG, TEXT
from tests.processes.frames import notice
from tests.processes.servers import PATIENCE, ROOT, Server

IMPATIENT = "[heartbeat]\ninterval = 0.2\nmisses = 8\n"


@contextmanager
def stoppable_client(port: int, user: str) -> "Iterator[subprocess.Popen[str]]":
    """A client that is a process."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "tests.processes.stoppable", str(port), user],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: "subprocess.Popen[str]", pattern: str) -> str:
    """Read what a process prints. :returns: the first line that holds a pattern."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        if re.search(pattern, line):
            return line
        lines.append(line)
    raise AssertionError(f"no {pattern!r} in\n" + "".join(lines))


def test_a_heartbeat_is_answered_with_the_same_frame(server: Server) -> None:
    ann, bob = server.join("ann"), server.join("bob")
    ann.receive()
    ann.send(HEARTBEAT)
    assert ann.receive_text() == HEARTBEAT
    assert bob.hears_nothing()


def test_a_heartbeat_is_not_answered_where_that_is_turned_off(start: Callable[..., Server]) -> None:
    ann = start("[heartbeat]\nreply = false\n").join("ann")
    ann.send(HEARTBEAT)
    ann.say("next")
    assert ann.receive()["messageContent"] == "next"


def test_who_answers_pings_stays_for_as_long_as_it_likes(start: Callable[..., Server]) -> None:
    server = start(IMPATIENT)
    client = server.dial().join(userId="ann")
    for _ in range(10):  # each comes after an interval of silence, and eight may pass
        assert client.receive_frame() == (PING, b"")
        client.send_frame(PONG)
    client.send_frame(TEXT, HEARTBEAT.encode())
    assert client.receive_frame() == (TEXT, HEARTBEAT.encode())


def test_who_answers_no_ping_is_closed_with_4408(start: Callable[..., Server]) -> None:
    server = start(IMPATIENT)
    client = server.dial().join(userId="ann")
    assert client.receive_frame() == (PING, b"")
    opcode, payload = client.receive_frame()
    assert (opcode, int.from_bytes(payload[:2])) == (CLOSE, 4408)
    assert client.ended()  # at once: who is waited for in vain ends up aborted


def test_a_client_that_is_stopped_is_dropped_and_the_room_is_told(start: Callable[..., Server]) -> None:
    server = start(IMPATIENT)
    ann = server.join("ann")
    with stoppable_client(server.port, "bob") as bob:
        assert ann.receive() == notice("in", "bob", 2)
        for _ in range(10):
            read_until(bob, "< PING")
        assert "'bob' from 'lobby'" not in server.log
        os.kill(bob.pid, signal.SIGSTOP)
        assert ann.receive() == notice("out", "bob", 1)
        server.wait_for("left as 'bob' from 'lobby': .*4408")
        os.kill(bob.pid, signal.SIGCONT)
        assert read_until(bob, "^closed with") == "closed with 4408\n"
        assert bob.wait(PATIENCE) == 0
