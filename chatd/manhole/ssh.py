"""SSH: who may come in, and the connections.

Conch logs what is done in a session, command lines included: here it logs warnings and what is worse.
"""

import struct
from typing import Any

from twisted.conch.avatar import ConchUser
from twisted.conch.checkers import SSHPublicKeyChecker
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh import session
from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import MSG_CHANNEL_OPEN_FAILURE, OPEN_UNKNOWN_CHANNEL_TYPE, SSHConnection
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.service import SSHService
from twisted.conch.ssh.transport import DISCONNECT_BY_APPLICATION, SSHServerTransport, SSHTransportBase
from twisted.conch.ssh.userauth import SSHUserAuthServer
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.logs import Log
from chatd.manhole.keys import AuthorizedKeys, fingerprint, host_key
from chatd.manhole.visits import Operator

log = Log()

LOGIN_SECONDS = 30
# All of them quick: the others compute with large numbers for longer than a room should wait.
KEY_EXCHANGES = [b"curve25519-sha256", b"curve25519-sha256@libssh.org", b"ecdh-sha2-nistp256"]


class _Quiet(Logger):
    """A logger for conch."""

    def emit(self, level: Any, format: str | None = None, **kwargs: object) -> None:
        """See :class:`twisted.logger.Logger`."""
        if level >= LogLevel.warn:
            super().emit(level, format, **kwargs)


for _talkative in (
    SSHFactory,
    SSHTransportBase,
    SSHService,
    SSHUserAuthServer,
    SSHConnection,
    SSHChannel,
    ConchUser,
):
    _talkative._log = _Quiet(f"chatd.manhole.{_talkative.__name__}")
session.log = _Quiet("chatd.manhole.session")


# -- who may come in --------------------------------------------------------------------------------


class Checker(SSHPublicKeyChecker):
    """Checks that a key is in the file, and that the client has it. The avatar's id is its fingerprint."""

    def requestAvatarId(self, credentials: Any) -> "Deferred[str]":
        """See :class:`twisted.cred.checkers.ICredentialsChecker`."""
        checked: Deferred[Any] = super().requestAvatarId(credentials)
        return checked.addCallbacks(
            _fingerprint, _refused, callbackArgs=(credentials,), errbackArgs=(credentials,)
        )


def _fingerprint(_: object, credentials: Any) -> str:
    return fingerprint(Key.fromString(credentials.blob))


def _refused(failure: Failure, credentials: Any) -> Failure:
    if credentials.signature and failure.check(UnauthorizedLogin):  # without one, it is only asked for
        log.warn("manhole: refused {key}", key=_fingerprint(None, credentials))
    return failure


@implementer(IRealm)
class Realm:
    """Makes operators."""

    def __init__(self, clock: IReactorTime, namespace: dict[str, Any]) -> None:
        self._clock = clock
        self._namespace = namespace

    def requestAvatar(self, avatarId: object, mind: object, *interfaces: object) -> Any:
        """See :class:`twisted.cred.portal.IRealm`."""
        log.info("manhole: {key} has come", key=avatarId)
        operator = Operator(self._clock, self._namespace)
        return IConchUser, operator, lambda: log.info("manhole: {key} has gone", key=avatarId)


# -- the connections --------------------------------------------------------------------------------


class _UserAuth(SSHUserAuthServer):
    loginTimeout = LOGIN_SECONDS
    transport: Any

    def serviceStarted(self) -> None:
        self.clock = self.transport.factory.clock
        super().serviceStarted()


class _Connection(SSHConnection):
    transport: Any

    def ssh_CHANNEL_OPEN(self, packet: bytes) -> None:
        """The client wants a channel. What cannot be had is no bug, for which conch takes it."""
        kind, rest = getNS(packet)
        if kind == b"session":
            super().ssh_CHANNEL_OPEN(packet)
            return
        refusal = rest[:4] + struct.pack(">L", OPEN_UNKNOWN_CHANNEL_TYPE) + NS(b"sessions only") + NS(b"")
        self.transport.sendPacket(MSG_CHANNEL_OPEN_FAILURE, refusal)


class _Transport(SSHServerTransport):
    factory: "SSHServer"

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.open.add(self)

    def connectionLost(self, reason: Failure | None = None) -> None:
        super().connectionLost(reason)
        self.factory.gone(self)

    def receiveError(self, reasonCode: int, description: bytes) -> None:
        """The client says good-bye."""


class SSHServer(SSHFactory):
    """Makes connections.

    :param namespace: what can be named at the prompt.
    :param authorized_keys: the path of the file of public keys.
    :param host_key: the path of the server's key.
    """

    noisy = False
    protocol = _Transport
    services = {b"ssh-userauth": _UserAuth, b"ssh-connection": _Connection}  # noqa: RUF012 - conch's way

    def __init__(
        self, clock: IReactorTime, namespace: dict[str, Any], authorized_keys: str, host_key: str
    ) -> None:
        self.clock = clock
        self._keys = AuthorizedKeys(authorized_keys)
        self.portal = Portal(Realm(clock, namespace), [Checker(self._keys)])
        self._host_key = host_key
        self.open: set[_Transport] = set()
        self._emptied: Deferred[None] = Deferred()

    def read_keys(self) -> None:
        """Make ready. :raises StartError: if a file of keys will not do."""
        self._keys.check()
        key = host_key(self._host_key)
        self.privateKeys = {key.sshType(): key}
        self.publicKeys = {key.sshType(): key.public()}

    def buildProtocol(self, addr: IAddress | None) -> SSHServerTransport:
        """See :class:`twisted.internet.protocol.Factory`."""
        connection = super().buildProtocol(addr)
        connection.supportedKeyExchanges = KEY_EXCHANGES
        return connection

    def hang_up(self) -> "Deferred[None]":
        """End all connections. :returns: fires when the last one is gone."""
        if not self.open:
            return succeed(None)
        for connection in tuple(self.open):
            connection.sendDisconnect(DISCONNECT_BY_APPLICATION, b"the server stops")
        return self._emptied

    def gone(self, connection: _Transport) -> None:
        """A connection is gone."""
        self.open.discard(connection)
        if not self.open:
            emptied, self._emptied = self._emptied, Deferred()
            emptied.callback(None)
