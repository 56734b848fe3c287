"""Asks the business's backend before an ordinary message is stored: may it be said, and in which words?

It is sent, by POST, what the message would be (see :class:`_Question`), and answers with status 200 and
``{"action": "allow"}``, ``{"action": "deny", "reason": …?}``, ``{"action": "replace", "messageContent": …}``.
"""

import time
from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime

from chatd.endpoint import Endpoint, NoAnswer
from chatd.errors import ErrorCode, RequestError, StartError
from chatd.logs import Log
from chatd.model import Identity
from chatd.wire import commands
from chatd.wire.commands import Command

log = Log()

REASON_LENGTH = 500
DENIED = "The message was not allowed."


class Denied(RequestError):
    """A message that may not be said. It is no mistake of the client's (E2)."""


class _Said(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The message as it came (M1)."""

    message_content: str | None = None
    message_type: str | None = None
    accept_id: str | None = None
    user_icon: str | None = None
    target_id: str | None = None
    accessory_content: Raw | UnsetType = UNSET


class _Question(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What is sent."""

    event: str
    time: int
    room: str
    container_id: str | None = None
    user_id: str
    name: str
    client_message_id: str | None = None
    message: _Said


class _Answer(msgspec.Struct, rename="camel", kw_only=True):
    """What is answered."""

    action: Literal["allow", "deny", "replace"]
    reason: str = ""
    message_content: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Answer).decode


class Verdicts(Service):
    """Asks an endpoint.

    :param endpoint: who is asked.
    :param timeout: seconds that a sender may have to wait.
    :param concurrency: how many may be asked about at once; further ones wait.
    :param allows: whether a message may be said if there is no verdict.
    :param message_size: what a text that takes a message's place may have, in bytes.
    :param now: the time in seconds since the epoch.
    """

    name = "verdicts"

    def __init__(
        self,
        clock: IReactorTime,
        endpoint: Endpoint,
        *,
        timeout: float,
        concurrency: int,
        allows: bool,
        message_size: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._endpoint = endpoint
        self._timeout = timeout
        self._turnstile = DeferredSemaphore(concurrency)
        self._allows = allows
        self.message_size = message_size
        self._now = now
        self._failing: str | None = None
        self.asked = 0
        """Messages so far."""
        self.failed = 0
        """Those of which there was no verdict."""

    def privilegedStartService(self) -> None:
        """Read what is to be trusted. :raises StartError: with the one line to print."""
        super().privilegedStartService()
        try:
            self._endpoint.start()
        except ValueError as error:
            raise StartError(f"before_message.{error}") from None

    def reload(self) -> None:
        """Read again what is to be trusted. :raises ValueError: if that cannot be done; all is as before."""
        self._endpoint.start()

    def stopService(self) -> "Deferred[None] | None":
        """Let go."""
        super().stopService()
        return self._endpoint.stop()

    def ask(self, who: Identity, command: Command) -> "Deferred[Command]":
        """Ask about an ordinary message.

        :returns: fires with the command to do, or fails with a :exc:`chatd.errors.RequestError`.
        """
        return Deferred.fromCoroutine(self._ask(who, command))

    async def _ask(self, who: Identity, command: Command) -> Command:
        self.asked += 1
        asking = Deferred.fromCoroutine(self._answer(_encode(self._question(who, command))))
        asking.addTimeout(self._timeout, self._clock, _timed_out)
        try:
            verdict = self._applied(await asking, command)
        except NoAnswer as error:
            return self._without_verdict(command, str(error))
        except Denied:
            self._works()
            raise
        self._works()
        return verdict

    async def _answer(self, question: bytes) -> _Answer:
        await self._turnstile.acquire()
        try:
            answer = await self._endpoint.post(question)
        finally:
            self._turnstile.release()
        if answer.code != 200:
            raise NoAnswer(f"the endpoint answered {answer.code}, expected 200")
        try:
            return _decode(answer.content or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NoAnswer("the endpoint's answer is no verdict, or too long") from None

    def _question(self, who: Identity, command: Command) -> _Question:
        return _Question(
            event="beforeMessage",
            time=int(self._now() * 1000),
            room=who.room,
            container_id=command.container_id or who.container_id,
            user_id=who.user_id,
            name=who.name,
            client_message_id=command.client_message_id or None,
            message=_Said(
                message_content=command.message_content or None,
                message_type=command.message_type or None,
                accept_id=command.accept_id or None,
                user_icon=command.user_icon or None,
                target_id=command.target_id or who.target_id,
                accessory_content=UNSET if command.accessory is None else Raw(command.accessory),
            ),
        )

    def _applied(self, answer: _Answer, command: Command) -> Command:
        if answer.action == "deny":
            raise Denied(ErrorCode.FORBIDDEN, answer.reason[:REASON_LENGTH] or DENIED)
        if answer.action == "allow":
            return command
        content = answer.message_content
        if content is None or len(content.encode()) > self.message_size:
            raise NoAnswer("the endpoint's messageContent is missing, or too long")
        try:
            return commands.checked(msgspec.structs.replace(command, message_content=content))
        except RequestError as error:
            raise NoAnswer(f"the endpoint's messageContent will not do: {error.sentence}") from None

    def _works(self) -> None:
        if self._failing is not None:
            self._failing = None
            log.info("messages are checked again")

    def _without_verdict(self, command: Command, reason: str) -> Command:
        self.failed += 1
        if self._failing is None:
            fate = "allowed" if self._allows else "denied"
            log.error("messages cannot be checked, they are {fate}: {reason}", fate=fate, reason=reason)
        self._failing = reason
        if not self._allows:
            sentence = "The message cannot be checked now. Send it again later."
            raise Denied(ErrorCode.STORAGE_UNAVAILABLE, sentence)
        return command


def _timed_out(result: object, seconds: float) -> _Answer:
    raise NoAnswer(f"there was no verdict in {seconds:g} seconds")
