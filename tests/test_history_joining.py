"""What was said before, as it comes with ``after=`` right after the own ``in`` (R1)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.turn import Page, Turn
from tests.house import House, numbers, said, talk
from tests.stores import HeldStore, PromptStore


def test_what_was_missed_comes_right_after_the_own_in(stored):
    (ann,) = stored.room("ann")
    ids = talk(ann, 4)
    bob = stored.join("bob", after=ids[1])
    notice, page = bob.frames()
    assert (notice["action"], notice["userId"]) == ("in", "bob")
    assert (page["messageType"], said(page), page["more"]) == ("history", ["2", "3"], False)


def test_it_comes_before_what_waits_for_an_agent(stored):
    """(D3)"""
    carl = stored.customer("carl")
    carl.ask("createContainer", acceptId="agnes")
    kinds = [
        frame.get("action") or frame["messageType"] if "messageType" in frame else frame["eventType"]
        for frame in stored.join("agnes", "agnes", after="").frames()
    ]
    assert kinds == ["in", "history", "createContainer"]


def test_one_page_comes_and_more_tells_of_the_rest(stored):
    (ann,) = stored.room("ann")
    talk(ann, 60)
    page = stored.join("bob", after="").frames()[1]
    assert (said(page), page["more"]) == (numbers(0, 50), True)


def test_a_customer_gets_its_own_container(stored):
    agnes, carl = stored.conversation()
    agnes.say("to all")
    talk(carl, 2)
    carl.vanish()
    page = stored.customer("carl", after="").frames()[1]
    assert page["containerId"] == "carl"
    assert [each.get("messageContent") for each in page["messages"]] == [None, "0", "1"]


def test_without_after_there_is_no_history(stored):
    (ann,) = stored.room("ann")
    talk(ann, 1)
    assert [frame["messageType"] for frame in stored.join("bob").frames()] == ["notice"]


@pytest.mark.parametrize("after", ["x", "0649D2F2F3B1C0", "f" * 33])
def test_an_after_that_cannot_be_refuses_the_connection(stored, after):
    """(C2)"""
    client = stored.join("bob", after=after)
    error = client.frame()
    assert (error["code"], client.closed) == ("bad_parameter", 4400)
    assert error["messageContent"].startswith("after ")
    assert stored.registry.rooms == {}


# -- no gap, no duplicate ---------------------------------------------------------------------------


class Reader:
    """Somebody who has joined with ``after=``, and joins again where it was when its connection breaks."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.ids: list[str] = []
        """The messages it has heard, by history or as they came."""
        self.was_refused = False
        """Whether its history could not be read."""
        self._client = house.join("bob", after="")

    def listen(self) -> None:
        """Take in what was heard."""
        for frame in self._client.frames():
            if frame["messageType"] == "history":
                assert not frame["more"]
                self.ids += [message["messageId"] for message in frame["messages"]]
            elif frame["messageType"] == "text":
                self.ids.append(frame["messageId"])
            elif frame["messageType"] == "error":
                self.was_refused = True

    def join_again(self) -> None:
        """Lose the connection, and come back for what is missing; for everything, if history was refused."""
        self.listen()
        self._client.vanish()
        if self.was_refused:
            self.ids, self.was_refused = [], False
        self._client = self._house.join("bob", after=self.ids[-1] if self.ids else "")


STEPS = ["say", "say", "join", "join again", "turn", "turn", "keep", "keep", "fail"]


@given(steps=st.lists(st.sampled_from(STEPS), max_size=40))
def test_history_and_what_follows_are_all_messages_once_and_in_order(steps: list[str]) -> None:
    """(R1, M7) However comers, messages, and the store's answers to earlier turns follow each other."""
    store = HeldStore(PromptStore())
    house = House(store=store)
    readers: list[Reader] = []
    said = 0
    with house.one_turn():  # turns end where a step says so
        ann = house.join("ann")
        for step in [*steps, *["turn", "keep"] * 3]:
            if step == "say":
                said += 1
                ann.say(str(said))
            elif step == "join":
                readers.append(Reader(house))
            elif step == "join again" and readers:
                readers[said % len(readers)].join_again()
            elif step == "turn":
                house.clock.advance(0)
            elif step == "keep" and store.is_busy:
                store.keep()
            elif step == "fail" and store.is_busy:
                store.fail()
    everything = kept(store)
    refused = [frame for frame in ann.frames() if frame["messageType"] == "error"]
    assert len(everything) == said - len(refused)
    for reader in readers:
        reader.listen()
        # Whose history was refused has heard what came after it.
        expected = everything[len(everything) - len(reader.ids) :] if reader.was_refused else everything
        assert reader.ids == expected


def kept(store: HeldStore) -> list[str]:
    """The messageIds of all that the store has of the lobby."""
    pages: list[Any] = []
    everything = Page(room="lobby", container_id=None, until="~", limit=100)
    store.behind.commit(Turn(pages=[everything])).addCallback(lambda kept: pages.extend(kept.pages))
    return [message.id for message in pages[0].messages]
