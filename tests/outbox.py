"""What tests of the outbox share: a bus that is a list, and things to say."""

from collections.abc import Sequence
from typing import Any

from zope.interface import implementer

from chatd.delivery import Attach, Delivery, Item
from chatd.interfaces import IBus
from chatd.model import Error, Message, ToRoom
from chatd.notices import NoticeTexts
from chatd.room import Connection
from chatd.store.none import NoStore
from chatd.turn import ContainerState, Page, Turn
from tests.channel import connection
from tests.stores import HeldStore

ANN, BOB = connection("ann"), connection("bob")
LOBBY = ToRoom("lobby")
NOTICE = NoticeTexts().came(ANN.identity, "lobby", 1)


def no_store() -> NoStore:
    """A new one."""
    return NoStore(now=lambda: 0.0, repeat_window=300, replay=100)


def message(id: str, client_message_id: str | None = None, container_id: str | None = None) -> Message:
    """Something that Ann says, its id being what she says."""
    return Message(
        id=id,
        created=0,
        room="lobby",
        user_id="ann",
        name="Ann",
        icon="",
        event="ordinary",
        type="text",
        content=id,
        container_id=container_id,
        client_message_id=client_message_id,
    )


def container(*members: str) -> ContainerState:
    """Carl's, with some members."""
    return ContainerState(room="lobby", id="carl", since="1", members=members)


@implementer(IBus)
class ListBus:
    """Remembers what was published, turn by turn."""

    trouble: str | None = None

    def __init__(self) -> None:
        self.turns: list[list[Item]] = []

    def publish(self, items: Sequence[Item]) -> None:
        """See IBus."""
        self.turns.append(list(items))


def heard(bus: ListBus) -> list[list[Any]]:
    """What was published, turn by turn: a message as its id, other events as they are."""
    return [
        [
            "attach"
            if isinstance(item, Attach)
            else item.event.id
            if isinstance(item.event, Message)
            else item.event
            for item in turn
        ]
        for turn in bus.turns
    ]


def kept(store: HeldStore) -> list[str]:
    """The ids of what the store has of the lobby."""
    page = Page(room="lobby", container_id=None, until="~", limit=100)
    found: list[str] = []
    store.behind.commit(Turn(pages=[page])).addCallback(
        lambda kept: found.extend(each.id for each in kept.pages[0].messages)
    )
    return found


def errors(bus: ListBus) -> list[tuple[Connection | None, str, str | None, str | None]]:
    """Who was told of which error of what."""
    return [
        (item.origin, str(item.event.code), item.event.event, item.event.client_message_id)
        for turn in bus.turns
        for item in turn
        if isinstance(item, Delivery) and isinstance(item.event, Error) and item.audience is None
    ]
