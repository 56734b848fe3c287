"""SSH on this reactor, with OpenSSH's client in a process beside it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_twisted import blockon, ensureDeferred

pytest.importorskip("twisted.conch.ssh.keys", reason="conch is not installed: pip install 'chatd[manhole]'")

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import LogEvent, formatEvent

from chatd.config import Manhole as Section
from chatd.manhole.service import Manhole, endpoint
from tests.processes.ssh import Operator

pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh (Debian: openssh-client)")
AT_PROMPT = ("-tt",)  # a terminal over there, whatever there is here


class Way:
    """To a manhole: an operator who may come in, and what can be named there.

    :param folder: where the keys are.
    """

    def __init__(self, folder: Path) -> None:
        from twisted.internet import reactor

        self.operator = Operator(folder)
        self.operator.authorize()
        self.later: Deferred[Any] = Deferred()
        self.asked: Deferred[None] = Deferred()
        settings = Section(
            listen="tcp:0:interface=127.0.0.1",
            authorized_keys=str(folder / "authorized_keys"),
            host_key=str(folder / "host_key"),
        )
        names = {"later": self._ask}
        self.manhole = Manhole(reactor, settings, endpoint(reactor, settings.listen), names)
        self.manhole.privilegedStartService()
        self.manhole.startService()
        self.operator.port = self.manhole._port.getHost().port

    def _ask(self) -> "Deferred[Any]":
        self.asked.callback(None)
        return self.later

    def begin(self, expression: str) -> "subprocess.Popen[str]":
        """Call ssh, and do not wait for its end."""
        command = self.operator.command(expression)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    async def run(self, *words: str, **how: Any) -> tuple[int, str, str]:
        """Call ssh. :returns: its status, output and errors."""
        ended = await deferToThread(self.operator.run, *words, **how)
        return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    """The manhole is gone after the test."""
    way = Way(tmp_path)
    yield way
    blockon(way.manhole.stopService())


@ensureDeferred
async def test_an_expression_is_evaluated(way):
    assert await way.run("1 + 1") == (0, "2\n", "")
    assert await way.run("1 / 0") == (1, "", "ZeroDivisionError: division by zero\n")


@ensureDeferred
async def test_a_result_is_waited_for(way):
    way.asked.addCallback(lambda _: way.later.callback("here it is"))
    assert await way.run("later()") == (0, "'here it is'\n", "")


@ensureDeferred
async def test_a_result_that_fails_is_an_error(way):
    way.asked.addCallback(lambda _: way.later.errback(OSError("no")))
    assert await way.run("later()") == (1, "", "OSError: no\n")


@ensureDeferred
async def test_who_is_gone_no_longer_waits(way):
    """What it has waited for is given up."""
    client = way.begin("later()")
    await way.asked
    given_up = way.later.addErrback(lambda failure: failure.type.__name__)
    client.kill()
    assert await given_up == "CancelledError"
    client.communicate()


@ensureDeferred
async def test_the_prompt(way):
    status, shown, _ = await way.run(options=AT_PROMPT, typed="40 + 2\rexit()\r")
    assert status == 0
    assert "\n42\n>>> " in shown


@ensureDeferred
async def test_the_end_of_what_is_typed_leaves_the_prompt(way):
    status, shown, _ = await way.run(options=AT_PROMPT)
    assert (status, shown.count(">>> ")) == (0, 1)


@ensureDeferred
async def test_the_prompt_is_for_terminals(way):
    status, _, errors = await way.run()
    assert (status, errors.startswith("The prompt needs a terminal")) == (1, True)


@ensureDeferred
async def test_who_has_no_key_is_refused_and_named_by_the_key(way, tmp_path, log):
    stranger = Operator(tmp_path, "stranger")
    stranger.port = way.operator.port
    ended = await deferToThread(stranger.run, "1")
    assert (ended.returncode, ended.stdout) == (255, "")
    assert told(log, "manhole: refused SHA256:") == 1


@ensureDeferred
async def test_who_comes_and_goes_is_named_by_the_key_and_conch_is_quiet(way, log):
    await way.run("'swordfish'")
    await way.manhole.stopService()
    assert (told(log, "has come"), told(log, "has gone"), told(log, "swordfish")) == (1, 1, 0)
    assert [event for event in log if "conch" in event["log_namespace"]] == []


@ensureDeferred
async def test_there_is_no_forwarding(way):
    status, *_ = await way.run(options=("-W", "127.0.0.1:1"))
    assert status == 255


@ensureDeferred
async def test_when_the_server_stops_all_operators_are_told(tmp_path):
    way = Way(tmp_path)
    client = way.begin("later()")
    await way.asked
    way.later.addErrback(lambda _: None)
    await way.manhole.stopService()
    _, errors = await deferToThread(client.communicate)
    assert (client.returncode, "the server stops" in errors) == (255, True)


def told(log: list[LogEvent], what: str) -> int:
    """How many lines of the log have a text."""
    return sum(what in (formatEvent(event) or "") for event in log)
