"""Clients' addresses: which is whose, behind proxies too; and which URLs may be asked, or told. Pure."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

UNIX = "unix"
"""The address of who connects through a UNIX socket."""

_HOST = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")

Network = IPv4Network | IPv6Network


def checked_networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses, networks, or ``unix``. :raises ValueError: for what is none."""
    for text in texts:
        if text != UNIX:
            try:
                ip_network(text)
            except ValueError as error:
                raise ValueError(f'expected "127.0.0.1", "10.0.0.0/8", "unix" or the like: {error}') from None
    return texts


def checked_url(text: str) -> str:
    """An endpoint's URL. :raises ValueError: with what is wrong with it."""
    parts = urlsplit(text)
    if parts.username is not None or not parts.hostname:
        raise ValueError('expected a URL such as "https://shop.example/chat", without a user in it')
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname)):
        return text
    raise ValueError("expected a URL that begins with https://, since secrets are sent there")


def checked_pages(text: str) -> str:
    """The address of the pages, or none. :raises ValueError: with what is wrong with it."""
    return _checked_address(text, "https?", "", "https://chat.example/")


def checked_chat(text: str) -> str:
    """The address of the chat, or none. :raises ValueError: with what is wrong with it."""
    return _checked_address(text, "wss?", "[A-Za-z0-9._~/-]*", "wss://chat.example/")


def _checked_address(text: str, schemes: str, paths: str, example: str) -> str:
    if not text:
        return ""
    scheme, _, rest = text.partition("://")
    host, _, path = rest.partition("/")
    if not (re.fullmatch(schemes, scheme) and _HOST.fullmatch(host) and re.fullmatch(paths, path)):
        raise ValueError(f'expected a URL such as "{example}"')
    return f"{scheme}://{host}/{path}"


def host_of(header: str) -> str | None:
    """The name or address that a Host header has, without the port; None: it has none that is sound."""
    found = _HOST.fullmatch(header)
    return found and found.group(1)


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's for itself. ``[::1]`` may stand in brackets."""
    try:
        return host.lower() == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Proxies:
    """The proxies whose word is taken for where a client is (X-Forwarded-For).

    :param trusted: addresses, networks, or ``unix``.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        trusted = tuple(trusted)
        self._unix = UNIX in trusted
        self._networks = [ip_network(text) for text in trusted if text != UNIX]

    def client(self, peer: str, forwarded_for: str | None) -> str:
        """The address of the client.

        Each proxy adds to the end of X-Forwarded-For whom it heard from, so it is read from its end for as
        long as a trusted proxy speaks; what comes before that, anybody may have written.

        :param peer: the address at the other end of the connection.
        :param forwarded_for: the header, if the request has it.
        """
        heard = [part.strip() for part in forwarded_for.split(",")] if forwarded_for else []
        while heard and self._trusts(peer):
            said = _address(heard.pop())
            if said is None:
                break
            peer = said
        return peer

    def _trusts(self, address: str) -> bool:
        if address == UNIX:
            return self._unix
        if not self._networks:
            return False
        parsed = ip_address(address)
        return any(parsed in network for network in self._networks)


def plain(address: str) -> str:
    """An address without what it wears on a socket for both families: ``::ffff:192.0.2.1`` is of IPv4."""
    return address[7:] if address.startswith("::ffff:") and "." in address else address


def neighbourhood(address: str) -> str:
    """What to count an address by: of IPv6 the /64, since whoever has one address there has them all."""
    if ":" not in address:
        return address
    return str(IPv6Network((int(IPv6Address(address)) >> 64 << 64, 64)))


def _address(text: str) -> str | None:
    """An address as a proxy writes it, perhaps with a port."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
