"""A room is put together of what was kept, of the roster, and of what each node says it has there."""

from functools import partial
from itertools import count

import pytest
from msgspec.structs import replace
from twisted.internet.task import Clock

from chatd.bus.local import LocalBus
from chatd.bus.redis import Redis, RedisUrl
from chatd.chat import Chat
from chatd.cluster import wire
from chatd.cluster.outpost import Outpost
from chatd.cluster.owned import Owned
from chatd.cluster.scripts import Names
from chatd.cluster.takeover import TakeOver, roster_of
from chatd.conversations import Conversations
from chatd.counts import ClusterCounts
from chatd.model import NO_RIGHTS, Identity, Message
from chatd.notices import NoticeTexts
from chatd.outbox import Outbox
from chatd.registry import Registry
from chatd.room import Connection, Room
from chatd.stamp import Stamp
from chatd.turn import Claimed, ContainerState, Turn
from chatd.wire.events import Encoder
from tests.channel import ListChannel, connection
from tests.cluster.units.said import HERE, ROOM, identity, missed, sync
from tests.stores import PromptStore

THERE, YONDER = "there", "yonder"
A, B, C, LAST = (f"{number:014x}" for number in (10, 11, 12, 15))  # messageIds


def message(id: str, user: str = "ann", container: str | None = None) -> Message:
    """What a user said; its clientMessageId is its id."""
    return Message(
        id=id,
        created=0,
        room=ROOM,
        user_id=user,
        name=user,
        icon="",
        event="ordinary",
        type="text",
        content=id,
        container_id=container,
        client_message_id=id,
    )


class Site:
    """All that a room is put together with. Redis is not needed: nothing is published to it here."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = PromptStore()
        self.store.open()
        self.registry = Registry(Encoder().encode)
        self.outbox = Outbox(self.clock, LocalBus(self.registry.deliver), self.store)
        self.stamp = Stamp(self.clock.seconds)
        numbers = count(100)
        self.outpost = Outpost(ROOM, HERE, self.registry.delivered, missed, lambda: next(numbers))
        self.owned = Owned(
            ROOM,
            2,
            HERE,
            Redis(self.clock, RedisUrl.parse("redis://127.0.0.1:1"), 1.0),
            Names("chatd"),
            self.registry.rooms.get,
            self.clock.callLater,
            ClusterCounts(),
            self.outbox.mark,
            lambda owned: None,
            lambda owned: None,
        )
        self.takeover: TakeOver

    def guest(
        self, user: str, number: int, container: str | None = None, attached: bool = True
    ) -> Connection:
        """Somebody who is here, and was in the room."""
        guest = self.outpost.guests[number] = connection(user, ROOM, container)
        guest.number, guest.attached = number, attached
        return guest

    def put_together(self, *containers: ContainerState, **roster: str) -> Room:
        """The room, with who was online: ``here_1="ann"``."""
        users = {key.replace("_", ":"): identity(user) for key, user in roster.items()}
        return self.put(users, *containers)

    def put(self, roster: dict[str, Identity], *containers: ContainerState) -> Room:
        """The same, with identities. All that is to be told has been told then.

        Who is here knows of them, unless the outpost says otherwise.
        """
        self.outpost.people = self.outpost.people or {each.user_id: each.name for each in roster.values()}
        self.takeover = TakeOver(self.outpost, self.owned, roster, HERE)
        claimed = Claimed(2, LAST, list(containers))
        join = partial(self.chat().join, known=True)
        self.takeover.put_together(claimed, self.registry, self.outbox, self.stamp, 0.0, join)
        self.clock.advance(0)
        self.clock.advance(0)
        return self.registry.rooms[ROOM]

    def kept(self, *messages: Message) -> None:
        """What the last owner had kept."""
        self.store.commit(Turn(messages=list(messages)))

    def chat(self) -> Chat:
        """What is done in the rooms that are here."""
        texts = NoticeTexts()
        conversations = Conversations(self.registry, self.outbox, self.stamp, texts, {}, 100, 600.0, 10**6)
        return Chat(self.registry, self.outbox, self.clock, self.stamp, texts, conversations)

    def parcel(self, node: str) -> wire.Parcel:
        """What an edge is to be told."""
        return self.owned.edges[node].take_parcel()


@pytest.fixture
def site() -> Site:
    return Site()


def said(somebody: Connection) -> list[str]:
    """What somebody heard of what was said."""
    assert isinstance(somebody.channel, ListChannel)
    return [frame["messageContent"] for frame in somebody.channel.frames()]


def has(number: int, user: str, container: str | None = None) -> wire.Guest:
    return wire.Guest(number, identity(user, container), NO_RIGHTS)


def joins(number: int, user: str) -> wire.Join:
    return wire.Join(number, identity(user), NO_RIGHTS, None)


# -- who is there -----------------------------------------------------------------------------------


def test_who_was_online_and_is_here_is_the_same_connection(site: Site) -> None:
    ann = site.guest("ann", 1)
    room = site.put_together(here_1="ann")
    assert room.users == {"ann": [ann]}
    assert list(room.audience) == [ann]


def test_who_was_renamed_is_called_as_everybody_knows(site: Site) -> None:
    ann = site.guest("ann", 1)
    site.put({"here:1": Identity("ann", "Anna", "", ROOM)})
    assert ann.identity.name == "Anna"


def test_who_is_at_an_edge_stands_in_the_room_by_it(site: Site) -> None:
    site.outpost.visitors.append(sync(guests=[has(4, "bob")]))
    room = site.put_together(there_4="bob")
    (bob,) = room.users["bob"]
    assert (bob.node, bob.number, bob.attached) == (THERE, 4, True)
    assert site.owned.edges[THERE].guests == {4: bob}
    assert room.audience == {}
    assert site.owned.people == {"bob": "Bob"}


def test_each_node_has_its_own(site: Site) -> None:
    ann = site.guest("ann", 1)
    visitors = [sync(guests=[has(1, "bob")]), sync(node=YONDER, guests=[has(1, "cid")])]
    site.outpost.visitors += visitors
    room = site.put_together(here_1="ann", there_1="bob", yonder_1="cid")
    assert [room.users[user][0].node for user in ("ann", "bob", "cid")] == ["", THERE, YONDER]
    assert list(room.audience) == [ann]
    assert [site.parcel(node).attached for node in (THERE, YONDER)] == [[1], [1]]


def test_who_is_gone_is_counted_until_everybody_hears_that_it_goes(site: Site) -> None:
    ann = site.guest("ann", 1)
    site.outpost.visitors.append(sync())
    room = site.put_together(here_1="ann", here_2="bob", there_1="cid", dead_1="dan")
    assert room.online == 4
    chat = site.chat()
    site.takeover.dismiss_ghosts(chat)
    assert list(room.users) == ["ann"]
    site.clock.advance(0)
    assert isinstance(ann.channel, ListChannel)
    told = [(frame["action"], frame["userId"], frame["count"]) for frame in ann.channel.frames()]
    assert told == [("out", "bob", 3), ("out", "cid", 2), ("out", "dan", 1)]
    site.takeover.dismiss_ghosts(chat)
    site.clock.advance(0)
    assert ann.channel.frames() == []


def test_who_goes_while_everybody_is_told_what_is_missing_goes_after_that(site: Site) -> None:
    """It may be in another room by then."""
    ann, bob = site.guest("ann", 1), site.guest("bob", 2)
    room = site.put_together(here_1="ann", here_2="bob")
    site.outpost.leave(bob)
    assert (bob.room, room.online, list(room.audience)) == (None, 2, [ann])
    (asked,) = site.outpost.take_back()
    site.chat().leave(asked.connection)
    assert list(room.users) == ["ann"]
    site.clock.advance(0)
    assert isinstance(ann.channel, ListChannel)
    assert [(frame["action"], frame["userId"]) for frame in ann.channel.frames()] == [("out", "bob")]


# -- who was joining --------------------------------------------------------------------------------


def test_who_is_joining_here_and_is_online_for_all_others_comes_in_and_hears_what_was_kept_since(
    site: Site,
) -> None:
    """The last owner ended before it could tell."""
    ann = connection("ann", ROOM)
    ann.number = 1
    site.outpost.join(ann, None)
    site.outpost.last = A
    site.kept(message(A), message(B), message(C, "ann"))
    room = site.put_together(here_1="ann")
    assert room.users == {"ann": [ann]}
    assert site.takeover.is_known(HERE, 1)
    assert list(room.audience) == [ann]
    assert isinstance(ann.channel, ListChannel)
    notice, *rest = ann.channel.frames()
    assert (notice["action"], notice["userId"]) == ("in", "ann")
    assert [frame["messageContent"] for frame in rest] == [B, C]
    assert ("ann", C) in site.takeover.told


def test_who_is_joining_and_asks_for_what_was_said_since_a_message_is_told_it_once(site: Site) -> None:
    ann = connection("ann", ROOM)
    ann.number = 1
    site.outpost.join(ann, B)
    site.kept(message(A), message(B), message(C))
    site.put_together(here_1="ann")
    assert isinstance(ann.channel, ListChannel)
    _, history = ann.channel.frames()
    assert [said["messageContent"] for said in history["messages"]] == [C]


def test_who_is_joining_at_an_edge_and_is_online_for_all_others_comes_in(site: Site) -> None:
    site.kept(message(A), message(B))
    site.outpost.visitors.append(sync(requests=[joins(4, "bob")], last=A))
    room = site.put_together(there_4="bob")
    (bob,) = room.users["bob"]
    assert site.takeover.is_known(THERE, 4)
    assert bob.attached
    parcel = site.parcel(THERE)
    assert (parcel.attached, parcel.synced) == ([4], 2)
    assert [id.encode() in parcel.letters[4] for id in (A, B)] == [False, True]


def test_who_is_joining_and_is_not_online_yet_is_neither_there_nor_known(site: Site) -> None:
    site.outpost.visitors.append(sync(requests=[joins(4, "bob")]))
    site.guest("ann", 1)
    room = site.put_together(here_1="ann")
    assert list(room.users) == ["ann"]
    assert not site.takeover.is_known(THERE, 4)


def test_the_same_number_of_another_node_is_somebody_else(site: Site) -> None:
    site.outpost.visitors.append(sync(requests=[joins(1, "bob")]))
    site.guest("ann", 1)
    site.put_together(here_1="ann", there_1="bob")
    assert site.takeover.is_known(THERE, 1)
    assert not site.takeover.is_known(HERE, 1)


# -- who is waited for ------------------------------------------------------------------------------


def test_the_other_nodes_are_those_of_the_roster(site: Site) -> None:
    users = {"here:1": identity("ann"), "host:1:7": identity("bob"), "host:1:8": identity("cid")}
    takeover = TakeOver(site.outpost, site.owned, users, HERE)
    assert takeover.others == {"host:1"}


def test_of_a_node_its_last_word_counts(site: Site) -> None:
    requests = wire.Requests(YONDER, ROOM, 1, 1, 0, [], 0)
    site.outpost.visitors += [sync(attempt=2), sync(attempt=3), requests]
    takeover = TakeOver(site.outpost, site.owned, {}, HERE)
    assert {node: each.attempt for node, each in takeover.syncs.items()} == {THERE: 3}


def test_a_roster_is_read_as_redis_tells_it() -> None:
    words = [b"here:1", wire.encode_identity(identity("ann"))]
    assert roster_of(words) == {"here:1": identity("ann")}
    assert roster_of([]) == {}


# -- what is missing --------------------------------------------------------------------------------


def test_who_is_here_is_told_what_was_kept_and_not_told(site: Site) -> None:
    ann = site.guest("ann", 1)
    site.outpost.last = A
    site.kept(message(A), message(B, "bob"), message(C, "bob"))
    site.put_together(here_1="ann")
    assert said(ann) == [B, C]


def test_each_edge_is_told_what_it_has_not_heard(site: Site) -> None:
    site.kept(message(A), message(B), message(C))
    for node, last in ((THERE, B), (YONDER, A)):
        site.outpost.visitors.append(sync(node=node, last=last, guests=[has(1, f"user of {node}")]))
    site.put({f"{node}:1": identity(f"user of {node}") for node in (THERE, YONDER)})
    letters = {node: site.parcel(node).letters[1] for node in (THERE, YONDER)}
    ids = [id.encode() for id in (A, B, C)]
    assert [word in letters[THERE] for word in ids] == [False, False, True]
    assert [word in letters[YONDER] for word in ids] == [False, True, True]


def test_an_edge_is_told_what_its_guests_are_called_by_now(site: Site) -> None:
    site.outpost.visitors.append(sync(guests=[has(4, "bob"), has(5, "cid")]))
    site.put({"there:4": replace(identity("bob"), name="Robert"), "there:5": identity("cid")})
    assert site.parcel(THERE).names == {4: ("Robert", "")}


def test_members_are_told_what_was_said_in_their_container_and_others_are_not(site: Site) -> None:
    ann, carl, agnes = site.guest("ann", 1), site.guest("carl", 2, "carl"), site.guest("agnes", 3)
    container = ContainerState(room=ROOM, id="carl", since=A, members=("carl", "agnes"))
    site.kept(message(B, "agnes", "carl"))
    roster = {"here:1": identity("ann"), "here:2": identity("carl", "carl"), "here:3": identity("agnes")}
    room = site.put(roster, container)
    assert [said(each) for each in (ann, carl, agnes)] == [[], [B], [B]]
    assert room.containers["carl"].members == ("carl", "agnes")


def test_who_is_here_is_told_who_came_and_went_without_their_having_heard_it(site: Site) -> None:
    """The last owner published it, and ended before it could say it again."""
    ann, carl = site.guest("ann", 1), site.guest("carl", 2, "carl")
    site.outpost.people = {"ann": "Ann", "carl": "Carl", "bob": "Bob"}
    site.outpost.visitors.append(sync(guests=[has(4, "cid")]))
    site.put({"here:1": identity("ann"), "here:2": identity("carl", "carl"), "there:4": identity("cid")})
    assert isinstance(ann.channel, ListChannel)
    told = [(frame["action"], frame["userId"], frame["count"]) for frame in ann.channel.frames()]
    assert told == [("out", "bob", 2), ("in", "cid", 3)]
    assert said(carl) == []


def test_an_agent_is_told_of_a_request_that_it_has_not_heard(site: Site) -> None:
    agnes, anton = site.guest("agnes", 1), site.guest("anton", 2)
    site.outpost.last = A
    waits = {"since": A, "is_waiting": True, "room": ROOM}
    old, new = message(A, "carl", "carl"), message(B, "cora", "cora")
    site.put_together(
        ContainerState(id="carl", members=("carl",), accept_id="agnes", request=old, **waits),
        ContainerState(id="cora", members=("cora",), accept_id="agnes", request=new, **waits),
        here_1="agnes",
        here_2="anton",
    )
    assert (said(agnes), said(anton)) == ([B], [])


def test_messages_that_were_told_after_all_are_known_so_that_they_are_not_said_again(site: Site) -> None:
    site.guest("ann", 1)
    site.outpost.last = A
    site.kept(message(A), message(B), message(C, "bob"))
    site.put_together(here_1="ann")
    assert site.takeover.told == {("ann", B), ("bob", C)}


def test_who_has_missed_too_much_connects_anew(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatd.cluster.takeover.MISSED", 2)
    ann = site.guest("ann", 1)
    site.kept(message(A), message(B), message(C))
    site.put_together(here_1="ann")
    assert isinstance(ann.channel, ListChannel)
    assert ann.channel.closed == 1001


def test_ids_go_on_after_the_last_that_was_kept(site: Site) -> None:
    site.guest("ann", 1)
    site.put_together(here_1="ann")
    assert int(site.stamp.last_id, 16) == int(LAST, 16)
    assert site.owned.last == LAST


def test_an_edge_that_waits_is_answered_with_who_is_online_when_all_was_told(site: Site) -> None:
    site.kept(message(A))
    site.guest("ann", 1)
    site.outpost.visitors.append(sync(attempt=5, guests=[has(4, "bob")]))
    site.put_together(here_1="ann", there_4="bob")
    parcel = site.parcel(THERE)
    assert (parcel.synced, parcel.people) == (5, {"ann": "Ann", "bob": "Bob"})
    assert A.encode() in parcel.letters[4]


# -- who was taken for gone --------------------------------------------------------------------------


def test_who_is_there_and_not_in_the_roster_was_taken_for_gone(site: Site) -> None:
    ann = site.guest("ann", 1)
    site.outpost.people = {"ann": "Ann", "bob": "Bob", "cid": "Cid"}
    site.outpost.visitors.append(sync(guests=[has(4, "bob"), has(5, "dee")]))
    room = site.put_together(there_4="bob", yonder_1="eve")
    assert set(room.users) == {"ann", "bob", "dee", "eve"}
    assert [each.identity.user_id for each in site.takeover.returned] == ["ann", "dee"]
    assert isinstance(ann.channel, ListChannel)
    notices = [(frame["action"], frame["userId"]) for frame in ann.channel.frames()]
    assert sorted(notices) == [("in", "dee"), ("in", "eve"), ("out", "cid")]


def test_where_there_is_no_roster_redis_has_begun_anew_and_nobody_was_taken_for_gone(site: Site) -> None:
    site.guest("ann", 1)
    room = site.put_together()
    assert set(room.users) == {"ann"}
    assert site.takeover.returned == []


def test_who_was_taken_for_gone_is_back_for_the_conversations_it_serves(site: Site) -> None:
    agnes, carl = site.guest("agnes", 1), site.guest("carl", 2, "carl")
    container = ContainerState(room=ROOM, id="carl", since=A, members=("carl", "agnes"))
    site.put({"here:2": identity("carl", "carl")}, container)
    assert site.takeover.returned == [agnes]
    site.chat().is_back(agnes)
    site.clock.advance(0)
    assert isinstance(carl.channel, ListChannel)
    (notice,) = carl.channel.frames()
    assert (notice["action"], notice["userId"], notice["containerId"]) == ("in", "agnes", "carl")
