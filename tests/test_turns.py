"""That messages of one turn are sent on together changes nothing of what anybody hears (M7)."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client import Client
from tests.house import House

CUSTOMERS = ("carl", "dora")
AGENTS = ("agnes", "bert")
STAYERS = (*AGENTS, "agnes", *CUSTOMERS, "carl")
GOERS = ("gus", "gil")  # who may leave or move, and so miss something of their last turn

speakers = st.integers(0, len(STAYERS) + len(GOERS) - 1)
containers = st.sampled_from(CUSTOMERS)
contents = st.sampled_from(["a", "b", "c"])
receipts = st.none() | st.sampled_from(["m-1", "m-2"])
messages = st.one_of(
    st.fixed_dictionaries(
        {"messageType": st.just("text"), "messageContent": contents, "clientMessageId": receipts},
        optional={"containerId": containers},
    ),
    st.fixed_dictionaries(
        {
            "eventType": st.just("createContainer"),
            "acceptId": st.sampled_from(AGENTS),
            "clientMessageId": receipts,
        }
    ),
    st.fixed_dictionaries(
        {"eventType": st.sampled_from(["addContainer", "removeContainer"]), "containerId": containers}
    ),
    st.fixed_dictionaries({"eventType": st.just("updateUserInfo"), "messageContent": contents}),
)
steps = st.one_of(
    st.tuples(st.just("send"), speakers, messages),
    st.tuples(st.just("send"), speakers, messages),
    st.tuples(st.just("join"), st.sampled_from(["agnes", "eve"]), st.none()),
    st.tuples(st.just("move"), st.integers(0, 1), st.sampled_from(["agnes", "den"])),
    st.tuples(st.just("leave"), st.integers(0, 1), st.none()),
)


def take(house: House, clients: list[Client], step: tuple[str, Any, Any]) -> None:
    """One step."""
    what, who, how = step
    if what == "send":
        clients[who].send(how)
    elif what == "join":
        house.join(who, "agnes")
    elif what == "move":
        clients[len(STAYERS) + who].ask("updateRoomName", messageContent=how)
    else:
        clients[len(STAYERS) + who].vanish()


def heard(script: list[tuple[str, Any, Any]], in_one_turn: bool) -> list[tuple[list[str], list[str]]]:
    """What each who stays has heard, and its errors, which need not wait for the turn's end."""
    house = House()
    clients = [house.customer(user) if user in CUSTOMERS else house.join(user, "agnes") for user in STAYERS]
    clients += [house.join(user, "agnes") for user in GOERS]
    if in_one_turn:
        with house.one_turn():
            for step in script:
                take(house, clients, step)
    else:
        for step in script:
            take(house, clients, step)
    stayed = [client for client in house.clients if client not in clients[len(STAYERS) :]]
    texts = [client.texts() for client in stayed]
    return [
        (
            [text for text in mine if '"messageType":"error"' not in text],
            [text for text in mine if '"messageType":"error"' in text],
        )
        for mine in texts
    ]


@settings(max_examples=150)
@given(st.lists(steps, min_size=2, max_size=12))
def test_what_is_heard_of_one_turn_is_what_is_heard_of_many(script):
    assert heard(script, in_one_turn=True) == heard(script, in_one_turn=False)


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_whatever_bytes_a_client_sends_only_its_own_connection_may_end(pieces):
    """And nothing of it is a bug of ours: see the fixture ``log``."""
    house = House()
    ann, bob = house.room("ann", "bob")
    for piece in pieces:
        ann.send_bytes(piece)
        ann.send_bytes(b"\x81\xfe" + piece)
    house.wait(4)
    bob.texts()
    bob.say("hello")
    assert (bob.contents()[-1:], bob.is_connected) == (["hello"], True)
    assert ann.is_connected or house.registry.rooms["lobby"].online == 1


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_whatever_bytes_a_handshake_holds_nothing_is_left_of_it(pieces):
    house = House()
    client = house.dial()
    for piece in pieces:
        client.send_bytes(b"GET /?name=" + piece)
    client.send_bytes(b"\r\n\r\n")
    house.wait(8)
    assert (client.is_connected, house.factory.open, house.registry.rooms) == (False, set(), {})
