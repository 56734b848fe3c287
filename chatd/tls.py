"""TLS on the chat port: an endpoint whose certificate can be read again while connections live on."""

from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint, serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorCore, IStreamServerEndpoint
from zope.interface import implementer


class _Certificate:
    """A context factory whose context is that of the files as they were last read."""

    def __init__(self, reactor: IReactorCore, description: str) -> None:
        self._reactor = reactor
        self._description = description
        self.read()

    def read(self) -> None:
        """Read key and certificate. :raises Exception: of many kinds; all is as before."""
        self._context: SSL.Context = _ssl(self._reactor, self._description)._sslContextFactory.getContext()

    def getContext(self) -> SSL.Context:
        """For Twisted, which asks for each connection."""
        return self._context


@implementer(IStreamServerEndpoint)
class TLSEndpoint:
    """An ``ssl:`` endpoint.

    :param description: as :func:`twisted.internet.endpoints.serverFromString` takes it.
    """

    def __init__(self, reactor: IReactorCore, description: str) -> None:
        self._certificate = _Certificate(reactor, description)
        self._endpoint = _ssl(reactor, description)
        self._endpoint._sslContextFactory = self._certificate

    def listen(self, protocolFactory: IProtocolFactory) -> "Deferred[IListeningPort]":
        """See :class:`twisted.internet.interfaces.IStreamServerEndpoint`."""
        listening: Deferred[IListeningPort] = self._endpoint.listen(protocolFactory)
        return listening

    def reload(self) -> None:
        """New connections get the certificate that is in the files now.

        :raises ValueError: if they hold none that will do; all is as before.
        """
        try:
            self._certificate.read()
        except Exception as error:  # of OpenSSL, of the file system, of Twisted
            raise ValueError(str(error) or type(error).__name__) from None


def _ssl(reactor: IReactorCore, description: str) -> Any:
    endpoint = serverFromString(reactor, description)
    assert isinstance(endpoint, SSL4ServerEndpoint)
    return endpoint


def endpoint(reactor: IReactorCore, description: str) -> IStreamServerEndpoint:
    """Where to listen. :raises Exception: what Twisted's parsers raise."""
    if description.startswith("ssl:"):
        return TLSEndpoint(reactor, description)
    found: IStreamServerEndpoint = serverFromString(reactor, description)
    return found
