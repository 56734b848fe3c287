"""Where a server is, and the URL by which one connects."""

import pytest

from chatd.cli.address import Address, parse_address, resource
from chatd.model import Identity
from chatd.parameters import Credentials, parse

ANN = Identity("ann", "Ann", "", "lobby")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost", Address("localhost", 9326, False, "/")),
        ("localhost:80", Address("localhost", 80, False, "/")),
        ("[::1]:7", Address("::1", 7, False, "/")),
        ("ws://chat.example", Address("chat.example", 80, False, "/")),
        ("wss://chat.example", Address("chat.example", 443, True, "/")),
        ("wss://chat.example:9/a/b c", None),
        ("wss://chat.example:9/a/b%20c", Address("chat.example", 9, True, "/a/b%20c")),
    ],
)
def test_an_address(text, expected):
    if expected is None:
        with pytest.raises(ValueError):
            parse_address(text)
    else:
        assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", ":9326", "http://x", "x:port", "x:99999", "ws://", "x\n", "x\r\nHost: y", "ws://x/\x00"],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        parse_address(text)


@pytest.mark.parametrize("text", ["ws://ann:s3cret@x", "ws://x/?password=s3cret", "ws://x/#s3cret"])
def test_an_address_with_a_secret_in_it_is_refused_and_not_quoted(text):
    with pytest.raises(ValueError, match="without user, query and fragment") as refused:
        parse_address(text)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "shown", "is_loopback"),
    [
        ("[::1]:7", "ws://[::1]:7", True),
        ("wss://x:9/p", "wss://x:9", False),
        ("127.0.0.2", "ws://127.0.0.2:9326", True),
    ],
)
def test_an_address_as_text(text, shown, is_loopback):
    address = parse_address(text)
    assert (str(address), address.is_loopback) == (shown, is_loopback)


@pytest.mark.parametrize(
    ("identity", "credentials"),
    [
        (ANN, None),
        (Identity("安 &=#%+/?", "A+B", "", "r&m", "安 &=#%+/?", "order=7"), None),
        (ANN, Credentials("shop", "ann", "5f4dcc3b5aa765d61d8327deb882cf99")),
        (ANN, Credentials(None, "ann", "5f4dcc3b5aa765d61d8327deb882cf99")),
    ],
)
def test_the_server_reads_from_the_url_what_was_put_there(identity, credentials):
    uri = resource(parse_address("wss://x/chat"), identity, credentials)
    assert uri.startswith("/chat?")
    assert parse(uri) == (identity, credentials, None)
