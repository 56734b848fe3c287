"""One server for all attacks, with a room in it that must go on, and a bound on its memory."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import procfs
from chatd.checkers.hashes import HASHER
from tests.abuse.attacks import ACCOUNT, CONFIG, ORIGIN, PASSWORD
from tests.processes.clients import Client
from tests.processes.conftest import start
from tests.processes.servers import Server

__all__ = ["start"]

AT_LEAST = 10
"""Messages that the bystanders must exchange while an attack goes on."""

GROWTH = 16 * 1024 * 1024 + HASHER.memory_cost * 1024
"""Bytes by which an attack may raise the peak of the server's resident memory: one hash, and little else."""


def write_accounts(folder: Path, account: str = ACCOUNT) -> None:
    """The one account that there is, bound to a user of the same name."""
    file = folder / "accounts"
    file.write_text(f"{account}:{HASHER.hash(PASSWORD)}:{account}\n")
    file.chmod(0o600)


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("chatd")
    write_accounts(folder)
    with Server(folder, CONFIG) as server:
        yield server


class Bystanders:
    """Two people who talk in a room of their own: each speaks when the other has heard the last word."""

    def __init__(self, ann: Client, bob: Client) -> None:
        self._people = ann, bob
        self._over = threading.Event()
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._talk)
        self._trouble: BaseException | None = None
        self._thread.start()

    def stop(self) -> None:
        """The attack is over. :raises Exception: if anything else was heard than what was said."""
        assert self._enough.wait(30) or self._trouble, "the room has come to a stand"
        self._over.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the room has come to a stand"
        if self._trouble is not None:
            raise self._trouble

    def _talk(self) -> None:
        try:
            number = 0
            while not self._over.is_set():
                self._people[number % 2].say(f"word {number}")
                for person in self._people:
                    heard = person.receive()
                    assert heard.get("messageContent") == f"word {number}", heard
                number += 1
                if number >= AT_LEAST:
                    self._enough.set()
                self._over.wait(0.04)  # the rate that anybody is allowed
        except BaseException as trouble:
            self._trouble = trouble
            self._enough.set()


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """The server; whatever the test does to it, the bystanders' room goes on, and its memory is bounded."""
    ann = shared_server.connect(userId="ann", roomName="garden", origin=ORIGIN)
    ann.receive()
    bob = shared_server.connect(userId="bob", roomName="garden", origin=ORIGIN)
    ann.receive(), bob.receive()
    bystanders = Bystanders(ann, bob)
    procfs.reset_peak(shared_server.process.pid)
    before = procfs.memory(shared_server.process.pid)
    yield shared_server
    bystanders.stop()
    shared_server.hang_up()
    shared_server.assert_no_bugs()
    grown = procfs.memory(shared_server.process.pid, "VmHWM") - before
    assert grown < GROWTH, f"the server's memory has grown by {grown >> 20} MiB"
    assert PASSWORD not in shared_server.log
