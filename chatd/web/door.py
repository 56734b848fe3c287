"""Where the pages are served."""

from collections.abc import Collection, Mapping, Sequence

from twisted.internet.interfaces import IReactorTime, IStreamServerEndpoint

from chatd.addresses import Proxies
from chatd.admin.site import AdminSite
from chatd.errors import StartError
from chatd.house import Listener
from chatd.logs import Log
from chatd.web import files
from chatd.web.site import PagesSite
from chatd.web.whereabouts import Whereabouts

log = Log()


class WebDoor(Listener):
    """The pages at their port.

    :param description: the endpoint's, for the log.
    :param chats: where the chat listens.
    :param url: of the pages; empty: made of where they listen.
    :param websocket: of the chat; empty: made of where it listens.
    :param replies: the canned ones that an agent may choose from, as they are now.
    :param admin: the admin API, if there is one.
    :param origins: whose pages may use what may be shared; empty: all.
    :param proxies: whose X-Forwarded-For is believed.
    """

    def __init__(
        self,
        description: str,
        endpoint: IStreamServerEndpoint,
        clock: IReactorTime,
        chats: Sequence[Listener],
        url: str,
        websocket: str,
        replies: Mapping[str, str],
        admin: AdminSite | None,
        origins: Collection[str],
        proxies: Collection[str],
    ) -> None:
        try:
            found = files.read()
        except OSError as error:
            raise StartError(f"the pages cannot be read: {error}") from None
        self.whereabouts = Whereabouts(self, chats, url, websocket)
        self._site = PagesSite(clock, found, self.whereabouts, replies, admin, origins, Proxies(proxies))
        super().__init__(description, endpoint, self._site)

    def startService(self) -> None:
        """Tell the operator which address to open."""
        super().startService()
        log.info("pages: {url}", url=self.whereabouts.pages)
        log.info("chat: {url}", url=self.whereabouts.chat)
        self._check_origins()

    def change(self, origins: Collection[str], proxies: Collection[str]) -> None:
        """Other origins and proxies."""
        self._site.origins = origins
        self._site.proxies = Proxies(proxies)
        self._check_origins()

    def _check_origins(self) -> None:
        own, allowed = self.whereabouts.origins, self._site.origins
        if own and allowed and not set(own) & set(allowed):
            log.warn("server.origins leaves out {origin}: the pages may not connect", origin=own[0])
