"""The manhole of a real twistd, by OpenSSH's own client."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("twisted.conch.ssh.keys", reason="conch is not installed: pip install 'chatd[manhole]'")

from tests.processes.frames import notice, text
from tests.processes.servers import NO_PAGES, ROOT, Server, twistd
from tests.processes.ssh import Operator, Terminal

pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh (Debian: openssh-client)")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Operator]]:
    """One server for all tests of the module that do not end it."""
    folder = tmp_path_factory.mktemp("manhole")
    operator = Operator(folder)
    operator.authorize()
    with Server(folder, operator.config) as server:
        operator.find(server)
        yield server, operator


@pytest.fixture
def server(shared: tuple[Server, Operator]) -> Iterator[Server]:
    """Its clients are gone after the test."""
    yield shared[0]
    shared[0].hang_up()
    shared[0].assert_no_bugs()


@pytest.fixture
def operator(shared: tuple[Server, Operator]) -> Operator:
    """Who may come in."""
    return shared[1]


# -- ssh host 'expression' --------------------------------------------------------------------------


def test_an_expressions_value_is_printed(operator):
    assert operator.evaluate("'你好', 1 + 1") == "('你好', 2)\n"
    assert operator.evaluate("None") == ""


def test_help_and_what_it_lists_can_be_called(server, operator):
    lines = operator.evaluate("help").splitlines()
    assert [line.split("(")[0].split()[0] for line in lines] == [
        *("registry", "containers", "kick", "lag", "profile", "room"),
        *("rooms", "say", "slow", "stats", "trace", "who"),
    ]


def test_who_is_where(server, operator):
    agent, customer = server.join("agnes", "shop"), server.customer("carl", "shop")
    customer.ask("createContainer", acceptId="agnes")
    assert [customer.receive()["eventType"], agent.receive()["action"]] == ["createContainer", "in"]
    assert operator.evaluate("registry") == "<Registry rooms=1 connections=2>\n"
    assert operator.evaluate("rooms()").splitlines()[1].split() == ["shop", "2", "1", "1"]
    assert operator.evaluate("room('shop')").splitlines()[0] == "shop: 2 online, 1 container"
    assert "127.0.0.1:" in operator.evaluate("who('carl')")
    assert operator.evaluate("containers()").splitlines()[1].split()[:4] == ["shop", "carl", "asked", "agnes"]


def test_how_it_does(server, operator):
    server.join("ann")
    assert "users online                  1\n" in operator.evaluate("stats()")
    assert operator.evaluate("slow()") == "none\n"
    assert operator.evaluate("lag(0.02)").endswith(" ms at most, of 2 timers\n")
    assert operator.evaluate("profile(0.1)").splitlines()[0].endswith(" s of CPU time in them")


def test_slow_lists_who_does_not_read(server, operator):
    ann = server.join("ann")
    slow = server.dial().join(userId="slow", name="Slow")
    assert ann.receive()["action"] == "in"
    while (listed := operator.evaluate("slow()")) == "none\n":  # until the kernel's buffers are full
        for _ in range(20):
            ann.say("x" * 60_000)
            ann.receive()
    unsent, user, *_ = listed.splitlines()[1].split()
    assert user == "slow"
    assert int(unsent.replace(",", "")) > 10_000
    slow.hang_up()
    assert ann.receive()["action"] == "out"


def test_kick(server, operator):
    ann, bob, tab = server.join("ann"), server.join("bob"), server.join("bob")
    assert ann.receive()["action"] == "in"
    assert operator.evaluate("kick('bob', reason='call us')") == "closed: 2 connections of 'bob'\n"
    assert [bob.closed(), tab.closed()] == [(1008, "call us")] * 2
    assert ann.receive() == notice("out", "bob", 1)


def test_say_is_heard_and_is_history(server, operator):
    ann = server.join("ann")
    receipt = operator.evaluate("say('lobby', '六点维护', name='值班')")
    heard = ann.receive()
    assert heard == text("operator", "六点维护", nickName="值班")
    assert receipt == f"said as {heard['messageId']}\n"
    ann.ask("history", limit=1)
    assert ann.receive()["messages"] == [heard]


def test_trace(server, operator):
    ann = server.join("ann")
    assert "'ann': 1 connection now" in operator.evaluate("trace('ann', 600)")
    ann.say("swordfish")
    ann.receive()
    assert server.wait_for(r"trace of 'ann', 127.0.0.1:\d+, in: text \(\d+ bytes\)")
    assert server.wait_for(r"trace of 'ann', 127.0.0.1:\d+, out: ordinary text \(\d+ bytes\)")
    assert operator.evaluate("trace('ann', 0)") == "'ann' is not traced\n"
    assert "swordfish" not in server.log


@pytest.mark.parametrize(
    ("expression", "line"),
    [
        ("1/0", "ZeroDivisionError: division by zero\n"),
        ("room('nowhere')", "LookupError: there is no room 'nowhere'\n"),
        ("say('nowhere', 'x')", "LookupError: there is no room 'nowhere'\n"),
        ("profile(-1)", "ValueError: seconds: expected more than 0 and at most 600\n"),
        ("exit()", "SystemExit: None\n"),
    ],
)
def test_an_error_is_one_line_on_standard_error_and_status_1(operator, expression, line):
    ended = operator.run(expression)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", line)


def test_what_is_piped_in_is_no_harm(operator):
    ended = operator.run("1 + 1", typed="x\n" * 100_000)
    assert (ended.returncode, ended.stdout) == (0, "2\n")


def test_a_long_output_arrives_whole(operator):
    assert operator.evaluate("print('x' * 5_000_000)") == "x" * 5_000_000 + "\n"


def profiling(operator: Operator) -> "subprocess.Popen[bytes]":
    """Somebody for whom a profile of ten minutes has begun: of two at a time the second is refused."""
    while True:
        waiting = subprocess.Popen(operator.command("profile(600)"), stdin=subprocess.DEVNULL)
        while waiting.poll() is None:
            if operator.run("profile(0.01)").returncode != 0:
                return waiting


def test_who_hangs_up_is_not_waited_for(server, operator):
    gone = server.log.count(" has gone")
    waiting = profiling(operator)
    waiting.kill()
    waiting.wait()
    server.wait_for(" has gone", gone + 1)
    while operator.run("profile(0.01)").returncode != 0:
        pass  # until the server has heard of it


# -- the prompt -------------------------------------------------------------------------------------


def test_a_prompt_with_history(server, operator):
    with Terminal(operator.command()) as terminal:
        terminal.wait_for(">>> ")
        terminal.type("6 * 7\r")
        assert "42" in terminal.wait_for("\n>>> ").splitlines()
        terminal.type("'你好'\r")
        assert "'你好'" in terminal.wait_for("\n>>> ").splitlines()
        terminal.type("\x1b[A\x1b[A\r")
        assert "42" in terminal.wait_for("\n>>> ").splitlines()
        terminal.resize(20)
        terminal.type("'" + "x" * 100 + "'\r")
        terminal.wait_for("'" + "x" * 100 + "'")
        terminal.type("lag(0.05)\r")
        terminal.wait_for(" of 5 timers\r\n\r>>> ")
        terminal.type("exit()\r")
        assert terminal.ended() == 0


def test_ctrl_d_ends_the_prompt(operator):
    with Terminal(operator.command()) as terminal:
        terminal.wait_for(">>> ")
        terminal.type("\x04")
        assert terminal.ended() == 0


def test_a_prompt_without_a_terminal_is_refused(operator):
    ended = operator.run(typed="1 + 1\n")
    line = "The prompt needs a terminal (ssh -t). Without one, give an expression.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", line)


# -- who comes in -----------------------------------------------------------------------------------


def test_another_key_is_refused(server, operator, tmp_path):
    stranger = Operator(tmp_path, "stranger")
    stranger.port = operator.port
    ended = stranger.run("1")
    assert (ended.returncode, ended.stdout) == (255, "")
    assert "Permission denied (publickey)." in ended.stderr
    assert server.wait_for("manhole: refused SHA256:")


def test_a_password_is_not_asked_for(operator):
    ways = "PreferredAuthentications=none,password,keyboard-interactive"
    ended = operator.run(
        "1", options=("-oLogLevel=DEBUG1", f"-o{ways}", "-oPubkeyAuthentication=no", "-oBatchMode=no")
    )
    assert ended.returncode == 255
    assert "Authentications that can continue: publickey\n" in ended.stderr.replace("\r", "")
    assert "Permission denied (publickey)." in ended.stderr


def test_the_log_says_who_comes_and_goes_and_not_what_they_type(server, operator):
    come, gone = server.log.count(" has come"), server.log.count(" has gone")
    operator.evaluate("'swordfish'")
    operator.run("swordfish(")
    with Terminal(operator.command()) as terminal:
        terminal.wait_for(">>> ")
        terminal.type("'swordfish'\rswordfish\rswordfish = (\r)\r\x1b[5~swordfish\r")
        for _ in range(5):
            terminal.wait_for("\n")
        terminal.type("exit()\r")
        terminal.ended()
    server.wait_for(r"manhole: SHA256:\S{43} has come", come + 3)
    server.wait_for(r"manhole: SHA256:\S{43} has gone", gone + 3)
    assert "swordfish" not in server.log


def test_nothing_but_sessions_is_to_be_had(server, operator):
    assert operator.run(options=("-W", f"127.0.0.1:{server.port}")).returncode == 255
    assert operator.run("sftp", options=("-s",)).returncode != 0
    forwarded = operator.run("1", options=("-R", "0:127.0.0.1:1", "-oExitOnForwardFailure=yes"))
    assert forwarded.returncode == 255


def test_what_is_no_ssh_is_no_bug(server, operator):
    with socket.create_connection(("127.0.0.1", operator.port)) as garbage:
        garbage.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(10_000))
    assert operator.evaluate("1") == "1\n"


def test_a_key_is_let_in_from_its_first_day_to_its_last(tmp_path, start):
    operator, other = Operator(tmp_path), Operator(tmp_path, "other")
    operator.authorize()
    server = start(operator.config)
    operator.find(server), other.find(server)
    assert (operator.run("1").returncode, other.run("1").returncode) == (0, 255)
    other.authorize()
    assert (operator.run("1").returncode, other.run("1").returncode) == (255, 0)


# -- where it is ------------------------------------------------------------------------------------


def test_the_servers_key_is_made_once_and_is_the_servers_alone(tmp_path):
    operator = Operator(tmp_path)
    operator.authorize()
    with Server(tmp_path, operator.config) as server:
        operator.find(server)
        operator.evaluate("1")
    made = (tmp_path / "host_key").read_bytes()
    assert (tmp_path / "host_key").stat().st_mode & 0o777 == 0o600
    listen = f"tcp:{operator.port}:interface=127.0.0.1"
    with Server(tmp_path, operator.config_for(listen)):
        assert operator.run("1", options=("-oStrictHostKeyChecking=yes",)).returncode == 0
    assert (tmp_path / "host_key").read_bytes() == made


@pytest.mark.skipif(shutil.which("nc") is None, reason="there is no nc (Debian: netcat-openbsd)")
def test_a_unix_socket(tmp_path, start):
    operator = Operator(tmp_path)
    operator.authorize()
    server = start(operator.config_for("unix:manhole.sock:mode=600"))
    server.wait_for("listening on UNIXAddress")
    through = f"-oProxyCommand=nc -U {tmp_path / 'manhole.sock'}"
    ended = operator.run("1 + 1", options=(through,))
    assert (ended.stdout, ended.stderr) == ("2\n", "")
    assert (tmp_path / "manhole.sock").stat().st_mode & 0o777 == 0o600


def test_who_is_at_the_prompt_when_the_server_stops_is_told(tmp_path):
    operator = Operator(tmp_path)
    operator.authorize()
    with Server(tmp_path, operator.config) as server:
        operator.find(server)
        with Terminal(operator.command()) as terminal:
            terminal.wait_for(">>> ")
            server.stop()
            terminal.wait_for("the server stops")
            assert terminal.ended() == 255


# -- how it does not start --------------------------------------------------------------------------


def refused(folder: Path, config: str) -> str:
    """The one line of a server that does not start, without its beginning."""
    (folder / "c.toml").write_text(config + NO_PAGES)
    ended = twistd(
        "-n", "--pidfile=", "chatd", "--listen", "tcp:0:interface=127.0.0.1", "-c", "c.toml", cwd=folder
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stderr
    return ended.stderr.removeprefix("chatd: ")


def test_files_of_keys_that_will_not_do_are_one_line(tmp_path):
    operator = Operator(tmp_path)
    missing = "manhole.authorized_keys: authorized_keys: No such file or directory\n"
    assert refused(tmp_path, operator.config) == missing
    operator.authorize()
    (tmp_path / "host_key").touch(0o644)
    line = "manhole.host_key: host_key: others may read it: chmod 600 host_key\n"
    assert refused(tmp_path, operator.config) == line


def test_without_the_extra_it_is_one_line(tmp_path, monkeypatch):
    operator = Operator(tmp_path)
    operator.authorize()
    (tmp_path / "bcrypt.py").write_text("raise ModuleNotFoundError(\"No module named 'bcrypt'\")")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    line = "c.toml: manhole.listen: No module named 'bcrypt': pip install 'chatd[manhole]'\n"
    assert refused(tmp_path, operator.config) == line
