"""What an operator can name at the prompt, and what comes of it."""

from collections.abc import Coroutine
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.errors import RequestError
from chatd.manhole.evaluation import result
from chatd.manhole.namespace import Namespace
from tests.checkers.accounts import MD5, SlowChecker
from tests.house import House, history, said
from tests.stores import HeldStore, PromptStore


def namespace(house: House) -> Namespace:
    """Of a house."""
    return Namespace(house.clock, house.registry, house.factory, house.outbox, house.stamp)


@pytest.fixture
def desk(house: House) -> Namespace:
    """That of the test's house."""
    return namespace(house)


def rows(table: Any) -> list[list[str]]:
    """The lines below a table's head, their words apart."""
    return [line.split() for line in repr(table).splitlines()[1:]]


def run(house: House, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine comes to in this turn."""
    come: list[Any] = []
    Deferred.fromCoroutine(coroutine).addBoth(come.append)
    house.settle()
    (value,) = come
    if isinstance(value, Failure):
        value.raiseException()
    return value


# -- who is where -----------------------------------------------------------------------------------


def test_rooms_are_listed_the_largest_first(house, desk):
    house.room("ann", room="small")
    house.room("ann", "bob", "cid", room="large")
    assert repr(desk.rooms()).splitlines()[0].split() == ["room", "online", "room-scoped", "containers"]
    assert rows(desk.rooms()) == [["large", "3", "3", "0"], ["small", "1", "1", "0"]]


def test_rooms_can_be_chosen_by_a_pattern(house, desk):
    house.room("ann", room="shop-1")
    house.room("ann", room="lobby")
    assert rows(desk.rooms("shop-*")) == [["shop-1", "1", "1", "0"]]


def test_of_many_rooms_only_the_first_are_listed(house, desk):
    for at in range(25):
        house.room("ann", room=f"room-{at}")
    lines = repr(desk.rooms()).splitlines()
    assert len(lines) == 22
    assert lines[-1] == "… and 5 more rooms"
    assert repr(desk.rooms(limit=1)).splitlines()[-1] == "… and 24 more rooms"


def test_where_nobody_is_there_is_nothing_to_list(desk):
    assert [repr(desk.rooms()), repr(desk.containers()), repr(desk.slow())] == ["none"] * 3


def test_a_room_tells_who_is_in_it(house, desk):
    house.room("ann", "bob")
    house.join("bob")
    assert repr(desk.room("lobby")).splitlines()[0] == "lobby: 2 online, 0 containers"
    assert rows(desk.room("lobby"))[1:] == [["ann", "Ann", "1"], ["bob", "Bob", "2"]]


def test_a_room_tells_of_customers(house, desk):
    house.conversation()
    assert rows(desk.room("agnes"))[1:] == [["agnes", "Agnes", "1"], ["carl", "Carl", "1", "yes"]]


def test_of_a_full_room_only_the_first_are_listed(house, desk):
    house.room(*(f"user-{at}" for at in range(25)))
    assert repr(desk.room("lobby")).splitlines()[-1] == "… and 5 more users"


def test_a_room_that_is_not_there_is_an_error(desk):
    with pytest.raises(LookupError, match="there is no room 'nowhere'"):
        desk.room("nowhere")


def test_who_finds_a_user_in_all_rooms(house, desk):
    house.join("ann", "lobby")
    house.join("ann", "shop")
    house.join("bob", "shop")
    assert [row[:2] for row in rows(desk.who("ann"))] == [["lobby", "Ann"], ["shop", "Ann"]]
    assert rows(desk.who("ann"))[0][-2:] == ["127.0.0.1:50000", "0"]


def test_who_tells_of_a_customers_container(house, desk):
    house.conversation()
    assert rows(desk.who("carl")) == [["agnes", "Carl", "carl", "127.0.0.1:50000", "0"]]


def test_who_counts_what_a_user_has_not_read(house, desk):
    ann, bob = house.room("ann", "bob")
    bob.stop_reading()
    ann.say("x" * 1000)
    (row,) = rows(desk.who("bob"))
    assert 1000 < int(row[-1].replace(",", "")) < 2000


def test_a_user_who_is_not_there_is_an_error(desk):
    with pytest.raises(LookupError, match="nobody is connected as 'ann'"):
        desk.who("ann")


def test_containers_tell_how_far_they_are(house, desk):
    house.conversation()
    house.customer("dora").ask("createContainer", acceptId="agnes")
    first, second = (line.split() for line in repr(desk.containers()).splitlines()[1:])
    assert first[:5] == ["agnes", "carl", "open", "agnes", "2"]
    assert second[:5] == ["agnes", "dora", "asked", "agnes", "1"]


def test_containers_of_one_room_can_be_asked_for(house, desk):
    house.conversation("agnes", "carl")
    house.conversation("bert", "dora")
    assert [row[:2] for row in rows(desk.containers("bert"))] == [["bert", "dora"]]


def test_of_many_containers_only_the_first_are_listed(house, desk):
    for at in range(25):
        house.customer(f"customer-{at}").say("hello?")
    assert repr(desk.containers()).splitlines()[-1] == "… and 5 more containers"


# -- how it does ------------------------------------------------------------------------------------


def test_stats_count(house, desk):
    house.conversation()
    house.join("agnes", "lobby")
    house.wait(25)
    lines = dict(line.strip().rsplit("  ", 1) for line in repr(desk.stats()).splitlines())
    counted = {key.strip(): value.strip() for key, value in lines.items()}
    assert counted["connections"] == "3"
    assert counted["and on their way in or out"] == "0"
    assert counted["users online"] == "2"
    assert counted["rooms"] == "2"
    assert counted["containers"] == "1"
    assert counted["uptime"] == "0 d 00:00:25"
    assert counted["the store fails"] == "no"


def test_stats_tell_of_who_is_on_the_way_in(house, desk):
    house.dial()
    assert "on their way in or out  1" in repr(desk.stats())


def test_stats_tell_what_waits_for_the_store_and_why_it_fails(open_house):
    store = HeldStore(PromptStore())
    house = open_house(store=store)
    desk = namespace(house)
    ann, *_ = house.room("ann")
    ann.say("this is being kept")
    ann.say("this waits")
    assert "waiting for the store         1\n" in repr(desk.stats())
    store.fail("disk full")
    assert "the store fails               disk full\n" in repr(desk.stats())


def test_slow_lists_who_has_most_unsent(house, desk):
    ann, bob, cid = house.room("ann", "bob", "cid")
    bob.stop_reading()
    ann.say("x" * 1000)
    cid.stop_reading()
    ann.say("x" * 1000)
    assert [row[1:3] for row in rows(desk.slow())] == [["bob", "lobby"], ["cid", "lobby"]]
    assert repr(desk.slow(limit=1)).splitlines()[-1] == "… and 1 more connection"
    bob.read_on(), cid.read_on()
    assert repr(desk.slow()) == "none"


def test_slow_lists_who_is_being_closed_too(house, desk):
    ann, bob = house.room("ann", "bob")
    bob.answers_close = False
    bob.stop_reading()
    ann.say("x" * 1000)
    desk.kick("bob")
    ((unsent, address),) = rows(desk.slow())
    assert unsent.startswith("1,")
    assert address == "127.0.0.1:50000"


def test_lag_is_how_late_timers_are(house, desk):
    come: list[Any] = []
    Deferred.fromCoroutine(desk.lag(0.03)).addBoth(come.append)
    for seconds in (0.01, 0.015, 0.06):
        house.clock.advance(seconds)
    assert list(map(repr, come)) == ["5.0 ms late (median), 50.0 ms at most, of 3 timers"]


# -- what can be done -------------------------------------------------------------------------------


def test_kick_closes_all_connections_of_a_user_and_no_others(house, desk):
    ann, bob, tab = house.join("ann"), house.join("bob"), house.join("bob", "shop")
    house.hush()
    assert repr(desk.kick("bob", reason="please call us")) == "closed: 2 connections of 'bob'"
    house.settle()
    assert [(client.closed, client.reason) for client in (bob, tab)] == [(1008, "please call us")] * 2
    assert ann.closed is None
    assert ann.frame()["action"] == "out"


def test_kick_shortens_a_reason_that_is_too_long_for_a_close_frame(house, desk):
    ann = house.join("ann")
    desk.kick("ann", "理由" * 100)
    assert ann.reason == "理由" * 20 + "理"


def test_to_kick_nobody_is_an_error(desk):
    with pytest.raises(LookupError):
        desk.kick("ann")


def test_what_the_operator_says_is_heard_and_stored_as_any_message(stored):
    desk = namespace(stored)
    ann, bob = stored.room("ann", "bob")
    ann.say("before")
    receipt = run(stored, desk.say("lobby", "Maintenance at six."))
    bob.say("after")
    assert ann.contents() == ["before", "Maintenance at six.", "after"]
    frame = bob.frames()[1]
    assert repr(receipt) == f"said as {frame['messageId']}"
    assert (frame["createUser"], frame["nickName"], frame["messageType"]) == ("operator", "Operator", "text")
    assert said(history(ann)) == ["before", "Maintenance at six.", "after"]


def test_the_operator_can_have_another_name(house, desk):
    (ann,) = house.room("ann")
    run(house, desk.say("lobby", "x", user="ops", name="Night shift"))
    frame = ann.frame()
    assert (frame["createUser"], frame["nickName"]) == ("ops", "Night shift")


def test_what_is_said_in_a_container_only_its_members_hear(house, desk):
    agent, customer = house.conversation()
    bert = house.join("bert", "agnes")
    house.hush()
    run(house, desk.say("agnes", "hello, both", container="carl"))
    assert [agent.contents(), customer.contents(), bert.contents()] == [["hello, both"], ["hello, both"], []]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"room": "nowhere"}, "there is no room 'nowhere'"),
        ({"container": "carl"}, "there is no container 'carl' in 'lobby'"),
        ({"text": ""}, "text: must not be empty"),
        ({"user": ""}, "must be 1 to 128"),
        ({"name": "\x1b[1m"}, "control character"),
    ],
)
def test_what_cannot_be_said_is_an_error_and_nobody_hears_of_it(house, desk, wrong, sentence):
    (ann,) = house.room("ann")
    with pytest.raises((LookupError, ValueError), match=sentence):
        run(house, desk.say(**{"room": "lobby", "text": "x"} | wrong))
    assert ann.texts() == []


def test_a_message_that_is_not_stored_is_an_error_for_the_operator(open_house):
    store = HeldStore(PromptStore())
    house = open_house(store=store)
    (ann,) = house.room("ann")
    come: list[Any] = []
    Deferred.fromCoroutine(namespace(house).say("lobby", "x")).addErrback(come.append)
    house.settle()
    assert come == []
    store.fail()
    assert come[0].check(RequestError)
    assert ann.texts() == []


def test_nothing_is_said_while_too_much_waits_for_the_store(open_house):
    house = open_house(store=HeldStore(PromptStore()), queue=1)
    (ann,) = house.room("ann")
    for text in ("is being kept", "waits"):
        ann.say(text)
    with pytest.raises(RequestError, match="Too much waits"):
        run(house, namespace(house).say("lobby", "x"))


# -- in words ---------------------------------------------------------------------------------------


def test_help_has_one_line_for_each_name(desk):
    entries = desk.entries()
    lines = repr(entries["help"]).splitlines()
    assert [line.partition("(")[0].split()[0] for line in lines] == [
        name for name in entries if name != "help"
    ]
    assert "kick(user, reason='closed by the operator')  Close all connections of a user with 1008." in lines
    assert entries["help"]() is entries["help"]


def test_the_names_are_those_that_are_promised(desk):
    promised = "registry rooms room who containers kick say stats slow profile trace help"
    assert set(promised.split()) <= set(desk.entries())


def test_the_registry_says_how_much_is_in_it(house, desk):
    house.room("ann", "bob")
    assert repr(desk.entries()["registry"]) == "<Registry rooms=1 connections=2>"


def test_a_large_collection_is_cut_before_it_is_formatted(house, desk):
    class Loud:
        """Counts how often it is formatted."""

        formatted = 0

        def __repr__(self) -> str:
            Loud.formatted += 1
            return "loud"

    assert result([Loud() for _ in range(10_000)]).endswith("...]")
    assert Loud.formatted == 20


def test_a_name_cannot_act_upon_the_terminal(house, desk):
    house.join("ann", name="\u202eAnn")
    assert "\\u202eAnn" in repr(desk.who("ann"))


def test_accounts_and_passwords_are_not_to_be_seen(open_house):
    checker = SlowChecker()
    house = open_house(accounts={"shop": checker})
    desk = namespace(house)
    bob = house.join("bob", clientType="shop", account="bobs-account", password=MD5)
    checker.answer(role="agent")
    house.settle()
    run(house, desk.say("lobby", "x"))
    bob.stop_reading()
    run(house, desk.say("lobby", "x"))
    tables = [desk.rooms(), desk.room("lobby"), desk.who("bob"), desk.slow(), desk.stats(), desk.trace("bob")]
    shown = [result(table) for table in tables]
    (connection,) = house.registry.rooms["lobby"].users["bob"]
    inside = [connection, connection.identity, connection.rights, *house.registry.rooms.values()]
    shown += [result(one) for one in inside] + [result(vars(connection.channel))]
    assert "yes" in shown[2]
    assert [text for text in shown if "bobs-account" in text or MD5 in text.lower()] == []
