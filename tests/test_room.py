"""Who is in a room, and who hears what there (C6, M4, N3, N4)."""

import pytest

from chatd.container import Container
from chatd.model import Message
from chatd.room import Connection, Room
from tests.channel import connection


@pytest.fixture
def room() -> Room:
    """An empty one."""
    return Room("lobby")


def entered(room: Room, user: str, container: str | None = None) -> Connection:
    """A connection that is in the room and hears it."""
    new = connection(user, room.name, container)
    room.enter(new)
    room.attach(new)
    return new


def ask(room: Room, customer: str, accept_id: str) -> None:
    """A customer asks a user for help."""
    container = room.open_container(customer, since="0")
    before = container.accept_id
    container.ask(
        Message(
            id="1",
            created=0,
            room=room.name,
            user_id=customer,
            name=customer,
            icon="",
            event="createContainer",
            accept_id=accept_id,
        )
    )
    room.note_asked(container, before)


def waiting(room: Room, user: str) -> list[str]:
    """The customers who wait for a user."""
    return [container.id for container in room.waiting_for(user)]


def test_an_empty_one_is_idle(room):
    assert (room.online, room.is_idle) == (0, True)


def test_users_are_counted_not_connections(room):
    """(C6)"""
    assert room.enter(connection("ann"))
    assert not room.enter(connection("ann"))
    assert room.enter(connection("bob"))
    assert room.online == 2


def test_customers_are_counted_too(room):
    """(N3)"""
    entered(room, "agnes")
    entered(room, "carl", container="carl")
    assert room.online == 2


def test_a_user_is_gone_with_the_last_connection(room):
    """(C6)"""
    first, second = entered(room, "ann"), entered(room, "ann")
    assert not room.leave(first)
    assert room.online == 1
    assert room.leave(second)
    assert (room.online, room.is_idle) == (0, True)


def test_a_connection_knows_its_room_while_it_is_there(room):
    ann = entered(room, "ann")
    assert (ann.room, ann.attached) == (room, True)
    room.leave(ann)
    assert (ann.room, ann.attached) == (None, False)


def test_only_room_scoped_connections_are_the_rooms_audience(room):
    """(M4.3, N3)"""
    ann, _, bob = entered(room, "ann"), entered(room, "carl", container="carl"), entered(room, "bob")
    assert list(room.audience) == [ann, bob]


def test_who_is_not_attached_yet_hears_nothing(room):
    room.enter(connection("ann"))
    assert list(room.audience) == []
    assert list(room.connections_of(("ann",))) == []


def test_all_connections_of_a_user_are_found(room):
    """(M4)"""
    tab, phone = entered(room, "ann"), entered(room, "ann", container="ann")
    entered(room, "bob")
    assert list(room.connections_of(("ann", "nobody"))) == [tab, phone]


def test_who_is_present_is_told_in_the_order_of_coming_each_as_its_first_connection(room):
    ann = entered(room, "ann")
    entered(room, "bob", container="bob")
    tab = entered(room, "ann")
    assert [who.user_id for who in room.present()] == ["ann", "bob"]
    assert next(room.present()) is ann.identity
    room.leave(ann)
    assert next(room.present()) is tab.identity
    assert [who.user_id for who in room.present_of(("bob", "cid", "ann"))] == ["bob", "ann"]


def test_only_a_room_scoped_user_can_be_asked_for_help(room):
    """(D3)"""
    entered(room, "carl", container="carl")
    entered(room, "agnes")
    assert room.has_room_scoped("agnes")
    assert not room.has_room_scoped("carl")
    assert not room.has_room_scoped("nobody")


def test_a_container_is_opened_once(room):
    assert room.open_container("carl", since="0") is room.open_container("carl", since="9")


def test_a_container_keeps_a_room(room):
    """(K1)"""
    room.open_container("carl", since="0")
    assert not room.is_idle
    room.remove_container(room.containers["carl"])
    assert room.is_idle


def test_containers_wait_in_the_order_they_were_asked(room):
    """(D3)"""
    for customer in ("carl", "dora", "emil"):
        ask(room, customer, "agnes")
    assert waiting(room, "agnes") == ["carl", "dora", "emil"]


def test_a_container_waits_for_whom_it_asked_last(room):
    """(D3)"""
    ask(room, "carl", "agnes")
    ask(room, "carl", "bert")
    assert (waiting(room, "agnes"), waiting(room, "bert")) == ([], ["carl"])


def test_a_container_does_not_wait_for_who_joined_it(room):
    """(D3, D4)"""
    ask(room, "carl", "agnes")
    assert room.join_container(room.containers["carl"], "agnes")
    assert waiting(room, "agnes") == []
    assert room.served_by("agnes") == [room.containers["carl"]]


def test_an_open_container_waits_for_another_who_is_asked(room):
    """(D3)"""
    ask(room, "carl", "agnes")
    room.join_container(room.containers["carl"], "agnes")
    ask(room, "carl", "bert")
    assert waiting(room, "bert") == ["carl"]
    room.join_container(room.containers["carl"], "agnes")
    assert waiting(room, "bert") == ["carl"]
    room.join_container(room.containers["carl"], "bert")
    assert waiting(room, "bert") == []


def test_who_is_in_a_container_and_asked_again_has_answered_by_joining_again(room):
    """(D3)"""
    ask(room, "carl", "agnes")
    room.join_container(room.containers["carl"], "agnes")
    ask(room, "carl", "agnes")
    assert waiting(room, "agnes") == ["carl"]
    assert not room.join_container(room.containers["carl"], "agnes")
    assert waiting(room, "agnes") == []


def test_a_container_that_is_gone_is_in_no_list(room):
    """(K1)"""
    ask(room, "carl", "agnes")
    container = room.containers["carl"]
    room.join_container(container, "agnes")
    ask(room, "carl", "bert")
    room.remove_container(container)
    assert (waiting(room, "bert"), room.served_by("agnes"), room.containers) == ([], [], {})


def test_a_container_that_is_back_is_in_the_lists_it_was_in(room):
    """(K2, D3)"""
    ask(room, "carl", "agnes")
    container = room.containers["carl"]
    room.join_container(container, "agnes")
    ask(room, "carl", "bert")
    again = Room("lobby")
    again.restore_container(Container.restored(container.state("lobby")))
    assert (waiting(again, "bert"), waiting(again, "agnes")) == (["carl"], [])
    assert again.served_by("agnes") == [again.containers["carl"]]
    again.join_container(again.containers["carl"], "bert")
    assert waiting(again, "bert") == []


def test_a_container_that_is_back_waits_for_nobody_who_has_answered(room):
    """(D3)"""
    ask(room, "carl", "agnes")
    room.join_container(room.containers["carl"], "agnes")
    again = Room("lobby")
    again.restore_container(Container.restored(room.containers["carl"].state("lobby")))
    assert waiting(again, "agnes") == []


def test_a_users_containers_are_its_own_and_those_it_serves(room):
    """(K2)"""
    ask(room, "carl", "agnes")
    room.join_container(room.containers["carl"], "agnes")
    room.open_container("agnes", since="0")
    assert [container.id for container in room.containers_of("agnes")] == ["carl", "agnes"]
    assert [container.id for container in room.containers_of("carl")] == ["carl"]
    assert room.containers_of("nobody") == []


def test_a_containers_count_is_of_its_members_online(room):
    """(N4)"""
    ask(room, "carl", "agnes")
    container = room.containers["carl"]
    room.join_container(container, "agnes")
    entered(room, "bystander")
    assert room.members_online(container) == 0
    entered(room, "carl", container="carl")
    entered(room, "carl", container="carl")
    assert room.members_online(container) == 1
    entered(room, "agnes")
    assert room.members_online(container) == 2


def test_reprs_tell_what_is_what(room):
    ann = entered(room, "ann")
    room.open_container("carl", since="0")
    assert repr(room) == "<Room 'lobby' online=1 containers=1>"
    assert repr(ann) == "<Connection 'ann' in 'lobby'>"
