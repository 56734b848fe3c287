"""SIGHUP while people talk: nobody is dropped, and no message is lost."""

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes.frames import error, text
from tests.processes.servers import Server

PEOPLE, TIMES = 10, 20
CONFIG = '[autoreply]\nhours = "nine to five"\n[limits]\nrate = 1000\nburst = 1000\n'


class Talk:
    """People in one room who all talk at once, each waiting for its own word before the next."""

    def __init__(self, server: Server) -> None:
        self._clients = [server.join(f"p{number}", "busy") for number in range(PEOPLE)]
        self._over = threading.Event()
        self._word = threading.Condition()
        self._troubles: list[BaseException] = []
        self.said = [0] * PEOPLE
        self._threads = [
            threading.Thread(target=self._talk, args=(number, client))
            for number, client in enumerate(self._clients)
        ]
        for thread in self._threads:
            thread.start()

    def _talk(self, number: int, client: Any) -> None:
        try:
            heard = [0] * PEOPLE
            while not self._over.is_set():
                client.say(f"{number} {self.said[number]}")
                while True:
                    frame = client.receive()
                    if frame["messageType"] == "notice":
                        continue
                    who, word = map(int, frame["messageContent"].split())
                    assert word == heard[who], f"{number} heard {word} of {who}, not {heard[who]}"
                    heard[who] += 1
                    if who == number:
                        break
                with self._word:
                    self.said[number] += 1
                    self._word.notify_all()
        except BaseException as trouble:
            self._troubles.append(trouble)

    def wait_for(self, words: int) -> None:
        """Wait until so many have been said, or something has gone wrong."""
        with self._word:
            assert self._word.wait_for(lambda: sum(self.said) >= words or self._troubles, 30)

    def stop(self) -> None:
        """:raises BaseException: if anybody was dropped, or missed a word."""
        self._over.set()
        for thread in self._threads:
            thread.join(30)
        for trouble in self._troubles:
            raise trouble


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    return start(CONFIG)


@pytest.fixture
def talk(server: Server) -> Iterator[Talk]:
    talk = Talk(server)
    yield talk
    talk.stop()
    assert min(talk.said) > 0


def change(server: Server, file: Path, text: str, answer: str) -> None:
    """Another file, and SIGHUP; wait for what the log says to it."""
    file.write_text(text)
    times = len([line for line in server.log.split("\n") if answer in line])
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(answer, times + 1)


def test_good_and_bad_files_in_turns_drop_nobody_and_lose_nothing(
    server: Server, talk: Talk, tmp_path: Path
) -> None:
    file = tmp_path / "chatd.toml"
    for number in range(TIMES):
        before = sum(talk.said)
        change(
            server, file, f"{CONFIG}errors_in_a_row = {number + 2}\n", "read again; changed: limits.errors"
        )
        change(server, file, f"{CONFIG}errors_in_a_row = 0\n", "chatd.toml: limits.errors_in_a_row: expected")
        change(server, file, "[limits", "chatd.toml: Expected")
        talk.wait_for(before + PEOPLE)
    assert "left as 'p" not in server.log


def test_what_is_in_the_file_now_is_in_force(server: Server, tmp_path: Path) -> None:
    ann = server.join("ann")
    new = (
        CONFIG.replace("nine to five", "closed") + '[notices]\nin = "{name}!"\n[server]\nlisten = ["tcp:1"]\n'
    )
    change(server, tmp_path / "chatd.toml", new, "read again: certificates, accounts")
    server.wait_for("changed: notices.in, autoreply.hours")
    server.wait_for("at the next start, not before: server.listen")
    bob = server.connect(userId="bob", name="Bob")
    assert bob.receive()["messageContent"] == "Bob!"
    assert ann.receive()["messageContent"] == "Bob!"
    ann.say("x")
    assert ann.receive() == bob.receive() == text("ann", "x")


def test_what_was_wrong_is_told_and_all_is_as_it_was(server: Server, tmp_path: Path) -> None:
    ann = server.join("ann")
    change(
        server, tmp_path / "chatd.toml", "[limits]\nmessage_size = 10\nrate = 0\n", "nothing has changed: "
    )
    ann.ask("autoReturn", messageContent="hours", containerId="nobody")
    assert ann.receive() == error("not_found", eventType="autoReturn")
