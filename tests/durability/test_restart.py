"""What a new process knows of the old one, which had no time to say goodbye."""

import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.processes.clients import Client
from tests.processes.frames import error, notice, text
from tests.processes.servers import Server

Start = Callable[..., Server]


def kill(server: Server) -> None:
    """kill -9."""
    server.signal(signal.SIGKILL)
    server.wait()


def conversation(server: Server) -> tuple[Client, Client]:
    """Agnes and Carl, in Carl's container."""
    agnes, carl = server.join("agnes", "shop"), server.customer("carl", "shop")
    carl.ask("createContainer", acceptId="agnes")
    assert carl.receive()["eventType"] == "createContainer"
    agnes.ask("addContainer", containerId="carl")
    assert carl.receive()["action"] == "in"
    return agnes, carl


def test_agent_and_customer_are_in_their_container_again(start: Start) -> None:
    server = start()
    conversation(server)
    kill(server)
    again = start()
    agnes = again.join("agnes", "shop")
    assert agnes.receive() == notice("in", "agnes", 1, "shop", containerId="carl")
    carl = again.customer("carl", "shop")
    agnes.say("hello again", containerId="carl")
    assert carl.receive() == text("agnes", "hello again", "shop", containerId="carl")
    carl.say("hello")
    assert agnes.receive() == notice("in", "carl", 2, "shop")
    agnes.receive()  # her own
    assert agnes.receive() == text("carl", "hello", "shop", containerId="carl")


def test_a_container_that_was_removed_stays_so(start: Start) -> None:
    server = start()
    agnes, carl = conversation(server)
    agnes.ask("removeContainer", containerId="carl")
    assert carl.receive()["action"] == "outAll"
    kill(server)
    agnes = start().join("agnes", "shop")
    agnes.say("anybody here?", containerId="carl")
    assert agnes.receive() == error("not_found")


def test_a_request_that_waits_still_reaches_the_agent(start: Start) -> None:
    server = start()
    carl = server.customer("carl", "shop")
    carl.ask("createContainer", acceptId="agnes")
    request, offline = carl.receive(), carl.receive()
    assert offline == error("agent_offline", eventType="createContainer")
    kill(server)
    agnes = start().join("agnes", "shop")
    assert agnes.receive() == request


def test_an_agent_is_told_what_was_said_before_the_restart(start: Start) -> None:
    server = start()
    carl = server.customer("carl", "shop")
    carl.ask("createContainer", acceptId="agnes")
    assert carl.receive()["eventType"] == carl.receive()["eventType"] == "createContainer"
    carl.say("is anybody here?")
    said = carl.receive()
    kill(server)
    agnes = start().join("agnes", "shop")
    assert agnes.receive()["eventType"] == "createContainer"
    agnes.ask("addContainer", containerId="carl")
    assert agnes.receive() == notice("in", "agnes", 1, "shop", containerId="carl")
    assert agnes.receive() == said


def test_a_repeat_after_the_restart_is_answered_with_the_first_and_heard_by_nobody(start: Start) -> None:
    server = start()
    ann = server.join("ann")
    ann.say("only once", clientMessageId="1")
    first = ann.receive()
    kill(server)
    again = start()
    ann, bob = again.join("ann"), again.join("bob")
    ann.receive()
    ann.say("only once", clientMessageId="1")
    assert ann.receive() == first
    assert bob.hears_nothing()


def test_a_repeat_that_comes_too_late_is_a_new_message(start: Start) -> None:
    server = start()
    ann = server.join("ann")
    ann.say("once", clientMessageId="1")
    first = ann.receive()
    kill(server)
    ann = start("[store]\nrepeat_window = 0.001\n").join("ann")
    ann.say("once", clientMessageId="1")
    assert ann.receive()["messageId"] > first["messageId"]


def test_message_ids_go_on_where_they_were_whatever_the_clock_says(start: Start, tmp_path: Path) -> None:
    server = start()
    ann = server.join("ann")
    ann.say("from the future")
    ann.receive()
    kill(server)
    future = f"{int((time.time() + 86_400) * 1_000_000):014x}"
    with closing(sqlite3.connect(tmp_path / "chatd.sqlite")) as database:
        database.execute("UPDATE messages SET id = ?", (future,))
        database.commit()
    ann = start().join("ann")
    ann.say("from now")
    assert ann.receive()["messageId"] > future


def test_messages_are_deleted_when_they_are_too_old(start: Start, tmp_path: Path) -> None:
    server = start("[limits]\nrate = 10000.0\nburst = 10000\n")
    ann = server.join("ann")
    for number in range(1200):  # more than two batches of them
        ann.say(str(number))
        ann.receive()
    kill(server)
    with closing(sqlite3.connect(tmp_path / "chatd.sqlite")) as database:
        database.execute("UPDATE messages SET created = created - 2 * 86400000 WHERE seq <= 1100")
        database.commit()
    again = start("[store]\nkeep_days = 1.0\n")
    again.wait_for("deleted 1100 old messages")
    ann = again.join("ann")
    ann.ask("history", after="", limit=200)
    page = ann.receive()
    assert [each["messageContent"] for each in page["messages"]] == [str(n) for n in range(1100, 1200)]
    assert page["more"] is False
