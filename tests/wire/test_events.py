"""What the server says, as the bytes of the wire (D1, D2, N1, E1, R2)."""

import json
import os
import time
from collections.abc import Iterator

import pytest

from chatd.errors import ErrorCode
from chatd.model import Error, Identity, Message, Online
from chatd.notices import NoticeTexts
from chatd.wire.events import Encoder, receipt

FULL = Message(
    id="0660ed32722cf8",
    created=1795421730123,
    room="lobby",
    user_id="ann",
    name="Ann",
    icon="http://a/b.png",
    event="ordinary",
    type="picture",
    content="look",
    accept_id="bob",
    container_id="carl",
    target_id="order-1",
    accessory=b'{"file": "x"}',
    client_message_id="m-1",
)
BARE = Message(
    id="0660ed32722cf8", created=0, room="lobby", user_id="ann", name="Ann", icon="", event="addContainer"
)


@pytest.fixture
def in_shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server whose time zone is eight hours east of UTC."""
    monkeypatch.setitem(os.environ, "TZ", "CST-8")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_message_has_the_originals_fields_in_the_originals_order():
    """(D1)"""
    assert Encoder().encode(FULL) == (
        b'{"messageContent":"look","messageType":"picture","acceptId":"bob","nickName":"Ann",'
        b'"createUser":"ann","createTime":"2026-11-23T08:15:30.123Z","containerId":"carl",'
        b'"userIcon":"http://a/b.png","accessoryContent":{"file": "x"},"eventType":"ordinary",'
        b'"targetId":"order-1","roomName":"lobby","messageId":"0660ed32722cf8"}'
    )


def test_fields_without_a_value_are_left_out():
    """(D1)"""
    assert list(json.loads(Encoder().encode(BARE))) == [
        "nickName",
        "createUser",
        "createTime",
        "eventType",
        "roomName",
        "messageId",
    ]


@pytest.mark.parametrize(
    ("created", "text"),
    [
        (1795421730123, "2026-11-23T08:15:30.123Z"),
        (1795421730000, "2026-11-23T08:15:30.000Z"),
        (1795421730007, "2026-11-23T08:15:30.007Z"),
        (0, "1970-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_iso_8601_in_utc(in_shanghai, created, text):
    """(D2)"""
    assert create_time("iso", created) == text


def test_a_time_may_be_the_servers_own(in_shanghai):
    """(D2)"""
    assert create_time("datetime", 1795421730123) == "2026-11-23 16:15:30"


def test_a_time_may_be_milliseconds_and_is_text_even_so():
    """(D2)"""
    assert create_time("epoch_ms", 1795421730123) == "1795421730123"


def create_time(time_format: str, created: int) -> object:
    """How a time is written."""
    message = Message(
        id="1", created=created, room="lobby", user_id="ann", name="Ann", icon="", event="ordinary"
    )
    return json.loads(Encoder(time_format).encode(message))["createTime"]


def test_the_notice_in_is_the_originals():
    """(N1)"""
    notice = NoticeTexts().came(Identity("12", "11", "", "xxx"), "xxx", 1)
    assert Encoder().encode(notice).decode() == (
        '{"messageType":"notice","nickName":"11","count":1,"userId":"12","action":"in",'
        '"messageContent":"11 进来了，现在共有【1】人在线","roomName":"xxx"}'
    )


def test_the_notice_out_is_the_originals():
    """(N2)"""
    notice = NoticeTexts().went(Identity("21", "22", "", "xxx"), "xxx", 1)
    assert Encoder().encode(notice).decode() == (
        '{"messageType":"notice","nickName":"22","count":1,"userId":"21","action":"out",'
        '"messageContent":"22, 离开了，现在共有【1】人在线","roomName":"xxx"}'
    )


def test_a_containers_notice_says_which():
    """(N4)"""
    notice = NoticeTexts().closed(Identity("agnes", "Agnes", "", "agnes"), "agnes", "carl")
    assert Encoder().encode(notice).decode() == (
        '{"messageType":"notice","nickName":"Agnes","count":0,"userId":"carl","action":"outAll",'
        '"messageContent":"Agnes, 离开了，现在共有【0】人在线","roomName":"agnes","containerId":"carl"}'
    )


def test_an_error_says_what_of_what():
    """(E1)"""
    error = Error(code=ErrorCode.NOT_FOUND, sentence="No.", event="addContainer", client_message_id="m-1")
    assert Encoder().encode(error) == (
        b'{"messageType":"error","code":"not_found","messageContent":"No.","eventType":"addContainer",'
        b'"clientMessageId":"m-1"}'
    )


def test_an_error_about_nothing_in_particular_says_no_more():
    """(E1)"""
    assert Encoder().encode(Error(code=ErrorCode.BAD_JSON, sentence="No.")) == (
        b'{"messageType":"error","code":"bad_json","messageContent":"No."}'
    )


def test_who_is_online_is_told_with_what_each_has():
    """(R2)"""
    carl = Identity("carl", 'C"arl', "", "lobby", "carl")
    ann = Identity("ann", "Ann", "http://a/b.png", "lobby")
    online = Online(room="lobby", container_id="carl", count=7, users=(carl, ann))
    assert Encoder().encode(online) == (
        b'{"messageType":"online","roomName":"lobby","containerId":"carl","count":7,"users":['
        b'{"userId":"carl","nickName":"C\\"arl","containerId":"carl"},'
        b'{"userId":"ann","nickName":"Ann","userIcon":"http://a/b.png"}]}'
    )


def test_where_nobody_is_online_that_is_said():
    """(R2)"""
    online = Online(room="lobby", container_id=None, count=0, users=())
    assert Encoder().encode(online) == b'{"messageType":"online","roomName":"lobby","count":0,"users":[]}'


def test_a_receipt_is_the_message_and_its_client_message_id():
    """(M1, M5)"""
    payload = Encoder().encode(FULL)
    fields = json.loads(receipt(payload, 'm-"1"'))
    assert fields == json.loads(payload) | {"clientMessageId": 'm-"1"'}
    assert list(fields)[-1] == "clientMessageId"


@pytest.mark.parametrize("content", ['"', "\\", "\n", "\u2028", "🙂", "</script>", "\x00"], ids=ascii)
def test_any_text_comes_back_out_of_the_json(content):
    """(D1)"""
    message = Message(
        id="1", created=0, room="r", user_id="u", name="n", icon="", event="ordinary", content=content
    )
    assert json.loads(Encoder().encode(message))["messageContent"] == content
