"""A connection on a transport in memory: the handshake, heartbeats, silence, and how losses are told."""

import json

import pytest
import txaio
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from chatd.cli.address import parse_address
from chatd.cli.link import Link, Loss
from chatd.wire.frames import HEARTBEAT, HEARTBEAT_FRAME, text_frame
from tests.cli.way import Way


class Side:
    """A link, and its server, which is the test."""

    def __init__(self) -> None:
        self.clock = MemoryReactorClock()
        self.way = Way()
        self.heard: list[str] = []
        self.losses: list[Loss] = []
        self.link = Link(
            self.clock, parse_address("[::1]:7"), self.way, lambda: "/?name=x", self.heard.append
        )

    def connect(self) -> None:
        """Connect, and let the handshake succeed."""
        self.link.connect().addCallback(self.losses.append)
        request = self.way.answer()
        assert request.startswith("GET /?name=x HTTP/1.1\r\n") and "\r\nHost: [::1]:7\r\n" in request

    def receive(self, data: bytes) -> None:
        """Bytes from the server."""
        self.way.protocol.dataReceived(data)

    def lose(self, error: Exception) -> None:
        """The TCP connection is gone."""
        self.way.protocol.connectionLost(Failure(error))

    def sent(self) -> list[bytes]:
        """The payloads of the frames that were sent, since last asked."""
        return self.way.sent()


@pytest.fixture
def side(monkeypatch: pytest.MonkeyPatch) -> Side:
    side = Side()
    monkeypatch.setattr(txaio.config, "loop", side.clock)  # whom Autobahn's timers follow
    side.connect()
    return side


def test_texts_are_heard_and_heartbeats_are_not(side):
    side.receive(text_frame(json.dumps({"a": "你"}).encode()) + HEARTBEAT_FRAME + text_frame(b"{}"))
    assert [json.loads(text) for text in side.heard] == [{"a": "你"}, {}]


def test_what_is_said_is_sent(side):
    side.link.send(b"{}")
    assert side.sent() == [b"{}"]


def test_a_heartbeat_is_sent_every_thirty_seconds(side):
    side.clock.advance(29)
    assert side.sent() == []
    side.clock.advance(1)
    assert side.sent() == [HEARTBEAT]
    side.receive(HEARTBEAT_FRAME)
    side.clock.advance(30)
    assert side.sent() == [HEARTBEAT]


def test_a_server_that_is_silent_for_ninety_seconds_is_given_up(side):
    for _ in range(2):
        side.clock.advance(30)
    assert not side.way.transport.aborting
    side.clock.advance(30)
    assert side.way.transport.aborting


def test_pings_are_answered(side):
    side.receive(b"\x89\x01x")
    assert side.sent() == [b"x"]


@pytest.mark.parametrize("code", [1001, 4401])
def test_a_close_frame_is_told_with_its_reason(side, code):
    side.receive(b"\x88\x05" + code.to_bytes(2) + b"bye")
    side.lose(ConnectionLost())
    assert side.losses == [Loss(code, f"{code} bye")]


def test_a_lost_connection_is_told_once_and_no_heartbeat_follows(side):
    side.lose(ConnectionLost())
    assert side.losses == [Loss(1006, "the connection was lost")]
    side.clock.advance(200)
    assert [call for call in side.clock.getDelayedCalls() if call.active()] == []
    side.link.send(b"{}")
    side.link.close()


def test_a_server_that_does_not_answer_the_handshake_is_given_up(monkeypatch):
    side = Side()
    monkeypatch.setattr(txaio.config, "loop", side.clock)
    side.link.connect().addCallback(side.losses.append)
    side.clock.advance(10)
    assert side.way.transport.aborting or side.way.transport.disconnecting
    side.lose(ConnectionLost())
    assert side.losses == [Loss(1006, "it does not answer")]


def test_close_before_the_handshake_is_done_ends_it(monkeypatch):
    side = Side()
    monkeypatch.setattr(txaio.config, "loop", side.clock)
    side.link.connect().addCallback(side.losses.append)
    side.link.close()
    assert side.way.transport.aborting
    side.lose(ConnectionLost())
    assert [loss.code for loss in side.losses] == [1006]


def test_close_says_goodbye(side):
    side.link.close()
    assert side.sent() == [(1000).to_bytes(2)]


def test_who_shows_too_slowly_makes_it_read_no_further(side):
    side.link.pauseProducing()
    assert side.way.transport.producerState == "paused"
    side.link.resumeProducing()
    assert side.way.transport.producerState == "producing"


# -- when to connect again ---------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 4400, 4401, 4403, 4409])
def test_after_these_codes_one_does_not_come_back(code):
    assert Loss(code, "").is_final


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1009, 1011, 1013, 4408, 4429])
def test_after_these_codes_one_does(code):
    assert not Loss(code, "").is_final


@pytest.mark.parametrize(
    ("status", "is_final"), [(403, True), (400, True), (200, True), (503, False), (502, False)]
)
def test_of_http_only_the_servers_own_failures_pass(status, is_final):
    assert Loss(1006, "", status).is_final is is_final


@pytest.mark.parametrize(
    ("loss", "delays"),
    [
        (Loss(1006, ""), [1, 2, 4, 8, 16, 30, 30]),
        (Loss(4429, ""), [5, 10, 20, 30]),
        (Loss(1013, ""), [5, 10, 20, 30]),
        (Loss(1006, "", 503), [5, 10, 20, 30]),
    ],
)
def test_each_loss_doubles_the_wait_up_to_thirty_seconds_and_chance_up_to_doubles_it(loss, delays):
    assert [loss.delay(losses, lambda: 0) for losses in range(len(delays))] == delays
    assert [loss.delay(losses, lambda: 1) for losses in range(len(delays))] == [2 * delay for delay in delays]
    assert loss.delay(10**6, lambda: 0) == 30
