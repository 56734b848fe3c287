"""One conversation inside a room (K1 to K3). Pure: no I/O, no clock."""

from collections import deque

from chatd.model import Message


class Container:
    """The conversation of one customer, named by the customer's userId.

    It is *asked* until an agent joins it, then *open*, then gone. Membership belongs to users, not to
    connections: who drops out and comes back is still a member (K2).

    :param id: the customer's userId.
    :param replay: how many messages to keep for an agent who joins (D4).
    """

    __slots__ = ("accept_id", "id", "members", "record", "request")

    def __init__(self, id: str, replay: int) -> None:
        self.id = id
        self.members: tuple[str, ...] = (id,)
        self.request: Message | None = None
        self.accept_id: str | None = None
        self.record: deque[Message] = deque(maxlen=replay)

    @property
    def is_open(self) -> bool:
        """Whether an agent has joined it."""
        return len(self.members) > 1

    @property
    def agents(self) -> tuple[str, ...]:
        """The members who are not the customer."""
        return self.members[1:]

    def ask(self, request: Message) -> None:
        """The customer's createContainer: it names who may join from now on (D3)."""
        self.request = request
        self.accept_id = request.accept_id

    def may_join(self, user_id: str) -> bool:
        """Whether a user was asked, or is an agent in it already (M3)."""
        return user_id == self.accept_id or user_id in self.agents

    def join(self, user_id: str) -> bool:
        """Make a user a member. :returns: whether it was none before."""
        if user_id in self.members:
            return False
        self.members = (*self.members, user_id)
        return True

    def keep(self, message: Message) -> None:
        """Remember what was said, for agents who join later (D4)."""
        self.record.append(message)

    def __repr__(self) -> str:
        return f"<Container {self.id!r} {'open' if self.is_open else 'asked'} members={self.members!r}>"
