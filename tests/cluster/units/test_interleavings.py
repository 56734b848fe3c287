"""Whatever is late, lost or said again between a room's owner and the nodes at its edge: everybody hears
everything once and in one order, and knows who is there."""

from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chatd.cluster import wire
from chatd.cluster.outpost import Outpost
from chatd.cluster.scripts import PUBLISH
from chatd.container import Container
from chatd.room import Connection
from chatd.turn import ContainerState
from chatd.wire.commands import Command
from tests.channel import connection
from tests.cluster.units.desk import Desk
from tests.cluster.units.heard import frames, is_closed, known, words
from tests.cluster.units.said import HERE, ROOM, missed
from tests.stores import PromptStore

NODES = ("there", "yonder")
FAILS = "the store fails"
CARL = "carl"
"""The customer, and the container."""


class Node:
    """A node at the room's edge: some stay there, and others come and go.

    What is said to it waits in ``inbox``, and what it says in ``outgoing``, each in the order of saying.
    """

    def __init__(self, name: str, desk: Desk) -> None:
        self.name = name
        self.desk = desk
        self.inbox: list[bytes | wire.ToNode] = []
        self.outgoing: list[wire.Requests | wire.Sync] = []
        self.outpost: Outpost | None = None
        self.guests: list[Connection] = []
        """Those who are there, who stay first."""
        self.stayers: list[Connection] = []
        self.said: list[tuple[Connection, str, list[Any]]] = []
        """By whom, what, and what became of it."""
        self._numbers = count(1)
        self._words = count(1)

    # -- what happens -------------------------------------------------------------------------------

    def come(self) -> None:
        """Somebody comes in."""
        self.enter(f"{self.name}{next(self._numbers)}")

    def stay(self, user: str, container: str | None = None) -> None:
        """Somebody comes in who stays."""
        self.stayers.append(self.enter(user, container))

    def enter(self, user: str, container: str | None = None) -> Connection:
        """A user comes in; a customer, if to a container."""
        guest = connection(user, ROOM, container)
        guest.number = next(self._numbers)
        self.guests.append(guest)
        if self.outpost is None:
            self.outpost = Outpost(
                ROOM, self.name, self.desk.hall.registry.delivered, missed, lambda: next(self._numbers)
            )
            self.outpost.owner = HERE
            self.begin()
        self.outpost.join(guest, None)
        self.talk()
        return guest

    def go(self) -> None:
        """Whoever came last goes, but for those who stay."""
        if self.guests and self.guests[-1] not in self.stayers:
            guest = self.guests.pop()
            assert self.outpost is not None
            self.outpost.leave(guest)
            self.talk()

    def say(self) -> None:
        """Whoever came last says something in the room, or else who stays in a conversation."""
        if not self.guests:
            return  # what they had missed could not be read, and they were closed
        guest, content = self.guests[-1], f"{self.name} says {next(self._words)}"
        self.ask(guest, content, None)

    def converse(self) -> None:
        """The customer, or the agent, says something in their conversation."""
        if self.stayers[0] in self.guests:
            self.ask(self.stayers[0], f"{self.name} tells {next(self._words)}", CARL)

    def ask(self, guest: Connection, content: str, container: str | None) -> None:
        """Somebody says something."""
        told: list[Any] = []
        assert self.outpost is not None
        command = Command(
            message_type="text", message_content=content, client_message_id=content, container_id=container
        )
        done: Deferred[None] = self.outpost.handle(guest, command)
        done.addCallbacks(told.append, lambda failure: told.append(failure.value))
        self.said.append((guest, content, told))
        self.talk()

    def begin(self) -> None:
        """It begins anew: something may have been missed, or its lease had ended."""
        assert self.outpost is not None
        self.outgoing.append(self.outpost.begin())

    def lose(self) -> None:
        """What was on its way to it is lost, and it knows that."""
        self.inbox.clear()
        self.begin()

    def lose_unknowing(self) -> None:
        """What it said is lost."""
        self.outgoing.clear()

    def swap(self) -> None:
        """What it said last overtakes what it said before: Redis was asked whether it is alive."""
        self.outgoing[-2:] = self.outgoing[-2:][::-1]

    def repeat(self) -> None:
        """It has heard nothing for a while."""
        assert self.outpost is not None
        if not self.outpost.is_live:
            self.outgoing.append(self.outpost.sync())
        elif (requests := self.outpost.again()) is not None:
            self.outgoing.append(requests)

    def gone(self) -> None:
        """The owner takes it for gone."""
        self.desk.reception.nodes_gone(frozenset({self.name}))

    # -- what is heard ------------------------------------------------------------------------------

    def speak(self) -> None:
        """The owner hears the first of what it says."""
        if self.outgoing:
            self.desk.reception.serve(self.outgoing.pop(0))

    def listen(self) -> None:
        """It hears the first of what it is told."""
        if not self.inbox or self.outpost is None:
            return
        told = self.inbox.pop(0)
        if isinstance(told, bytes):
            self._hear(told)
        elif isinstance(told, wire.Stranger):
            self.begin()
        elif isinstance(told, wire.Replay) and self.outpost.replay(told.attempt, told.begins):
            for payload in told.publications:
                self._hear(payload)
        for guest in [guest for guest in self.guests if is_closed(guest)]:
            self.guests.remove(guest)
            self.outpost.leave(guest)
        self.talk()

    def _hear(self, payload: bytes) -> None:
        assert self.outpost is not None
        if not self.outpost.take(wire.decode_publication(payload)):
            self.begin()

    def talk(self) -> None:
        """What there is to be said is said."""
        assert self.outpost is not None
        if (requests := self.outpost.requests()) is not None:
            self.outgoing.append(requests)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on its way, and nothing is waited for."""
        on_its_way = self.inbox or self.outgoing
        return not on_its_way and self.outpost is not None and self.outpost.is_live and not self.outpost.asked


class World:
    """An owner and two nodes at the edge.

    :param with_ann: whether Ann stays on the owner's node; or else nobody is there.
    """

    def __init__(self, with_ann: bool) -> None:
        self.desk = Desk(self._sent)
        self.nodes = [Node(name, self.desk) for name in NODES]
        self._read = 0
        self._words = count(1)
        there, yonder = self.nodes
        there.stay(CARL, CARL)
        yonder.stay("agnes")
        for node in self.nodes:
            node.stay(node.name)
        self.settle()
        conversation = ContainerState(room=ROOM, id=CARL, since="", members=(CARL, "agnes"))
        self.desk.hall.registry.restore_containers([(ROOM, Container.restored(conversation))], 0.0)
        self.stayers = there.stayers + yonder.stayers
        if with_ann:
            self.stayers.append(self.desk.ann)
        else:
            self.desk.hall.host.hold(ROOM)  # when the others are taken for gone it is nobody's otherwise
            self.desk.hall.chat.leave(self.desk.ann)
            self.settle()

    @property
    def people(self) -> set[str]:
        """The users who are there."""
        guests = [guest for node in self.nodes for guest in node.guests]
        if self.desk.ann.room is not None:
            guests.append(self.desk.ann)
        return {guest.identity.user_id for guest in guests}

    def kept(self, container: str | None = None) -> list[str]:
        """What was said in the room or in a conversation, as the store has it."""
        kept = self.desk.store.behind
        assert isinstance(kept, PromptStore)
        return kept.contents(container)

    def say(self) -> None:
        """Ann says something; where she is not, somebody else."""
        if self.desk.ann.room is None:
            max(self.nodes, key=lambda node: bool(node.guests)).say()
            return
        content = f"ann says {next(self._words)}"
        command = Command(message_type="text", message_content=content, client_message_id=content)
        self.desk.hall.chat.handle(self.desk.ann, command)

    def step(self) -> None:
        """The owner goes on."""
        self.desk.step()
        self.publish()

    def _sent(self, node: str, message: wire.ToNode) -> None:
        self.publish()
        self.nodes[NODES.index(node)].inbox.append(message)

    def fail(self) -> None:
        """The store fails."""
        if self.desk.store.is_busy:
            self.desk.store.fail()
            self.publish()

    def publish(self) -> None:
        """What the owner has published is on its way."""
        ran = self.desk.redis.ran[self._read :]
        self._read += len(ran)
        for script, said in ran:
            if script is PUBLISH:
                for node in self.nodes:
                    node.inbox.append(said[4])

    def settle(self) -> None:
        """Nothing happens any more but what is under way."""
        for _ in range(100):
            for node in self.nodes:
                while node.outgoing:
                    node.speak()
            self.desk.settle()
            if self.desk.hall.clock.calls:  # the store is tried again
                self.desk.hall.clock.advance(1.0)
                self.desk.settle()
            self.publish()
            for node in self.nodes:
                while node.inbox:
                    node.listen()
            if all(node.is_quiet for node in self.nodes):
                return
            if not any(node.outgoing for node in self.nodes):
                for node in self.nodes:
                    if not node.is_quiet:
                        node.repeat()
        raise AssertionError("it never ends")


def of_one(node: int, act: Callable[[Node], None]) -> Callable[[World], None]:
    """Something that happens to one of the nodes."""
    return lambda world: act(world.nodes[node])


ACTS: dict[str, Callable[[World], None]] = {
    "ann says": World.say,
    "owner steps": World.step,
    FAILS: World.fail,
} | {
    f"{name}: {act.__name__}": of_one(number, act)
    for number, name in enumerate(NODES)
    for act in (
        Node.come,
        Node.go,
        Node.say,
        Node.converse,
        Node.begin,
        Node.lose,
        Node.lose_unknowing,
        Node.swap,
        Node.repeat,
        Node.gone,
        Node.speak,
        Node.listen,
    )
}


@pytest.mark.parametrize("with_ann", [True, False], ids=["somebody is here", "nobody is here"])
@pytest.mark.parametrize("seed", range(20))
def test_everybody_hears_everything_once_and_in_one_order(seed: int, with_ann: bool) -> None:
    chance = Random(seed)
    for _ in range(25):
        check(with_ann, [chance.choice(tuple(ACTS)) for _ in range(chance.randint(5, 60))])


def check(with_ann: bool, names: list[str]) -> None:
    """These acts, one after the other, and what must hold at the end."""
    world = World(with_ann)
    before = world.people
    for guest in world.stayers:
        assert frames(guest)
    for name in names:
        ACTS[name](world)
    world.settle()
    world.say()
    world.nodes[0].converse()
    world.settle()
    room, conversation = world.kept(), world.kept(CARL)
    assert len(room + conversation) == len(set(room + conversation))
    there = world.people
    assert set(world.desk.hall.registry.rooms[ROOM].users) == there
    for node in world.nodes:
        assert node.outpost is not None
        assert set(node.outpost.people) == there
        for guest in set(node.guests) - set(node.stayers):
            heard = words(frames(guest))  # all since it came
            assert heard
            assert heard == room[-len(heard) :]
        for guest, content, told in node.said:
            assert told == [None]
            is_kept = content in room + conversation
            assert guest not in node.guests or is_kept or FAILS in names  # and was refused
    for guest in world.stayers:
        if is_closed(guest):
            continue
        told = frames(guest)
        user = guest.identity.user_id
        assert words(told) == (room if guest.is_room_scoped else [])
        assert words(told, CARL) == (conversation if user in (CARL, "agnes") else [])
        if guest.is_room_scoped:
            assert known(before, told) == there


# -- a node that begins twice -----------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    """A node was given up, and does not know it; Ann has said two things meanwhile."""
    world = World(with_ann=True)
    there = world.nodes[0]
    there.gone()
    for _ in range(2):
        world.say()
    world.desk.settle()
    world.publish()
    there.inbox.clear()
    for guest in there.stayers:
        assert frames(guest)
    return world


def go_on(world: World, steps: int) -> None:
    """Ann says something before each step of the owner."""
    for _ in range(steps):
        world.say()
        world.step()


def heard_there(world: World) -> list[str]:
    """What was heard in the end by who stays on the node, when Ann has said two things more."""
    for _ in range(2):
        world.say()
        world.settle()
    return words(frames(world.nodes[0].stayers[1]))


def all_of(steps: int) -> list[str]:
    return [f"ann says {number}" for number in range(1, steps + 5)]


@pytest.mark.parametrize("hears", [False, True], ids=["deaf", "hears"])
@pytest.mark.parametrize("steps", range(10))
def test_who_begins_twice_is_told_everything_once_and_in_order(world: World, steps: int, hears: bool) -> None:
    there = world.nodes[0]
    there.begin()
    there.speak()
    for _ in range(steps):
        go_on(world, 1)
        if hears:
            while there.inbox:
                there.listen()
    there.begin()
    assert heard_there(world) == all_of(steps)


@pytest.mark.parametrize("steps", range(10))
def test_an_attempt_that_comes_after_a_later_one_is_of_no_account(world: World, steps: int) -> None:
    there = world.nodes[0]
    there.begin()
    there.begin()
    there.swap()
    there.speak()
    go_on(world, steps)
    there.speak()  # the node was not known to be alive, and Redis had to be asked
    assert heard_there(world) == all_of(steps)
