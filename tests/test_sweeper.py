"""Silent clients and deserted containers (H2, K1)."""

from collections.abc import Callable

import pytest
from twisted.internet.task import Clock

from chatd.sweeper import Sweeper
from tests.channel import ListChannel
from tests.client import PONG, TEXT, Client, client_frame
from tests.house import House, request, target

# -- as clients see it ------------------------------------------------------------------------------


def test_who_is_silent_for_an_interval_is_pinged_once(house):
    """(H2)"""
    (ann,) = house.room("ann")
    house.wait(29)
    assert ann.pings == 0
    house.wait(2)
    assert ann.pings == 1
    house.wait(50)
    assert ann.pings == 1


def test_who_is_silent_for_all_intervals_is_given_up(house):
    """(H2, C2: 4408)"""
    (ann,) = house.room("ann")
    house.wait(89)
    assert (ann.closed, ann.is_connected) == (None, True)
    house.wait(2)
    assert (ann.closed, ann.reason, ann.is_connected) == (4408, "missed heartbeats", False)


def test_the_room_is_told_of_who_was_given_up(house):
    """(H2)"""
    ann, bob = house.room("ann", "bob")
    for _ in range(4):
        house.wait(25)
        bob.beat()
    house.hush()
    assert not ann.is_connected
    house.join("cid")
    assert bob.frame()["count"] == 2


def test_who_was_given_up_leaves_with_the_notice_out(house):
    """(H2, N2)"""
    _, bob = house.room("ann", "bob")
    for _ in range(4):
        house.wait(25)
        bob.send_frame(PONG)
    assert [(frame["action"], frame["userId"], frame["count"]) for frame in bob.frames()] == [
        ("out", "ann", 1)
    ]


def test_a_connection_is_dropped_without_waiting_for_an_answer(house):
    """(H2) The closing handshake of a client that is gone would never end."""
    (ann,) = house.room("ann")
    ann.answers_close = False
    house.wait(91)
    assert (ann.closed, ann.is_connected) == (4408, False)


def test_a_connection_is_dropped_though_what_is_unsent_cannot_leave(house):
    """(H2)"""
    (ann,) = house.room("ann")
    ann.stop_reading()
    house.wait(91)
    assert house.registry.rooms == {}
    house.wait(2)
    assert (ann.is_connected, house.factory.open) == (False, set())


SIGNS: list[Callable[[Client], None]] = [
    Client.beat,
    lambda client: client.send_frame(PONG),
    lambda client: client.say("hello"),
    lambda client: client.send("no JSON"),
    lambda client: client.send_bytes(client_frame(TEXT, b"half a frame")[:5]),
]


@pytest.mark.parametrize("sign", SIGNS, ids=["heartbeat", "pong", "message", "error", "piece"])
@pytest.mark.parametrize("after", [20, 40, 80])
def test_any_sign_of_life_counts_before_and_after_a_ping(open_house, sign, after):
    """(H2)"""
    house = open_house()
    (ann,) = house.room("ann")
    house.wait(after)
    sign(ann)
    house.wait(88)
    assert ann.is_connected
    house.wait(4)
    assert not ann.is_connected


def test_who_speaks_is_not_pinged(house):
    """(H2)"""
    (ann,) = house.room("ann")
    for _ in range(10):
        house.wait(25)
        ann.beat()
    assert (ann.pings, ann.is_connected) == (0, True)


def test_interval_and_misses_can_be_configured(open_house):
    """(H2)"""
    house = open_house(interval=2, misses=2)
    (ann,) = house.room("ann")
    house.wait(3)
    assert (ann.pings, ann.is_connected) == (1, True)
    house.wait(2)
    assert ann.closed == 4408


def test_a_refused_connection_is_no_members_silence(house):
    """(H2, C2) It is dropped long before."""
    client = house.dial()
    client.stop_reading()
    client.send_bytes(request(target(senderType="SINGLE")))
    house.wait(5)
    assert (client.is_connected, house.factory.open) == (False, set())


def test_deserted_containers_are_swept(house, log):
    """(K1)"""
    for client in house.conversation():
        client.leave()
    house.wait(1799)
    assert list(house.registry.rooms["agnes"].containers) == ["carl"]
    house.wait(2)
    assert house.registry.rooms == {}
    assert "deserted containers are gone" in log[-1]["log_format"]


def test_deserted_containers_that_hold_too_much_are_swept_early(log):
    house = House(deserted_size=10_000)
    for number in range(8):
        customer = house.connect(userId=f"c{number}", roomName="shop", containerId=f"c{number}", targetId="1")
        customer.ask("createContainer", acceptId=f"nobody-{number}", messageContent="x" * 4000)
        customer.leave()
    house.wait(30)
    assert list(house.registry.rooms["shop"].containers) == ["c7"]
    assert log[-1]["log_format"].startswith("{count} deserted containers are gone early")


def test_no_sweep_follows_the_end_of_the_service(house):
    (ann,) = house.room("ann")
    house.sweeper.stopService()
    house.wait(200)
    assert (ann.pings, ann.is_connected) == (0, True)
    house.sweeper.stopService()


def test_many_who_are_silent_together_go_together(house):
    """(H2) Each leave is told to who is left, and the last to nobody."""
    users = [f"u{number}" for number in range(50)]
    clients = house.room(*users)
    house.wait(91)
    assert {client.closed for client in clients} == {4408}
    assert (house.registry.rooms, house.registry.connections, house.factory.open) == ({}, 0, set())


# -- what a sweep costs -----------------------------------------------------------------------------


class CountedChannel(ListChannel):
    """Knows how often it was looked up."""

    looked_up = 0

    def __hash__(self) -> int:
        CountedChannel.looked_up += 1
        return id(self)


@pytest.fixture
def sweeper() -> Sweeper:
    """One whose sweeps a test does by hand."""
    clock = Clock()
    sweeper = Sweeper(clock=clock, interval=30, misses=3, expire=lambda now: None)
    sweeper.clock = clock
    return sweeper


def test_a_sweep_costs_time_in_the_number_of_the_due_not_of_all(sweeper):
    """(H2)"""
    due, rest = [CountedChannel() for _ in range(3)], [CountedChannel() for _ in range(5000)]
    for channel in due:
        sweeper.heard(channel)
    sweeper.clock.advance(20)
    for channel in rest:
        sweeper.heard(channel)
    sweeper.clock.advance(15)
    CountedChannel.looked_up = 0
    sweeper.sweep()
    assert [channel.pings for channel in due] == [1, 1, 1]
    assert CountedChannel.looked_up < 100


def test_who_is_heard_again_is_last_in_line(sweeper):
    """(H2)"""
    early, late = ListChannel(), ListChannel()
    sweeper.heard(early)
    sweeper.clock.advance(10)
    sweeper.heard(late)
    sweeper.clock.advance(10)
    sweeper.heard(early)
    sweeper.clock.advance(20)
    sweeper.sweep()
    assert (early.pings, late.pings) == (0, 1)


def test_who_is_forgotten_is_left_alone(sweeper):
    channel = ListChannel()
    sweeper.heard(channel)
    sweeper.forget(channel)
    sweeper.forget(channel)
    sweeper.clock.advance(100)
    sweeper.sweep()
    assert (channel.pings, channel.expired) == (0, False)


def test_who_pinged_answers_and_falls_silent_again_has_all_its_time_again(sweeper):
    """(H2)"""
    channel = ListChannel()
    sweeper.heard(channel)
    sweeper.clock.advance(31)
    sweeper.sweep()
    sweeper.heard(channel)
    sweeper.clock.advance(89)
    sweeper.sweep()
    assert (channel.pings, channel.expired) == (2, False)
    sweeper.clock.advance(1)
    sweeper.sweep()
    assert channel.expired


@pytest.mark.parametrize(("interval", "period"), [(30, 1.0), (4, 1.0), (2, 0.5), (0.4, 0.1)])
def test_a_short_interval_is_swept_more_often(interval, period):
    sweeper = Sweeper(clock=Clock(), interval=interval, misses=3, expire=lambda now: None)
    assert sweeper.period == period


def test_a_sweep_that_fails_is_in_the_log(house: House, log, monkeypatch):
    monkeypatch.setattr(house.registry, "expire_containers", lambda *_: 1 / 0)
    house.wait(2)
    assert [event["log_failure"].type for event in log if "log_failure" in event] == [ZeroDivisionError]
    log.clear()
