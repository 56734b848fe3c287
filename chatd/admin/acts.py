"""What the admin API does: speak, close connections and containers, set automatic replies."""

from collections.abc import Callable
from http import HTTPStatus

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.admin import shapes
from chatd.admin.answers import Answer, Refusal, not_found, unavailable
from chatd.admin.reads import found_container
from chatd.admin.routes import Call
from chatd.conversations import Conversations
from chatd.errors import CloseCode, RequestError
from chatd.model import Audience, Identity, Message, ToRoom, ToUsers
from chatd.outbox import NotKept, Outbox
from chatd.readiness import Readiness
from chatd.registry import Registry
from chatd.replies import Replies
from chatd.room import Connection
from chatd.stamp import Stamp
from chatd.wire import commands


class Acts:
    """Does what is asked, on the same road as clients.

    :param connections_of: a user's connections to this node, in whatever room.
    :param reload: reads the configuration again; tells why nothing has changed, or None.
    """

    def __init__(
        self,
        registry: Registry,
        connections_of: Callable[[str], list[Connection]],
        outbox: Outbox,
        stamp: Stamp,
        conversations: Conversations,
        readiness: Readiness,
        replies: Replies,
        reload: Callable[[], str | None],
    ) -> None:
        self._registry = registry
        self._connections_of = connections_of
        self._outbox = outbox
        self._stamp = stamp
        self._conversations = conversations
        self._readiness = readiness
        self._replies = replies
        self._reload = reload

    def reload(self, call: Call) -> Answer:
        """Read the configuration again, as SIGHUP does."""
        trouble = self._reload()
        if trouble is not None:
            raise Refusal(HTTPStatus.CONFLICT, "not_reloaded", f"Nothing has changed: {trouble}")
        return Answer(status=HTTPStatus.NO_CONTENT)

    # -- messages -----------------------------------------------------------------------------------

    def say_in_room(self, call: Call) -> "Deferred[Answer]":
        """A message to a room; whether anybody is there does not matter."""
        room = call.names["room"]
        return self._say(call, Identity("", "", "", room), ToRoom(room))

    def say_in_container(self, call: Call) -> "Deferred[Answer]":
        """A message to the members of a container."""
        room, container = found_container(self._registry, call)
        identity = Identity("", "", "", room.name, container.id)
        return self._say(call, identity, ToUsers(room.name, container.members))

    def _say(self, call: Call, where: Identity, audience: Audience) -> "Deferred[Answer]":
        self._check_takes()
        body: shapes.Say = call.body
        sender = Identity(
            body.user_id, body.name.strip() or body.user_id, body.icon, where.room, where.container_id
        )
        try:
            command = commands.decode(call.raw)
        except RequestError as error:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_body", error.sentence) from None
        message = self._stamp.message(sender, command, where.container_id)
        said = self._outbox.say(audience, message)
        return said.addCallbacks(_said, _not_said, callbackArgs=(message,))

    def _check_takes(self) -> None:
        """:raises Refusal: 503 if nothing is taken now."""
        if self._readiness.is_draining:
            raise unavailable("going_away", "The server is going away.")
        if self._outbox.is_full:
            raise unavailable("storage_unavailable", "Too much waits to be stored. Try again later.")

    # -- users and containers -----------------------------------------------------------------------

    def kick(self, call: Call) -> Answer:
        """Close a user's connections with 1008, in a room or in all."""
        room, reason = call.body.room, call.body.reason
        connections = [
            connection
            for connection in self._connections_of(call.names["user"])
            if room is None or connection.identity.room == room
        ]
        if not connections:
            raise not_found("user online")
        for connection in connections:
            connection.channel.close(CloseCode.ABUSIVE, reason)
        return Answer(body=shapes.Kicked(closed=len(connections)))

    def close_container(self, call: Call) -> Answer:
        """Everyone in a container hears ``outAll``, and it is gone (M3)."""
        self._check_takes()
        room, container = found_container(self._registry, call)
        name = call.query.name.strip() or shapes.SYSTEM
        self._conversations.close(room, container, Identity(shapes.SYSTEM, name, "", room.name))
        return Answer(status=HTTPStatus.NO_CONTENT)

    # -- automatic replies --------------------------------------------------------------------------

    def set_reply(self, call: Call) -> Answer:
        """Set an automatic reply, until the next reload or start."""
        code, replies = call.names["code"], self._replies
        if code not in replies and len(replies) >= shapes.REPLIES_LIMIT:
            sentence = f"There are {len(replies)} automatic replies, and may not be more."
            raise Refusal(HTTPStatus.CONFLICT, "too_many", sentence)
        replies[code] = call.body.text
        return Answer(body=shapes.Reply(code=code, text=replies[code]))

    def delete_reply(self, call: Call) -> Answer:
        """Delete an automatic reply, until the next reload or start."""
        if self._replies.pop(call.names["code"], None) is None:
            raise not_found("automatic reply")
        return Answer(status=HTTPStatus.NO_CONTENT)


def _said(kept: Message, message: Message) -> Answer:
    body = shapes.Said(message_id=kept.id, repeated=kept.id != message.id)
    return Answer(status=HTTPStatus.CREATED, body=body)


def _not_said(failure: Failure) -> Answer:
    failure.trap(NotKept)
    raise unavailable("storage_unavailable", "It could not be stored. Send it again later.")
