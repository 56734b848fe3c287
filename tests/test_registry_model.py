"""A long random life of the house, step by step beside a model of it (C6, M3, M4, N, K, R2).

After each step every client must have heard exactly what the model says, and the registry must count what
the model counts. When all have left and their containers have expired, nothing may be left.
"""

from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.house import House
from tests.model import IDLE, Member, Model

users = st.sampled_from(["ann", "bob", "cid", "dan"])
rooms = st.sampled_from(["lobby", "den"])


def essence(frame: dict[str, Any]) -> object:
    """Of a frame, what the model knows."""
    if frame.get("messageType") == "error":
        return "error"
    if frame.get("messageType") == "online":
        users = [(user["userId"], user.get("containerId")) for user in frame["users"]]
        return ("online", frame["count"], users, frame.get("containerId"))
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

    @precondition(is_inhabited)
    @rule(number=somebody, id=st.none() | users)
    def who(self, number: int, id: str | None) -> None:
        member = self.pick(number)
        member.client.ask("online", containerId=id)
        self.model.who(member, id)

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
            assert {
                (room.name, id): list(container.members) for id, container in room.containers.items()
            } == {key: one.members for key, one in model.open.items() if one.room == room.name}

    def teardown(self) -> None:
        """All leave, and what they talked of is forgotten."""
        for member in self.model.here:
            member.client.leave()
        self.house.wait(IDLE + 1)
        assert (self.house.registry.rooms, self.house.registry.connections) == ({}, 0)
        assert self.house.registry.expire_containers(float("inf"), 0) == []
        assert self.house.factory.open == set()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40)
