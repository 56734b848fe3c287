"""A server, a browser and watched pages. The browser is the system's Chromium."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.axe import Axe
from tests.browser.cable import Cable
from tests.browser.pages import Pages
from tests.browser.support import Support
from tests.processes.servers import PAGES, Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# A store, pages, and no limit that a test of many messages would run into.
CONFIG = f"{PAGES}[limits]\nrate = 100000.0\nburst = 100000\n"
FLAGS = [
    "--no-sandbox",  # which root has none of
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    # nothing leaves the machine
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


# Of the package, not of the session: while Playwright is at work, asyncio has a running loop in this thread,
# which tests elsewhere that start one of their own could not bear.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a module."""
    with Server(tmp_path_factory.mktemp("chatd"), CONFIG) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """A server with pages. The module's other tests use it too: each in a room of its own."""
    yield shared_server
    shared_server.hang_up()
    shared_server.assert_no_bugs()


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room that nobody else is in: named after the test."""
    return re.sub(r"\W+", "-", request.node.name).strip("-")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts a server with a configuration of the test's own: see :class:`Server`."""
    with ExitStack() as servers:
        yield lambda *config, **options: servers.enter_context(Server(tmp_path, *config, **options))


def reached_by(cable: Cable) -> str:
    """The configuration of a server whose pages reach the chat by a cable."""
    return CONFIG.replace("[web]\n", f'[web]\nwebsocket = "ws://127.0.0.1:{cable.port}/"\n')


@pytest.fixture
def cable() -> Iterator[Cable]:
    """What is between the pages and the server's chat."""
    with Cable() as cable:
        yield cable


@pytest.fixture
def pages_of(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Pages]]:
    """Watched pages of a server: its own, and the origins of whatever else they may reach."""
    opened: list[Pages] = []

    def of(server: Server, *origins: str) -> Pages:
        opened.append(Pages(browser, server.web, [f"127.0.0.1:{server.port}", *origins], tmp_path / "shots"))
        return opened[-1]

    yield of
    for pages in opened:
        pages.close()


@pytest.fixture
def pages(server: Server, pages_of: Callable[..., Pages]) -> Pages:
    """Watched pages of the test's server."""
    return pages_of(server)


@pytest.fixture
def open(pages: Pages) -> Callable[..., Page]:
    """Opens a page of the test's server: see :meth:`Pages.open`."""
    return pages.open


@pytest.fixture
def support(open: Callable[..., Page], room: str) -> Support:
    """Customer service in a room of the test's own."""
    return Support(open, room)


@pytest.fixture(scope="session")
def axe() -> Axe:
    """Checks pages for barriers."""
    if not Axe.SOURCE.exists():
        pytest.skip("axe-core is not installed: npm ci --prefix tests/browser")
    return Axe()
