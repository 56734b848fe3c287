"""One conversation inside a room (K1 to K3). Pure: no I/O, no clock."""

from chatd.model import Message
from chatd.turn import ContainerState


class Container:
    """The conversation of one customer, named by the customer's userId.

    It is *asked* until an agent joins it, then *open*, then gone. Membership belongs to users, not to
    connections: who drops out and comes back is still a member (K2).

    :param id: the customer's userId.
    :param since: the id of its first message: what was said before is none of its.
    """

    __slots__ = ("_before", "accept_id", "id", "is_waiting", "members", "request", "since")

    def __init__(self, id: str, since: str) -> None:
        self.id = id
        self.since = since
        self.members: tuple[str, ...] = (id,)
        self.request: Message | None = None
        self.accept_id: str | None = None
        self.is_waiting = False
        self._before: tuple[Message | None, str | None, bool] = (None, None, False)

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
        self._before = (self.request, self.accept_id, self.is_waiting)
        self.request = request
        self.accept_id = request.accept_id
        self.is_waiting = True

    def withdraw(self) -> None:
        """The last request could not be kept: it is as it was before."""
        self.request, self.accept_id, self.is_waiting = self._before

    def may_join(self, user_id: str) -> bool:
        """Whether a user was asked, or is an agent in it already (M3)."""
        return user_id == self.accept_id or user_id in self.agents

    def join(self, user_id: str) -> bool:
        """Make a user a member. :returns: whether it was none before."""
        if user_id == self.accept_id:
            self.is_waiting = False
        if user_id in self.members:
            return False
        self.members = (*self.members, user_id)
        return True

    def state(self, room: str) -> ContainerState:
        """What is to be kept of it."""
        return ContainerState(
            room=room,
            id=self.id,
            since=self.since,
            members=self.members,
            accept_id=self.accept_id,
            request=self.request,
            is_waiting=self.is_waiting,
        )

    @classmethod
    def restored(cls, state: ContainerState) -> "Container":
        """The container that was kept."""
        container = cls(state.id, state.since)
        container.members = state.members
        container.accept_id = state.accept_id
        container.request = state.request
        container.is_waiting = state.is_waiting
        return container

    def __repr__(self) -> str:
        return f"<Container {self.id!r} {'open' if self.is_open else 'asked'} members={self.members!r}>"
