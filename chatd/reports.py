"""Reports: what the business's backend is told of what happens here. See docs/operations.rst, Webhooks.

Each is one JSON object. It always has ``id`` (the report's, whenever it is sent), ``event``, ``time`` (in
milliseconds since the epoch) and ``room``; the rest is said where it is made.
"""

import os
import time
from collections.abc import Callable, Collection

import msgspec
from msgspec import UNSET, Raw, UnsetType

from chatd.model import Identity, Message
from chatd.outbox import Outbox
from chatd.turn import Report

ONLINE = "online"
OFFLINE = "offline"
CREATE_CONTAINER = "createContainer"
ADD_CONTAINER = "addContainer"
REMOVE_CONTAINER = "removeContainer"
MESSAGE = "message"

_EVENT_OF = {"createContainer": CREATE_CONTAINER, "ordinary": MESSAGE, "autoReturn": MESSAGE}


class _Body(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    id: str
    event: str
    time: int
    room: str
    container_id: str | None = None
    user_id: str | None = None
    name: str | None = None
    icon: str | None = None
    target_id: str | None = None
    count: int | None = None
    members: tuple[str, ...] | None = None
    message: Raw | UnsetType = UNSET


_encode = msgspec.json.Encoder().encode


class Reports:
    """Makes reports and has them kept.

    :param events: which are made; the others cost nothing.
    :param encode: writes a message as clients see it (D1).
    :param now: the time in seconds since the epoch.
    """

    def __init__(
        self,
        outbox: Outbox,
        events: Collection[str] = (),
        encode: Callable[[Message], bytes] = _encode,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._events = frozenset(events)
        self._encode = encode
        self._now = now
        self._life = os.urandom(8).hex()  # of this process: two never make the same id
        self._count = 0
        if self._events & set(_EVENT_OF.values()):
            outbox.report_of = self.of

    def of(self, message: Message) -> Report | None:
        """``createContainer`` and ``message``: with ``containerId`` if there is one, ``userId``, and the
        ``message`` as clients see it."""
        event = _EVENT_OF.get(message.event)
        if event not in self._events:
            return None
        body = self._body(
            event or "",
            message.created,
            message.room,
            message.container_id,
            user_id=message.user_id,
            message=Raw(self._encode(message)),
        )
        return _report(body, message.id)

    def online(self, who: Identity, count: int) -> None:
        """A user's first connection came into a room (C6); ``count`` are online now, itself included."""
        self._came_or_went(ONLINE, who, count)

    def offline(self, who: Identity, count: int) -> None:
        """A user's last connection left a room; ``count`` are still online."""
        self._came_or_went(OFFLINE, who, count)

    def added(self, who: Identity, room: str, container_id: str, members: tuple[str, ...]) -> None:
        """``addContainer``: an agent has joined; ``members`` has the customer first, and the agent."""
        self._container(ADD_CONTAINER, who, room, container_id, members)

    def removed(
        self, who: Identity | None, room: str, container_id: str, members: tuple[str, ...] | None = None
    ) -> None:
        """``removeContainer``: ``members`` were in it. Without ``userId``: it was forgotten, as nobody of it
        was online for too long (K1)."""
        self._container(REMOVE_CONTAINER, who, room, container_id, members)

    def _came_or_went(self, event: str, who: Identity, count: int) -> None:
        if event in self._events:
            self._post(
                self._body(
                    event,
                    int(self._now() * 1000),
                    who.room,
                    who.container_id,
                    user_id=who.user_id,
                    name=who.name,
                    icon=who.icon or None,
                    target_id=who.target_id,
                    count=count,
                )
            )

    def _container(
        self, event: str, who: Identity | None, room: str, container_id: str, members: tuple[str, ...] | None
    ) -> None:
        if event in self._events:
            body = self._body(event, int(self._now() * 1000), room, container_id, members=members)
            if who is not None:
                body.user_id, body.name = who.user_id, who.name
            self._post(body)

    def _post(self, body: _Body) -> None:
        self._outbox.report(_report(body))

    def _body(self, event: str, time: int, room: str, container_id: str | None, **rest: object) -> _Body:
        self._count += 1
        id = f"{self._life}-{self._count:x}"
        return _Body(
            id=id,
            event=event,
            time=time,
            room=room,
            container_id=container_id,
            **rest,  # type: ignore[arg-type]
        )


def _report(body: _Body, message_id: str | None = None) -> Report:
    return Report(
        id=body.id,
        time=body.time,
        room=body.room,
        container_id=body.container_id,
        body=_encode(body),
        message_id=message_id,
    )
