"""A store that fails while chatd runs: senders are told, nobody hears, and all is well when it works again.

Three kinds: a full disk, a file system that has become read-only, and a file size limit, which takes no root.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.durability.disks import limit_files, small_disk
from tests.processes.clients import Client
from tests.processes.frames import error, notice, text
from tests.processes.servers import Server

MOST = 1000  # messages that a disk that is called full may still take, in pages that it had before


class Failing:
    """A server whose store fails when the test wants.

    :param start: starts it.
    :param wreck: makes the store fail from now on.
    :param mend: makes it work again.
    """

    def __init__(
        self, start: Callable[[], Server], wreck: Callable[[Server], None], mend: Callable[[Server], None]
    ) -> None:
        self._start, self._wreck, self._mend = start, wreck, mend
        self.server = start()

    def wreck(self) -> None:
        """The store fails from now on."""
        self._wreck(self.server)

    def mend(self) -> None:
        """The store works again."""
        self._mend(self.server)

    def crash(self) -> None:
        """kill -9, and a new server on the same store."""
        self.server.signal(signal.SIGKILL)
        self.server.wait()
        self.server = self._start()


def opened(kind: str, directory: Path, stack: ExitStack) -> Failing:
    """A server with a store that can fail in one of three ways."""
    config = '[store]\nurl = "sqlite:{}/chatd.sqlite"\n[limits]\nrate = 10000.0\nburst = 10000\n'

    def start() -> Server:
        return stack.enter_context(Server(directory, config.format(place)))

    if kind == "file size limit":
        place = directory
        return Failing(start, lambda server: limit_files(server, 0), lambda server: limit_files(server, -1))
    disk = stack.enter_context(small_disk(directory / "disk"))
    place = disk.path
    if kind == "full disk":
        return Failing(start, lambda _: disk.fill(), lambda _: disk.free())
    return Failing(start, lambda _: disk.make_read_only(), lambda _: disk.make_writable())


@pytest.fixture(params=["full disk", "read-only", "file size limit"])
def failing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Failing]:
    """A server with a store that can fail, and has not been used yet."""
    with ExitStack() as stack:
        yield opened(request.param, tmp_path, stack)


@pytest.fixture(params=["full disk", "file size limit"])
def failing_later(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Failing]:
    """A server with a store that can fail while it is in use, as a file system cannot become read-only."""
    with ExitStack() as stack:
        yield opened(request.param, tmp_path, stack)


def say_until_refused(client: Client) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Say this and that, each with its number as clientMessageId.

    :returns: what the client hears of what was taken, and of the one that was not.
    """
    taken: list[dict[str, Any]] = []
    for number in range(MOST):
        client.say("x" * 1000, clientMessageId=str(number))
        heard = client.receive()
        if heard["messageType"] == "error":
            return taken, heard
        taken.append(heard)
    raise AssertionError("nothing was refused")


def test_the_sender_is_told_which_message_was_not_stored(failing: Failing) -> None:
    ann = failing.server.join("ann")
    failing.wreck()
    taken, refusal = say_until_refused(ann)
    assert refusal == error("storage_unavailable", eventType="ordinary", clientMessageId=str(len(taken)))
    failing.mend()


def test_nobody_hears_what_was_not_stored(failing: Failing) -> None:
    ann, bob = failing.server.join("ann"), failing.server.join("bob")
    ann.receive()
    failing.wreck()
    taken, _ = say_until_refused(ann)
    assert [bob.receive()["messageId"] for _ in taken] == [each["messageId"] for each in taken]
    assert bob.hears_nothing()
    failing.mend()


def test_heartbeats_and_notices_go_on(failing: Failing) -> None:
    ann = failing.server.join("ann")
    failing.wreck()
    say_until_refused(ann)
    assert ann.hears_nothing()  # but the answer to its heartbeat
    bob = failing.server.join("bob")
    assert ann.receive() == notice("in", "bob", 2)
    bob.leave()
    assert ann.receive() == notice("out", "bob", 1)
    failing.mend()


def test_the_log_tells_once_why_and_once_that_it_works_again(failing: Failing) -> None:
    ann = failing.server.join("ann")
    failing.wreck()
    for _ in range(3):
        say_until_refused(ann)
    failing.mend()
    ann.say("hello")
    assert ann.receive() == text("ann", "hello")
    failing.server.wait_for("the store works again")
    lines = [line for line in failing.server.log.split("\n") if "the store fails" in line]
    assert len(lines) == 1


def test_what_was_refused_may_be_sent_again_when_it_works_again(failing: Failing) -> None:
    ann, bob = failing.server.join("ann"), failing.server.join("bob")
    ann.receive()
    failing.wreck()
    taken, refusal = say_until_refused(ann)
    for _ in taken:
        bob.receive()
    failing.mend()
    id = refusal["clientMessageId"]
    ann.say("once more", clientMessageId=id)
    assert ann.receive() == text("ann", "once more", clientMessageId=id)
    assert bob.receive() == text("ann", "once more")


def test_a_container_that_changed_meanwhile_is_kept_when_it_works_again(failing_later: Failing) -> None:
    server = failing_later.server
    agnes, carl = server.join("agnes", "shop"), server.customer("carl", "shop")
    agnes.receive()
    carl.ask("createContainer", acceptId="agnes")
    assert agnes.receive()["eventType"] == carl.receive()["eventType"] == "createContainer"
    failing_later.wreck()
    say_until_refused(carl)
    agnes.ask("addContainer", containerId="carl")
    assert carl.receive() == notice("in", "agnes", 2, "shop", containerId="carl")
    failing_later.mend()
    server.wait_for("the store works again")
    failing_later.crash()
    agnes, carl = failing_later.server.join("agnes", "shop"), failing_later.server.customer("carl", "shop")
    agnes.say("still here", containerId="carl")
    assert carl.receive() == text("agnes", "still here", "shop", containerId="carl")


def test_what_was_stored_before_is_still_there(failing_later: Failing) -> None:
    ann = failing_later.server.join("ann")
    ann.say("before")
    first = ann.receive()
    failing_later.wreck()
    say_until_refused(ann)
    failing_later.crash()
    failing_later.mend()
    ann = failing_later.server.join("ann")
    ann.ask("history", after="", limit=1)
    assert ann.receive()["messages"] == [first]
