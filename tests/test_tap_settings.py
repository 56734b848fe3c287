"""Each setting reaches the part of the house that it is for, and does there what etc/chatd.toml says."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import txaio
from twisted.logger import formatEvent

from chatd import build
from chatd.config import (
    Auth,
    BeforeMessage,
    Config,
    Containers,
    Heartbeat,
    Limits,
    Notices,
    Server,
    Store,
    Webhook,
)
from chatd.model import Message
from chatd.turn import Turn
from tests.building import Building
from tests.endpoints import SlowEndpoint
from tests.stores import HeldStore, PromptStore

URL = "https://shop.example/"


@pytest.fixture
def building(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Building]:
    """Builds and starts a house with some sections of the configuration."""

    def built(**sections: Any) -> Building:
        building = Building(Config(**sections))
        monkeypatch.setattr(txaio.config, "loop", building.clock)  # whom Autobahn's timers follow
        return building

    return built


def test_origins(building: Any) -> None:
    house = building(server=Server(origins=("https://shop.example",)))
    assert house.connect({"Origin": "https://shop.example"}).status == 101
    assert house.connect({"Origin": "https://evil.example"}).status == 403


def test_max_connections(building: Any) -> None:
    full = building(server=Server(max_connections=1))
    assert [full.connect().status, full.connect().status] == [101, 503]


def test_displace(building: Any) -> None:
    house = building(server=Server(displace=True))
    older = house.connect()
    house.connect()
    assert older.closed == 4409


def test_direct_send(building: Any) -> None:
    assert building(server=Server(direct_send=False)).factory.direct_send is False
    assert building().factory.direct_send is True


def test_interval_and_misses(building: Any) -> None:
    house = building(heartbeat=Heartbeat(interval=1, misses=4))
    client = house.connect()
    house.wait(1.5)
    assert client.pings == 1
    house.wait(2)
    assert client.closed is None
    house.wait(1)
    assert client.closed == 4408


def test_reply(building: Any) -> None:
    client = building(heartbeat=Heartbeat(reply=False)).connect()
    client.texts()
    client.beat()
    assert client.texts() == []


def test_notices(building: Any) -> None:
    house = building(notices=Notices(into="in {name}", out="out {name}", out_all="all {name}"))
    agent, customer = house.conversation()
    agent.ask("addContainer", containerId="carl")
    agent.ask("removeContainer", containerId="carl")
    assert customer.contents() == ["in Ann", "all Ann"]
    agent.texts()
    customer.leave()
    assert agent.contents() == ["out Ann"]


def test_time_format(building: Any) -> None:
    client = building(notices=Notices(time_format="epoch_ms")).connect()
    client.texts()
    client.say("x")
    assert client.frame()["createTime"].isdigit()


def test_message_size(building: Any) -> None:
    client = building(limits=Limits(message_size=10)).connect()
    client.send("x" * 11)
    assert client.closed == 1009


def test_errors_in_a_row(building: Any) -> None:
    client = building(limits=Limits(errors_in_a_row=2)).connect()
    client.send("{")
    assert client.closed is None
    client.send("{")
    assert client.closed == 1008


def test_rate_and_burst(building: Any) -> None:
    house = building(limits=Limits(rate=0.5, burst=2))
    client = house.connect()
    client.texts()
    for _ in range(3):
        client.say("x")
    house.wait(2)
    client.say("x")
    assert [frame.get("code") for frame in client.frames()] == [None, None, "rate_limited", None]


def test_send_buffer(building: Any) -> None:
    house = building(limits=Limits(send_buffer=100_000))
    ann, slow = house.connect(), house.connect(userId="slow")
    slow.stop_reading()
    ann.texts()
    for _ in range(5):
        ann.say("x" * 60_000)
    kinds = [frame["messageType"] for frame in ann.frames()]
    assert kinds == ["text", "text", "text", "text", "notice", "text"]


def test_deserted_size(building: Any) -> None:
    house = building(containers=Containers(deserted_size=1500))
    for user in ("carl", "dora"):
        customer = house.connect(userId=user, roomName="shop", containerId=user, targetId="1")
        customer.ask("createContainer", acceptId="agnes")
        customer.leave()
    house.wait(60)
    asked = house.connect(userId="agnes", roomName="shop").frames()[1:]
    assert [frame["createUser"] for frame in asked] == ["dora"]


def test_idle_timeout(building: Any) -> None:
    house = building(containers=Containers(idle_timeout=10))
    agent, customer = house.conversation()
    customer.leave()
    agent.leave()
    house.wait(9)
    assert "createContainer" in house.connect(userId="agnes", roomName="shop").texts()[-1]
    house.connect(userId="carl", roomName="shop", containerId="carl").leave()
    house.wait(12)
    assert len(house.connect(userId="agnes", roomName="shop").texts()) == 1


def test_replay(building: Any) -> None:
    agent, customer = building(containers=Containers(replay=1)).conversation()
    customer.say("one")
    customer.say("two")
    agent.ask("addContainer", containerId="carl")
    assert agent.contents()[1:] == ["two"]


def test_repeat_window(building: Any) -> None:
    house = building(store=Store(repeat_window=10))
    client = house.connect()
    client.texts()
    for pause in (9, 2, 0):
        client.say("x", clientMessageId="m")
        house.wait(pause)
    first, repeat, later = (frame["messageId"] for frame in client.frames())
    assert first == repeat < later


def test_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    store = HeldStore(PromptStore())
    house = Building(Config(store=Store(queue=1)), store)
    monkeypatch.setattr(txaio.config, "loop", house.clock)
    client = house.connect()
    client.texts()
    for text in ("is being kept", "waits", "is too much"):
        client.say(text)
    assert client.frame()["code"] == "storage_unavailable"


def test_keep_days(monkeypatch: pytest.MonkeyPatch) -> None:
    store = PromptStore()
    house = Building(Config(store=Store(keep_days=1)), store)
    monkeypatch.setattr(txaio.config, "loop", house.clock)
    now = int(time.time() * 1000)
    hour = 3_600_000
    said = [
        Message(id=id, created=now - age, room="lobby", user_id="ann", name="", icon="", event="ordinary")
        for id, age in (("01", 25 * hour), ("02", 23 * hour))
    ]
    store.commit(Turn(messages=said))
    house.wait(2)
    client = house.connect()
    client.say("x")
    client.texts()
    client.ask("history", before="1")
    assert client.frame()["messages"][0]["messageId"] == "02"


def test_autoreply(building: Any) -> None:
    agent, customer = building(autoreply={"hours": "nine to five"}).conversation()
    agent.ask("addContainer", containerId="carl")
    customer.texts()
    agent.ask("autoReturn", messageContent="hours", containerId="carl")
    assert customer.contents() == ["nine to five"]


def test_anonymous(building: Any) -> None:
    assert building(auth=Auth(anonymous=False)).connect().closed == 4401


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> SlowEndpoint:
    """In place of the one that a house would ask."""
    endpoint = SlowEndpoint()
    monkeypatch.setattr(build, "Endpoint", lambda *_: endpoint)
    return endpoint


def told(endpoint: SlowEndpoint) -> list[tuple[str, str]]:
    """Of which event of which room the endpoint was told."""
    return [(body["event"], body["room"]) for body in endpoint.bodies]


def test_webhook_events(building: Any, endpoint: SlowEndpoint) -> None:
    client = building(webhook=Webhook(url=URL, events=("message",))).connect()
    client.say("x")
    assert told(endpoint) == [("message", "lobby")]


def test_webhook_concurrency(building: Any, endpoint: SlowEndpoint) -> None:
    house = building(webhook=Webhook(url=URL, concurrency=2))
    for room in "abc":
        house.connect(roomName=room)
    assert told(endpoint) == [("online", "a"), ("online", "b")]


def test_webhook_retry_and_retry_most(building: Any, endpoint: SlowEndpoint) -> None:
    house = building(webhook=Webhook(url=URL, retry=4, retry_most=5))
    house.connect()
    for least, most in ((2, 4), (2.5, 5), (2.5, 5)):
        endpoint.fail()
        house.wait(least - 0.25)
        assert endpoint.asked == 0
        house.wait(most - least + 0.25)
        assert endpoint.asked == 1


@pytest.mark.parametrize(("limit", "dropped"), [({"keep_hours": 0.001}, 2), ({"most": 1}, 1)])
def test_webhook_keep_hours_and_most(
    building: Any, endpoint: SlowEndpoint, limit: dict[str, Any], dropped: int
) -> None:
    house = building(webhook=Webhook(url=URL, **limit))
    webhook = house.house.getServiceNamed("webhook")
    house.connect()
    house.connect(userId="bob")
    webhook._now = lambda: time.time() + 10  # its time is the system's
    house.wait(11)
    assert webhook.dropped == dropped


def test_before_message_on_failure(building: Any, endpoint: SlowEndpoint) -> None:
    house = building(before_message=BeforeMessage(url=URL, on_failure="deny", timeout=3))
    client = house.connect()
    client.texts()
    client.say("x")
    house.wait(2.75)
    assert client.texts() == []
    house.wait(0.25)
    assert client.frame()["code"] == "storage_unavailable"


def test_before_message_concurrency(building: Any, endpoint: SlowEndpoint) -> None:
    house = building(before_message=BeforeMessage(url=URL, concurrency=2))
    for user in "abc":
        house.connect(userId=user).say("x")
    assert endpoint.asked == 2


@pytest.mark.parametrize(
    "section", [{"webhook": Webhook(url=URL)}, {"before_message": BeforeMessage(url=URL)}]
)
def test_authorities_are_read_again_and_those_that_will_not_do_change_nothing(
    building: Any, endpoint: SlowEndpoint, section: dict[str, Any], log: list[Any]
) -> None:
    house = building(**section)
    house.house.reload()
    assert endpoint.starts == 2
    house.house.reload()
    assert "not read again: ca_file: gone" in formatEvent(log[-2])


def test_nobody_is_told_or_asked_by_default(building: Any, endpoint: SlowEndpoint) -> None:
    client = building().connect()
    client.say("x")
    assert (len(client.texts()), endpoint.bodies) == (2, [])
