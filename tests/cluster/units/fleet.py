"""Whole nodes in memory, with a Redis of their own: what a network, a pause or an end does to the order of
things, a test does to them step by step."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from chatd.bus.redis import RedisAway, Script
from chatd.chat import Chat
from chatd.cluster import cluster as parts
from chatd.cluster.cluster import Cluster, ClusterBus
from chatd.cluster.scripts import CLAIM, FAREWELL, FENCED, LOST, OWN, PUBLISH, RELEASE, RENEW
from chatd.config import Cluster as Settings
from chatd.config import Secret
from chatd.conversations import Conversations
from chatd.notices import NoticeTexts
from chatd.outbox import Outbox
from chatd.registry import Registry
from chatd.room import Connection
from chatd.stamp import Stamp
from chatd.wire.commands import Command
from chatd.wire.events import Encoder
from tests.channel import connection
from tests.cluster.units.heard import is_closed
from tests.cluster.units.said import ROOM
from tests.stores import HeldStore, PromptStore

LEASE, WAIT = 2.0, 1.0


class Server:
    """What Redis does with the scripts, in Python; :mod:`chatd.cluster.scripts` says what that is.

    :param now: seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.hears: dict[bytes, set[Line]] = defaultdict(set)
        self.clear()

    def clear(self) -> None:
        """It has begun anew, and is empty."""
        self._leases: dict[bytes, float] = {}
        self._hashes: dict[bytes, dict[bytes, Any]] = defaultdict(dict)

    def publish(self, channel: bytes, payload: bytes) -> None:
        """It is on its way to all who hear the channel."""
        for line in self.hears[channel]:
            line.inbox.append((channel, payload))

    def run(self, script: Script, keys: Sequence[bytes], words: Sequence[Any]) -> Any:
        """What a script answers."""
        if script in (RENEW, FAREWELL):
            return self._lease(script, words)
        owner, roster = (self._hashes[key] for key in keys)
        me = words[0]
        if script is CLAIM:
            node = owner.get(b"node")
            if node not in (None, me, words[1]):
                return [node]
            owner[b"node"] = me
            return [me, *(word for pair in roster.items() for word in pair)]
        if script is OWN:
            if owner.get(b"node") not in (None, me):
                return 0
            owner.update({b"node": me, b"epoch": words[1], b"seq": words[2]})
            if words[3] == 1:
                roster.clear()
            roster.update(zip(words[4::2], words[5::2], strict=True))
            return 1
        if script is RELEASE:
            if owner.get(b"node") != me:
                return 0
            owner.clear()
            roster.clear()
            return 1
        assert script is PUBLISH
        return self._publish(owner, roster, words)

    def _publish(self, owner: dict[bytes, Any], roster: dict[bytes, Any], words: Sequence[Any]) -> bytes:
        me, epoch, seq, channel, payload, *changes = words
        if b"node" not in owner or b"seq" not in owner:
            return LOST
        if (owner[b"node"], owner.get(b"epoch")) != (me, epoch):
            return FENCED
        if owner[b"seq"] >= seq:
            return b"again"
        owner[b"seq"] = seq
        for key, value in zip(changes[::2], changes[1::2], strict=True):
            if value:
                roster[key] = value
            else:
                roster.pop(key, None)
        self.publish(channel, payload)
        return b"done"

    def _lease(self, script: Script, words: Sequence[Any]) -> Any:
        me, now = words[0], self._now()
        if script is FAREWELL:
            self._leases.pop(me, None)
            self.publish(words[1], me)
            return 1
        had = self._leases.get(me, 0.0) >= now
        self._leases[me] = now + words[1] / 1000
        return [int(had), *sorted(node for node, till in self._leases.items() if till >= now)]


class Line(Service):
    """A node's way to Redis: what it asks, what is answered and what is published, each in its order."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.trouble: str | None = "not yet"
        self.up: Callable[[], None] = lambda: None
        self.down: Callable[[str], None] = lambda sentence: None
        self.asked: deque[tuple[Callable[[], Any], Deferred[Any]]] = deque()
        self.answers: deque[tuple[Any, Deferred[Any]]] = deque()
        self.inbox: deque[tuple[bytes, bytes]] = deque()

    def ask(self, question: Callable[[], Any]) -> "Deferred[Any]":
        """Something that Redis is to do."""
        if self.trouble is not None:
            return fail(RedisAway(self.trouble))
        answer: Deferred[Any] = Deferred(canceller=lambda answer: None)
        self.asked.append((question, answer))
        return answer

    def serve(self) -> None:
        """Redis does the first of what is asked."""
        if self.asked:
            question, answer = self.asked.popleft()
            self.answers.append((question(), answer))

    def answer(self) -> None:
        """The first answer comes."""
        if self.answers:
            value, answer = self.answers.popleft()
            if not answer.called:
                answer.callback(value)

    def cut(self) -> None:
        """Nothing comes through any more; what was asked may have been done."""
        if self.trouble is None:
            self.trouble = "cut"
            lost = [answer for _, answer in (*self.answers, *self.asked)]
            self.asked.clear()
            self.answers.clear()
            self.inbox.clear()
            for answer in lost:
                if not answer.called:
                    answer.errback(RedisAway("cut"))
            self.down("cut")

    def heal(self) -> None:
        """It works again."""
        if self.trouble is not None:
            self.trouble = None
            self.up()


class Commands(Line):
    """The twin of :class:`chatd.bus.redis.Redis`."""

    def run(self, script: Script, keys: Sequence[bytes], words: Sequence[Any]) -> "Deferred[Any]":
        """See there."""
        return self.ask(lambda: self.server.run(script, keys, tuple(words)))

    def call(self, *words: Any) -> "Deferred[Any]":
        """See there."""
        name, channel, payload = words
        assert name == "PUBLISH"
        return self.ask(lambda: self.server.publish(channel, payload))


class Publications(Line):
    """The twin of :class:`chatd.bus.redis.Subscriber`."""

    def __init__(self, server: Server, received: Callable[[bytes, bytes], None]) -> None:
        super().__init__(server)
        self._received = received
        self._wanted: dict[bytes, list[Deferred[None]]] = {}

    def subscribe(self, channel: bytes) -> "Deferred[None]":
        """See there."""
        if channel in self._wanted and self in self.server.hears[channel]:
            return succeed(None)
        in_force: Deferred[None] = Deferred()
        new = channel not in self._wanted
        self._wanted.setdefault(channel, []).append(in_force)
        if new and self.trouble is None:
            self._ask(channel)
        return in_force

    def _ask(self, channel: bytes) -> None:
        self.ask(lambda: self._begin(channel)).addCallbacks(self._confirmed, lambda failure: None)

    def _begin(self, channel: bytes) -> bytes:
        self.server.hears[channel].add(self)
        return channel

    def _confirmed(self, channel: bytes) -> None:
        for in_force in self._wanted.get(channel, ()):
            if not in_force.called:
                in_force.callback(None)

    def unsubscribe(self, channel: bytes) -> None:
        """See there."""
        waiting = self._wanted.pop(channel, None)
        if waiting is None:
            return
        if self.trouble is None:
            self.ask(lambda: self.server.hears[channel].discard(self)).addErrback(lambda failure: None)
        for in_force in waiting:
            in_force.cancel()

    def hear(self) -> None:
        """The first publication comes."""
        if self.inbox:
            channel, payload = self.inbox.popleft()
            if channel in self._wanted:
                self._received(channel, payload)

    def cut(self) -> None:
        """See :meth:`Line.cut`."""
        for hearers in self.server.hears.values():
            hearers.discard(self)
        super().cut()

    def heal(self) -> None:
        """It works again, and all that was subscribed to is so."""
        if self.trouble is not None:
            for channel in self._wanted:
                self.server.hears[channel].add(self)
            self.trouble = None
            for channel in tuple(self._wanted):
                self._confirmed(channel)
            self.up()


class Node:
    """A node as it runs, but for its sockets.

    :param store: which it shares with the others.
    """

    def __init__(self, name: str, server: Server, store: PromptStore, clock: Clock, monkeypatch: Any) -> None:
        self.name = name
        self.clock = clock
        self.store = HeldStore(store)
        self.is_paused = self.is_leaving = False
        self.behind = 0.0
        """Seconds that it has not noticed."""
        self.commands = Commands(server)
        monkeypatch.setattr(parts, "Redis", lambda *_: self.commands)
        monkeypatch.setattr(parts, "Subscriber", self._subscriber(server))
        texts, encode, bus = NoticeTexts(), Encoder().encode, ClusterBus()
        registry = Registry(encode)
        self._outbox = outbox = Outbox(clock, bus, self.store)
        stamp = Stamp(clock.seconds)
        conversations = Conversations(registry, outbox, stamp, texts, {}, 100, 600.0, 10**6)
        self._chat = chat = Chat(registry, outbox, clock, stamp, texts, conversations)
        settings = Settings(redis=Secret("redis://127.0.0.1:1"), name=name, lease=LEASE, wait=WAIT)
        self.cluster = Cluster(clock, settings, bus, chat, registry, outbox, stamp, self.store, encode)
        self.registry = registry
        self.guests: list[Connection] = []
        self.cluster.startService()
        self.commands.heal()
        self.publications.heal()

    def _subscriber(self, server: Server) -> Callable[..., Publications]:
        def made(
            clock: Any, url: Any, received: Callable[[bytes, bytes], None], timeout: float
        ) -> Publications:
            self.publications = Publications(server, received)
            return self.publications

        return made

    def step(self) -> None:
        """The store keeps a turn, or a turn of the reactor passes."""
        if self.store.is_busy:
            self.store.keep()
        else:
            self.clock.advance(0)

    def come(self, user: str) -> Connection:
        """A user comes in."""
        guest = connection(user, ROOM)
        self.guests.append(guest)
        self.cluster.switchboard.join(guest)
        return guest

    def go(self, guest: Connection) -> None:
        """A user goes."""
        self.guests.remove(guest)
        self.cluster.switchboard.leave(guest)

    def say(self, guest: Connection, content: str) -> None:
        """A user says something."""
        command = Command(message_type="text", message_content=content, client_message_id=content)
        self.cluster.switchboard.handle(guest, command)

    async def stop(self) -> None:
        """It ends as on SIGTERM, and its people are gone."""
        self.is_leaving = True
        self._chat.close()
        self.cluster.switchboard.close()
        await self._outbox.drained()
        await self.cluster.farewell()

    def look(self) -> None:
        """Who was closed goes."""
        for guest in tuple(self.guests):
            if is_closed(guest):
                self.go(guest)


class Fleet:
    """Some nodes, and what happens to them, by chance.

    :param chance: what decides.
    """

    def __init__(self, chance: Random, monkeypatch: Any, names: Sequence[str] = ("a", "b", "c")) -> None:
        self.chance = chance
        self.time = Clock()
        self.server = Server(self.time.seconds)
        store = PromptStore()
        store.open()
        self.kept = store
        self._monkeypatch = monkeypatch
        self.nodes: list[Node] = []
        for name in names:
            self.start(name)
        self._numbers = count(1)
        self._words = count(1)
        self.stayers: list[Connection] = []
        self.pass_time(1.0)
        for node in self.nodes:
            self.stayers.append(node.come(f"stays at {node.name}"))
            self.settle()

    def start(self, name: str) -> Node:
        """A node begins."""
        clock = Clock()
        clock.advance(self.time.seconds())
        node = Node(name, self.server, self.kept, clock, self._monkeypatch)
        self.nodes.append(node)
        return node

    @property
    def serving(self) -> list[Node]:
        """The nodes that are there, and stay."""
        return [node for node in self.nodes if not node.is_leaving]

    @property
    def people(self) -> set[str]:
        """The users who are there."""
        return {guest.identity.user_id for node in self.serving for guest in node.guests}

    # -- how things go on -----------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Time passes, for those who are not paused, and nothing else is done meanwhile."""
        self.time.advance(seconds)
        for node in self.nodes:
            node.behind += seconds
            if not node.is_paused:
                behind, node.behind = node.behind, 0.0
                node.clock.advance(behind)
                node.look()

    def move(self, node: Node) -> bool:
        """Something that is under way comes to pass. :returns: whether there was something."""
        ways: list[Callable[[], None]] = []
        if node.commands.asked:
            ways.append(node.commands.serve)
        if node.publications.asked:
            ways.append(node.publications.serve)
        if not node.is_paused:
            if node.commands.answers:
                ways.append(node.commands.answer)
            if node.publications.answers:
                ways.append(node.publications.answer)
            if node.publications.inbox:
                ways.append(node.publications.hear)
            now = node.clock.seconds()
            if node.store.is_busy or any(call.time <= now for call in node.clock.calls):
                ways.append(node.step)
        if ways:
            self.chance.choice(ways)()
            node.look()
        return bool(ways)

    def move_all(self) -> None:
        """All that is under way comes to pass."""
        for _ in range(20_000):
            if not any(self.move(node) for node in self.nodes):
                return
        raise AssertionError("it never ends")

    def settle(self, seconds: float = 1.0) -> None:
        """Time passes, and all comes to pass in time."""
        for _ in range(round(seconds / 0.25)):
            self.move_all()
            self.pass_time(0.25)
        self.move_all()

    # -- what happens ---------------------------------------------------------------------------------

    def come(self, node: Node) -> None:
        """Somebody comes in."""
        if not node.is_leaving:
            node.come(f"{node.name}{next(self._numbers)}")

    def go(self, node: Node) -> None:
        """Somebody goes who did not come to stay."""
        passers = [guest for guest in node.guests if guest not in self.stayers]
        if passers and not node.is_leaving:
            node.go(self.chance.choice(passers))

    def say(self, node: Node) -> None:
        """Somebody says something."""
        if node.guests and not node.is_leaving:
            guest = self.chance.choice(node.guests)
            node.say(guest, f"{guest.identity.user_id}: {next(self._words)}")

    def cut(self, node: Node) -> None:
        """A node loses one of its connections to Redis, or both."""
        for line in self.chance.choice(
            ([node.commands], [node.publications], [node.commands, node.publications])
        ):
            line.cut()

    def heal(self, node: Node) -> None:
        """It has them again."""
        lines: list[Line] = [node.commands, node.publications]
        self.chance.shuffle(lines)
        for line in lines:
            line.heal()
            if self.chance.random() < 0.5:
                return

    def heal_all(self) -> None:
        """All have them again, and nobody is paused."""
        for node in self.nodes:
            node.is_paused = False
            node.commands.heal()
            node.publications.heal()

    def restart_redis(self, node: Node) -> None:
        """Redis begins anew, and is empty; this matters to all nodes."""
        self.server.clear()
        for node in self.nodes:
            node.commands.cut()
            node.publications.cut()

    def pause(self, node: Node) -> None:
        """A node stands still."""
        node.is_paused = True

    def resume(self, node: Node) -> None:
        """It goes on: first, by chance, what its clock says is due."""
        node.is_paused = False
        if self.chance.random() < 0.5:
            self.pass_time(0.0)

    def kill(self, node: Node) -> None:
        """A node ends, and with it all who are there."""
        if self.serving != [node]:
            self._forget(node)

    def stop(self, node: Node) -> None:
        """A node is told to end."""
        if self.serving != [node] and not node.is_leaving:
            Deferred.fromCoroutine(node.stop()).addBoth(lambda _: self._forget(node))

    def _forget(self, node: Node) -> None:
        if node in self.nodes:
            self.nodes.remove(node)
            for hearers in self.server.hears.values():
                hearers.discard(node.publications)

    def begin(self, node: Node) -> None:
        """There is another node."""
        if len(self.nodes) < 4:
            self.start(f"n{next(self._numbers)}")

    def fail(self, node: Node) -> None:
        """The store does not keep a node's turn."""
        if node.store.is_busy:
            node.store.fail()
