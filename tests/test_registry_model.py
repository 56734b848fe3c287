"""A long random life of the house, step by step beside a model that keeps plain lists (C6, M3, M4, N, K).

After each step every client must have heard exactly what the model says, and the registry must count what
the model counts. When all have left and their containers have expired, nothing may be left.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.client import Client
from tests.house import House

IDLE = 250
users = st.sampled_from(["ann", "bob", "cid", "dan"])
rooms = st.sampled_from(["lobby", "den"])


@dataclass(eq=False)
class Member:
    """A connection."""

    client: Client
    user: str
    room: str
    is_customer: bool


@dataclass(eq=False)
class Conversation:
    """A container. Its agents are in the order of their joining, with the time of it."""

    room: str
    id: str
    agents: dict[str, int] = field(default_factory=dict)
    accept_id: str | None = None
    asked: int | None = None
    said: list[str] = field(default_factory=list)
    deserted: float | None = None

    @property
    def members(self) -> list[str]:
        """All of its users."""
        return [self.id, *self.agents]


class Model:
    """Who is where, and who hears what."""

    def __init__(self) -> None:
        self.here: list[Member] = []
        self.open: dict[tuple[str, str], Conversation] = {}
        self.heard: dict[Member, list[Any]] = defaultdict(list)
        self._tick = count()

    def online(self, room: str) -> set[str]:
        """The users in a room."""
        return {member.user for member in self.here if member.room == room}

    def audience(self, room: str) -> list[Member]:
        """Who hears what is said to a room."""
        return [member for member in self.here if member.room == room and not member.is_customer]

    def of(self, room: str, names: list[str]) -> list[Member]:
        """All connections of some users in a room."""
        return [member for member in self.here if member.room == room and member.user in names]

    def members_online(self, conversation: Conversation) -> int:
        """How many members of a conversation are online."""
        return len(self.online(conversation.room) & set(conversation.members))

    def tell(self, members: list[Member], what: object) -> None:
        """Some connections hear something."""
        for member in members:
            self.heard[member].append(what)

    def tell_members(self, conversation: Conversation, what: object) -> None:
        """A conversation hears something."""
        self.tell(self.of(conversation.room, conversation.members), what)

    def served_by(self, user: str, room: str) -> list[Conversation]:
        """The conversations in which a user is an agent, in the order of joining."""
        mine = [one for one in self.open.values() if one.room == room and user in one.agents]
        return sorted(mine, key=lambda one: one.agents[user])

    def waiting_for(self, user: str, room: str) -> list[Conversation]:
        """The conversations that wait for a user, in the order of asking."""
        asked = [one for one in self.open.values() if (one.room, one.accept_id) == (room, user)]
        return sorted((one for one in asked if one.asked is not None), key=lambda one: one.asked)

    # -- what may be done ---------------------------------------------------------------------------

    def arrive(self, member: Member) -> None:
        """Somebody comes into a room."""
        first = member.user not in self.online(member.room)
        self.here.append(member)
        hearers = self.audience(member.room) if first else []
        hearers += [member] if member not in hearers else []
        self.tell(hearers, ("in", member.user, len(self.online(member.room)), None))
        if first:
            for one in self.open.values():
                if one.room == member.room and member.user in one.members:
                    one.deserted = None
            for one in self.served_by(member.user, member.room):
                self.tell_members(one, ("in", member.user, self.members_online(one), one.id))
        if not member.is_customer:
            for one in self.waiting_for(member.user, member.room):
                self.tell([member], ("createContainer", one.id))

    def depart(self, member: Member, now: float) -> None:
        """Somebody goes out of a room."""
        self.here.remove(member)
        online = self.online(member.room)
        if member.user not in online:
            self.tell(self.audience(member.room), ("out", member.user, len(online), None))
            for one in self.served_by(member.user, member.room):
                self.tell_members(one, ("out", member.user, self.members_online(one), one.id))
            for one in self.open.values():
                if one.room == member.room and member.user in one.members and not self.members_online(one):
                    one.deserted = now

    def own(self, member: Member) -> Conversation:
        """A customer's conversation, opened if need be."""
        key = (member.room, member.user)
        return self.open.setdefault(key, Conversation(*key))

    def ask(self, member: Member, accept_id: str) -> None:
        """createContainer."""
        if not member.is_customer or accept_id == member.user:
            return self.tell([member], "error")
        one = self.own(member)
        one.accept_id, one.asked = accept_id, next(self._tick)
        reached = [other for other in self.of(member.room, [accept_id]) if not other.is_customer]
        names = [member.user, accept_id] if reached else [member.user]
        self.tell(self.of(member.room, names), ("createContainer", one.id))
        if not reached:
            self.tell([member], "error")

    def add(self, member: Member, id: str) -> None:
        """addContainer."""
        one = self.open.get((member.room, id))
        if member.is_customer or one is None or member.user not in (one.accept_id, *one.agents):
            return self.tell([member], "error")
        if member.user == one.accept_id:
            one.asked = None
        told = [member]
        if member.user not in one.agents:
            one.agents[member.user] = next(self._tick)
            told = self.of(member.room, [member.user])
            self.tell_members(one, ("in", member.user, self.members_online(one), id))
        else:
            self.tell([member], ("in", member.user, self.members_online(one), id))
        for text in one.said:
            self.tell(told, ("ordinary", text))

    def remove(self, member: Member, id: str) -> None:
        """removeContainer."""
        one = self.open.get((member.room, id))
        if one is None or member.user not in one.members:
            return self.tell([member], "error")
        self.tell_members(one, ("outAll", id, 0, id))
        del self.open[member.room, id]

    def say(self, member: Member, text: str, id: str | None) -> None:
        """An ordinary message."""
        if id is None and not member.is_customer:
            return self.tell(self.audience(member.room), ("ordinary", text))
        if member.is_customer and id in (None, member.user):
            one = self.own(member)
        elif (one := self.open.get((member.room, id))) is None or member.user not in one.members:
            return self.tell([member], "error")
        one.said.append(text)
        self.tell_members(one, ("ordinary", text))

    def move(self, member: Member, room: str, now: float) -> None:
        """updateRoomName."""
        if member.is_customer:
            self.tell([member], "error")
        elif room == member.room:
            self.tell([member], ("in", member.user, len(self.online(room)), None))
        else:
            self.depart(member, now)
            member.room = room
            self.arrive(member)

    def forget(self, now: float) -> None:
        """Conversations in which nobody was for the time are gone."""
        for key, one in list(self.open.items()):
            if one.deserted is not None and one.deserted + IDLE <= now:
                del self.open[key]


def essence(frame: dict[str, Any]) -> object:
    """Of a frame, what the model knows."""
    if frame.get("messageType") == "error":
        return "error"
    if frame.get("messageType") == "notice":
        return (frame["action"], frame["userId"], frame["count"], frame.get("containerId"))
    if frame["eventType"] == "createContainer":
        return ("createContainer", frame["containerId"])
    return (frame["eventType"], frame["messageContent"])


somebody = st.sampled_from(range(12))  # whom of those who are here, counted around the table


class Life(RuleBasedStateMachine):
    """The house and the model, through the same steps."""

    @initialize()
    def open_house(self) -> None:
        self.house = House(idle_timeout=IDLE, heartbeat_reply=False, errors_in_a_row=10**6)
        self.model = Model()
        self.texts = count()
        for user in ("ann", "bob"):
            self.join(user, "lobby", False)
        self.join("cid", "lobby", True)

    @property
    def now(self) -> float:
        return self.house.clock.seconds()

    def pick(self, number: int) -> Member:
        """One of those who are here."""
        return self.model.here[number % len(self.model.here)]

    def is_inhabited(self) -> bool:
        """Whether anybody is here."""
        return bool(self.model.here)

    @rule(user=users, room=rooms, is_customer=st.booleans())
    def join(self, user: str, room: str, is_customer: bool) -> None:
        client = self.house.customer(user, room) if is_customer else self.house.join(user, room)
        self.model.arrive(Member(client, user, room, is_customer))

    @precondition(is_inhabited)
    @rule(number=somebody, abruptly=st.booleans())
    def leave(self, number: int, abruptly: bool) -> None:
        member = self.pick(number)
        member.client.vanish() if abruptly else member.client.leave()
        self.model.depart(member, self.now)

    @precondition(is_inhabited)
    @rule(number=somebody, accept_id=users)
    def ask(self, number: int, accept_id: str) -> None:
        member = self.pick(number)
        member.client.ask("createContainer", acceptId=accept_id, targetId="order-1")
        self.model.ask(member, accept_id)

    @precondition(is_inhabited)
    @rule(number=somebody, id=users)
    def add(self, number: int, id: str) -> None:
        member = self.pick(number)
        member.client.ask("addContainer", containerId=id)
        self.model.add(member, id)

    @precondition(is_inhabited)
    @rule(number=somebody, another=somebody, text=st.booleans())
    def converse(self, number: int, another: int, text: bool) -> None:
        """A customer asks an agent, who answers: by chance alone this would be rare."""
        customers = [member for member in self.model.here if member.is_customer]
        if customers:
            customer = customers[number % len(customers)]
            agents = self.model.audience(customer.room) or [customer]
            agent = agents[another % len(agents)]
            self.ask(self.model.here.index(customer), agent.user)
            if text:
                self.say(self.model.here.index(customer), None)
            self.add(self.model.here.index(agent), customer.user)

    @precondition(is_inhabited)
    @rule(number=somebody, id=users)
    def remove(self, number: int, id: str) -> None:
        member = self.pick(number)
        member.client.ask("removeContainer", containerId=id)
        self.model.remove(member, id)

    @precondition(is_inhabited)
    @rule(number=somebody, id=st.none() | users)
    def say(self, number: int, id: str | None) -> None:
        member, text = self.pick(number), str(next(self.texts))
        member.client.say(text, containerId=id)
        self.model.say(member, text, id)

    @precondition(is_inhabited)
    @rule(number=somebody, room=rooms)
    def move(self, number: int, room: str) -> None:
        member = self.pick(number)
        member.client.ask("updateRoomName", messageContent=room)
        self.model.move(member, room, self.now)

    @rule(silent=st.sets(users, max_size=3))
    def fall_silent(self, silent: set[str]) -> None:
        """A hundred seconds, in which some give no sign of life: they are given up at the ninetieth."""
        start = self.now
        for _ in range(4):
            for member in list(self.model.here):
                if self.now == start or member.user not in silent:
                    member.client.beat()
            self.house.wait(25)
        for member in [member for member in self.model.here if member.user in silent]:
            self.model.depart(member, start + 90)
        self.model.forget(self.now)

    @invariant()
    def all_have_heard_what_the_model_says(self) -> None:
        heard = {member: [essence(frame) for frame in member.client.frames()] for member in self.model.here}
        assert heard == {member: self.model.heard[member] for member in self.model.here}
        self.model.heard.clear()

    @invariant()
    def the_registry_counts_what_the_model_counts(self) -> None:
        rooms, model = self.house.registry.rooms, self.model
        there = {member.room for member in model.here} | {one.room for one in model.open.values()}
        assert set(rooms) == there
        assert self.house.registry.connections == len(model.here) == len(self.house.factory.open)
        for room in rooms.values():
            assert room.online == len(model.online(room.name))
            assert len(room.audience) == len(model.audience(room.name))
            assert {(room.name, id): list(container.members) for id, container in room.containers.items()} == {
                key: one.members for key, one in model.open.items() if one.room == room.name
            }

    def teardown(self) -> None:
        """All leave, and what they talked of is forgotten."""
        for member in self.model.here:
            member.client.leave()
        self.house.wait(IDLE + 1)
        assert (self.house.registry.rooms, self.house.registry.connections) == ({}, 0)
        assert (self.house.registry.expire_containers(float("inf"), 0), self.house.factory.open) == (0, set())


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40)
