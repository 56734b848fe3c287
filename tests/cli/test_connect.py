"""``python -m chatd connect``: real processes and a real server."""

import hashlib
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from chatd.checkers.hashes import HASHER
from chatd.passwd import put
from tests.certificates import Authority
from tests.cli.command import CHATD, Command, environment, run
from tests.ports import free_port
from tests.processes.servers import LISTENING, Server


def at(server: Server, user: str, room: str = "lobby", *more: str) -> tuple[str, ...]:
    """The arguments by which somebody talks."""
    return ("connect", f"127.0.0.1:{server.port}", "--room", room, "--user", user, *more)


# -- talking ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("terminal", [True, False])
def test_two_people_talk(server, command, terminal):
    ann = command(*at(server, "ann", "lobby", "--name", "Ann"), terminal=terminal)
    ann.wait_for(r"\* Ann .*\(ann\)")
    bob = command(*at(server, "bob"), terminal=terminal)
    ann.wait_for(r"\* bob .*\(bob\)")
    bob.wait_for(r"\(bob\)")
    ann.type("hello")
    bob.wait_for(r"^\d\d:\d\d:\d\d Ann \(ann\): hello$")
    bob.type("你好")
    ann.wait_for(r"^\d\d:\d\d:\d\d bob \(bob\): 你好$")


def test_a_customer_reaches_an_agent(server, command):
    agnes = command(*at(server, "agnes", "shop"), terminal=True)
    agnes.wait_for(r"\(agnes\)")
    carl = command(*at(server, "carl", "shop", "--container", "carl", "--target", "order-7"), terminal=True)
    carl.type("where is my parcel?", "/ask agnes")
    agnes.wait_for(r"\[carl\] \* carl \(carl\) asks for agnes about order-7: /open carl")
    agnes.type("/open carl", "on its way")
    agnes.wait_for(r"\[carl\] carl \(carl\): where is my parcel\?")
    carl.wait_for(r"\[carl\] agnes \(agnes\): on its way")
    agnes.type("/close")
    carl.wait_for(r"\[carl\] \* .*\(carl\)$")


def test_what_comes_from_a_pipe_is_said_and_it_ends_when_all_is_received(server):
    bob = server.join("bob")
    done = run(*at(server, "ann"), said="hi\nthere, without an end of the line")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[9:] for line in done.stdout.splitlines()[1:]] == [
        "ann (ann): hi",
        "ann (ann): there, without an end of the line",
    ]
    assert [bob.receive().get("messageContent") for _ in range(3)][1:] == [
        "hi",
        "there, without an end of the line",
    ]
    assert bob.receive()["action"] == "out"


def test_a_pipe_may_hold_more_than_the_server_takes_at_once(start):
    server = start("[limits]\nrate = 200.0\nburst = 10\n")
    numbers = [str(number) for number in range(30)]
    done = run(*at(server, "ann"), said="\n".join(numbers))
    assert done.returncode == 0
    assert [line.rpartition(": ")[2] for line in done.stdout.splitlines()[1:]] == numbers


def test_a_file_may_be_what_is_said(server, tmp_path):
    path, output = tmp_path / "said", tmp_path / "heard"
    path.write_text("from a file\n")
    with path.open() as said, output.open("w") as heard:
        status = subprocess.run(
            [*CHATD, *at(server, "ann")], stdin=said, stdout=heard, env=environment(), timeout=30
        )
    assert status.returncode == 0
    assert output.read_text().splitlines()[-1].endswith("ann (ann): from a file")


@pytest.mark.parametrize(("closed", "name"), [("<&-", "input"), (">&-", "output")])
def test_a_stream_that_is_closed_is_one_line(server, closed, name):
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *CHATD, *at(server, "ann")],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (1, f"chatd: standard {name} is closed\n")


def test_the_first_line_of_a_pipe_that_is_refused_ends_it(server):
    bob = server.join("bob")
    done = run(*at(server, "ann"), said="one\n/open nobody\nfor nobody alone\n")
    assert done.returncode == 1
    assert done.stderr == "chatd: a line was refused; what followed it was not said\n"
    assert "! not_found: " in done.stdout
    assert [bob.receive().get("messageContent") for _ in range(2)][1] == "one"
    assert bob.receive()["action"] == "out"


def test_a_line_that_is_no_text_is_refused(server, command):
    ann = command(*at(server, "ann"))
    ann.write(b"\xff\n")
    assert ann.wait() == 1
    assert "not done: the line is no UTF-8 text" in ann.text


def test_nothing_that_others_say_acts_on_the_terminal(server, command):
    ann = command(*at(server, "ann"), terminal=True)
    ann.wait_for(r"\(ann\)")
    eve = server.join("eve", name="E\u202eve")
    eve.say("\x1b]0;owned\x07\x9b2J\r\nforged")
    ann.wait_for(r"forged")
    shown = ann.text
    assert r"E\u202eve (eve): \x1b]0;owned\x07\x9b2J\r\nforged" in shown
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown)


# -- the end ----------------------------------------------------------------------------------------


def test_ctrl_d_and_quit_end_it_once_all_is_received(server, command):
    bob = server.join("bob")
    for user, end in (("ann", lambda it: it.press("D")), ("cid", lambda it: it.type("/quit"))):
        it = command(*at(server, user), terminal=True)
        it.wait_for(rf"\({user}\)")
        it.type(f"bye from {user}")
        end(it)
        assert it.wait() == 0
        assert bob.receive()["action"] == "in"
        assert bob.receive()["messageContent"] == f"bye from {user}"
        assert bob.receive()["action"] == "out"


def test_ctrl_c_ends_it_cleanly(server, command):
    bob = server.join("bob")
    ann = command(*at(server, "ann"), terminal=True)
    assert bob.receive()["action"] == "in"
    ann.wait_for(r"\(ann\)")
    ann.press("C")
    assert ann.wait() == 0
    assert bob.receive()["action"] == "out"
    assert "Traceback" not in ann.text


def test_help_is_shown_and_said_to_nobody(server, command):
    ann = command(*at(server, "ann"), terminal=True)
    ann.wait_for(r"\(ann\)")
    ann.type("/help", "after")
    ann.wait_for(r"^  /open CONTAINER +open a customer's conversation")
    ann.wait_for(r"ann \(ann\): after")


@pytest.mark.parametrize("arguments", [("connect", "--room", "lobby"), ("tail", "lobby", "--url")])
def test_it_ends_when_nobody_reads_its_output_any_more(server, arguments):
    """As after head(1)."""
    where = f"127.0.0.1:{server.port}"
    rest = [where, *arguments[1:]] if arguments[0] == "connect" else [*arguments[1:], where]
    command = [*CHATD, arguments[0], *rest, "--user", "ann"]
    pipe = subprocess.PIPE
    bob = server.join("bob")
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment()) as it:
        assert it.stdout is not None and it.stderr is not None
        assert "(ann)" in it.stdout.readline().decode()
        it.stdout.close()
        bob.say("nobody reads this")
        while bob.receive().get("action") != "out":
            pass
        it.wait(30)
        assert b"Traceback" not in it.stderr.read()


# -- connections that are lost or refused -----------------------------------------------------------


def test_a_server_that_is_killed_and_comes_back_loses_nothing_and_tells_nothing_twice(
    start, command, stack, tmp_path
):
    first = start()
    ann, bob = (command(*at(first, user), terminal=True) for user in ("ann", "bob"))
    ann.wait_for(r"\(ann\)"), bob.wait_for(r"\(bob\)")
    ann.type(*(f"before {number}" for number in range(20)))
    bob.wait_for("before 9")
    first.signal(signal.SIGKILL)
    first.wait()
    ann.wait_for("connecting again")
    ann.type(*(f"meanwhile {number}" for number in range(5)))
    second = stack.enter_context(Server(tmp_path, listen=f"tcp:{first.port}:interface=127.0.0.1"))
    bob.type("and bob")
    for it in (ann, bob):
        it.wait_for("ann \\(ann\\): meanwhile 4")
        it.wait_for("bob \\(bob\\): and bob")
    ann.type("after")
    bob.wait_for("ann \\(ann\\): after")
    ann.wait_for("ann \\(ann\\): after")
    expected = [f"before {number}" for number in range(20)] + [f"meanwhile {number}" for number in range(5)]
    for it in (ann, bob):
        assert re.findall(r"ann \(ann\): (.*)", it.text) == [*expected, "after"]
        assert len(re.findall(r"bob \(bob\): (.*)", it.text)) == 1
    assert second.port == first.port


def test_who_does_not_come_back_in_time_is_given_up(start, command):
    server = start()
    ann = command(*at(server, "ann", "lobby", "--give-up", "0.5"), terminal=True)
    ann.wait_for(r"\(ann\)")
    server.signal(signal.SIGKILL)
    assert ann.wait() == 1
    assert re.search(r"^chatd: ws://127\.0\.0\.1:\d+: .*; given up$", ann.text, re.MULTILINE)


def test_ctrl_c_while_the_server_is_away_tells_what_was_not_received(start, command):
    server = start()
    ann = command(*at(server, "ann"), terminal=True)
    ann.wait_for(r"\(ann\)")
    server.signal(signal.SIGKILL)
    ann.wait_for("connecting again")
    ann.type("lost?")
    ann.wait_for("lost?")
    ann.type("/quit")
    ann.wait_for("ends when all that was typed has been received")
    ann.press("C")
    assert ann.wait() == 1
    assert "chatd: without a receipt: 1 of what was typed" in ann.text


def test_a_server_that_is_not_there_is_one_line():
    port = free_port()
    done = run("connect", f"127.0.0.1:{port}", "--room", "lobby", "--user", "ann", said="hi\n")
    assert (done.returncode, done.stderr) == (1, f"chatd: ws://127.0.0.1:{port}: nobody listens there\n")


def test_a_server_that_is_full_is_one_line(start):
    server = start("[server]\nmax_connections = 1\n")
    server.join("bob")
    done = run(*at(server, "ann"), said="hi\n")
    assert done.returncode == 1
    assert re.fullmatch(r"chatd: ws://127\.0\.0\.1:\d+: HTTP 503 .*\n", done.stderr)


def test_what_is_no_chat_server_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as door:

        def answer() -> None:
            there, _ = door.accept()
            with there:
                there.recv(10_000)
                there.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        done = run("connect", f"127.0.0.1:{door.getsockname()[1]}", "--room", "r", "--user", "u", said="hi\n")
        thread.join()
    assert done.returncode == 1 and done.stderr.endswith(": HTTP 200 OK\n")


def test_a_refusal_is_one_line_with_its_reason(server):
    done = run(*at(server, "ann", "lobby", "--container", "bob"), said="hi\n")
    assert done.returncode == 1
    assert done.stderr.endswith(": 4403 containerId must be the connection's own userId.\n")


# -- accounts ---------------------------------------------------------------------------------------

PASSWORD = "sesame-street-9"
MD5 = hashlib.md5(PASSWORD.encode()).hexdigest()


@pytest.fixture
def guarded(start, tmp_path) -> Server:
    """A server at which one needs an account."""
    put(tmp_path / "staff", "ann", HASHER.hash(MD5), None, None)
    return start(f'[auth]\nanonymous = false\n[auth.staff]\nkind = "file"\npath = "{tmp_path / "staff"}"\n')


ACCOUNT = ("--client-type", "staff", "--account", "ann")


def is_nowhere(server: Server, it: Command) -> None:
    """Neither the password nor its MD5 is in any output, or among the arguments of the process."""
    arguments = Path(f"/proc/{it.process.pid}/cmdline").read_text()
    assert "--account" in arguments
    for secret in (PASSWORD, MD5, MD5.upper()):
        assert secret not in arguments + it.text + server.log


def test_a_password_comes_from_the_environment(guarded, command):
    ann = command(*at(guarded, "ann", "lobby", *ACCOUNT), CHATD_PASSWORD=PASSWORD)
    ann.type("hello")
    ann.wait_for(r"ann \(ann\): hello")
    is_nowhere(guarded, ann)


def test_a_password_is_asked_for_at_the_terminal_and_not_shown(guarded, command):
    ann = command(*at(guarded, "ann", "lobby", *ACCOUNT), terminal=True)
    ann.wait_for("Password: ")
    ann.type(PASSWORD)
    ann.wait_for(r"\(ann\)")
    ann.type("hello")
    ann.wait_for(r"ann \(ann\): hello")
    is_nowhere(guarded, ann)


def test_a_wrong_password_is_one_line(guarded):
    done = run(*at(guarded, "ann", "lobby", *ACCOUNT), said="hi\n", CHATD_PASSWORD="wrong")
    assert done.returncode == 1
    assert re.fullmatch(r"chatd: ws://127\.0\.0\.1:\d+: 4401 .*\n", done.stderr)


def test_without_a_terminal_to_ask_at_the_environment_must_have_it(guarded):
    done = run(*at(guarded, "ann", "lobby", *ACCOUNT), said="hi\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "chatd: there is no terminal to ask for the password: set CHATD_PASSWORD\n"


def test_a_project_without_an_account_is_refused(guarded):
    done = run(*at(guarded, "ann", "lobby", "--client-type", "staff"))
    assert (done.returncode, done.stderr) == (1, "chatd: --client-type goes with --account\n")


# -- TLS --------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def tls_port(start, authority: Authority, name: str) -> int:
    """The port of a server whose certificate is for that name."""
    listen = f"ssl:0:interface=127.0.0.1:{authority.issue(name).endpoint}"
    server = start(arguments=("--listen", listen))
    return int(server.wait_for(LISTENING, times=2).group(1))


def by_tls(port: int, *more: str) -> "tuple[int, str]":
    done = run("connect", f"wss://localhost:{port}", "--room", "lobby", "--user", "ann", *more, said="hi\n")
    assert done.returncode or "ann (ann): hi" in done.stdout
    return done.returncode, done.stderr.partition(f":{port}: ")[2]


def test_by_tls_with_the_right_authority(start, authority):
    port = tls_port(start, authority, "localhost")
    assert by_tls(port, "--ca-file", str(authority.file)) == (0, "")


def test_a_certificate_of_another_host_is_refused(start, authority):
    port = tls_port(start, authority, "elsewhere.example")
    status, why = by_tls(port, "--ca-file", str(authority.file))
    assert (status, why) == (1, "its certificate is another host's\n")


def test_a_certificate_of_an_unknown_authority_is_refused(start, authority):
    port = tls_port(start, authority, "localhost")
    why = "its certificate has expired, or no authority that is trusted here has signed it\n"
    assert by_tls(port) == (1, why)


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), ("x", "expected certificates in PEM")]
)
def test_authorities_that_cannot_be_read_are_one_line(tmp_path, content, why):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    done = run("connect", "wss://localhost:1", "--room", "r", "--user", "u", "--ca-file", path)
    assert (done.returncode, done.stderr) == (1, f"chatd: {path}: {why}\n")
