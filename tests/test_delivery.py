"""The fan-out: who hears what of a turn, in which order, in how many writes (M4, M5, M7)."""

from collections.abc import Callable

import msgspec
import pytest
from zope.interface.verify import verifyClass, verifyObject

from chatd.delivery import Attach, Delivery
from chatd.interfaces import IChannel
from chatd.model import Identity, Message, ToRoom, ToUsers
from chatd.notices import NoticeTexts
from chatd.protocol import ChatProtocol
from chatd.registry import Registry
from chatd.room import Connection
from chatd.wire.events import Encoder
from tests.channel import ListChannel, connection

LOBBY = ToRoom("lobby")


@pytest.fixture
def registry() -> Registry:
    """An empty one."""
    return Registry(encode=Encoder().encode)


def entered(registry: Registry, user: str, room: str = "lobby", container: str | None = None) -> Connection:
    """A connection that is online and attached."""
    new = connection(user, room, container)
    registry.enter(new)
    registry.deliver([Attach(new, room)])
    return new


def said(content: str, who: str = "ann", client_message_id: str | None = None) -> Message:
    """Something that somebody said."""
    return Message(
        id="1",
        created=0,
        room="lobby",
        user_id=who,
        name=who,
        icon="",
        event="ordinary",
        type="text",
        content=content,
        client_message_id=client_message_id,
    )


def heard(one: Connection) -> list[str]:
    """What a connection heard since last asked."""
    return [frame["messageContent"] for frame in one.channel.frames()]


def test_a_turn_is_one_write_for_each_connection(registry):
    """However many messages it holds, and whatever else a connection hears beside its room."""
    ann, bob, carl = (
        entered(registry, "ann"),
        entered(registry, "bob"),
        entered(registry, "carl", container="carl"),
    )
    registry.deliver(
        [
            Delivery(LOBBY, said("1"), bob),
            Delivery(LOBBY, said("2", client_message_id="m-1"), ann),
            Delivery(ToUsers("lobby", ("ann", "carl")), said("3"), ann),
            Delivery(None, said("4"), bob),
            Delivery(LOBBY, said("5"), carl),
        ]
    )
    assert [len(one.channel.writes) for one in (ann, bob, carl)] == [1, 1, 1]
    assert [heard(one) for one in (ann, bob, carl)] == [
        ["1", "2", "3", "5"],
        ["1", "2", "4", "5"],
        ["3", "5"],
    ]


def test_an_event_is_encoded_once_for_all_who_hear_it():
    encoded = []

    def encode(event: Message) -> bytes:
        encoded.append(event)
        return Encoder().encode(event)

    registry = Registry(encode=encode)
    members = [entered(registry, f"u{number}") for number in range(20)]
    registry.deliver([Delivery(LOBBY, said("1"), members[0])])
    assert len(encoded) == 1
    assert [heard(one) for one in members] == [["1"]] * 20


def test_who_hears_nothing_is_written_nothing(registry):
    ann, bob = entered(registry, "ann"), entered(registry, "bob", "den")
    registry.deliver([Delivery(LOBBY, said("1"))])
    assert (len(ann.channel.writes), bob.channel.writes) == (1, [])


def test_an_origin_outside_the_audience_hears_it_too(registry):
    """(M5, N3) A customer hears of its own coming."""
    entered(registry, "ann")
    carl = entered(registry, "carl", container="carl")
    registry.deliver([Delivery(LOBBY, NoticeTexts().came(carl.identity, "lobby", 2), carl)])
    assert heard(carl) == ["Carl 进来了，现在共有【2】人在线"]


def test_an_origin_inside_the_audience_hears_it_once(registry):
    """(M5)"""
    ann = entered(registry, "ann")
    registry.deliver([Delivery(LOBBY, said("1"), ann), Delivery(ToUsers("lobby", ("ann",)), said("2"), ann)])
    assert heard(ann) == ["1", "2"]


@pytest.mark.parametrize("audience", [LOBBY, ToUsers("lobby", ("ann", "bob"))])
def test_only_the_origins_copy_is_a_receipt(registry, audience):
    """(M1)"""
    ann, bob, again = entered(registry, "ann"), entered(registry, "bob"), entered(registry, "ann")
    registry.deliver([Delivery(audience, said("1", client_message_id="m-1"), ann)])
    assert [one.channel.frames()[0].get("clientMessageId") for one in (ann, bob, again)] == [
        "m-1",
        None,
        None,
    ]


def test_what_one_is_told_alone_is_no_receipt(registry):
    """(D4) What an agent hears of what was said before."""
    agnes = entered(registry, "agnes")
    registry.deliver([Delivery(None, said("1", client_message_id="m-1"), agnes)])
    assert "clientMessageId" not in agnes.channel.frames()[0]


def test_a_newcomer_hears_nothing_from_before_its_place_in_the_turn(registry):
    """(M7)"""
    ann = entered(registry, "ann")
    bob = connection("bob")
    registry.enter(bob)
    registry.deliver(
        [
            Delivery(LOBBY, said("before")),
            Attach(bob, "lobby"),
            Delivery(LOBBY, NoticeTexts().came(bob.identity, "lobby", 2), bob),
            Delivery(LOBBY, said("after")),
        ]
    )
    assert heard(bob) == ["Bob 进来了，现在共有【2】人在线", "after"]
    assert heard(ann) == ["before", "Bob 进来了，现在共有【2】人在线", "after"]


def test_who_has_gone_by_the_end_of_the_turn_is_written_nothing(registry):
    ann, bob = entered(registry, "ann"), entered(registry, "bob")
    registry.leave(ann, now=0)
    registry.deliver(
        [
            Delivery(LOBBY, said("1", client_message_id="m-1"), ann),
            Delivery(None, said("2"), ann),
            Attach(ann, "lobby"),
        ]
    )
    assert (ann.channel.writes, heard(bob)) == ([], ["1"])
    assert not ann.attached


def test_who_moved_within_the_turn_hears_the_new_room_from_its_place_on(registry):
    """(M3: updateRoomName)"""
    ann, bob, cid = entered(registry, "ann"), entered(registry, "bob"), entered(registry, "cid", "den")
    registry.leave(ann, now=0)
    ann.identity = Identity("ann", "Ann", "", "den")
    registry.enter(ann)
    registry.deliver(
        [
            Delivery(LOBBY, said("goodbye"), ann),
            Delivery(ToRoom("den"), said("too early")),
            Attach(ann, "den"),
            Delivery(ToRoom("den"), said("welcome")),
            Delivery(LOBBY, said("gone?")),
        ]
    )
    assert heard(ann) == ["goodbye", "welcome"]
    assert (heard(bob), heard(cid)) == (["goodbye", "gone?"], ["too early", "welcome"])


def test_an_attach_to_a_room_that_was_left_again_is_passed_over(registry):
    ann = connection("ann")
    registry.enter(ann)
    registry.deliver([Attach(ann, "den"), Delivery(LOBBY, said("1"))])
    assert (ann.attached, ann.channel.writes) == (False, [])


def test_a_room_that_is_gone_is_no_audience(registry):
    """But who caused the event still hears it."""
    ann = entered(registry, "ann")
    gone: list[Callable[..., object]] = [ToRoom, lambda room: ToUsers(room, ("ann", "bob"))]
    registry.deliver([Delivery(audience("gone"), said("1"), ann) for audience in gone])
    assert heard(ann) == ["1", "1"]


def test_a_room_in_which_only_customers_are_has_no_audience(registry):
    """(M4.3)"""
    carl, dora = (entered(registry, user, container=user) for user in ("carl", "dora"))
    registry.deliver([Delivery(LOBBY, said("1"), carl)])
    assert (heard(carl), dora.channel.writes) == (["1"], [])


def test_an_item_that_cannot_be_told_does_not_keep_the_others_back(registry, log):
    ann = entered(registry, "ann")
    broken = msgspec.structs.replace(said("x"), accessory=object())
    registry.deliver([Delivery(LOBBY, said("1")), Delivery(LOBBY, broken), Delivery(LOBBY, said("2"))])
    assert heard(ann) == ["1", "2"]
    assert len([event for event in log if "log_failure" in event]) == 1
    log.clear()


def test_both_channels_are_channels():
    assert verifyClass(IChannel, ChatProtocol)
    assert verifyObject(IChannel, ListChannel())


def test_a_customer_does_not_hear_the_room_in_the_turn_of_its_coming(house):
    """(N3, M4.3)"""
    (agnes,) = house.room("agnes", room="agnes")
    with house.one_turn():
        carl = house.customer("carl")
        agnes.say("lunch?")
    assert [frame["messageType"] for frame in carl.frames()] == ["notice"]
