"""Where commands go when there is a Redis Cluster: to the master of their first key.

The map is asked for at the start, when a master says that a slot has moved, and as long as one is away.
What is sent for one slot is done in the order of sending, moved or not: as long as a master that has lost a
slot has not answered all that it was sent, what is new for that slot waits.
"""

import random
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall

from chatd.bus.node import Node
from chatd.bus.resp import Command, RedisAway, RedisError, fail
from chatd.bus.single import NOT_YET, UNFIT
from chatd.bus.slots import SLOTS, Address, masters, redirection, slot_for
from chatd.bus.url import RedisUrl
from chatd.logs import Log

log = Log()

PAUSE = 0.5
"""Seconds between two questions for the map."""
TRY_AGAIN = 0.05
"""Seconds until a command is sent again whose keys are just being carried from one master to another."""
HOPS = 20
"""So often a command is sent on or again."""


class _Hold:
    """A slot that is moving.

    ``to`` is where it goes; ``sent_back`` has to be sent there, ``new`` after that.
    """

    def __init__(self, to: Node, sent_back: Iterable[Command]) -> None:
        self.to = to
        self.sent_back = list(sent_back)
        self.new: list[Command] = []


class Nodes:
    """The masters of a cluster.

    :param changed: is called whenever ``trouble`` has changed.
    """

    def __init__(self, reactor: Any, url: RedisUrl, timeout: float, changed: Callable[[], None]) -> None:
        self.trouble: str | None = NOT_YET
        self._reactor = reactor
        self._url = url
        self._timeout = timeout
        self._changed = changed
        self._nodes: dict[Address, Node] = {}
        self._retired: set[Node] = set()
        self._owners: list[Node | None] = [None] * SLOTS
        self._holds: dict[int, _Hold] = {}
        self._state: str | None = NOT_YET
        self._asking = False
        self._timer: IDelayedCall | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin."""
        for address in self._url.hosts:
            self._node(address)

    def stop(self) -> "Deferred[Any]":
        """Close. :returns: fires when all is closed."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        holds, self._holds = self._holds, {}
        for hold in holds.values():
            fail(hold.sent_back + hold.new, "chatd stops")
        nodes = [*self._nodes.values(), *self._retired]
        self._retired.clear()
        return gatherResults([node.stop() for node in nodes])

    def send(self, command: Command) -> None:
        """Send a command. Its ``answer`` fails at once if there is no connection."""
        slot = slot_for(command.words)
        if self._holds and slot in self._holds:
            self._holds[slot].new.append(command)
            return
        owner = self._owners[slot]
        if owner is not None:
            owner.send(command)
        else:
            fail([command], self.trouble or "a slot of the Redis Cluster has no master")

    def _node(self, address: Address) -> Node:
        node = self._nodes.get(address)
        if node is None:
            node = Node(self._reactor, self._url, address, self._timeout, self._judge, self._refused)
            self._nodes[address] = node
        return node

    def _judge(self) -> None:
        """Is it well?"""
        before = self.trouble
        owners = set(self._owners)
        if self._state is not None:
            away = [node.trouble for node in self._nodes.values() if node.trouble is not None]
            self.trouble = away[0] if len(away) == len(self._nodes) else self._state
        elif None in owners:
            self.trouble = "a slot of the Redis Cluster has no master"
        else:
            missing = [node for node in owners if node is not None and node.link is None]
            self.trouble = (missing[0].trouble or NOT_YET) if missing else None
        if self.trouble is not None:
            self._ask_soon(0 if before is None or self._state == NOT_YET else PAUSE)
        if self.trouble != before:
            self._changed()

    def _ask_soon(self, seconds: float) -> None:
        if self._timer is None and not self._stopped:
            self._timer = self._reactor.callLater(seconds * random.uniform(0.5, 1), self._ask)

    def _ask(self) -> None:
        self._timer = None
        there = [node for node in self._nodes.values() if node.link is not None]
        if not there:  # who comes first is asked
            self.start()
        if self._asking or not there:
            return
        self._asking = True
        asking = Deferred.fromCoroutine(self._ask_one(random.choice(there)))
        asking.addErrback(
            lambda failure: log.failure("the map of the Redis Cluster is followed no more", failure)
        )

    async def _ask_one(self, node: Node) -> None:
        assert node.link is not None
        try:
            info = await node.link.call("CLUSTER", "INFO")
            slots = await node.link.call("CLUSTER", "SLOTS")
        except RedisAway:
            pass  # another will be asked
        except RedisError as error:
            self._state = str(error)
        else:
            ok = b"cluster_state:ok" in info
            self._state = None if ok else f"Redis at {node.host} says that its cluster is down"
            self._learn(
                {
                    slot: address
                    for first, last, address in masters(slots, node.host)
                    for slot in range(first, last + 1)
                }
            )
        self._asking = False
        if not self._stopped:
            self._judge()

    def _learn(self, places: dict[int, Address]) -> None:
        if self._stopped:
            return
        moved: dict[tuple[Node, Node], list[int]] = {}
        for slot, address in places.items():
            owner, node = self._owners[slot], self._node(address)
            if slot in self._holds:
                self._holds[slot].to = node
            elif owner is not None and owner is not node and owner.link is not None:
                moved.setdefault((owner, node), []).append(slot)
            else:
                self._owners[slot] = node
        for (owner, node), slots in moved.items():
            self._hold(slots, owner, node)
        used = {*self._owners, *(hold.to for hold in self._holds.values())}
        for address, node in list(self._nodes.items()):
            if node not in used:
                self._retired.add(self._nodes.pop(address))
                self._reactor.callLater(self._timeout if node.link else 0, self._retire, node)

    def _retire(self, node: Node) -> None:
        """A master that has no slots any more, and has had the time to answer."""
        if node in self._retired:
            self._retired.remove(node)
            node.stop()

    def _hold(
        self, slots: Iterable[int], owner: Node, to: Node, sent_back: Iterable[Command] = (), pause: float = 0
    ) -> None:
        """Move slots when their owner has answered all it was sent, and after a pause."""
        for slot in slots:
            self._holds[slot] = _Hold(to, sent_back)

        def release() -> None:
            for slot in slots:
                self._release(slot)

        assert owner.link is not None
        owner.link.after(lambda: self._reactor.callLater(pause, release) if pause else release())

    def _release(self, slot: int) -> None:
        hold = self._holds.pop(slot, None)
        if hold is not None:
            self._owners[slot] = hold.to
            for command in hold.sent_back + hold.new:
                hold.to.send(command)

    def _refused(self, node: Node, command: Command, error: RedisError) -> bool:
        code = error.code
        if code in UNFIT:
            node.drop(str(error))
        elif code == "CLUSTERDOWN":
            self._ask_soon(0)
        elif code not in ("MOVED", "ASK", "TRYAGAIN"):
            return False
        elif command.hops < HOPS:
            command.hops += 1
            self._send_on(node, command, error)
            return True
        command.answer.errback(RedisAway(str(error)))
        return True

    def _send_on(self, node: Node, command: Command, error: RedisError) -> None:
        if error.code == "ASK":
            _, address = redirection(str(error), node.host)
            asking = Command(("ASKING",))
            asking.answer.addErrback(lambda _: None)
            to = self._node(address)
            to.send(asking)
            to.send(command)
            return
        if error.code == "MOVED":
            slot, address = redirection(str(error), node.host)
            to, pause = self._node(address), 0.0
            self._ask_soon(0)
        else:
            slot, to, pause = slot_for(command.words), node, TRY_AGAIN
        if slot in self._holds:
            self._holds[slot].sent_back.append(command)
        else:
            self._hold([slot], node, to, [command], pause)
