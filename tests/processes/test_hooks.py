"""A real chatd that tells a real https backend what happens, and asks it before messages are stored."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes.backends import Backend
from tests.processes.frames import error, text
from tests.processes.servers import NO_PAGES, Server, twistd

Start = Callable[..., Server]


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    with Backend(tmp_path) as backend:
        yield backend


def webhook(backend: Backend, more: str = "") -> str:
    """A configuration with quick retries."""
    return f"[webhook]\n{backend.settings}retry = 0.05\nretry_most = 0.2\n{more}"


def before(backend: Backend, more: str = "") -> str:
    """A configuration that asks."""
    return f"[before_message]\n{backend.settings}timeout = 20.0\n{more}"


# -- the webhook ------------------------------------------------------------------------------------


def test_the_backend_is_told_what_happens(start: Start, backend: Backend) -> None:
    server = start(webhook(backend, 'events = ["online", "offline", "addContainer", "message"]\n'))
    agnes, carl = server.join("agnes", "shop"), server.customer("carl", "shop")
    carl.ask("createContainer", acceptId="agnes")
    carl.receive()
    agnes.ask("addContainer", containerId="carl")
    assert carl.receive()["action"] == "in"
    carl.say("hello", clientMessageId="m")
    said = carl.receive()
    carl.leave()
    backend.wait_for(lambda bodies: len(bodies) == 5)
    by_event = {body["event"]: body for body in backend.bodies if body["userId"] == "carl"}
    assert by_event["online"]["count"] == 2
    del said["clientMessageId"]
    assert by_event["message"]["message"] == said == text("carl", "hello", "shop", containerId="carl")
    of_carl = [body["event"] for body in backend.bodies if body.get("containerId") == "carl"]
    assert of_carl == ["online", "addContainer", "message", "offline"]


@pytest.mark.parametrize("status", [302, 400, 410, 503])
def test_what_was_not_taken_is_sent_again_and_chat_goes_on(
    start: Start, backend: Backend, status: int
) -> None:
    backend.answer = lambda body: (status, {})
    server = start(webhook(backend))
    ann, bob = server.join("ann"), server.join("bob")
    ann.receive()
    server.wait_for(f"the webhook fails, events wait: the endpoint answered {status}")
    ann.say("hello")
    assert bob.receive() == ann.receive() == text("ann", "hello")
    backend.answer = lambda body: (200, {})
    backend.wait_for(lambda bodies: len(bodies) == 2)
    server.wait_for("the webhook works again")
    assert [body["userId"] for body in backend.bodies] == ["ann", "bob"]
    assert backend.refused >= 1


def test_a_certificate_that_is_not_trusted_is_told_nothing(
    start: Start, backend: Backend, tmp_path: Path
) -> None:
    settings = backend.settings.replace("localhost", "127.0.0.1")  # for which the certificate is not
    server = start(f"[webhook]\n{settings}")
    server.join("ann")
    server.wait_for("the webhook fails, events wait: certificate refused: it is another host's")
    assert backend.bodies == []


@pytest.mark.parametrize("section", ["webhook", "before_message"])
def test_authorities_that_cannot_be_read_are_one_line(section: str, tmp_path: Path) -> None:
    config = f'[{section}]\nurl = "https://shop.example/"\nca_file = "nowhere.pem"\n'
    (tmp_path / "chatd.toml").write_text(config + NO_PAGES)
    ended = twistd("-n", "--pidfile=", "chatd", "--listen", "tcp:0", "--config", "chatd.toml", cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr == f"chatd: {section}.ca_file: nowhere.pem: No such file or directory\n"


def test_a_server_that_stops_waits_for_what_is_under_way(start: Start, backend: Backend) -> None:
    asked, answered = threading.Event(), threading.Event()

    def slowly(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        asked.set()
        assert answered.wait(60)
        return 200, {}

    backend.answer = slowly
    server = start(webhook(backend))
    ann = server.join("ann")
    assert asked.wait(60)
    server.signal(15)
    assert ann.closed()[0] == 1001
    answered.set()
    assert server.wait() == 0 and "sent again" not in server.log
    backend.answer = lambda body: (200, {})
    again = start(webhook(backend))
    again.join("bob")
    backend.wait_for(lambda bodies: len(bodies) == 2)
    assert [body["userId"] for body in backend.bodies] == ["ann", "bob"]


# -- before a message -------------------------------------------------------------------------------


def judge(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A backend that does as the text says."""
    match body["message"]["messageContent"].split(" ", 1):
        case ["deny", reason]:
            return 200, {"action": "deny", "reason": reason}
        case ["replace", content]:
            return 200, {"action": "replace", "messageContent": content}
        case ["fail", _]:
            return 500, {}
    return 200, {"action": "allow"}


def test_messages_are_allowed_denied_and_replaced(start: Start, backend: Backend) -> None:
    backend.answer = judge
    server = start(before(backend))
    ann, bob = server.join("ann"), server.join("bob")
    ann.receive()
    for number, content in enumerate(("one", "deny not this", "replace that", "fail it", "two")):
        ann.say(content, clientMessageId=str(number))
    ann.ask("updateRoomName", messageContent="den")
    heard = [bob.receive() for _ in range(5)]
    assert heard[:4] == [text("ann", content) for content in ("one", "that", "fail it", "two")]
    assert heard[4]["action"] == "out"
    (denied,) = (frame for _ in range(5) if (frame := ann.receive())["messageType"] == "error")
    assert denied == error("forbidden", clientMessageId="1") | {"messageContent": "not this"}
    server.wait_for("messages cannot be checked, they are allowed: the endpoint answered 500, expected 200")
    server.wait_for("messages are checked again")


@pytest.mark.parametrize("on_failure", ["allow", "deny"])
def test_where_nobody_answers_it_is_as_configured(start: Start, backend: Backend, on_failure: str) -> None:
    backend.go()
    server = start(before(backend, f'on_failure = "{on_failure}"\n'))
    ann = server.join("ann")
    ann.say("hello", clientMessageId="m")
    refused = error("storage_unavailable", clientMessageId="m")
    expected = text("ann", "hello", clientMessageId="m") if on_failure == "allow" else refused
    assert ann.receive() == expected
    server.wait_for("messages cannot be checked, .*: Connection was refused by other side")
    backend.come()
    ann.say("again")
    assert ann.receive() == text("ann", "again")
    server.wait_for("messages are checked again")


@pytest.mark.parametrize("on_failure", ["allow", "deny"])
def test_a_backend_that_takes_its_time_is_waited_for_so_long(
    start: Start, backend: Backend, on_failure: str
) -> None:
    answered = threading.Event()

    def slowly(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answered.wait(60)
        return 200, {"action": "deny"}

    backend.answer = slowly
    settings = backend.settings + f'timeout = 0.2\non_failure = "{on_failure}"\n'
    server = start(f"[before_message]\n{settings}")
    ann = server.join("ann")
    ann.say("hello", clientMessageId="m")
    refused = error("storage_unavailable", clientMessageId="m")
    expected = text("ann", "hello", clientMessageId="m") if on_failure == "allow" else refused
    assert ann.receive() == expected
    answered.set()
    server.wait_for("messages cannot be checked, .* in 0.2 seconds")
