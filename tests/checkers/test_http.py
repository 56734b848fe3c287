"""Accounts behind an https endpoint (C3): a real one on loopback, its certificates of our own authority."""

import hmac
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface.verify import verifyObject

import tests.endpoints
from chatd.accounts import AGENT, Account, Login, Means, Unavailable
from chatd.checkers.http import HttpChecker, HttpSection, checked_url
from chatd.config import Secret
from chatd.interfaces import IAccountChecker
from tests.certificates import Authority
from tests.checkers.accounts import MD5
from tests.endpoints import Endpoint

LOGIN = Login("shop", "ann@shop", MD5, "u1", "192.0.2.1")
OK = b'{"ok":true}'


class Web(tests.endpoints.Web):
    """Endpoints that listen, and checkers that ask them."""

    def checker(self, url: str, **settings: Any) -> HttpChecker:
        """A checker that has started, and trusts the authority."""
        from twisted.internet import reactor

        settings = {"ca_file": str(self.authority.file)} | settings
        checker = HttpChecker(HttpSection(kind="http", url=url, **settings), Means(reactor, None))
        checker.start()
        self.closing.insert(0, checker.stop)
        return checker

    def asking(self, *answers: Any, **settings: Any) -> tuple[HttpChecker, Endpoint]:
        """A checker of an endpoint with these answers."""
        endpoint = Endpoint(*answers)
        return self.checker(self.listen(endpoint), **settings), endpoint


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    from pytest_twisted import blockon

    web = Web(tmp_path)
    yield web
    blockon(Deferred.fromCoroutine(web.close()))


async def reason(checker: HttpChecker) -> str:
    """Why a login cannot be checked. It never quotes what the client sent."""
    with pytest.raises(Unavailable) as error:
        await checker.requestAvatarId(LOGIN)
    assert "ann@shop" not in str(error.value) and MD5 not in str(error.value)
    return str(error.value)


def test_it_is_an_account_checker(web):
    assert verifyObject(IAccountChecker, web.checker("https://localhost:1"))


@ensureDeferred
async def test_the_endpoint_is_sent_the_login_as_json(web):
    checker, endpoint = web.asking(OK)
    assert await checker.requestAvatarId(LOGIN) == Account()
    request, body = endpoint.requests[0]
    assert json.loads(body) == {
        "account": "ann@shop", "password": MD5, "userId": "u1", "clientType": "shop",
    }  # fmt: skip
    assert request.getHeader("content-type") == "application/json"
    assert request.uri == b"/login"
    assert request.getHeader("x-chatd-signature") is None


@ensureDeferred
async def test_with_a_secret_a_request_is_signed(web):
    checker, endpoint = web.asking(OK, secret=Secret("hush"))
    await checker.requestAvatarId(LOGIN)
    request, body = endpoint.requests[0]
    signed = request.getHeader("x-chatd-timestamp").encode() + b"." + body
    expected = hmac.new(b"hush", signed, "sha256").hexdigest()
    assert request.getHeader("x-chatd-signature") == f"sha256={expected}"


@ensureDeferred
async def test_what_the_endpoint_knows_is_taken_over(web):
    known = {"ok": True, "userId": "u1", "name": "Ann", "icon": "", "role": "agent", "more": [1]}
    checker, _ = web.asking(json.dumps(known).encode())
    account = await checker.requestAvatarId(LOGIN)
    assert account == Account(user_id="u1", name="Ann", icon="", role=AGENT)


@pytest.mark.parametrize("answer", [b'{"ok":false}', (401, b""), (403, b"no")])
@ensureDeferred
async def test_a_wrong_login_is_refused(web, answer):
    checker, endpoint = web.asking(answer)
    with pytest.raises(UnauthorizedLogin):
        await checker.requestAvatarId(LOGIN)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "is not {"),
        (b"<html>", "is not {"),
        (b"true", "is not {"),
        (b"{}", "is not {"),
        (b'{"ok":1}', "is not {"),
        (b'{"ok":"true"}', "is not {"),
        (b'{"ok":true,"userId":7}', "is not {"),
        (b'{"ok":true,"name":"\xff"}', "is not {"),
        (b'{"ok":true,"userId":"%s"}' % (b"x" * 129), "userId: must be"),
        (b'{"ok":true,"name":" "}', "name: must be"),
        (b'{"ok":true,"role":"admin"}', "role: expected"),
        ((404, OK), "answered 404, expected 200"),
        ((204, b""), "answered 204, expected 200"),
        (b" " * 65_537, "longer than 65536 bytes"),
    ],
)
@ensureDeferred
async def test_an_answer_that_will_not_do_lets_nobody_in(web, answer, why):
    checker, endpoint = web.asking(answer)
    assert why in await reason(checker)
    assert len(endpoint.requests) == 1


@ensureDeferred
async def test_an_endless_answer_is_cut_off(web):
    def pour(request: Request) -> Any:
        class Endless:
            def resumeProducing(self) -> None:
                request.write(b" " * 10_000)

            def stopProducing(self) -> None:
                pass

        request.registerProducer(Endless(), False)
        return NOT_DONE_YET

    checker, endpoint = web.asking(pour)
    assert "longer than" in await reason(checker)
    await endpoint.gone


@ensureDeferred
async def test_a_redirect_is_not_followed(web):
    elsewhere = Endpoint(OK)
    url = web.listen(elsewhere)

    def redirect(request: Request) -> bytes:
        request.redirect(url.encode())
        return b""

    checker, _ = web.asking(redirect)
    assert "answered 302" in await reason(checker)
    assert elsewhere.requests == []


# -- certificates -----------------------------------------------------------------------------------


@ensureDeferred
async def test_a_certificate_of_another_host_is_refused(web):
    endpoint = Endpoint(OK)
    url = web.listen(endpoint, web.authority.issue("other.example"))
    assert await reason(web.checker(url)) == "certificate refused: it is another host's"
    assert endpoint.requests == []


@ensureDeferred
async def test_a_certificate_of_an_unknown_authority_is_refused(web):
    endpoint = Endpoint(OK)
    stranger = Authority(web.folder, "Stranger")
    url = web.listen(endpoint, stranger.issue("localhost"))
    assert "certificate refused: " in await reason(web.checker(url))
    assert endpoint.requests == []


@ensureDeferred
async def test_the_systems_authorities_do_not_know_ours(web):
    endpoint = Endpoint(OK)
    assert "refused" in await reason(web.checker(web.listen(endpoint), ca_file=""))
    assert endpoint.requests == []


@ensureDeferred
async def test_a_certificate_that_has_expired_is_refused(web):
    endpoint = Endpoint(OK)
    url = web.listen(endpoint, web.authority.issue("localhost", days=-1))
    assert "certificate refused: it has expired" in await reason(web.checker(url))
    assert endpoint.requests == []


@ensureDeferred
async def test_a_certificate_for_an_address_will_do(web):
    url = web.listen(Endpoint(OK), web.authority.issue("127.0.0.1"), host="127.0.0.1")
    assert await web.checker(url).requestAvatarId(LOGIN) == Account()


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nx\n", b"\xff"])
def test_authorities_that_cannot_be_read_keep_the_server_from_starting(web, content):
    file = web.folder / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^ca_file: {file}: (No such file|expected certificates)"):
        web.checker("https://localhost", ca_file=str(file))


@ensureDeferred
async def test_authorities_are_read_again(web):
    endpoint = Endpoint(OK)
    stranger = Authority(web.folder, "Stranger")
    file = web.folder / "ca.pem"
    file.write_bytes(web.authority.file.read_bytes())
    checker = web.checker(web.listen(endpoint, stranger.issue("localhost")), ca_file=str(file))
    assert "refused" in await reason(checker)
    file.write_bytes(web.authority.file.read_bytes() + stranger.file.read_bytes())
    checker.reload()
    assert await checker.requestAvatarId(LOGIN) == Account()
    file.unlink()
    with pytest.raises(ValueError, match="ca_file"):
        checker.reload()
    assert await checker.requestAvatarId(LOGIN) == Account()


# -- endpoints that are away ------------------------------------------------------------------------


@ensureDeferred
async def test_an_attempt_that_came_to_nothing_is_made_once_more(web):
    checker, endpoint = web.asking((503, b""), OK)
    assert await checker.requestAvatarId(LOGIN) == Account()
    assert len(endpoint.requests) == 2


@ensureDeferred
async def test_two_attempts_that_came_to_nothing_are_enough(web):
    checker, endpoint = web.asking((500, b""))
    assert await reason(checker) == "the endpoint answered 500"
    assert len(endpoint.requests) == 2


@ensureDeferred
async def test_an_endpoint_that_is_away_lets_nobody_in(web):
    url = web.listen(Endpoint(OK))
    await web.port.stopListening()
    assert "refused" in await reason(web.checker(url))


@ensureDeferred
async def test_an_endpoint_that_does_not_answer_is_not_waited_for(web):
    checker, endpoint = web.asking(lambda request: NOT_DONE_YET, timeout=0.3)
    assert await reason(checker) == "the endpoint did not answer in 0.3 seconds"
    await endpoint.gone


@ensureDeferred
async def test_an_answer_that_does_not_end_is_not_waited_for(web):
    def begin(request: Request) -> Any:
        request.write(b'{"ok":')
        return NOT_DONE_YET

    checker, endpoint = web.asking(begin, timeout=0.3)
    assert await reason(checker) == "the endpoint did not answer in 0.3 seconds"
    await endpoint.gone


@ensureDeferred
async def test_an_endpoint_that_speaks_no_http_lets_nobody_in(web):
    from twisted.internet import reactor

    class Noise(Protocol):
        def connectionMade(self) -> None:
            self.transport.write(b"220 smtp.example\r\n")
            self.transport.loseConnection()

    port = reactor.listenTCP(0, Factory.forProtocol(Noise), interface="127.0.0.1")
    web.closing.append(port.stopListening)
    assert await reason(web.checker(f"http://127.0.0.1:{port.getHost().port}/"))


@ensureDeferred
async def test_connections_are_used_again(web):
    checker, endpoint = web.asking(OK)
    for _ in range(3):
        await checker.requestAvatarId(LOGIN)
    assert len(endpoint.peers) == 1


@ensureDeferred
async def test_a_connection_that_has_gone_meanwhile_costs_nobody_a_login(web):
    checker, endpoint = web.asking(OK)
    await checker.requestAvatarId(LOGIN)
    request, _ = endpoint.requests[0]
    with suppress(AttributeError):
        request.channel.abortConnection()
    assert await checker.requestAvatarId(LOGIN) == Account()


@pytest.mark.parametrize(
    "url", ["https://shop.example/x", "http://127.0.0.1:80/", "http://localhost/", "http://[::1]:80/"]
)
def test_urls_that_will_do(url):
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        *("http://shop.example", "http://10.0.0.1/", "ftp://localhost", "shop.example"),
        *("https://u:p@shop.example", "https://"),
    ],
)
def test_urls_that_will_not(url):
    with pytest.raises(ValueError, match="expected a URL"):
        checked_url(url)
