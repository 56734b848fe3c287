"""Where a server is, and what is in the URL by which one connects to it (C1)."""

from ipaddress import ip_address
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from chatd.model import Identity
from chatd.parameters import Credentials

PORT = 9326


class Address(msgspec.Struct, frozen=True):
    """A server. ``host`` is a name or an address, that of IPv6 without brackets."""

    host: str
    port: int
    is_secure: bool
    path: str

    @property
    def shown_host(self) -> str:
        """The host as it stands in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def is_loopback(self) -> bool:
        """Whether the server is this very machine."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"{'wss' if self.is_secure else 'ws'}://{self.shown_host}:{self.port}"


def parse_address(text: str) -> Address:
    """``HOST``, ``HOST:PORT``, ``ws://HOST[:PORT][/PATH]`` or ``wss://…``, to an address.

    :raises ValueError: with what is wrong with it.
    """
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port
    except ValueError:
        raise ValueError("expected HOST:PORT, ws://HOST:PORT or wss://HOST:PORT") from None
    if parts.scheme not in ("", "ws", "wss"):
        raise ValueError("expected a URL that begins with ws:// or wss://")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("expected a URL without user, query and fragment: they go by options of their own")
    if not parts.hostname or any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError("expected HOST:PORT, ws://HOST:PORT or wss://HOST:PORT")
    usual = {"": PORT, "ws": 80, "wss": 443}[parts.scheme]
    path = quote(parts.path or "/", safe="/%~:@!$&'()*+,;=")
    return Address(parts.hostname, port or usual, parts.scheme == "wss", path)


def resource(address: Address, identity: Identity, credentials: Credentials | None) -> str:
    """The request-URI by which somebody connects. It holds the credentials: not for any output."""
    parameters = {
        "name": identity.name,
        "senderType": "GROUP",
        "userId": identity.user_id,
        "roomName": identity.room,
        "icon": identity.icon,
        "containerId": identity.container_id,
        "targetId": identity.target_id,
    }
    if credentials is not None:
        parameters |= {
            "clientType": credentials.client_type,
            "account": credentials.account,
            "password": credentials.password,
        }
    given = {key: value for key, value in parameters.items() if value is not None}
    return f"{address.path}?{urlencode(given, quote_via=quote)}"
