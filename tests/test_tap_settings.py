"""Each setting reaches the part of the house that it is for, and does there what etc/chatd.toml says."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import txaio

from chatd.config import Auth, Config, Containers, Heartbeat, Limits, Notices, Server, Store
from chatd.model import Message
from chatd.turn import Turn
from tests.building import Building
from tests.stores import HeldStore, PromptStore


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
        Message(
            id=id, created=now - age, room="lobby", user_id="ann", name="", icon="", event="ordinary"
        )
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
