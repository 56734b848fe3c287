"""Where the pages and the chat are, as browsers must be told."""

from collections.abc import Sequence

from chatd.addresses import host_of, is_loopback, plain
from chatd.house import Listener


class Whereabouts:
    """Knows the addresses under which people reach what listens.

    :param pages: listens for who wants the pages.
    :param chats: listen for clients of the chat.
    :param url: of the pages; empty: made of where they listen.
    :param websocket: of the chat; empty: made of where it listens, and of the host of the page.
    """

    def __init__(self, pages: Listener, chats: Sequence[Listener], url: str, websocket: str) -> None:
        self._pages = pages
        self._chats = chats
        self._url = url
        self._websocket = websocket

    @property
    def pages(self) -> str:
        """Where to look at the pages, from this machine at least."""
        return self._url or self._pages_at(_shown_host(self._pages)) or self._pages.description

    @property
    def origins(self) -> tuple[str, ...]:
        """Of the pages, any of which a browser may call its own; none, if that cannot be told."""
        if self._url:
            scheme, _, rest = self._url.partition("://")
            return (f"{scheme}://{rest.partition('/')[0]}",)
        if not is_loopback(_host(self._pages)):
            return ()
        hosts = _shown_host(self._pages), "localhost"
        return tuple(f"{self._pages_at(host)}".removesuffix("/") for host in hosts)

    def pages_for(self, header: str) -> str | None:
        """Where somebody finds the pages who has come to the chat; None: not from there.

        :param header: the Host of the request, whatever is in it.
        """
        if self._url:
            return self._url
        host = host_of(header)
        if host is None or (is_loopback(_host(self._pages)) and not is_loopback(host)):
            return None
        return self._pages_at(host)

    def chat_for(self, header: str) -> str:
        """Where the chat is for who has come to the pages.

        :param header: the Host of the request, which is sound.
        """
        if self._websocket:
            return self._websocket
        for chat in self._chats:
            if _port(chat) is not None:
                return f"{'wss' if chat.is_secure else 'ws'}://{host_of(header)}:{_port(chat)}/"
        return f"ws://{header}/"  # on a UNIX socket behind a proxy, which the pages then are too

    @property
    def chat(self) -> str:
        """Where the chat is, from this machine at least."""
        reached = [chat for chat in self._chats if _port(chat) is not None]
        if self._websocket or not reached:
            return self._websocket or ", ".join(chat.description for chat in self._chats)
        return self.chat_for(_shown_host(reached[0]))

    def _pages_at(self, host: str) -> str | None:
        port = _port(self._pages)
        if port is None:
            return None
        return f"{'https' if self._pages.is_secure else 'http'}://{host}:{port}/"


def _port(listener: Listener) -> int | None:
    return getattr(listener.address, "port", None)


def _host(listener: Listener) -> str:
    return plain(getattr(listener.address, "host", ""))


def _shown_host(listener: Listener) -> str:
    host = _host(listener)
    if host in ("", "0.0.0.0", "::"):
        return "localhost"
    return f"[{host}]" if ":" in host else host
