"""The owner of a room, as other nodes know it."""

from collections.abc import Callable
from typing import Any

from chatd.cluster import wire
from chatd.cluster.reception import Reception
from tests.channel import ListChannel
from tests.cluster.units.said import HERE, ROOM
from tests.cluster.units.test_host import Hall
from tests.cluster.units.willing import WillingRedis
from tests.stores import HeldStore, PromptStore


class Desk:
    """A room of this node's, in which Ann is, with a node at its edge.

    :param say: takes what is said to a node; without it that is in ``posts``.
    """

    def __init__(self, say: Callable[[str, wire.ToNode], None] | None = None) -> None:
        redis: Any = WillingRedis()
        self.redis = redis
        kept = PromptStore()
        kept.open()
        self.store = HeldStore(kept)
        self.hall = hall = Hall(redis, self.store)
        self.posts: list[tuple[str, wire.ToNode]] = []
        say = say or (lambda node, message: self.posts.append((node, message)))
        rooms = hall.chat, hall.registry, hall.outbox, hall.stamp, hall.host
        self.reception = Reception(hall.clock, *rooms, HERE, post=say, send=say)
        hall.store.claim(ROOM, HERE)
        self.owned = hall.own()
        self.ann = hall.come("ann", 1)
        self.settle()

    def serve(self, message: wire.Requests | wire.Sync) -> None:
        """Another node says something, and all that comes of it is done."""
        self.reception.serve(message)
        self.settle()

    def step(self) -> None:
        """The store keeps a turn, or a turn of the reactor passes."""
        if self.store.is_busy:
            self.store.keep()
        else:
            self.hall.clock.advance(0)

    def settle(self) -> None:
        """All that is to be told has been told."""
        clock = self.hall.clock
        while self.store.is_busy or any(call.time <= clock.seconds() for call in clock.calls):
            self.step()

    def heard(self) -> list[str]:
        """What Ann heard of what was said, and who came and went."""
        assert isinstance(self.ann.channel, ListChannel)
        frames = self.ann.channel.frames()
        return [frame.get("action") or frame["messageContent"] for frame in frames]
