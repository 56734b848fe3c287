"""What nodes say to each other is heard as it was said."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from chatd.cluster import wire
from chatd.model import Identity, Rights
from chatd.wire import commands
from chatd.wire.commands import Command, dumped, loaded

texts = st.text(st.characters(codec="utf-8"), max_size=20)
some = st.none() | texts
numbers = st.integers(0, 2**63 - 1)
octets = st.binary(max_size=50)
identities = st.builds(Identity, texts, texts, texts, texts, some, some)
rights = st.builds(Rights, st.booleans(), st.lists(texts, max_size=3).map(tuple))
joins = st.builds(wire.Join, numbers, identities, rights, some)
says = st.builds(wire.Say, numbers, octets)
leaves = st.builds(wire.Leave, numbers)
requests = st.lists(joins | says | leaves, max_size=4)
guests = st.lists(st.builds(wire.Guest, numbers, identities, rights), max_size=3)
syncs = st.builds(
    wire.Sync, texts, texts, numbers, numbers, numbers, numbers, texts, guests, numbers, requests
)
messages = st.one_of(
    st.builds(wire.Requests, texts, texts, numbers, numbers, numbers, requests, numbers),
    syncs,
    st.builds(wire.Stranger, texts, texts),
    st.builds(wire.Replay, texts, numbers, st.booleans(), st.lists(octets, max_size=3)),
    st.builds(wire.Call, texts, numbers, texts, octets),
    st.builds(wire.Answer, numbers, st.booleans(), octets),
)
people = st.dictionaries(texts, texts, max_size=3)
parcels = st.builds(
    wire.Parcel,
    letters=st.dictionaries(numbers, octets, max_size=3),
    attached=st.lists(numbers, max_size=3),
    names=st.dictionaries(numbers, st.tuples(texts, texts), max_size=3),
    closed=st.lists(st.tuples(numbers, numbers, texts), max_size=3),
    wrong=st.lists(st.builds(wire.Wrong, numbers, texts, texts), max_size=3),
    heard=numbers,
    synced=numbers,
    ended=st.booleans(),
    people=st.none() | people,
)


@given(st.lists(messages, max_size=5))
def test_what_is_said_to_a_node(said):
    assert wire.decode_to_node(wire.encode(said)) == said


@given(parcels)
def test_a_parcel(parcel):
    assert wire.decode_parcel(wire.encode(parcel)) == parcel


@given(identities)
def test_an_identity_of_the_roster(identity):
    assert wire.decode_identity(wire.encode_identity(identity)) == identity


@given(
    texts, numbers, octets, st.dictionaries(texts, parcels, max_size=3), people, st.lists(texts, max_size=3)
)
def test_a_publication_and_the_parcels_in_it(owner, number, feed, told, came, went):
    raw = {node: Raw(wire.encode(parcel)) for node, parcel in told.items()}
    said = wire.Publication(owner, number, number, owner, feed, raw, came, went)
    heard = wire.decode_publication(wire.encode(said))
    assert msgspec.structs.replace(heard, parcels={}) == msgspec.structs.replace(said, parcels={})
    assert {node: wire.decode_parcel(parcel) for node, parcel in heard.parcels.items()} == told


def test_a_parcel_of_an_older_node_lacks_what_was_added_since():
    letters, heard = {1: b"hello"}, 7
    older = wire.encode([letters, [], {}, [], [], heard])
    assert wire.decode_parcel(older) == wire.Parcel(letters=letters, heard=heard)


# -- a client's command, which another node has checked ---------------------------------------------

ACCESSORY = b'{ "a" : [1.50, "\\u00e9\xc3\xa9", null] , "a": 2}'
EVERYTHING = {
    "messageContent": "hello",
    "messageType": "text",
    "eventType": "createContainer",
    "acceptId": "agnes",
    "userIcon": "http://a/b.png",
    "containerId": "carl",
    "targetId": "order-1",
    "userIconUpdate": "",
    "clientMessageId": "m-1",
    "after": "0a",
    "before": "ff",
    "limit": 7,
}


def test_a_command_with_every_field():
    sent = msgspec.json.encode(EVERYTHING)[:-1] + b',"accessoryContent":' + ACCESSORY + b"}"
    command = commands.decode(sent)
    fields = {name: getattr(command, name) for name in Command.__struct_fields__}
    assert [name for name, value in fields.items() if value in (None, Raw())] == []
    heard = loaded(dumped(command))
    assert {name: getattr(heard, name) for name in Command.__struct_fields__} == fields
    assert heard.accessory == ACCESSORY  # byte for byte (D1)


@pytest.mark.parametrize("accessory", [b"null", b'""'])
def test_an_accessory_content_without_a_value_stays_so(accessory):
    sent = b'{"messageType":"text","messageContent":"hello","accessoryContent":' + accessory + b"}"
    assert commands.decode(sent).accessory is loaded(dumped(commands.decode(sent))).accessory is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
sent_commands = st.fixed_dictionaries(
    {},
    optional={
        "messageContent": some,
        "messageType": some,
        "eventType": some,
        "acceptId": some,
        "userIcon": some,
        "containerId": some,
        "targetId": some,
        "accessoryContent": json_values,
        "userIconUpdate": some,
        "clientMessageId": some,
        "after": st.sampled_from(["", "0a", None]),
        "before": st.sampled_from(["", "ff", None]),
        "limit": st.none() | st.integers(1, 1000),
    },
)


@given(sent_commands)
def test_whatever_a_command_holds(sent):
    command = loaded(msgspec.json.encode(sent))  # as it came from the client
    heard = loaded(dumped(command))
    assert heard == command
    assert heard.accessory == command.accessory
