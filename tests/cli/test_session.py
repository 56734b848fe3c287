"""A session over connections that are lost: when it connects again, and when it is over."""

import json
from typing import Any

import pytest
import txaio
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from chatd.cli.address import parse_address
from chatd.cli.link import Link
from chatd.cli.session import Session
from chatd.cli.talk import Talk
from chatd.model import Identity
from chatd.wire.frames import text_frame
from tests.cli.way import Way

IN = {"messageType": "notice", "action": "in", "userId": "ann", "roomName": "lobby"}
RUNNING = object()


class Life:
    """A session whose server is the test. ``outcome`` is what it came to."""

    def __init__(self, **more: Any) -> None:
        self.clock = MemoryReactorClock()
        self.way = Way()
        self.notes: list[str] = []
        self.outcome: object = RUNNING
        ids = iter(range(1000))
        self.talk = Talk(
            Identity("ann", "Ann", "", "lobby"), lambda frame: None, self.notes.append, lambda: str(next(ids))
        )
        link = Link(
            self.clock, parse_address("server"), self.way, lambda: "/", lambda text: self.session.heard(text)
        )
        self.session = Session(self.clock, link, self.talk, self.notes.append, lambda: 0.0, **more)
        Deferred.fromCoroutine(self.session.run()).addCallback(self._over)

    def _over(self, outcome: str | None) -> None:
        self.outcome = outcome

    def tell(self, **frame: Any) -> None:
        """The server says something."""
        self.way.protocol.dataReceived(text_frame(json.dumps(frame).encode()))

    def let_in(self) -> None:
        """The server lets it in."""
        self.way.answer()
        self.tell(**IN)

    def lose(self, code: int | None = None) -> None:
        """The connection is lost, by a close frame if there is a code."""
        if code is not None:
            self.way.protocol.dataReceived(b"\x88\x02" + code.to_bytes(2))
        self.way.protocol.connectionLost(Failure(ConnectionLost()))

    def asked(self) -> list[dict[str, Any]]:
        """What was sent, but for requests of history."""
        frames = [json.loads(payload) for payload in self.way.sent()]
        return [frame for frame in frames if frame.get("eventType") != "history"]

    def keep_nothing(self) -> None:
        """The server stores nothing, as it answers whoever asks for history."""
        for payload in self.way.sent():
            id = json.loads(payload)["clientMessageId"]
            self.tell(messageType="error", code="storage_unavailable", clientMessageId=id)


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Any:
    def begun(**more: Any) -> Life:
        life = Life(**more)
        monkeypatch.setattr(txaio.config, "loop", life.clock)  # whom Autobahn's timers follow
        return life

    return begun


def waits(life: Life) -> list[str]:
    """The waits that were noted, since last asked."""
    notes, life.notes[:] = list(life.notes), []
    return [note.partition("again in ")[2] for note in notes if "again in" in note]


def test_it_waits_longer_after_each_loss_and_begins_anew_after_a_minute_in_the_room(begin):
    life = begin()
    for _ in range(3):
        life.let_in()
        life.lose()
        life.clock.advance(30)
    assert waits(life) == ["1 s", "2 s", "4 s"]
    life.let_in()
    life.clock.pump([20, 20, 20])
    life.lose()
    assert waits(life) == ["1 s"]


def test_it_does_not_come_back_before_the_wait_is_over(begin):
    life = begin()
    life.let_in()
    life.lose(1013)
    first = life.way.protocol
    life.clock.advance(4.9)
    assert life.way.protocol is first
    life.clock.advance(0.1)
    assert life.way.protocol is not first


@pytest.mark.parametrize("code", [4401, 4409, 1008])
def test_after_a_final_code_it_is_over(begin, code):
    life = begin()
    life.let_in()
    life.lose(code)
    assert life.outcome == f"ws://server:9326: close code {code}"


def test_who_was_never_let_in_does_not_try_again(begin):
    life = begin()
    life.way.answer()
    life.lose(1013)
    assert life.outcome == "ws://server:9326: close code 1013"


def test_it_gives_up_when_it_would_be_away_for_too_long(begin):
    life = begin(give_up=5)
    life.let_in()
    life.lose()
    assert life.outcome is RUNNING
    life.clock.advance(1)
    life.lose()
    life.clock.advance(2)
    life.lose()
    assert life.outcome == "ws://server:9326: the connection was lost; given up"


def test_stop_ends_a_wait_at_once(begin):
    life = begin()
    life.let_in()
    life.lose()
    life.session.stop()
    assert life.outcome is None
    assert [call for call in life.clock.getDelayedCalls() if call.active()] == []


def test_finish_waits_for_the_receipt(begin):
    life = begin()
    life.let_in()
    life.keep_nothing()
    life.session.say("hello")
    life.session.finish()
    (frame,) = life.asked()
    assert life.outcome is RUNNING
    life.tell(**frame, messageId="1")
    life.lose(1000)
    assert life.outcome is None


def test_what_the_server_would_not_take_is_sent_again_a_second_later_and_once(begin):
    life = begin()
    life.let_in()
    life.keep_nothing()
    life.session.say("hello")
    (frame,) = life.asked()
    for _ in range(3):
        life.tell(messageType="error", code="rate_limited", clientMessageId=frame["clientMessageId"])
        life.tell(**IN)
        assert life.asked() == []
        life.clock.advance(1)
        assert life.asked() == [frame]


@pytest.mark.parametrize("text", [b"[]", b"{", b"7", b"[" * 100_000])
def test_what_is_no_json_object_is_noted_and_nothing_else_happens(begin, text):
    life = begin()
    life.let_in()
    life.way.protocol.dataReceived(text_frame(text))
    assert life.notes == ["the server said what is no JSON object"]
    assert life.outcome is RUNNING
