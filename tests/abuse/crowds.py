"""Attacks by many connections: past every limit, and with guessed passwords."""

from contextlib import ExitStack

from tests.abuse.attacks import ACCOUNT, CONNECTIONS, PASSWORD, PER_ADDRESS, PER_USER, Target
from tests.house import target
from tests.processes.clients import RawClient

UNAUTHORIZED, TOO_FAST = 4401, 4429


def _refused(client: RawClient, **parameters: str) -> tuple[str, int]:
    assert client.request(target(**parameters)).startswith("HTTP/1.1 101 ")
    code = client.receive()["code"]
    return code, client.closed()[0]


def crowd_of_an_address(on: Target) -> None:
    """4429 for one connection too many from an address; who comes from another gets in."""
    with ExitStack() as stack:
        for user in range(PER_ADDRESS):
            stack.enter_context(on.dial()).join(userId=f"m{user}", roomName=f"den {user}")
        for _ in range(20):
            with on.dial() as client:
                assert _refused(client) == ("rate_limited", TOO_FAST)
        stack.enter_context(on.dial(1)).join(userId="elsewhere", roomName=on.room)


def crowd_of_a_user(on: Target) -> None:
    """4429 for one connection too many of a user, wherever it comes from; another user gets in."""
    with ExitStack() as stack:
        for number in range(PER_USER):
            stack.enter_context(on.dial(number)).join(userId="legion", roomName=f"den {number}")
        for number in range(20):
            with on.dial(number) as client:
                assert _refused(client, userId="legion") == ("rate_limited", TOO_FAST)
        on.join().hang_up()


def crowd_of_all(on: Target) -> None:
    """503 for one connection too many, whoever it is."""
    with ExitStack() as stack:
        refused = 0
        for number in range(2 * CONNECTIONS):  # those of an earlier round may still be on their way out
            client = stack.enter_context(on.dial(number // 50))
            answer = client.request(target(userId=f"m{number}", roomName=f"den {number}"))
            refused = refused + 1 if answer.startswith("HTTP/1.1 503 ") else 0
            if refused == 20:
                return
        raise AssertionError("it was never full")


def silent_crowd(on: Target) -> None:
    """503, too, where those who fill the server have never said a word."""
    with ExitStack() as stack:
        for number in range(2 * CONNECTIONS):  # as above
            stack.enter_context(on.dial(number // 50))
            if number >= CONNECTIONS:
                with on.dial(200) as client:
                    if client.request(target()).startswith("HTTP/1.1 503 "):
                        return
        raise AssertionError("it was never full")


def guessed_passwords(on: Target) -> None:
    """4401 for ten of them, from then on 4429 without a check, but for one in thirty seconds."""
    outcomes = []
    for number in range(30):
        with on.dial(number) as client:
            guess = {"account": f"{ACCOUNT}-{on.round}", "password": f"{number:032x}"}
            outcomes.append(_refused(client, clientType="shop", **guess)[1])
    assert outcomes[:10] == [UNAUTHORIZED] * 10
    assert outcomes[10:].count(TOO_FAST) > 10


def guessed_accounts(on: Target) -> None:
    """4401 for a hundred of one address, from then on 4429 without a check, but for one in three seconds."""
    outcomes = []
    for number in range(120):
        with on.dial() as client:
            guess = {"account": f"{on.round}-{number}", "password": PASSWORD}
            outcomes.append(_refused(client, clientType="shop", **guess)[1])
    assert outcomes[:100] == [UNAUTHORIZED] * 100
    assert outcomes[100:].count(TOO_FAST) > 10


def guessed_types(on: Target) -> None:
    """4401 for a clientType that there is not, and for half of the credentials."""
    for parameters in (
        {"clientType": "Shop", "account": ACCOUNT, "password": PASSWORD},
        {"clientType": "shop"},
        {"clientType": "shop", "account": ACCOUNT},
        {"account": ACCOUNT, "password": PASSWORD},
        {"password": PASSWORD},
    ):
        with on.dial() as client:
            assert _refused(client, **parameters) == ("unauthorized", UNAUTHORIZED)
