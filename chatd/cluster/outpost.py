"""A room that lives on another node, as far as its connections on this node go."""

from collections import deque
from collections.abc import Callable, Iterator

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from chatd.cluster import wire
from chatd.cluster.people import People
from chatd.counts import DeliveryCounts
from chatd.errors import CloseCode, ErrorCode, RequestError
from chatd.interfaces import IChannel
from chatd.room import Connection
from chatd.wire.commands import Command, dumped


@implementer(IChannel)
class NoChannel:
    """The way to a client that is gone from the room, or with its node."""

    peer = "somebody who is gone"
    unsent = 0

    def send(self, frames: bytes) -> None:
        """Nobody hears it."""

    write = send

    def close(self, code: CloseCode, reason: str) -> None:
        """It is closed."""

    def ping(self) -> None:
        """It is gone."""

    def expire(self) -> None:
        """It is gone."""

    def abort(self) -> None:
        """It is gone."""


class Asked:
    """A request that has not been heard of yet, and who waits for it."""

    __slots__ = ("connection", "done", "number", "request")

    def __init__(
        self, number: int, request: wire.Request, connection: Connection, done: "Deferred[None] | None"
    ) -> None:
        self.number = number
        self.request = request
        self.connection = connection
        self.done = done


class Outpost:
    """This node's connections in a room of another node's, or of a node that is still to be found.

    :param me: this node.
    :param counts: of what is told here.
    :param missed: the frames that tell of a room who knew who was online who is so now.
    :param number: a number that this node has not used yet.
    """

    def __init__(
        self,
        room: str,
        me: str,
        counts: DeliveryCounts,
        missed: Callable[[str, People, People], bytes],
        number: Callable[[], int],
    ) -> None:
        self.room = room
        self.owner = ""
        """Whose the room is; empty while nobody knows."""
        self.epoch = 0
        self.seq = 0
        self.last = ""
        """The highest messageId heard."""
        self.is_live = False
        """Whether the owner has answered, so that its publications count."""
        self.is_seeking = False
        self.attempt = 0
        self.guests: dict[int, Connection] = {}
        """Those that have joined, as far as is known here."""
        self.asked: deque[Asked] = deque()
        self.visitors: list[wire.Requests | wire.Sync] = []
        """What other nodes say of a room that this one is about to own."""
        self.looked_at: Callable[[], None] | None = None
        """Called when there may be news of the other nodes, while somebody waits for it."""
        self.awaited: list[Deferred[str]] = []
        """Who wants to know the owner."""
        self._me = me
        self._counts = counts
        self._missed = missed
        self._number = number
        self._stream = number()
        self.people: People = {}
        """Who is online, as far as those know who are here."""
        self._numbers = 0
        self._sent = 0
        self._hear: dict[Connection, Callable[[bytes], None]] = {}
        self._joining: dict[int, Connection] = {}  # who may hear something before it is heard of
        self._gone: set[int] = set()  # whose going has not been heard of
        self.is_stuck = False
        """Whether nothing was heard since this was looked at last, though something is waited for."""

    @property
    def is_idle(self) -> bool:
        """Whether nobody is here, and the owner knows; nor does anybody want to know the owner."""
        return not (self.guests or self.asked or self.awaited)

    # -- what connections ask -----------------------------------------------------------------------

    def join(self, connection: Connection, after: str | None) -> None:
        """A connection wants to come in."""
        self._joining[connection.number] = connection
        request = wire.Join(connection.number, connection.identity, connection.rights, after)
        self._ask(request, connection)

    def handle(self, connection: Connection, command: Command) -> "Deferred[None]":
        """A connection asks for something."""
        done: Deferred[None] = Deferred()
        self._ask(wire.Say(connection.number, dumped(command)), connection, done)
        return done

    def leave(self, connection: Connection) -> None:
        """A connection is gone."""
        self.guests.pop(connection.number, None)
        self._joining.pop(connection.number, None)
        self._hear.pop(connection, None)
        self._gone.add(connection.number)
        connection.attached = False
        # The connection itself may go on, in another room, before what it asked in this one is done.
        left = Connection(connection.identity, NoChannel(), connection.rights)
        left.number = connection.number
        if connection.room is not None:  # which is being put together here
            connection.room.stand_in(left, connection)
        for asked in self.asked:
            if asked.connection is connection:
                asked.connection = left
        self._ask(wire.Leave(left.number), left)

    def has_left(self, connection: Connection) -> bool:
        """Whether a connection is gone, and the owner does not know it yet."""
        return connection.number in self._gone

    def _ask(
        self, request: wire.Request, connection: Connection, done: "Deferred[None] | None" = None
    ) -> None:
        self.asked.append(Asked(self._numbers, request, connection, done))
        self._numbers += 1

    # -- what is said to the owner ------------------------------------------------------------------

    @property
    def has_to_say(self) -> bool:
        """Whether there are requests that an owner who listens has not been told."""
        return self.is_live and self._sent < self._numbers

    def requests(self) -> wire.Requests | None:
        """What has not been said yet to an owner that listens."""
        if not self.is_live or self._sent == self._numbers:
            return None
        first = self._sent
        unsaid = self._from(first)
        self._sent = self._numbers
        heard = self.asked[0].number  # there are some, as they are not even said
        return wire.Requests(self._me, self.room, self._stream, self.epoch, first, unsaid, heard)

    def again(self) -> wire.Requests | None:
        """Everything that has not been heard of."""
        if self.asked:
            self._sent = self.asked[0].number
        return self.requests()

    def begin(self) -> wire.Sync:
        """How to begin, or to begin anew."""
        self.is_live = False
        self._hear.clear()  # until they are attached again
        self.attempt = self._number()
        return self.sync()

    def sync(self) -> wire.Sync:
        """The same, said again."""
        first = self.asked[0].number if self.asked else self._numbers
        self._sent = self._numbers
        guests = [wire.Guest(guest.number, guest.identity, guest.rights) for guest in self.guests.values()]
        return wire.Sync(
            self._me,
            self.room,
            self._stream,
            self.attempt,
            self.epoch,
            self.seq,
            self.last,
            guests,
            first,
            self._from(first),
        )

    def _from(self, number: int) -> list[wire.Request]:
        return [asked.request for asked in self.asked if asked.number >= number]

    # -- what the owner says ------------------------------------------------------------------------

    def replay(self, attempt: int, begins: bool) -> bool:
        """What was missed follows. :returns: whether it answers the last Sync."""
        if attempt != self.attempt or not self.owner:
            return False
        if begins:  # with the answer to the Sync
            return True
        self.is_live = True
        for guest in self.guests.values():
            if guest.attached:
                self.attach(guest)
        return True

    def take(self, publication: wire.Publication) -> bool:
        """Tell a publication to the connections here.

        :returns: False if something is missing before it, or it comes from a new owner: begin anew.
        """
        raw = publication.parcels.get(self._me)
        parcel = wire.decode_parcel(raw) if raw is not None else None
        is_answer = parcel is not None and parcel.synced == self.attempt and publication.owner == self.owner
        if is_answer and not self.is_live:
            self.is_live = True
            self.epoch, self.seq = publication.epoch, publication.seq - 1
        if not self.is_live:
            return True
        if publication.epoch != self.epoch or publication.seq > self.seq + 1:
            return publication.epoch < self.epoch
        if parcel is not None and parcel.ended:
            return False
        if publication.seq == self.seq + 1:
            self.seq = publication.seq
            self.is_stuck = False
            self._tell(publication, parcel)
        return True

    def _tell(self, publication: wire.Publication, parcel: wire.Parcel | None) -> None:
        letters = parcel.letters if parcel is not None else {}
        if parcel is not None and parcel.people is not None:
            self.learn(parcel.people)
        self.people.update(publication.came)
        for user_id in publication.went:
            self.people.pop(user_id, None)
        if publication.feed and self._hear:
            writes = list(self._hear.values())
            if letters:
                writes = [write for guest, write in self._hear.items() if guest.number not in letters]
            for write in writes:
                write(publication.feed)
            self._counts.deliveries += len(writes)
            self._counts.writes += len(writes)
        self.last = max(self.last, publication.last)
        if parcel is not None:
            self._hand_out(parcel)

    def learn(self, people: People) -> None:
        """Who is here is told who came and went while nothing was heard."""
        if people.keys() != self.people.keys():
            frames = self._missed(self.room, self.people, people)
            for guest in self.guests.values():
                if guest.attached and guest.is_room_scoped:
                    guest.channel.send(frames)
        self.people = people

    def _hand_out(self, parcel: wire.Parcel) -> None:
        self._admit(parcel.heard)
        for number, frames in parcel.letters.items():
            guest = self._found(number)
            if guest is not None and frames:
                guest.channel.send(frames)
                self._counts.deliveries += 1
                self._counts.writes += 1
        for number in parcel.attached:
            guest = self._found(number)
            if guest is not None:
                self.attach(guest)
        for number, (name, icon) in parcel.names.items():
            guest = self._found(number)
            if guest is not None:
                guest.identity = msgspec.structs.replace(guest.identity, name=name, icon=icon)
        self._settle(parcel)
        for number, code, reason in parcel.closed:
            guest = self._found(number)
            if guest is not None:
                guest.channel.close(CloseCode(code), reason)

    def attach(self, guest: Connection) -> None:
        """A connection hears the room from now on."""
        guest.attached = True
        if guest.is_room_scoped:
            self._hear[guest] = guest.channel.write

    def _found(self, number: int) -> Connection | None:
        return self.guests.get(number) or self._joining.get(number)

    def _admit(self, heard: int) -> None:
        """Those whose joining was heard of are guests."""
        for asked in self.asked:
            if asked.number >= heard:
                break
            number = asked.request.number
            if isinstance(asked.request, wire.Join) and number not in self._gone:
                self.guests[number] = asked.connection
                self._joining.pop(number, None)
            elif isinstance(asked.request, wire.Leave):
                self._gone.discard(number)

    def _settle(self, parcel: wire.Parcel) -> None:
        wrong = {each.number: each for each in parcel.wrong}
        if wrong:
            for asked in self.asked:
                refusal = wrong.get(asked.number)
                if refusal is not None:
                    self._refuse(asked, RequestError(ErrorCode(refusal.code), refusal.sentence))
        while self.asked and self.asked[0].number < parcel.heard:
            asked = self.asked.popleft()
            if asked.done is not None:
                done, asked.done = asked.done, None
                done.callback(None)

    def _refuse(self, asked: Asked, error: RequestError) -> None:
        if asked.done is not None:
            done, asked.done = asked.done, None
            done.errback(error)

    # -- other nodes, who take the room for this one's ----------------------------------------------

    def visit(self, message: wire.Requests | wire.Sync) -> None:
        """A node says something of the room before it is known whose that is. One message of each is enough:
        its latest Sync has all that there is to say, and what is not answered is said again."""
        others = [each for each in self.visitors if each.node != message.node]
        former = next((each for each in self.visitors if each.node == message.node), None)
        if isinstance(former, wire.Sync):
            is_newer = isinstance(message, wire.Sync) and message.attempt >= former.attempt
        else:
            is_newer = former is None or isinstance(message, wire.Sync)
        if is_newer:
            self.visitors = [*others, message]
        if self.looked_at is not None:
            self.looked_at()

    # -- a change of the owner ----------------------------------------------------------------------

    def lose_owner(self) -> None:
        """The room's owner is no more, or another node."""
        self.owner = ""
        self.is_live = False

    def tell_owner(self, owner: str) -> None:
        """Tell who waits whose the room is."""
        awaited, self.awaited = self.awaited, []
        for found in awaited:
            found.callback(owner)

    def take_back(self) -> Iterator[Asked]:
        """Everything that was asked and not heard of, for who does it here."""
        while self.asked:
            yield self.asked.popleft()
