"""Pages in a browser that are watched: nothing may go wrong behind the reader's back."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

PATIENCE = 30_000  # ms for anything that must happen; a machine that is busy may need some of them

NO_NETWORK = r"WebSocket connection to .* failed|ERR_(CONNECTION|INTERNET|NETWORK)\w+"
"""What a browser writes on the console where the test takes the network away."""

# A violation of the Content-Security-Policy is told on the console as well; this says which, and of what.
TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""

# As a browser does that blocks the site's data.
KEEP_NOTHING = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError"); } });
}
"""

SETTLED = """() => {
  const within = (root) => [
    ...root.getAnimations(),
    ...[...root.querySelectorAll("*")].flatMap(
      (element) => element.shadowRoot ? within(element.shadowRoot) : []
    ),
  ];
  const passing = within(document).filter(
    (animation) => animation.effect.getComputedTiming().endTime !== Infinity
  );
  return Promise.allSettled(passing.map((animation) => animation.finished));
}"""


def settle(page: Page) -> None:
    """Wait until nothing moves on a page any more, but for what never ends."""
    page.evaluate(SETTLED)


def origin(url: str) -> str:
    """Where a URL leads: host and port."""
    return urlsplit(url).netloc


class Pages:
    """Opens pages, and knows what went wrong on them.

    Each page is somebody of his own, with his own storage. A request to another origin than those of the
    server counts as wrong (and does not leave the machine: see conftest.py), as do errors on the console,
    exceptions that nobody catches, and violations of the Content-Security-Policy.

    :param web: the URL of the server's pages.
    :param origins: host and port of whatever else they may reach: the chat.
    :param folder: for the screenshots.
    """

    def __init__(self, browser: Browser, web: str, origins: Sequence[str], folder: Path) -> None:
        self.web = web
        self.allowed = {origin(web), *origins}
        self._browser = browser
        self._folder = folder
        self._contexts: list[BrowserContext] = []
        self._wrong: list[str] = []

    def open(
        self,
        path: str = "",
        base: str | None = None,
        expected: str | None = None,
        media: dict[str, bytes] | None = None,
        **options: Any,
    ) -> Page:
        """Open a page.

        :param path: below the server's pages, such as ``room?name=Ann``.
        :param base: where other pages are that are to be looked at; their origin is allowed.
        :param expected: a pattern of what may stand on the console as an error, where the test provokes it.
        :param media: files that the page finds below ``/media/`` of its own origin, by their names.
        :param options: of the browser's context, such as ``locale="zh-CN"`` or ``color_scheme="dark"``.
        """
        if base is not None:
            self.allowed.add(origin(base))
        context = self._browser.new_context(**{"locale": "en-GB", "timezone_id": "Europe/Berlin", **options})
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(TELL_VIOLATIONS)
        context.on("request", lambda request: self._reached("a request", request.url))
        for name, content in (media or {}).items():
            self.provide(context, name, content)
        page = context.new_page()
        self._watch(page, expected)
        page.goto((base or self.web) + path)
        return page

    def provide(self, context: BrowserContext, name: str, content: bytes) -> None:
        """Let the pages of a context find a file below ``/media/``."""
        context.route(f"**/media/{name}", lambda route: route.fulfill(body=content, content_type=_type(name)))

    def close(self) -> None:
        """Close all pages. :raises AssertionError: if something has gone wrong on them."""
        for context in self._contexts:
            context.close()
        assert not self._wrong, "\n".join(self._wrong)

    def shot(self, page: Page, name: str) -> None:
        """Keep a picture of what is to be seen: in ``$CHATD_SCREENSHOTS``, else in the tests' own folder."""
        folder = Path(os.environ.get("CHATD_SCREENSHOTS", self._folder))
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", animations="disabled")

    def _watch(self, page: Page, expected: str | None) -> None:
        def said(kind: str, text: str) -> None:
            if kind in ("error", "warning") and not (expected and re.search(expected, text)):
                self._wrong.append(f"{page.url}: {kind} on the console: {text}")

        page.on("console", lambda message: said(message.type, message.text))
        page.on("pageerror", lambda error: self._wrong.append(f"{page.url}: exception: {error}"))
        page.on("websocket", lambda socket: self._reached("a WebSocket", socket.url))
        page.on("crash", lambda _: self._wrong.append(f"{page.url}: crashed"))

    def _reached(self, what: str, url: str) -> None:
        if not url.startswith(("data:", "blob:")) and origin(url) not in self.allowed:
            self._wrong.append(f"{what} to another origin: {url}")


def _type(name: str) -> str:
    types = {"png": "image/png", "svg": "image/svg+xml", "wav": "audio/wav", "webm": "video/webm"}
    return types[name.rpartition(".")[2]]
