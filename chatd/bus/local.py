"""The bus of a single node: a plain call."""

from collections.abc import Callable, Sequence

from zope.interface import implementer

from chatd.delivery import Item
from chatd.interfaces import IBus


@implementer(IBus)
class LocalBus:
    """Delivers what is published, at once and in order.

    :param deliver: takes a turn's items to the connections.
    """

    trouble: str | None = None

    def __init__(self, deliver: Callable[[Sequence[Item]], None]) -> None:
        self._deliver = deliver

    def publish(self, items: Sequence[Item]) -> None:
        """See :meth:`chatd.interfaces.IBus.publish`."""
        self._deliver(items)
