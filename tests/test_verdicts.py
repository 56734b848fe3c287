"""Ordinary messages that the business's backend is asked about before they are stored."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.logger import formatEvent

from tests.client import CLOSE, CONTINUATION, PING, TEXT, Client, client_frame
from tests.endpoints import SlowEndpoint
from tests.house import EPOCH, House

ALLOW = {"action": "allow"}


@pytest.fixture
def backend() -> SlowEndpoint:
    return SlowEndpoint()


@pytest.fixture
def opened(open_house: Callable[..., House], backend: SlowEndpoint) -> Callable[..., House]:
    """Opens a house that asks the backend, with settings of its own."""

    def opened(house: Any = None, **settings: Any) -> House:
        return open_house(**(house or {}), before_message={"endpoint": backend, **settings})

    return opened


@pytest.fixture
def house(opened: Callable[..., House]) -> House:
    return opened()


def answer(house: House, backend: SlowEndpoint, content: object = ALLOW, **how: Any) -> None:
    """The oldest question is answered, and the turn ends."""
    backend.answer(content, **how)
    house.settle()
    house.settle()


def text(content: str, **fields: str) -> bytes:
    """A text's JSON."""
    rest = "".join(f',"{key}":"{value}"' for key, value in fields.items())
    return f'{{"messageType":"text","messageContent":"{content}"{rest}}}'.encode()


# -- what is asked, and what is answered ------------------------------------------------------------


def test_a_message_is_heard_by_nobody_before_it_was_allowed(house, backend):
    ann, bob = house.room("ann", "bob")
    ann.say("hello", clientMessageId="m")
    assert (ann.texts(), bob.texts(), backend.asked) == ([], [], 1)
    answer(house, backend)
    assert (ann.frame()["clientMessageId"], bob.contents()) == ("m", ["hello"])


def test_the_backend_is_asked_who_says_what_and_where(house, backend):
    agnes, carl = house.conversation()
    carl.send(
        {
            "messageType": "picture",
            "accessoryContent": {"file": "x", "more": [1]},
            "userIcon": "c.png",
            "clientMessageId": "m",
        }
    )
    agnes.say("hello", containerId="carl", acceptId="carl")
    where = {"event": "beforeMessage", "time": int(EPOCH * 1000), "room": "agnes", "containerId": "carl"}
    said = {"messageType": "picture", "accessoryContent": {"file": "x", "more": [1]}, "userIcon": "c.png"}
    assert backend.bodies == [
        {
            **where,
            "userId": "carl",
            "name": "Carl",
            "clientMessageId": "m",
            "message": {**said, "targetId": "order-1"},
        },
        {
            **where,
            "userId": "agnes",
            "name": "Agnes",
            "message": {"messageType": "text", "messageContent": "hello", "acceptId": "carl"},
        },
    ]


def test_a_message_that_is_denied_is_an_error_with_the_reason_and_closes_nobody(opened, backend):
    house = opened({"errors_in_a_row": 2})
    ann, bob = house.room("ann", "bob")
    for _ in range(5):
        ann.say("hello", clientMessageId="m")
        answer(house, backend, {"action": "deny", "reason": "No greetings here."})
    error = ann.frames()[4]
    assert (error["code"], error["messageContent"]) == ("forbidden", "No greetings here.")
    assert (error["clientMessageId"], bob.texts(), ann.closed) == ("m", [], None)


def test_a_denial_needs_no_reason(house, backend):
    (ann,) = house.room("ann")
    ann.say("hello")
    answer(house, backend, {"action": "deny"})
    assert ann.frame()["messageContent"] == "The message was not allowed."


def test_a_message_is_replaced_and_its_sender_sees_in_what(house, backend):
    ann, bob = house.room("ann", "bob")
    ann.say("damn", clientMessageId="m", accessoryContent={"x": 1})
    answer(house, backend, {"action": "replace", "messageContent": "d***"})
    receipt = ann.frame()
    assert (receipt["messageContent"], receipt["accessoryContent"]) == ("d***", {"x": 1})
    assert (receipt["clientMessageId"], bob.contents()) == ("m", ["d***"])


def test_a_pictures_words_may_be_taken_away(house, backend):
    ann, bob = house.room("ann", "bob")
    ann.send({"messageType": "picture", "messageContent": "damn", "accessoryContent": {"file": "x"}})
    answer(house, backend, {"action": "replace", "messageContent": ""})
    assert "messageContent" not in bob.frame()


def test_what_is_no_ordinary_message_is_not_asked_about(house, backend):
    house.conversation()
    (ann,) = house.room("ann")
    ann.ask("updateUserInfo", messageContent="Anna")
    ann.ask("updateRoomName", messageContent="den")
    ann.beat()
    ann.send("{")
    ann.say("")
    assert backend.bodies == []


def test_what_may_not_be_said_is_refused_after_it_was_allowed(house, backend):
    (ann,) = house.room("ann")
    ann.say("hello", containerId="carl", clientMessageId="m")
    answer(house, backend)
    error = ann.frame()
    assert (error["code"], error["clientMessageId"]) == ("not_found", "m")


# -- where there is no verdict ----------------------------------------------------------------------

NO_VERDICTS: dict[str, Callable[[SlowEndpoint], None]] = {
    "away": lambda backend: backend.fail("ConnectionRefusedError"),
    "500": lambda backend: backend.answer(ALLOW, code=500),
    "204": lambda backend: backend.answer(ALLOW, code=204),
    "302": lambda backend: backend.answer(ALLOW, code=302),
    "empty": lambda backend: backend.answer({}),
    "null": lambda backend: backend.answer(None),
    "another action": lambda backend: backend.answer({"action": "maybe"}),
    "a reason that is none": lambda backend: backend.answer({"action": "deny", "reason": 7}),
    "no text": lambda backend: backend.answer({"action": "replace"}),
    "an empty text": lambda backend: backend.answer({"action": "replace", "messageContent": ""}),
    "a text that is none": lambda backend: backend.answer({"action": "replace", "messageContent": 7}),
    "a long text": lambda backend: backend.answer({"action": "replace", "messageContent": "说" * 22_000}),
}


@pytest.mark.parametrize("happens", NO_VERDICTS.values(), ids=NO_VERDICTS)
@pytest.mark.parametrize("allows", [True, False])
def test_without_a_verdict_it_is_as_configured(opened, backend, happens, allows, log):
    house = opened(allows=allows)
    ann, bob = house.room("ann", "bob")
    ann.say("hello", clientMessageId="m")
    happens(backend)
    house.settle()
    assert bob.contents() == (["hello"] if allows else [])
    frame = ann.frame()
    assert frame["clientMessageId"] == "m"
    assert frame.get("code") == (None if allows else "storage_unavailable")
    assert "hello" not in repr(log)


def test_a_backend_that_does_not_answer_is_waited_for_so_long(opened, backend):
    house = opened(timeout=3)
    ann, bob = house.room("ann", "bob")
    ann.say("hello")
    house.wait(2.5)
    assert bob.texts() == []
    house.wait(0.5)
    assert (bob.contents(), backend.cancelled) == (["hello"], 1)


def test_who_waits_for_others_waits_no_longer(opened, backend):
    house = opened(timeout=3, concurrency=1)
    ann, bob, cid = house.room("ann", "bob", "cid")
    ann.say("one")
    bob.say("two")
    assert len(backend.bodies) == 1
    house.wait(1)
    answer(house, backend)
    assert len(backend.bodies) == 2
    cid.say("three")
    house.wait(2)
    assert cid.contents() == ["one", "two"]
    house.wait(1)
    assert cid.contents() == ["three"]


def test_an_outage_closes_nobody_and_is_two_lines_in_the_log(opened, backend, log):
    house = opened({"errors_in_a_row": 2}, allows=False)
    (ann,) = house.room("ann")
    log.clear()
    for _ in range(5):
        ann.say("hello")
        backend.fail("ConnectionRefusedError")
    ann.say("hello")
    answer(house, backend, {"action": "deny"})
    assert ann.closed is None
    assert [formatEvent(event) for event in log] == [
        "messages cannot be checked, they are denied: ConnectionRefusedError",
        "messages are checked again",
    ]


# -- order (M7) -------------------------------------------------------------------------------------


def test_what_a_sender_sends_while_it_waits_comes_after_it(house, backend):
    """(M7)"""
    ann, bob = house.room("ann", "bob")
    ann.say("one")
    ann.ask("updateUserInfo", messageContent="Anna")
    ann.say("two")
    ann.ask("updateRoomName", messageContent="den")
    assert (bob.texts(), backend.asked) == ([], 1)
    answer(house, backend)
    assert (bob.contents(), backend.asked) == (["one", "Anna"], 1)
    answer(house, backend)
    assert bob.contents() == ["two", "Anna, 离开了，现在共有【1】人在线"]


def test_others_do_not_wait(house, backend):
    ann, bob = house.room("ann", "bob")
    ann.say("one")
    bob.say("two")
    bob.beat()
    assert backend.asked == 2
    answer(house, backend, at=1)
    assert ann.contents() == ["two"]
    assert len(bob.texts()) == 2
    answer(house, backend)
    assert ann.contents() == ["one"]


WAYS = {
    "the short way": lambda said: client_frame(TEXT, said),
    "in two frames": lambda said: (
        client_frame(TEXT, said[:9], fin=False) + client_frame(CONTINUATION, said[9:])
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("cut", [None, 1, 7, 100])
def test_what_comes_in_one_piece_waits_whichever_way_it_comes(house, backend, way, cut):
    """(M7)"""
    ann, bob = house.room("ann", "bob")
    piece = b"".join(way(text(str(number))) for number in range(3))
    piece += (
        client_frame(PING, b"x")
        + way(b'{"eventType":"updateRoomName","messageContent":"den"}')
        + client_frame(CLOSE)
    )
    for at in range(0, len(piece), cut or len(piece)):
        ann.send_bytes(piece[at : at + (cut or len(piece))])
    for number in range(3):
        assert (backend.asked, ann.pongs, ann.closed) == (1, [], None)
        assert backend.waiting[0]["message"]["messageContent"] == str(number)
        answer(house, backend)
    assert bob.contents() == ["0", "1", "2", "Ann, 离开了，现在共有【1】人在线"]
    assert (ann.pongs, ann.closed) == ([b"x"], 1000)


def test_a_backend_that_answers_at_once_holds_nobody(opened, backend, monkeypatch):
    house = opened(allows=True, concurrency=1)
    ann, bob = house.room("ann", "bob")
    post = backend.post

    def at_once(*what: Any) -> Any:
        asked = post(*what)
        backend.answer(ALLOW)
        return asked

    monkeypatch.setattr(backend, "post", at_once)
    ann.send_bytes(b"".join(client_frame(TEXT, text(str(number))) for number in range(150)))
    assert bob.contents() == [str(number) for number in range(150)]


# -- who goes, or is silent, meanwhile --------------------------------------------------------------


@pytest.mark.parametrize("goes", [Client.vanish, Client.leave])
def test_who_goes_while_its_message_waits(house, backend, goes):
    """What was said right before a close is heard; of a connection that broke nothing more is."""
    ann, bob = house.room("ann", "bob")
    ann.say("hello")
    goes(ann)
    answer(house, backend)
    gone = "Ann, 离开了，现在共有【1】人在线"
    assert bob.contents() == ([gone] if goes is Client.vanish else ["hello", gone])


def test_a_server_that_stops_does_not_wait_for_verdicts(house, backend):
    ann, bob = house.room("ann", "bob")
    ann.say("hello")
    ann.say("more")
    emptied = house.stop()
    assert (ann.closed, emptied.called) == (1001, True)
    answer(house, backend)
    assert (ann.texts(), bob.texts()) == ([], [])


def test_a_bug_in_asking_closes_the_connection(house, backend, log):
    ann, bob = house.room("ann", "bob")
    ann.say("hello")
    backend._taken(0).errback(KeyError("x"))
    house.settle()
    assert (ann.closed, bob.contents()) == (1011, ["Ann, 离开了，现在共有【1】人在线"])
    log.clear()


def test_who_waits_is_pinged_and_given_up_as_ever(opened, backend):
    """(H2)"""
    house = opened({"interval": 10, "misses": 2}, timeout=60)
    ann, bob = house.room("ann", "bob")
    ann.say("hello")
    house.wait(11)
    assert ann.pings == 1
    house.wait(8)
    bob.beat()
    house.wait(3)
    assert (ann.closed, ann.is_connected) == (4408, False)
    answer(house, backend)
    assert "hello" not in "".join(bob.texts())


def test_who_has_waited_is_a_sign_of_life(opened, backend):
    """(H2) What it sent meanwhile was not read; it is now."""
    house = opened({"interval": 10, "misses": 2}, timeout=60)
    (ann,) = house.room("ann")
    ann.say("hello")
    house.wait(19)
    answer(house, backend)
    house.wait(19)
    assert ann.closed is None


def test_what_waits_is_bounded_by_what_is_read_at_once(house, backend):
    (ann,) = house.room("ann")
    ann.say("hello")
    for _ in range(100):
        ann.say("x" * 10_000)
    assert len(ann.protocol.early) == 0
    assert not ann.transport.reading
