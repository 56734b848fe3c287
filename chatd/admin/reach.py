"""Which node does what the admin API is asked: this one, the one where the room lives, or all of them.

A request that names a room is its owner's. Those of :data:`EVERYWHERE` are all nodes', each for what lives or
is connected there, and what they answer is put together. The rest is this node's. Where there are no other
nodes nothing of this is done.
"""

from collections.abc import Callable, Mapping, Sequence
from heapq import merge
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import Deferred

from chatd.admin import shapes
from chatd.admin.answers import Answer, Refusal, unavailable
from chatd.admin.routes import Call, Route, Routes
from chatd.cluster.calls import NoAnswer, Refused

if TYPE_CHECKING:
    from chatd.cluster.cluster import Cluster

NAME = "admin"
"""Of the calls between nodes."""
TRIES = 3
"""A room may move while it is looked for."""

Reach = Callable[[Route, Call], "Answer | Deferred[Answer]"]
Merge = Callable[[Sequence[Any], Call], Any]


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A request on its way to another node; its query was sound."""

    operation: str
    names: Mapping[str, str]
    query: dict[str, Any]
    raw: bytes


class Answered(msgspec.Struct, frozen=True, array_like=True):
    """An answer on its way back."""

    status: int
    content: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]


_encode = msgspec.msgpack.Encoder().encode
_decode_asked = msgspec.msgpack.Decoder(Asked).decode
_decode_answered = msgspec.msgpack.Decoder(Answered).decode


def here(route: Route, call: Call) -> "Answer | Deferred[Answer]":
    """There are no other nodes."""
    return route.act(call)


class Reaching:
    """Answers requests where there are other nodes, and does its part of what they ask."""

    def __init__(self, routes: Routes, cluster: "Cluster") -> None:
        self._routes = {route.act.__name__: route for route in routes}
        self._calls = cluster.calls
        self._finder = cluster.finder
        self._me = cluster.nodes.me
        cluster.calls.answers[NAME] = lambda args: Deferred.fromCoroutine(self._answer(args))

    def __call__(self, route: Route, call: Call) -> "Answer | Deferred[Answer]":
        """Answer a request."""
        if route.act.__name__ in EVERYWHERE:
            return Deferred.fromCoroutine(self._everywhere(route, call))
        if "room" in route.names:
            return Deferred.fromCoroutine(self._at_owner(route, call))
        return route.act(call)

    # -- asking -------------------------------------------------------------------------------------

    async def _everywhere(self, route: Route, call: Call) -> Answer:
        try:
            replies = await self._calls.ask_all(NAME, _asked(route, call))
        except (NoAnswer, Refused) as error:
            raise _away(error) from None
        answers = [_decode_answered(reply) for reply in replies]
        done = [answer for answer in answers if answer.status < 300]
        for answer in answers:  # a 404 is one node's; what else is wrong is wrong with the whole
            if not done or (answer not in done and answer.status != 404):
                return _as_came(answer)
        kind = route.answers[done[0].status]
        bodies = [msgspec.json.decode(answer.content, type=kind) for answer in done] if kind else [None]
        return Answer(status=done[0].status, body=EVERYWHERE[route.act.__name__](bodies, call))

    async def _at_owner(self, route: Route, call: Call) -> Answer:
        trouble: Exception = NoAnswer("The room's node is not known.")
        for _ in range(TRIES):
            try:
                owner = await self._finder.owner(call.names["room"], route.changes)
                if owner in ("", self._me):
                    return await self._do(route, call)
                return _as_came(_decode_answered(await self._calls.ask(owner, NAME, _asked(route, call))))
            except Refused as error:  # the room has just gone elsewhere
                trouble = error
            except NoAnswer as error:
                raise _away(error) from None
        raise _away(trouble)

    # -- doing --------------------------------------------------------------------------------------

    async def _do(self, route: Route, call: Call) -> Answer:
        with self._finder.held(call.names["room"]):
            return await _act(route, call)

    async def _answer(self, args: bytes) -> bytes:
        """What another node, or this one, asks for. :raises Refused: if a room is not here."""
        asked = _decode_asked(args)
        route = self._routes.get(asked.operation)
        if route is None:
            raise Refused("The nodes are of different versions.")
        body = None if route.body is None else msgspec.json.decode(asked.raw, type=route.body)
        call = Call(asked.names, msgspec.convert(asked.query, route.query), body, asked.raw)
        try:
            if route.act.__name__ in EVERYWHERE:
                answer = await _act(route, call)
            elif await self._finder.owner(call.names["room"], route.changes) == self._me:
                answer = await self._do(route, call)
            else:
                raise Refused("The room has gone elsewhere.")
        except Refusal as refusal:
            answer = refusal.answer()
        except NoAnswer as error:
            raise Refused(str(error)) from None
        return _encode(Answered(answer.status, answer.content(), answer.content_type, answer.headers))


async def _act(route: Route, call: Call) -> Answer:
    answer = route.act(call)
    return await answer if isinstance(answer, Deferred) else answer


def _asked(route: Route, call: Call) -> bytes:
    query = msgspec.structs.asdict(call.query)
    return _encode(Asked(route.act.__name__, call.names, query, call.raw))


def _as_came(answer: Answered) -> Answer:
    return Answer(
        status=answer.status,
        body=answer.content or None,
        content_type=answer.content_type,
        headers=answer.headers,
    )


def _away(error: Exception) -> Refusal:
    return unavailable("node_away", str(error))


# -- what all nodes' answers are together -----------------------------------------------------------


def _page(pages: Sequence[Any], lists: Sequence[Sequence[Any]], key: Callable[[Any], Any], limit: int) -> Any:
    """The first of some sorted pages' items, each once, and what the next page is to be asked ``after``."""
    found = list({key(item): item for item in merge(*lists, key=key)}.values())
    more = len(found) > limit or any(page.next is not None for page in pages)
    found = found[:limit]
    return found, key(found[-1]) if more and found else None


def _rooms(pages: Sequence[shapes.Rooms], call: Call) -> shapes.Rooms:
    lists = [page.rooms for page in pages]
    rooms, next = _page(pages, lists, lambda room: room.name, call.query.limit)
    return shapes.Rooms(rooms=rooms, next=next)


def _containers(pages: Sequence[shapes.Containers], call: Call) -> shapes.Containers:
    lists = [page.containers for page in pages]
    containers, next = _page(pages, lists, lambda each: (each.room, each.id), call.query.limit)
    return shapes.Containers(containers=containers, next=None if next is None else "\n".join(next))


def _connections(found: Sequence[shapes.Connections], call: Call) -> shapes.Connections:
    return shapes.Connections(connections=[each for one in found for each in one.connections])


def _kicked(kicked: Sequence[shapes.Kicked], call: Call) -> shapes.Kicked:
    return shapes.Kicked(closed=sum(one.closed for one in kicked))


def _online(counts: Sequence[shapes.Online], call: Call) -> shapes.Online:
    """A room lives on one node; the others say 0."""
    return shapes.Online(online={room: max(one.online[room] for one in counts) for room in call.body.rooms})


def _the_same(bodies: Sequence[Any], call: Call) -> Any:
    return bodies[0]


EVERYWHERE: Mapping[str, Merge] = {
    "rooms": _rooms,
    "containers": _containers,
    "online": _online,
    "connections": _connections,
    "kick": _kicked,
    "set_reply": _the_same,
    "delete_reply": _the_same,
}
"""By the name of what does it."""
