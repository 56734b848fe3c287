"""The connect URL (C1, C3, C5), parsed; what a client hears of a refusal is in test_connecting.py."""

import pytest

from chatd import parameters
from chatd.errors import CloseConnection
from chatd.model import Identity
from tests.house import target


def refusal(uri: str) -> tuple[int, str, str]:
    """The close code, error code and sentence that a URI earns."""
    with pytest.raises(CloseConnection) as caught:
        parameters.parse(uri)
    return int(caught.value.close_code), str(caught.value.code), caught.value.sentence


def test_every_parameter_of_the_original_is_read():
    """(C1)"""
    identity, credentials, after = parameters.parse(
        "/?name=%E5%BC%A0%E4%B8%89&senderType=GROUP&userId=u1&roomName=r1&icon=http%3A%2F%2Fa%2Fb.png"
        "&containerId=u1&targetId=order-1&clientType=shop&account=anna&password=5F4DCC3B5AA765D61D8327DEB882CF99"
    )
    assert identity == Identity("u1", "张三", "http://a/b.png", "r1", "u1", "order-1")
    assert after is None
    assert credentials is not None
    assert (credentials.client_type, credentials.account) == ("shop", "anna")
    assert credentials.password == "5f4dcc3b5aa765d61d8327deb882cf99"


def test_without_any_of_the_three_there_are_no_credentials():
    """(C3)"""
    assert parameters.parse(target())[1] is None
    assert parameters.parse(target(clientType="", account="", password=""))[1] is None


@pytest.mark.parametrize(
    "some",
    [{"clientType": "shop"}, {"account": "anna"}, {"password": "0" * 32}],
    ids=lambda some: next(iter(some)),
)
def test_any_of_the_three_is_a_claim_to_an_account(some):
    """(C3)"""
    assert parameters.parse(target(**some))[1] is not None


def test_credentials_do_not_show_in_a_repr():
    """(C3) A password must not reach a log by way of a traceback."""
    _, credentials, _ = parameters.parse(target(clientType="shop", account="anna", password="0" * 32))
    assert repr(credentials) == "<Credentials>"


@pytest.mark.parametrize("name", ["name", "senderType", "userId", "roomName", "icon"])
def test_a_missing_parameter_is_named(name):
    """(C1, C2)"""
    assert refusal(target(**{name: None})) == (4400, "missing_parameter", f"{name} is required.")


def test_the_whole_query_may_be_missing():
    """(C1)"""
    assert refusal("/") == (4400, "missing_parameter", "name is required.")


LIMITS = {
    "name": 64,
    "userId": 128,
    "roomName": 128,
    "icon": 2048,
    "targetId": 128,
    "account": 128,
    "clientType": 128,
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_parameter_may_be_as_long_as_its_limit(name):
    """(C1)"""
    parameters.parse(target(**{name: "张" * LIMITS[name]}))


@pytest.mark.parametrize("name", LIMITS)
def test_a_parameter_may_not_be_longer_than_its_limit(name):
    """(C1)"""
    close_code, code, sentence = refusal(target(**{name: "x" * (LIMITS[name] + 1)}))
    assert (close_code, code) == (4400, "bad_parameter")
    assert sentence.startswith(f"{name} must be ")


@pytest.mark.parametrize("name", ["name", "userId", "roomName"])
def test_a_required_parameter_may_not_be_empty(name):
    """(C1)"""
    assert refusal(target(**{name: ""})) == (
        4400,
        "bad_parameter",
        f"{name} must be 1 to {LIMITS[name]} characters long, not 0.",
    )


@pytest.mark.parametrize("name", ["containerId", "targetId"])
def test_an_optional_parameter_that_is_empty_counts_as_left_out(name):
    """(C1)"""
    assert parameters.parse(target(**{name: ""})) == parameters.parse(target())


def test_a_name_is_trimmed():
    """(C1)"""
    assert parameters.parse(target(name="  Ann  " + " " * 60))[0].name == "Ann"


def test_a_name_of_nothing_but_spaces_is_empty():
    """(C1)"""
    assert refusal(target(name="   "))[1] == "bad_parameter"


CONTROLS = ["\x00", "\t", "\n", "\x1f", "\x7f", "\x85"]


@pytest.mark.parametrize("name", [*LIMITS, "containerId"])
@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_a_control_character_is_refused(name, control):
    """(C1)"""
    assert refusal(target(**{name: f"a{control}b"})) == (
        4400,
        "bad_parameter",
        f"{name} must not hold a control character.",
    )


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_trimming_does_not_hide_a_control_character(control):
    """(C1)"""
    assert refusal(target(name=f"{control}Ann"))[1] == "bad_parameter"
    assert refusal(target(name=f"Ann{control}"))[1] == "bad_parameter"


@pytest.mark.parametrize("text", ["张三", "🙂", "é", "a b", "שלום", "a\u200db", "a&b=c#d%e+f"])
def test_any_printable_text_passes_unchanged(text):
    """(C1)"""
    assert parameters.parse(target(userId=text))[0].user_id == text


def test_a_plus_is_a_space_as_in_a_form():
    """(C1) So it is written by URLSearchParams of a browser."""
    assert parameters.parse(target(name=b"Ann+Lee"))[0].name == "Ann Lee"


def test_a_parameter_may_not_be_given_twice():
    """(C1)"""
    assert refusal(target() + "&userId=eve") == (4400, "bad_parameter", "userId is given twice.")


def test_a_parameter_may_not_be_given_twice_under_another_spelling():
    """(C1)"""
    assert refusal(target() + "&user%49d=eve") == (4400, "bad_parameter", "userId is given twice.")


@pytest.mark.parametrize("name", [*LIMITS, "containerId", "password", "senderType"])
def test_invalid_utf8_is_refused(name):
    """(C1)"""
    assert refusal(target(**{name: b"%ff%fe"})) == (4400, "bad_parameter", f"{name} is not valid UTF-8.")


def test_an_encoded_surrogate_is_no_utf8():
    """(C1)"""
    assert refusal(target(name=b"%ed%a0%80"))[1] == "bad_parameter"


@pytest.mark.parametrize("broken", [b"%", b"a%2", b"%zz", b"100%"])
def test_a_broken_escape_is_refused(broken):
    """(C1)"""
    assert refusal(target(name=broken)) == (4400, "bad_parameter", "name holds a broken %-escape.")


def test_unknown_parameters_are_ignored():
    """(C1) Whatever they hold."""
    assert parameters.parse(target() + "&debug=1&debug=%zz&x=%ff&&=&%") == parameters.parse(target())


def test_the_path_is_ignored():
    """Any path will do."""
    assert parameters.parse("/chat/ws" + target()[1:]) == parameters.parse(target())


def test_single_is_not_yet_supported():
    """(C5)"""
    assert refusal(target(senderType="SINGLE")) == (
        4403,
        "unsupported",
        "senderType SINGLE is not yet supported.",
    )


@pytest.mark.parametrize("other", ["", "group", "GROUP ", "MANY"])
def test_any_other_sender_type_is_refused(other):
    """(C1)"""
    assert refusal(target(senderType=other)) == (4400, "bad_parameter", "senderType must be GROUP.")


def test_a_container_of_somebody_else_is_refused():
    """(C1)"""
    close_code, code, sentence = refusal(target(containerId="carl"))
    assert (close_code, code) == (4403, "forbidden")
    assert "containerId" in sentence


@pytest.mark.parametrize("password", ["secret", "0" * 31, "0" * 33, "g" * 32, "0" * 32 + "\n"])
def test_a_password_is_an_md5(password):
    """(C1)"""
    assert refusal(target(account="anna", password=password)) == (
        4400,
        "bad_parameter",
        "password must be an MD5 in 32 hexadecimal digits.",
    )


@pytest.mark.parametrize("after", ["", "0", "0649d2f2f3b1c0", "f" * 32])
def test_after_is_a_message_id_or_empty(after):
    """(R1) An empty one asks for all there is; so it does not count as left out."""
    assert parameters.parse(target(after=after))[2] == after


@pytest.mark.parametrize("after", ["x", "0649D2F2F3B1C0", "f" * 33, "-1", "0x1", " 1", "1\n", "１", "%"])
def test_after_is_nothing_else(after):
    """(R1)"""
    assert refusal(target(after=after)) == (4400, "bad_parameter", "after must be a messageId.")
