"""Metrics: each tells what it says it tells, and the documents name those that there are."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from twisted.internet.address import IPv4Address

from chatd.config import Auth, Limits, Server
from tests.admin.office import Office
from tests.admin.prometheus import Samples
from tests.client import Client, client_frame
from tests.stores import HeldStore, PromptStore

ROOT = Path(__file__).parents[2]


def scraped(office: Office) -> Samples:
    """What the office's metrics are now."""
    answer = office.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Samples(answer.body)


# -- who is there -----------------------------------------------------------------------------------


def test_who_is_there_is_told(office: Office) -> None:
    agent, _ = office.conversation()
    office.connect(userId="carl", roomName="lobby")
    bea = office.connect(userId="bea", roomName="shop", containerId="bea", targetId="order-2")
    bea.say("hello?")
    office.connect(userId="")
    values = scraped(office)
    assert values("chatd_sockets") == 4
    assert values("chatd_connections") == 4
    assert values("chatd_users") == 3
    assert values("chatd_rooms") == 2
    assert values.by_label("chatd_containers") == {"asked": 2}
    agent.ask("addContainer", containerId="carl")
    bea.leave()
    values = scraped(office)
    assert values("chatd_connections") == 3
    assert values.by_label("chatd_containers") == {"asked": 1, "open": 1}


# -- what is said -----------------------------------------------------------------------------------


def test_what_clients_asked_for_and_was_done_is_counted_by_type(office: Office) -> None:
    ann = office.connect()
    ann.say("hello")
    ann.say("hello")
    ann.send({"messageType": "picture", "accessoryContent": {"file": "f"}})
    ann.ask("updateUserInfo", messageContent="Anna")
    ann.ask("addContainer", containerId="none")
    ann.beat()
    assert scraped(office).by_label("chatd_messages_in_total") == {
        "text": 2,
        "picture": 1,
        "updateUserInfo": 1,
        "heartbeat": 1,
    }


def test_every_type_of_message_is_there_from_the_beginning(office: Office) -> None:
    found = re.findall(r'chatd_messages_in_total{type="(\w+)"} 0\.0', office.get("/metrics").body.decode())
    assert len(found) == 14
    assert {"text", "event", "createContainer", "history", "online", "heartbeat"} <= set(found)


def test_events_are_counted_once_and_deliveries_for_each_who_hears_them(office: Office) -> None:
    ann, *_ = (office.connect(userId=user) for user in ("ann", "bob", "carl"))
    before = scraped(office)
    assert before.by_label("chatd_events_out_total") == {"notice": 3}
    assert before("chatd_deliveries_total") == 1 + 2 + 3
    ann.say("hello")
    after = scraped(office)
    assert after("chatd_events_out_total", "message") == 1
    assert after("chatd_deliveries_total") - before("chatd_deliveries_total") == 3
    assert after("chatd_writes_total") - before("chatd_writes_total") == 3


def test_of_a_turn_each_connection_has_one_write_and_all_its_frames_are_deliveries(office: Office) -> None:
    ann, bob = office.connect(userId="ann"), office.connect(userId="bob")
    before = scraped(office)
    for number in range(3):
        content = json.dumps({"messageType": "text", "messageContent": "x", "clientMessageId": str(number)})
        ann.transport.deliver(client_frame(1, content.encode()))
    office.settle()
    assert len(bob.frames()) == 4
    after = scraped(office)
    assert after("chatd_deliveries_total") - before("chatd_deliveries_total") == 6
    assert after("chatd_writes_total") - before("chatd_writes_total") == 2


def test_what_a_conversation_hears_is_counted_too(office: Office) -> None:
    agent, customer = office.conversation()
    agent.ask("addContainer", containerId="carl")
    before = scraped(office)
    customer.say("hello")
    assert scraped(office)("chatd_deliveries_total") - before("chatd_deliveries_total") == 2


# -- what is refused --------------------------------------------------------------------------------


def test_errors_are_counted_by_code_whichever_way_they_go(office: Office) -> None:
    customer = office.connect(userId="carl", roomName="shop", containerId="carl", targetId="order-1")
    customer.send("{")
    customer.ask("createContainer", acceptId="nobody")
    values = scraped(office)
    assert values.by_label("chatd_errors_total") == {"bad_json": 1, "agent_offline": 1}
    assert values("chatd_events_out_total", "error") == 1


def test_refusals_are_counted_by_http_status_or_close_code(open_office: Callable[..., Office]) -> None:
    office = open_office(server=Server(max_connections=2, origins=("https://shop.example",)))
    office.connect()
    office.connect({"Origin": "https://evil.example"})
    office.connect(senderType="SINGLE")
    office.connect()
    office.connect()
    values = scraped(office)
    assert values.by_label("chatd_refusals_total") == {"403": 1, "4403": 1, "503": 1}
    assert values.by_label("chatd_closes_total") == {"4403": 1}


def test_closes_by_the_server_are_counted_by_code(open_office: Callable[..., Office]) -> None:
    office = open_office(limits=Limits(message_size=10, errors_in_a_row=1))
    office.connect().leave()
    office.connect().send("{")
    office.connect().send("x" * 11)
    office.post("/v1/users/ann/kick", {"reason": "x"})
    values = scraped(office)
    assert values.by_label("chatd_closes_total") == {"1008": 1, "1009": 1}
    assert values.by_label("chatd_refusals_total") == {}


def test_logins_are_counted_by_outcome(open_office: Callable[..., Office]) -> None:
    office = open_office(auth=Auth(anonymous=False))
    office.connect()
    office.connect(clientType="none", account="a", password="0" * 32)
    assert scraped(office).by_label("chatd_logins_total") == {"unauthorized": 2}


def test_who_comes_without_an_account_is_a_login_too(office: Office) -> None:
    office.connect()
    assert scraped(office).by_label("chatd_logins_total") == {"anonymous": 1}


def test_the_admin_apis_answers_are_counted_by_status(office: Office) -> None:
    before = scraped(office)
    office.get("/v1/rooms", Authorization="")
    office.get("/v1/rooms/none")
    after = scraped(office)
    answers = {
        status: count - before.by_label("chatd_admin_answers_total").get(status, 0)
        for status, count in after.by_label("chatd_admin_answers_total").items()
    }
    assert answers == {"200": 1, "401": 1, "404": 1}


def test_what_the_sweeper_does_is_counted(office: Office) -> None:
    office.connect()
    address = IPv4Address("TCP", "127.0.0.1", 50001)
    Client(office.clock, office.factory.buildProtocol(address), office.settle)
    office.wait(100)
    assert scraped(office).by_label("chatd_swept_total") == {"pinged": 1, "expired": 1, "aborted": 1}


# -- what waits, and how long -----------------------------------------------------------------------


def test_bytes_that_clients_do_not_read_are_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, slow = office.connect(userId="ann"), office.connect(userId="slow")
    assert scraped(office)("chatd_unsent_bytes") == 0
    slow.stop_reading()
    monkeypatch.setattr(
        type(slow.transport), "dataBuffer", property(lambda self: self._waiting), raising=False
    )
    ann.say("x" * 1000)
    assert 1000 < scraped(office)("chatd_unsent_bytes") < 1500


def test_the_stores_state_and_queue_are_told(open_office: Callable[..., Office]) -> None:
    store = HeldStore(PromptStore())
    office = open_office(store)
    ann = office.connect()
    ann.say("is being kept")
    ann.say("waits")
    ann.say("waits too")
    values = scraped(office)
    assert (values("chatd_store_queue"), values("chatd_store_failing")) == (2, 0)
    store.fail()
    assert scraped(office)("chatd_store_failing") == 1
    store.keep()
    values = scraped(office)
    assert (values("chatd_store_queue"), values("chatd_store_failing")) == (0, 0)


def test_the_bus_is_up_unless_it_says_otherwise(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scraped(office)("chatd_bus_up") == 1
    monkeypatch.setattr("chatd.bus.local.LocalBus.trouble", "The bus is away.")
    assert scraped(office)("chatd_bus_up") == 0


def test_turns_and_transactions_are_timed(open_office: Callable[..., Office]) -> None:
    store = HeldStore(PromptStore())
    office = open_office(store)
    ann = office.connect()
    before = scraped(office)
    ann.say("x")
    office.clock.advance(0.2)
    ann.say("waits for the next turn")
    office.clock.advance(0.2)
    store.keep()
    office.clock.advance(0.03)
    store.keep()
    after = scraped(office)
    turns = [after(name) - before(name) for name in ("chatd_turn_seconds_count", "chatd_turn_seconds_sum")]
    commits = [
        after(name) - before(name) for name in ("chatd_commit_seconds_count", "chatd_commit_seconds_sum")
    ]
    assert turns == [2, pytest.approx(0.4 + 0.23)]
    assert commits == [2, pytest.approx(0.4 + 0.03)]
    assert after("chatd_commit_seconds_bucket", "0.05") - before("chatd_commit_seconds_bucket", "0.05") == 1
    assert after("chatd_commit_seconds_bucket", "+Inf") - before("chatd_commit_seconds_bucket", "+Inf") == 2


def test_a_turn_that_fails_is_timed_too(open_office: Callable[..., Office]) -> None:
    store = HeldStore(PromptStore())
    office = open_office(store)
    office.connect().say("x")
    before = scraped(office)
    store.fail()
    after = scraped(office)
    for name in ("chatd_turn_seconds_count", "chatd_commit_seconds_count"):
        assert after(name) - before(name) == 1


def test_the_event_loops_lag_is_told(office: Office) -> None:
    office.clock.advance(0.75)
    values = scraped(office)
    assert values("chatd_lag_seconds_count") == 1
    assert values("chatd_lag_seconds_sum") == pytest.approx(0.25)


# -- all of them ------------------------------------------------------------------------------------


def test_the_build_and_the_process_are_told(office: Office) -> None:
    values = scraped(office)
    (build,) = [family for family in values.families if family.name == "chatd_build_info"]
    assert build.samples[0].labels.keys() == {"version", "python", "twisted", "autobahn"}
    assert values("process_resident_memory_bytes") > 0


def test_two_houses_do_not_share_metrics_and_none_is_in_the_default_registry(
    open_office: Callable[..., Office],
) -> None:
    one, other = open_office(), open_office()
    one.connect()
    assert [scraped(one)("chatd_connections"), scraped(other)("chatd_connections")] == [1, 0]
    assert b"chatd_" not in prometheus_client.generate_latest(prometheus_client.REGISTRY)


def test_no_label_holds_what_clients_send(office: Office) -> None:
    """Each would be a series of its own, for ever."""
    client = office.connect(userId="u-ser", roomName="r-oom", name="n-ame")
    client.ask("e-vent")
    client.send({"messageType": "k-ind"})
    stranger = office.connect(roomName="r-oom", senderType="s-ender")
    stranger.vanish()
    text = office.get("/metrics").body
    assert not [
        word for word in (b"u-ser", b"r-oom", b"n-ame", b"e-vent", b"k-ind", b"s-ender") if word in text
    ]


def test_the_documentations_table_has_every_metric_and_no_other(office: Office) -> None:
    text = (ROOT / "docs" / "operations.rst").read_text(encoding="utf-8")
    section = text.partition("\nMetrics\n-------\n")[2]
    documented = re.findall(r"^((?:chatd|process)_\w+) ", section, re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == scraped(office).names


def test_the_dashboard_uses_metrics_that_there_are(office: Office) -> None:
    dashboard = json.loads((ROOT / "etc" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    queries: list[str] = [each["expr"] for panel in dashboard["panels"] for each in panel.get("targets", ())]
    used = {name for query in queries for name in re.findall(r"\b(?:chatd|process)_\w+", query)}
    known = set(scraped(office).series) | {"chatd_refusals_total"}  # which has no series before the first
    assert len(used) > 15
    assert used - known == set()


def test_the_dashboards_panels_do_not_overlap_and_have_what_they_need() -> None:
    dashboard: Any = json.loads((ROOT / "etc" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["title"] and all(each["expr"] for each in panel["targets"])
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
