"""One side of a conversation over connections that may be lost: what is to be sent next, and what is news.

Lines go to the server one at a time, each when the one before it has its receipt, its answer or its error; so
they keep their order, and one that was under way when a connection was lost is sent again with its
clientMessageId (M6). After a loss, what was said meanwhile is asked for first (R1), and what is said live is
held until that is there: everything is told once, in its order. Pure: no I/O, no clock.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from chatd.cli.request import Request, Why
from chatd.cli.shown import safe
from chatd.cli.typed import Frame, SpeakIn, parse
from chatd.errors import CloseCode, ErrorCode
from chatd.model import PAGE_LIMIT, Identity
from chatd.wire.commands import (
    ADD_CONTAINER,
    CREATE_CONTAINER,
    HISTORY,
    ONLINE,
    UPDATE_ROOM_NAME,
    UPDATE_USER_INFO,
)

_FATAL_TO_MESSAGES = frozenset({CloseCode.TOO_BIG, CloseCode.INTERNAL_ERROR})


class _Scope(msgspec.Struct):
    """The room or a container: heard up to the message ``known``; ``held`` is what is to follow later."""

    known: str | None = None
    held: list[Frame] | None = None


class Talk:
    """See the module.

    :param show: called with each message, notice and error that is news.
    :param note: called with sentences of our own.
    :param new_id: makes clientMessageIds.
    :param strict: after a line that is refused, what follows is not sent.
    :param since: a messageId: what was said after it in the room is news too; ``""``: everything.
    """

    def __init__(
        self,
        identity: Identity,
        show: Callable[[Frame], None],
        note: Callable[[str], None],
        new_id: Callable[[], str],
        strict: bool = False,
        since: str | None = None,
    ) -> None:
        self.identity = identity
        self.is_in = False
        """Whether the server has let us in."""
        self.container = identity.container_id
        """Where we speak; None: in the room."""
        self.refused = 0
        """How many lines came to nothing."""
        self.must_wait = False
        """Whether the server wants to be left alone for a moment; see :meth:`again`."""
        self._show = show
        self._note = note
        self._new_id = new_id
        self._strict = strict
        self._queue: deque[Request] = deque()
        self._sent = False  # the head of the queue
        self._scopes: dict[str | None, _Scope] = {identity.container_id: _Scope(known=since)}
        self._asked: dict[str, str] = {}  # container -> messageId of its last request that was shown

    # -- what is typed ------------------------------------------------------------------------------

    def say(self, line: str) -> None:
        """Somebody has typed a line."""
        self._queue.append(Request(line))

    def refuse(self, why: str) -> None:
        """Somebody has typed what is no line."""
        self._note(f"not done: {why}")
        self.refused += 1

    @property
    def is_spoilt(self) -> bool:
        """Whether nothing more is sent."""
        return self._strict and self.refused > 0

    @property
    def waiting(self) -> int:
        """How many lines have come to nothing yet."""
        return sum(request.why is Why.TYPED for request in self._queue)

    def next(self) -> Frame | None:
        """What is to be sent now, if anything."""
        while self.is_in and self._queue and not (self._sent or self.must_wait or self.is_spoilt):
            head = self._queue[0]
            if head.frame is None:
                try:
                    meant = parse(head.line, self.container)
                except ValueError as error:
                    self._refuse(str(error))
                    continue
                if isinstance(meant, SpeakIn):
                    self.container = meant.container or self.identity.container_id
                    self._queue.popleft()
                    continue
                head.frame = meant | {"clientMessageId": self._new_id()}
            self._sent = True
            return head.frame
        return None

    def again(self) -> None:
        """The moment has passed."""
        self.must_wait = False

    def _refuse(self, why: str) -> None:
        """The line whose turn it is cannot be said."""
        self._note(f"not done: {why}")
        self._give_up()

    def _give_up(self) -> None:
        """The line whose turn it is comes to nothing."""
        self.refused += 1
        self._queue.popleft()
        self._sent = False

    # -- the connection -----------------------------------------------------------------------------

    def lost(self, code: int) -> None:
        """The connection is no more. :param code: its close code."""
        self.is_in = self.must_wait = False
        if self._sent and code in _FATAL_TO_MESSAGES and self._queue[0].why is Why.TYPED:
            self._refuse(f"the server closes the connection ({code})")
        self._sent = False

    def _come_in(self) -> None:
        self.is_in = True
        first = []
        for key, scope in self._scopes.items():
            if key == self.identity.container_id and scope.known is None:
                first.append(self._newest(key))
            else:
                scope.held = []
                first.append(self._missed(key, scope))
        typed = [request for request in self._queue if request.why is Why.TYPED]
        self._queue = deque([*first, *typed])

    def _newest(self, key: str | None) -> Request:
        return self._ask(key, Why.NEWEST, limit=1)

    def _missed(self, key: str | None, scope: _Scope) -> Request:
        return self._ask(key, Why.MISSED, after=scope.known or "", limit=PAGE_LIMIT)

    def _ask(self, key: str | None, why: Why, **fields: Any) -> Request:
        frame = {"eventType": HISTORY, **fields, "clientMessageId": self._new_id()}
        return Request(frame=frame if key is None else {**frame, "containerId": key}, why=why, scope=key)

    # -- what is heard ------------------------------------------------------------------------------

    def heard(self, frame: Frame) -> None:
        """Something has come from the server."""
        kind = frame.get("messageType")
        if not self.is_in:
            if kind == "notice" and frame.get("action") == "in":
                self._come_in()
                self._show(frame)
            return
        request = self._queue[0] if self._sent else None
        is_answer = request is not None and request.is_answered_by(frame, self.identity.user_id)
        answered = request if is_answer else None
        if kind == "error":
            self._error(frame, answered)
        elif kind == HISTORY:
            if answered is not None:
                self._page(frame, answered)
        elif kind == ONLINE:
            if answered is not None:
                self._done(answered)
                self._show(frame)
        else:
            if answered is not None:
                self._done(answered)
            (self._notice if kind == "notice" else self._message)(frame, answered)

    def _done(self, request: Request) -> None:
        """A request has come to what it asked for."""
        if self._queue and self._queue[0] is request:
            self._sent = False
        self._queue.remove(request)
        frame = request.fields
        event = frame.get("eventType")
        if event == ADD_CONTAINER:
            self.container = frame["containerId"]
        elif event == UPDATE_USER_INFO:
            self.identity = msgspec.structs.replace(self.identity, name=frame["messageContent"])
        elif event == UPDATE_ROOM_NAME:
            self.identity = msgspec.structs.replace(self.identity, room=frame["messageContent"])
            self.container = None
            self._scopes = {None: _Scope()}
            self._queue.appendleft(self._newest(None))

    def _error(self, frame: Frame, request: Request | None) -> None:
        code = frame.get("code")
        if request is None:
            self._show(frame)
        elif request.may_be_repeated_after(code):
            self._sent, self.must_wait = False, True
        elif request.why is Why.TYPED:
            self._show(frame)
            self._give_up()
            self.is_in = code != ErrorCode.TOO_LARGE  # after which it closes the connection
        else:
            self._unknown(request, code)

    def _unknown(self, request: Request, code: object) -> None:
        """What was said meanwhile is not told."""
        self._done(request)
        if request.why is Why.NEWEST:
            return
        if code in (ErrorCode.NOT_FOUND, ErrorCode.NOT_MEMBER):
            self._scopes.pop(request.scope, None)
            self._note(f"the conversation {safe(request.scope or '')} is over")
            return
        self._note("what was said meanwhile cannot be had: the server stores nothing, or cannot read it")
        self._release(self._scopes[request.scope])

    def _notice(self, frame: Frame, request: Request | None) -> None:
        self._show(frame)
        container = frame.get("containerId")
        if container is None:
            return
        if frame.get("action") == "outAll":
            if container != self.identity.container_id:
                self._scopes.pop(container, None)
                if container == self.container:
                    self._note("this conversation is over; /in speaks in the room again")
        elif frame.get("userId") == self.identity.user_id:
            self._scopes.setdefault(container, _Scope())

    def _message(self, frame: Frame, request: Request | None) -> None:
        container, id = self.identity.container_id or frame.get("containerId"), _id(frame)
        scope = self._scopes.get(container)
        if scope is None:
            if frame.get("eventType") == CREATE_CONTAINER:  # it waits until it is opened, and is told again
                if self._asked.get(container or "") != id:
                    self._asked[container or ""] = id
                    self._show(frame)
                return
            scope = self._scopes[container] = _Scope()
        if scope.held is not None and request is None:
            scope.held.append(frame)
        elif request is not None or id > (scope.known or ""):
            scope.known = max(scope.known or "", id)
            self._show(frame)

    def _page(self, frame: Frame, request: Request) -> None:
        self._done(request)
        messages = [message for message in frame.get("messages", ()) if isinstance(message, dict)]
        if request.why is Why.TYPED:
            for message in messages:
                self._show(message)
            self._note(
                f"{len(messages)} messages" + (", and there are earlier ones" if frame.get("more") else "")
            )
            return
        scope = self._scopes[request.scope]
        if request.why is Why.NEWEST:
            scope.known = max([scope.known or "", *map(_id, messages)])
            return
        for message in messages:
            self._settle(message)
            self._news(scope, message)
        if frame.get("more") and messages:
            self._queue.appendleft(self._missed(request.scope, scope))
        else:
            self._release(scope)

    def _settle(self, message: Frame) -> None:
        """A message of ours in a page of what was missed has its receipt."""
        sent_id = message.get("clientMessageId")
        for request in self._queue:
            if sent_id is not None and request.fields.get("clientMessageId") == sent_id:
                self._done(request)
                return

    def _release(self, scope: _Scope) -> None:
        held, scope.held = scope.held or [], None
        scope.known = scope.known or ""
        for message in held:
            self._news(scope, message)

    def _news(self, scope: _Scope, message: Frame) -> None:
        if _id(message) > (scope.known or ""):
            scope.known = _id(message)
            self._show(message)


def _id(frame: Mapping[str, Any]) -> str:
    id = frame.get("messageId")
    return id if isinstance(id, str) else ""
