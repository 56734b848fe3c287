"""The turn: everything that rooms and connections hear is collected here and sent on together.

This is the one road to the sockets, so its order is the order in which everybody sees things (M7).
What comes in during one turn of the reactor is published as one list at the turn's end.
"""

from twisted.internet.interfaces import IReactorTime

from chatd.delivery import Attach, Delivery, Item
from chatd.interfaces import IBus
from chatd.model import Audience, Event
from chatd.room import Connection


class Outbox:
    """Collects a turn's items and publishes them.

    :param clock: whose next turn ends the collecting.
    :param bus: takes the list to every node.
    """

    def __init__(self, clock: IReactorTime, bus: IBus) -> None:
        self._clock = clock
        self._bus = bus
        self._items: list[Item] = []

    def post(self, audience: Audience, event: Event, origin: Connection | None = None) -> None:
        """Tell an event to an audience, and to the connection that caused it."""
        self._collect(Delivery(audience, event, origin))

    def tell(self, connection: Connection, event: Event) -> None:
        """Tell one connection alone, in order with all else that it hears."""
        self._collect(Delivery(None, event, connection))

    def attach(self, connection: Connection) -> None:
        """From this point on the connection hears the room of its identity."""
        self._collect(Attach(connection, connection.identity.room))

    def _collect(self, item: Item) -> None:
        if not self._items:
            self._clock.callLater(0, self.flush)
        self._items.append(item)

    def flush(self) -> None:
        """End the turn now."""
        items, self._items = self._items, []
        if items:
            self._bus.publish(items)
