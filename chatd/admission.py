"""Who may come in at all, before it is asked who it is: origins, and how many from where."""

from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus

from chatd.addresses import Proxies, neighbourhood
from chatd.errors import CloseCode, CloseConnection, ErrorCode
from chatd.handshake import Refused, Request
from chatd.rate import Rate, Rates


class Admission:
    """Origins, and limits by address and by user.

    :param origins: the Origins whose pages may connect; empty for all.
    :param no_origin: whether one may connect without an Origin, as programs other than browsers do.
    :param proxies: whose X-Forwarded-For is believed.
    :param max_per_address: connections at a time; 0 for no limit. IPv6 addresses are counted by their /64.
    :param max_per_user: connections of a userId at a time; 0 for no limit.
    :param rate: of new connections of an address; None for no limit.
    """

    def __init__(
        self,
        *,
        origins: tuple[str, ...] = (),
        no_origin: bool = True,
        proxies: tuple[str, ...] = (),
        max_per_address: int = 0,
        max_per_user: int = 0,
        rate: Rate | None = None,
    ) -> None:
        self._origins = frozenset(origins)
        self._no_origin = no_origin
        self._proxies = Proxies(proxies)
        self._addresses = Tally(max_per_address)
        self._users = Tally(max_per_user)
        self._rates = Rates(rate) if rate is not None else None

    def check_origin(self, request: Request) -> None:
        """:raises Refused: 403 for a page of a foreign Origin."""
        origin = request.origin
        if self._origins and (origin not in self._origins if origin else not self._no_origin):
            raise Refused(HTTPStatus.FORBIDDEN)

    def address(self, peer: str, request: Request) -> str:
        """The client's address, which a proxy may have told.

        :param peer: the address at the other end of the connection.
        """
        return self._proxies.client(peer, request.headers.get("x-forwarded-for"))

    def connected(self, address: str, now: float) -> bool:
        """One more connection from an address. :returns: whether it is to be taken back by :meth:`lost`.

        :raises CloseConnection: 4429 if that is too many, or too fast.
        """
        key = neighbourhood(address)
        if self._rates is not None and not self._rates.spend(key, now):
            raise _too_many("Too many new connections from this address. Try again later.")
        if not self._addresses.add(key):
            raise _too_many("Too many connections from this address.")
        return self._addresses.counts

    def counts(self, address: str) -> bool:
        """Count a connection that is there already. :returns: as :meth:`connected`."""
        self._addresses.add(neighbourhood(address), forced=True)
        return self._addresses.counts

    def counts_user(self, user_id: str) -> None:
        """Count a user's connection that is there already."""
        self._users.add(user_id, forced=True)

    def lost(self, address: str) -> None:
        """A connection of those that were counted is gone."""
        self._addresses.remove(neighbourhood(address))

    def joined(self, user_id: str) -> None:
        """One more connection of a user. :raises CloseConnection: 4429 if that is too many."""
        if not self._users.add(user_id):
            raise too_many_of_user()

    @property
    def max_per_user(self) -> int:
        """How many connections a user may have; 0: any number."""
        return self._users.most

    @property
    def users(self) -> Iterable[str]:
        """Whose connections are counted."""
        return self._users.keys

    def count_of(self, user_id: str) -> int:
        """How many connections a user has, as far as they are counted."""
        return self._users.count_of(user_id)

    def left(self, user_id: str) -> None:
        """A connection of a user is gone."""
        self._users.remove(user_id)


class Tally:
    """How many there are of each.

    :param most: how many there may be; 0: nothing is counted.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._count: Counter[str] = Counter()

    @property
    def counts(self) -> bool:
        """Whether there is a limit."""
        return self.most > 0

    @property
    def keys(self) -> Iterable[str]:
        """Those of which there are any."""
        return self._count.keys()

    def count_of(self, key: str) -> int:
        """How many there are."""
        return self._count[key]

    def add(self, key: str, forced: bool = False) -> bool:
        """One more. :returns: whether that may be; if ``forced`` it is counted all the same."""
        if self.most:
            if self._count[key] >= self.most and not forced:
                return False
            self._count[key] += 1
        return True

    def remove(self, key: str) -> None:
        """One less."""
        if self.most:
            self._count[key] -= 1
            if not self._count[key]:
                del self._count[key]


def too_many_of_user() -> CloseConnection:
    """A user has as many connections as may be."""
    return _too_many("Too many connections of this user.")


def _too_many(sentence: str) -> CloseConnection:
    return CloseConnection(CloseCode.TOO_FAST, ErrorCode.RATE_LIMITED, sentence)
