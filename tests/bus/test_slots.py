"""Slots of a Redis Cluster."""

import pytest

from chatd.bus.slots import masters, redirection, slot_for, slot_of
from tests.bus.servers import Server


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"123456789",
        b"{user}.name",
        b"a{user}",
        b"{}x",
        b"a{}{b}",
        b"{{b}}c",
        b"{open",
        b"}{",
        "房间".encode(),
    ],
)
def test_a_key_is_in_the_slot_in_which_redis_has_it(key: bytes, cluster: list[Server]) -> None:
    assert slot_of(key) == int(cluster[0].ask("CLUSTER", "KEYSLOT", key.decode()))


def test_a_command_goes_where_its_first_key_is() -> None:
    assert slot_for(("GET", b"key")) == slot_of(b"key")
    assert slot_for(("GET", 7)) == slot_of(b"7")
    assert slot_for(("EVALSHA", "0" * 40, 2, b"key", b"other", b"word")) == slot_of(b"key")
    assert slot_for(("EVAL", "return 1", 0)) == slot_for(("PING",)) == 0


def test_a_map_names_masters_and_not_replicas() -> None:
    said = [
        [0, 99, [b"10.0.0.1", 7000, b"id"], [b"10.0.0.2", 7001, b"id"]],
        [100, 16383, [None, 7002, b"id", [b"hostname", b"x"]]],
    ]
    assert list(masters(said, "asked")) == [(0, 99, ("10.0.0.1", 7000)), (100, 16383, ("asked", 7002))]
    assert list(masters([[0, 1, [b"", 7000, b"id"]]], "asked")) == [(0, 1, ("asked", 7000))]
    assert list(masters([[0, 1, [b"?", 7000, b"id"]]], "asked")) == [(0, 1, ("asked", 7000))]


def test_a_redirection_names_a_slot_and_a_master() -> None:
    assert redirection("MOVED 3999 127.0.0.1:6381", "asked") == (3999, ("127.0.0.1", 6381))
    assert redirection("ASK 3999 ::1:6381", "asked") == (3999, ("::1", 6381))
    assert redirection("MOVED 3999 :6381", "asked") == (3999, ("asked", 6381))
