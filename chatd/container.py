"""One conversation inside a room (K1 to K3). Pure: no I/O, no clock."""

from chatd.model import Message
from chatd.turn import ContainerState
from chatd.undecided import Undecided

SIZE = 1000
"""About what a container takes of memory before anything is asked, in bytes."""
_Asked = tuple[Message | None, str | None, bool]


class Container:
    """The conversation of one customer, named by the customer's userId.

    It is *asked* until an agent joins it, then *open*, then gone. Membership belongs to users, not to
    connections: who drops out and comes back is still a member (K2).

    :param id: the customer's userId.
    :param since: the id of its first message: what was said before is none of its.
    """

    __slots__ = ("accept_id", "id", "is_waiting", "members", "request", "since", "undecided")

    def __init__(self, id: str, since: str) -> None:
        self.id = id
        self.since = since
        self.members: tuple[str, ...] = (id,)
        self.request: Message | None = None
        self.accept_id: str | None = None
        self.is_waiting = False
        self.undecided: Undecided[_Asked] = Undecided()
        """Requests of which it is not known yet whether they are kept."""

    @property
    def is_open(self) -> bool:
        """Whether an agent has joined it."""
        return len(self.members) > 1

    @property
    def agents(self) -> tuple[str, ...]:
        """The members who are not the customer."""
        return self.members[1:]

    @property
    def size(self) -> int:
        """What it holds, in characters."""
        return SIZE + (size_of(self.request) if self.request is not None else 0)

    def ask(self, request: Message) -> None:
        """The customer's createContainer: it names who may join from now on (D3)."""
        self.undecided.add(request, (self.request, self.accept_id, self.is_waiting))
        self.request = request
        self.accept_id = request.accept_id
        self.is_waiting = True

    def withdraw(self, request: Message) -> bool:
        """A request was not kept: it is as if it had never been made.

        :returns: whether anything else is asked for now.
        """
        before = self.undecided.withdraw(request)
        if before is None:
            return False
        self.request, self.accept_id, self.is_waiting = before
        return True

    def may_join(self, user_id: str) -> bool:
        """Whether a user was asked, or is an agent in it already (M3)."""
        return user_id == self.accept_id or user_id in self.agents

    def join(self, user_id: str) -> bool:
        """Make a user a member. :returns: whether it was none before."""
        if user_id == self.accept_id:
            self.is_waiting = False
        self.undecided.change(lambda asked: (*asked[:2], asked[2] and asked[1] != user_id))
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


def size_of(request: Message) -> int:
    """What a request holds, in characters."""
    return request.size + len(request.name + request.icon)
