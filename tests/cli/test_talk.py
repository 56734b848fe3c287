"""A talk over connections that are lost: nothing is lost, told or said twice, and all is in order."""

import pytest

from chatd.cli.talk import Talk
from chatd.model import Identity
from chatd.rate import Rate
from tests.cli.side import Side
from tests.house import House


@pytest.fixture(params=["stored", "house"])
def either(request: pytest.FixtureRequest) -> House:
    """A house that stores messages, and one that does not."""
    house: House = request.getfixturevalue(request.param)
    return house


def test_a_line_is_said_and_its_receipt_shown(either):
    ann, bob = Side(either, "ann"), Side(either, "bob")
    ann.say("hello", "again")
    bob.settle()
    assert ann.said() == bob.said() == ["hello", "again"]
    assert ann.talk.waiting == 0


def test_lines_go_one_at_a_time(either):
    ann = Side(either, "ann")
    ann.talk.say("one"), ann.talk.say("two")
    ann.send()
    assert ann.talk.next() is None
    ann.settle()
    assert ann.said() == ["one", "two"]


def test_lines_typed_before_the_server_lets_us_in_wait(either):
    ann = Side(either, "ann", comes=False)
    ann.say("early")
    assert ann.talk.next() is None
    ann.come()
    assert ann.said() == ["early"]


def test_a_message_whose_receipt_was_lost_is_not_said_twice(either):
    ann, bob = Side(either, "ann"), Side(either, "bob")
    ann.talk.say("hello"), ann.talk.say("and more")
    ann.send()
    ann.lose()
    ann.come()
    bob.settle()
    assert ann.said() == bob.said() == ["hello", "and more"]
    assert ann.talk.waiting == ann.talk.refused == 0


def test_a_message_that_was_never_sent_is_said_after_the_loss(either):
    ann, bob = Side(either, "ann"), Side(either, "bob")
    ann.lose()
    ann.say("hello")
    ann.come()
    bob.settle()
    assert ann.said() == bob.said() == ["hello"]


def test_what_was_said_meanwhile_is_told_once_and_in_order(stored):
    ann, bob = Side(stored, "ann"), Side(stored, "bob")
    ann.say("0")
    bob.settle()
    bob.lose()
    ann.say(*(str(number) for number in range(1, 451)))  # three pages
    bob.come()
    ann.say("451")
    bob.settle()
    assert bob.said() == [str(number) for number in range(452)]
    assert bob.notes == []


def test_what_was_said_before_one_came_is_not_told(stored):
    Side(stored, "ann").say("before")
    bob = Side(stored, "bob")
    bob.lose()
    bob.come()
    assert bob.said() == []


def test_with_since_what_was_said_before_is_told(stored):
    ann = Side(stored, "ann")
    ann.say("one", "two", "three")
    first = ann.frames[-3]["messageId"]
    assert Side(stored, "bob", since=first).said() == ["two", "three"]
    assert Side(stored, "cid", since="").said() == ["one", "two", "three"]


def test_where_nothing_is_stored_what_was_missed_is_noted(house):
    ann, bob = Side(house, "ann"), Side(house, "bob")
    ann.say("0")
    bob.settle()
    bob.lose()
    ann.say("1")
    bob.come()
    ann.say("2")
    bob.settle()
    assert bob.said() == ["0", "2"]
    assert bob.notes == [
        "what was said meanwhile cannot be had: the server stores nothing, or cannot read it"
    ]


def test_what_is_said_live_waits_for_what_was_missed(stored):
    ann, bob = Side(stored, "ann"), Side(stored, "bob")
    bob.lose()
    ann.say("missed")
    bob.client = stored.join("bob")
    bob.hear()
    bob.send()  # asks for what was missed; the answer is on its way
    answer = bob.client.frames()
    ann.say("live")
    bob.hear()
    assert bob.said() == []
    for frame in answer:
        bob.talk.heard(frame)
    assert bob.said() == ["missed", "live"]


def test_what_is_in_a_page_and_came_live_too_is_told_once(stored):
    ann, bob = Side(stored, "ann"), Side(stored, "bob")
    bob.lose()
    ann.say("missed")
    bob.client = stored.join("bob")
    bob.hear()
    ann.say("live")  # before bob asks: it is in the page as well
    bob.settle()
    assert bob.said() == ["missed", "live"]


def test_a_loss_while_what_was_missed_is_told_loses_nothing(stored):
    ann, bob = Side(stored, "ann"), Side(stored, "bob")
    bob.lose()
    ann.say("missed")
    bob.client = stored.join("bob")
    bob.hear()
    ann.say("live")
    bob.hear()
    bob.lose()
    bob.come()
    assert bob.said() == ["missed", "live"]


# -- agents and customers ---------------------------------------------------------------------------


def test_a_customer_asks_and_an_agent_opens_and_both_talk_there(either):
    agnes, carl = Side(either, "agnes", "shop"), Side(either, "carl", "shop", customer=True)
    dora = Side(either, "dora", "shop", customer=True)
    carl.say("hello?", "/ask agnes")
    agnes.settle()
    (request,) = (frame for frame in agnes.frames if frame.get("eventType") == "createContainer")
    assert request["containerId"] == "carl"
    agnes.frames.clear()
    agnes.say("/open carl", "how can I help?")
    carl.frames.clear(), carl.settle(), dora.settle()
    assert agnes.said() == ["hello?", "how can I help?"]
    assert carl.said() == ["how can I help?"] and dora.said() == []


def test_an_agent_who_comes_back_is_told_what_its_customers_said(stored):
    agnes, carl = Side(stored, "agnes", "shop"), Side(stored, "carl", "shop", customer=True)
    carl.say("/ask agnes")
    agnes.settle()
    agnes.say("/open carl", "yes?")
    agnes.lose()
    carl.say("are you there?")
    agnes.frames.clear()
    agnes.talk.say("I am")
    agnes.come()
    assert agnes.said() == ["are you there?", "I am"]
    carl.settle()
    assert carl.said()[-1] == "I am"


def test_a_request_that_waits_is_shown_once_however_often_one_comes(stored):
    agnes, carl = Side(stored, "agnes", "shop"), Side(stored, "carl", "shop", customer=True)
    carl.say("/ask agnes")
    agnes.settle()
    agnes.lose()
    agnes.come()
    assert sum(frame.get("eventType") == "createContainer" for frame in agnes.frames) == 1
    carl.say("/ask agnes")
    agnes.settle()
    assert sum(frame.get("eventType") == "createContainer" for frame in agnes.frames) == 2


def test_agent_offline_does_not_refuse_the_request(either):
    carl = Side(either, "carl", "shop", customer=True)
    carl.say("/ask agnes", "hello?")
    assert (carl.talk.refused, carl.talk.waiting) == (0, 0)
    assert carl.errors() == ["agent_offline"]


def test_a_conversation_that_is_over_does_not_turn_its_lines_to_the_room(either):
    agnes, bert = Side(either, "agnes", "shop"), Side(either, "bert", "shop")
    carl = Side(either, "carl", "shop", customer=True)
    carl.say("/ask agnes")
    agnes.settle()
    agnes.say("/open carl")
    carl.say("/close")
    agnes.say("for carl alone")
    bert.settle()
    assert bert.said() == [] and agnes.errors() == ["not_found"]
    assert agnes.notes == ["this conversation is over; /in speaks in the room again"]
    agnes.say("/in", "for all")
    bert.settle()
    assert bert.said() == ["for all"]


def test_a_conversation_that_ended_while_one_was_away_is_noted(stored):
    agnes, carl = Side(stored, "agnes", "shop"), Side(stored, "carl", "shop", customer=True)
    carl.say("/ask agnes")
    agnes.settle()
    agnes.say("/open carl")
    agnes.lose()
    carl.say("/close")
    agnes.come()
    assert agnes.notes == ["the conversation carl is over"]


def test_a_customer_whose_receipt_was_lost_says_nothing_twice(either):
    agnes, carl = Side(either, "agnes", "shop"), Side(either, "carl", "shop", customer=True)
    carl.say("/ask agnes")
    agnes.settle()
    agnes.say("/open carl")
    agnes.frames.clear(), carl.settle(), carl.frames.clear()
    carl.talk.say("once"), carl.send(), carl.lose()
    carl.come()
    agnes.settle()
    assert agnes.said() == carl.said() == ["once"]


def test_reply_says_the_servers_text(either):
    agnes, carl = Side(either, "agnes", "shop"), Side(either, "carl", "shop", customer=True)
    carl.say("/ask agnes")
    agnes.settle()
    agnes.say("/open carl", "/reply hours", "/reply nope")
    carl.settle()
    assert carl.said()[-1] == "We are here from nine to five."
    assert agnes.talk.refused == 1 and agnes.errors() == ["unknown_reply"]


def test_close_ends_a_conversation(either):
    agnes, carl = Side(either, "agnes", "shop"), Side(either, "carl", "shop", customer=True)
    carl.say("/ask agnes")
    agnes.settle()
    agnes.say("/open carl", "/close")
    carl.settle()
    assert carl.frames[-1]["action"] == "outAll"
    assert agnes.talk.refused == agnes.talk.waiting == 0


# -- the room, the name, history --------------------------------------------------------------------


def test_room_and_name_outlive_the_connection(either):
    ann, bob = Side(either, "ann"), Side(either, "bob", "attic")
    ann.say("/name Anna", "/room attic")
    ann.lose()
    ann.come()
    ann.say("here")
    bob.settle()
    assert bob.frames[-1]["nickName"] == "Anna" and bob.said() == ["here"]
    assert (ann.talk.identity.room, ann.talk.identity.name) == ("attic", "Anna")


def test_after_another_room_what_was_missed_is_that_rooms(stored):
    ann, bob = Side(stored, "ann"), Side(stored, "bob", "attic")
    bob.say("before")
    ann.say("/room attic")
    ann.lose()
    bob.say("meanwhile")
    ann.come()
    assert ann.said() == ["meanwhile"]


def test_a_move_whose_notice_was_lost_is_made_again(either):
    ann = Side(either, "ann")
    ann.talk.say("/room attic"), ann.talk.say("here")
    ann.send()
    ann.lose()
    bob = Side(either, "bob", "attic")
    ann.come()
    bob.settle()
    assert bob.said() == ["here"]


def test_history_shows_the_newest(stored):
    ann, bob = Side(stored, "ann"), Side(stored, "bob")
    ann.say("one", "two", "three")
    bob.settle(), bob.frames.clear()
    bob.say("/history 2", "four")
    assert bob.said() == ["two", "three", "four"]
    assert bob.notes == ["2 messages, and there are earlier ones"]


def test_history_where_nothing_is_stored_is_an_error(house):
    ann = Side(house, "ann")
    ann.say("/history", "hello")
    assert ann.errors() == ["storage_unavailable"]
    assert (ann.talk.refused, ann.talk.waiting) == (1, 0)


def test_who_shows_who_is_online_and_the_next_is_said(either):
    ann, _ = Side(either, "ann"), Side(either, "bob")
    ann.say("/who", "hello")
    answer, said = ann.frames[-2:]
    assert [user["userId"] for user in answer["users"]] == ["ann", "bob"]
    assert (said["messageContent"], ann.talk.refused, ann.talk.waiting) == ("hello", 0, 0)


def test_who_is_about_the_conversation_in_which_one_speaks_or_that_is_named(either):
    agnes, carl = Side(either, "agnes", "agnes"), Side(either, "carl", "agnes", customer=True)
    carl.say("/ask agnes", "/who")
    assert [user["userId"] for user in carl.frames[-1]["users"]] == ["carl"]
    agnes.settle()
    agnes.say("/open carl", "/who", "/in", "/who carl", "/who")
    asked = [frame for frame in agnes.frames if frame.get("messageType") == "online"]
    assert [frame.get("containerId") for frame in asked] == ["carl", "carl", None]
    assert [user["userId"] for user in asked[0]["users"]] == ["carl", "agnes"]
    assert [user["userId"] for user in asked[2]["users"]] == ["agnes", "carl"]


def test_who_whose_answer_was_lost_is_asked_again(either):
    ann = Side(either, "ann")
    ann.talk.say("/who")
    ann.send()
    ann.lose()
    ann.come()
    assert ann.frames[-1]["messageType"] == "online"
    assert ann.talk.waiting == 0


# -- refusals ---------------------------------------------------------------------------------------


def test_a_line_that_means_nothing_is_noted_and_the_next_is_said(either):
    ann = Side(either, "ann")
    ann.say("/history many", "hello")
    assert ann.said() == ["hello"]
    assert (ann.talk.refused, ann.notes) == (1, ["not done: expected a number from 1 to 200"])


@pytest.mark.parametrize("refused", ["/open nobody", "/nope"])
def test_where_it_is_strict_nothing_follows_what_is_refused(either, refused):
    ann, bob = Side(either, "ann", strict=True), Side(either, "bob")
    ann.say("one", refused, "two")
    bob.settle()
    assert ann.said() == bob.said() == ["one"]
    assert ann.talk.is_spoilt


def test_a_request_that_the_server_refuses_is_shown_and_the_next_is_made(either):
    ann = Side(either, "ann")
    ann.say("/open nobody", "hello")
    assert [frame.get("code") for frame in ann.frames[-2:]] == ["not_found", None]
    assert (ann.talk.refused, ann.talk.waiting) == (1, 0)


def test_who_is_too_fast_waits_and_loses_nothing_and_no_order(open_stored):
    house = open_stored(rate=Rate(1, 3))
    ann = Side(house, "ann")
    ann.say(*"abcdef")
    for _ in range(10):
        if ann.talk.must_wait:
            house.wait(1)
            ann.talk.again()
        ann.settle()
    assert ann.said() == list("abcdef")
    assert ann.talk.refused == 0


@pytest.mark.parametrize("code", [1009, 1011])
def test_a_message_that_closes_the_connection_is_not_sent_again(either, code):
    ann = Side(either, "ann")
    ann.talk.say("bad"), ann.talk.say("good")
    ann.send()
    ann.client.texts()
    ann.lose(code)
    assert ann.notes == [f"not done: the server closes the connection ({code})"]
    assert (ann.talk.refused, ann.talk.waiting) == (1, 1)


def test_a_message_that_is_too_large_is_refused(open_house):
    house = open_house(message_size=200)
    ann = Side(house, "ann")
    ann.say("x" * 300, "small")
    assert ann.errors() == ["too_large"]
    assert (ann.talk.refused, ann.talk.waiting) == (1, 1)
    ann.lose(1009)
    ann.come()
    assert ann.said() == ["small"] and ann.talk.refused == 1


def test_an_error_that_is_about_no_line_is_shown(either):
    ann = Side(either, "ann")
    ann.client.send("{")
    ann.settle()
    assert ann.errors() == ["bad_json"] and ann.talk.refused == 0


def test_whatever_a_server_says_before_it_lets_us_in_is_not_taken_for_that():
    shown: list[object] = []
    talk = Talk(Identity("ann", "Ann", "", "lobby"), shown.append, shown.append, lambda: "1")
    for frame in ({}, {"messageType": "error"}, {"messageType": "notice", "action": "out"}):
        talk.heard(frame)
    assert not talk.is_in and shown == []


def test_said_by_another_connection_of_ours_is_told(stored):
    ann, other = Side(stored, "ann"), Side(stored, "ann")
    other.say("from the other")
    ann.settle()
    assert ann.said() == ["from the other"]
