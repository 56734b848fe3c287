"""What is wrong at the end of a round of faults."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tests.cluster.attendance import Attendance
from tests.cluster.crowd import Guest, Member
from tests.cluster.nodes import LEASE
from tests.durability.conversation import Frame
from tests.durability.postgres import Cluster as Postgres
from tests.durability.rounds import Row, rows

if TYPE_CHECKING:
    from tests.cluster.faults import Round

SLACK = 8  # seconds that a machine that is busy may take for what a lease's end brings about
ROWS = "SELECT room, id, user_id, container_id, event, body, client_message_id FROM messages ORDER BY seq"
Kept = dict[tuple[str, str | None], list[Row]]


def kept(postgres: Postgres, url: str) -> Kept:
    """The messages of a database, by room and container, in the order of keeping."""
    found: Kept = defaultdict(list)
    for room, *row in postgres.query(url, ROWS):
        (message,) = rows([tuple(row)])
        found[room, message.container].append(message)
    return found


class Observer(NamedTuple):
    """Somebody who was there all the time.

    :param node: to which he is connected.
    """

    user: str
    room: str
    node: int
    attendance: Attendance


class Findings:
    """What must hold at the end of a round, and does not.

    - Everybody has each message of their room or container once, in the store's order; who was connected all
      the time has it live.
    - Each sender's messages are there, once, and in the sender's order unless some were refused.
    - Nobody heard anything of somewhere else.
    - Each connection was told each coming and going once, with counts that agree, and knows in the end who is
      there.
    - Who stayed connected all the time, to whichever node, was told once that a visitor came and once
      that it went, and nothing of people who stayed. (But of visitors to a node that is given up, and there.)
    - Who was on a node that was killed went within a lease and a little.
    """

    def __init__(self, round: "Round", rows: Kept) -> None:
        self._round, self._rows = round, rows

    def all(self) -> list[str]:
        """All of it."""
        found = []
        for member in self._round.members:
            found += [f"{member.user}: {line}" for line in self._of_member(member)]
        for sitter in self._round.sitters:
            found += [f"{sitter.user} on node{sitter.node}: {line}" for line in self._of_sitter(sitter)]
        for observer in self._observers():
            who = f"{observer.user} on node{observer.node}"
            found += [f"{who}: {line}" for line in self._of_others(observer)]
        return found

    def of_newcomers(self, newcomers: list[Guest]) -> list[str]:
        """What somebody who comes at the end is told, and what others are told of it."""
        found = []
        for newcomer in newcomers:
            truth = self._truth(newcomer.room) | {newcomer.user}
            if newcomer.attendance.count != len(truth):
                count = newcomer.attendance.count
                found.append(f"{newcomer.user} on node{newcomer.node} was told {count}, not {len(truth)}")
            for observer in self._observers():
                told = observer.attendance.of(newcomer.user)
                if observer.room == newcomer.room and told != ["in"]:
                    found.append(f"{observer.user} on node{observer.node}: of {newcomer.user}: {told}")
        return found

    # -- messages -----------------------------------------------------------------------------------

    def _of_member(self, member: Member) -> list[str]:
        found = list(member.wrong)
        if not member.is_done:
            found.append(f"has no receipts for {[*member.unreceipted]}")
        if not member.is_caught_up:
            found.append("is not caught up")
        for key, conversation in member.conversations.items():
            found += conversation.wrong
            rows = self._rows[member.room, key]
            found += _differ([_shown(frame) for frame in conversation.seen], [row[:5] for row in rows])
            if len(member.attendances) == 1 and conversation.paged:
                found.append(f"read {conversation.paged} messages, though it was there all the time")
        found += self._of_said(member)
        if member.attendances:
            for attendance in member.attendances[:-1]:
                found += attendance.wrong
            found += member.attendances[-1].check(self._truth(member.room))
        return found

    def _of_said(self, member: Member) -> list[str]:
        mine = [
            (int(row.client_message_id or -1), row.content)
            for (room, _), rows in self._rows.items()
            for row in rows
            if (room, row.user, row.event) == (member.room, member.user, "ordinary")
        ]
        written = list(enumerate(member.drafts))
        if sorted(mine) != written:
            return ["of its own: " + line for line in _differ(sorted(mine), written)]
        if mine != written and not member.refused:
            return [f"its own are not in its order: {[number for number, _ in mine]}"]
        return []

    def _of_sitter(self, sitter: Guest) -> list[str]:
        found = list(sitter.wrong)
        ids = [row.id for row in self._rows[sitter.room, None]]
        if sitter.was_lost:
            found += sitter.attendance.wrong
            ids = ids[: len(sitter.heard)]
        else:
            found += sitter.attendance.check(self._truth(sitter.room))
        found += _differ(sitter.heard, ids)
        fault = self._round.fault
        if sitter.attendance.beginnings > 1 and not fault.may_be_given_up(sitter.node):
            found.append("was told again that it came")
        if sitter.was_lost and not (fault.ends_node and fault.node == sitter.node):
            found.append("lost its connection")
        return found

    # -- comings and goings -------------------------------------------------------------------------

    def _truth(self, room: str) -> set[str]:
        """Who is there, but for who comes at the end."""
        members = {it.user for it in self._round.members if it.is_connected and it.room == room}
        return members | {it.user for it in self._round.sitters if not it.was_lost and it.room == room}

    def _observers(self) -> list[Observer]:
        """Who was there all the time, for everybody."""
        members = [
            Observer(member.user, member.room, member.node, member.attendances[0])
            for member in self._round.members
            if len(member.attendances) == 1 and not member.is_customer
        ]
        sitters = [
            Observer(sitter.user, sitter.room, sitter.node, sitter.attendance)
            for sitter in self._round.sitters
            if not sitter.was_lost
        ]
        return [it for it in members + sitters if it.attendance.beginnings == 1]

    def _of_others(self, observer: Observer) -> list[str]:
        found = []
        for visitor in self._round.visitors:
            if visitor.room == observer.room:
                told = observer.attendance.of(visitor.user)
                if told not in self._allowed(visitor, observer):
                    found.append(f"of {visitor.user}, who came to node{visitor.node}: {told}")
        for sitter in self._round.sitters:
            if sitter.room == observer.room and observer.attendance.of(sitter.user)[-1:] == ["out"]:
                found += self._of_sitters_end(sitter, observer.attendance)
        return found

    def _allowed(self, visitor: Guest, observer: Observer) -> list[list[str]]:
        """What somebody may have been told of a visitor."""
        whole = ["in", "out"]
        given_up = any(self._round.fault.may_be_given_up(node) for node in (visitor.node, observer.node))
        if (
            given_up
        ):  # who came and went meanwhile need not be told of; who went meanwhile may come back first
            return [[], whole, whole * 2]
        return [whole] if visitor.came_at is not None else [[], whole]

    def _of_sitters_end(self, sitter: Guest, attendance: Attendance) -> list[str]:
        times = [when for action, user, when in attendance.told if (action, user) == ("out", sitter.user)]
        if len(times) != int(sitter.was_lost):
            return [f"of {sitter.user} on node{sitter.node}: went {len(times)} times"]
        killed_at = self._round.fault.killed_at
        if killed_at is not None and any(when > killed_at + LEASE + SLACK for when in times):
            return [f"of {sitter.user} on node{sitter.node}: went {times[0] - killed_at} seconds after it"]
        return []


def _differ(seen: Sequence[object], rows: Sequence[object]) -> list[str]:
    """How what was seen differs from what is kept."""
    if list(seen) == list(rows):
        return []
    missing, foreign = [it for it in rows if it not in seen], [it for it in seen if it not in rows]
    if missing or foreign:
        parts = (("missed", missing), ("has of nowhere", foreign))
        return [f"{what} {len(each)} of {len(rows)}: {each[:3]}" for what, each in parts if each]
    twice = [it for it in rows if seen.count(it) > 1]
    return [f"heard twice: {twice[:3]}" if twice else "heard all of it in another order"]


def _shown(frame: Frame) -> tuple[object, ...]:
    keys = ("messageId", "createUser", "containerId", "eventType", "messageContent")
    return tuple(frame.get(key) for key in keys)
