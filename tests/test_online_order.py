"""What is said of who is online, beside the notices of who comes and goes (R2, N3, N4).

Whoever asks once and then goes by the notices knows at every moment who is online.
"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.client import Client
from tests.house import House
from tests.stores import HeldStore, PromptStore


def test_who_was_heard_to_come_is_in_the_answer_and_who_is_heard_to_come_later_is_not(house):
    (ann,) = house.room("ann")
    with house.one_turn():
        bob = house.join("bob")
        house.join("cid")
        bob.vanish()
        ann.ask("online")
        house.join("dan")
    assert [shown(frame) for frame in ann.frames()] == [
        ("in", "bob", 2),
        ("in", "cid", 3),
        ("out", "bob", 2),
        (["ann", "cid"], 2),
        ("in", "dan", 3),
    ]


def test_the_same_holds_for_a_container(house):
    agnes, carl = house.conversation()
    bert = house.join("bert", "agnes")
    carl.ask("createContainer", acceptId="bert")
    house.hush()
    with house.one_turn():
        carl.ask("online")
        bert.ask("addContainer", containerId="carl")
        agnes.vanish()
        bert.ask("online", containerId="carl")
    assert [shown(frame) for frame in carl.frames()] == [
        (["carl", "agnes"], 2),
        ("in", "bert", 3),
        ("out", "agnes", 2),
    ]
    assert [shown(frame) for frame in bert.frames()] == [
        ("in", "bert", 3),
        ("out", "agnes", 2),  # from the room
        ("out", "agnes", 2),
        (["carl", "bert"], 2),
    ]


def test_who_asks_as_it_comes_is_answered_after_its_own_in(house):
    house.room("ann")
    with house.one_turn():
        bob = house.join("bob")
        bob.ask("online")
    assert [shown(frame) for frame in bob.frames()] == [("in", "bob", 2), (["ann", "bob"], 2)]


def shown(frame: dict[str, Any]) -> tuple[Any, ...]:
    """A notice or an answer, in short."""
    if frame["messageType"] == "notice":
        return frame["action"], frame["userId"], frame["count"]
    return [user["userId"] for user in frame["users"]], frame["count"]


# -- however all this follows each other ------------------------------------------------------------


class Follower:
    """Somebody who knows who is online in a scope: from one answer, and then from notices.

    :param scope: a container; None: the room.
    """

    def __init__(self, client: Client, scope: str | None = None) -> None:
        self.client = client
        self.scope = scope
        self.known: list[str] | None = None
        self.came: list[str] = []
        """Who was heard to come, before the first answer, and not to go since."""
        self.went: set[str] = set()
        """The other way round."""
        self.answers = 0

    def listen(self) -> None:
        """Take in what was heard, each of which must agree with what is known."""
        for frame in self.client.frames():
            kind = frame.get("messageType") if frame.get("containerId") == self.scope else None
            if kind == "online":
                self._take_answer([user["userId"] for user in frame["users"]], frame["count"])
            elif kind == "notice":
                self._take_notice(frame["action"], frame["userId"], frame["count"])

    def _take_answer(self, users: list[str], count: int) -> None:
        self.answers += 1
        assert len(users) == len(set(users)) == count
        if self.known is None:
            assert set(self.came) <= set(users) and not self.went & set(users)
        else:
            assert set(users) == set(self.known)
        if self.scope is None:  # members keep their places in a container while they are away
            expected = self.came if self.known is None else self.known
            assert [user for user in users if user in expected] == expected
        self.known = users

    def _take_notice(self, action: str, user: str, count: int) -> None:
        known = self.came if self.known is None else self.known
        if action == "out":
            self.went.add(user)
            if user in known:
                known.remove(user)
        else:
            self.went.discard(user)
            if user not in known:
                known.append(user)
        assert self.known is None or len(known) == count


USERS = ["bob", "cid", "dan"]
STEPS = st.one_of(
    st.tuples(st.sampled_from(["join", "leave", "customer"]), st.sampled_from(USERS)),
    st.tuples(st.sampled_from(["ask", "ask", "say", "turn", "turn", "keep", "keep", "fail"]), st.just("")),
)


@given(steps=st.lists(STEPS, max_size=60))
def test_who_asks_once_and_goes_by_the_notices_knows_who_is_online(steps: list[tuple[str, str]]) -> None:
    """However coming, going, asking, turns, and the store's answers to earlier turns follow each other."""
    store = HeldStore(PromptStore())
    house = House(store=store)
    others: dict[str, list[Client]] = {user: [] for user in USERS}
    with house.one_turn():  # turns end where a step says so
        followers = [Follower(house.join("ann")), Follower(house.join("eve"))]
        for step, user in [*steps, ("ask", ""), *[("turn", ""), ("keep", "")] * 4]:
            if step == "join":
                others[user].append(house.join(user))
            elif step == "customer":
                others[user].append(house.customer(user, "lobby"))
            elif step == "leave" and others[user]:
                others[user].pop(0).vanish()
            elif step == "ask":
                followers[0].client.ask("online")
                followers[1].client.ask("online")
            elif step == "say":
                followers[0].client.say("hello")
            else:
                turn_or_keep(house, store, step)
    for follower in followers:
        follower.listen()
        assert follower.known == list(house.registry.rooms["lobby"].users)
        assert follower.answers == 1 + steps.count(("ask", ""))


AGENTS = ["bob", "dan"]


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["join", "leave", "open"]), st.sampled_from(AGENTS)),
            st.tuples(st.sampled_from(["ask", "turn", "keep", "fail"]), st.just("")),
        ),
        max_size=60,
    )
)
def test_a_customer_who_goes_by_the_notices_knows_who_is_in_its_container(
    steps: list[tuple[str, str]],
) -> None:
    store = HeldStore(PromptStore())
    house = House(store=store)
    agents: dict[str, list[Client]] = {user: [] for user in AGENTS}
    with house.one_turn():
        carl = house.customer("carl")
        follower = Follower(carl, "carl")
        for step, user in [*steps, ("ask", ""), *[("turn", ""), ("keep", "")] * 4]:
            if step == "join":
                agents[user].append(house.join(user, "agnes"))
            elif step == "leave" and agents[user]:
                agents[user].pop(0).vanish()
            elif step == "open" and agents[user]:
                carl.ask("createContainer", acceptId=user)
                agents[user][0].ask("addContainer", containerId="carl")
            elif step == "ask":
                carl.ask("online")
            else:
                turn_or_keep(house, store, step)
    room = house.registry.rooms["agnes"]
    members = room.containers["carl"].members if room.containers else ("carl",)
    follower.listen()
    assert set(follower.known or ()) == {user for user in members if user in room.users}
    assert follower.answers == 1 + steps.count(("ask", ""))


def turn_or_keep(house: House, store: HeldStore, step: str) -> None:
    """The reactor's turn ends, or the store's does."""
    if step == "turn":
        house.clock.advance(0)
    elif step == "keep" and store.is_busy:
        store.keep()
    elif step == "fail" and store.is_busy:
        store.fail()
