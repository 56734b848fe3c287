"""The house as plain lists: who is where, and who must hear what (C6, M3, M4, N, K, R2)."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.client import Client

IDLE = 250
"""Seconds for which a conversation may be deserted."""


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
        self.since: dict[str, dict[str, int]] = defaultdict(dict)  # when each user came to a room
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
        if first:
            self.since[member.room][member.user] = next(self._tick)
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
        one.deserted = None
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

    def who(self, member: Member, id: str | None) -> None:
        """online."""
        if id is None and not member.is_customer:
            firsts = {one.user: one for one in reversed(self.here) if one.room == member.room}
            came = sorted(firsts, key=self.since[member.room].__getitem__)
            users = [(user, user if firsts[user].is_customer else None) for user in came]
            return self.tell([member], ("online", len(users), users, None))
        id = id or member.user
        one = self.open.get((member.room, id))
        if one is None and member.is_customer and id == member.user:
            one = Conversation(member.room, id)
        if one is None or member.user not in one.members:
            return self.tell([member], "error")
        here = [user for user in one.members if user in self.online(one.room)]
        users = [(user, user if user == id else None) for user in here]
        self.tell([member], ("online", len(users), users, id))

    def forget(self, now: float) -> None:
        """Conversations in which nobody was for the time are gone."""
        for key, one in list(self.open.items()):
            if one.deserted is not None and one.deserted + IDLE <= now:
                del self.open[key]
