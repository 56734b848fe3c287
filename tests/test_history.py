"""What was said, as clients ask for it (R1)."""


import pytest

from tests.house import history, numbers, said, talk

# -- which messages ---------------------------------------------------------------------------------


def test_the_newest_fifty_are_answered_where_nothing_else_is_asked(stored):
    (ann,) = stored.room("ann")
    talk(ann, 60)
    page = history(ann)
    assert (said(page), page["more"]) == (numbers(10, 60), True)


def test_a_page_has_its_rooms_name_and_the_messages_as_they_were_delivered(stored):
    ann, bob = stored.room("ann", "bob")
    ann.say("hello", accessoryContent={"b": 1, "a": [None, "\x00", "🙂"]}, targetId="order-1")
    ann.texts()
    message = bob.frame()
    assert history(bob) == {
        "messageType": "history",
        "roomName": "lobby",
        "messages": [message],
        "more": False,
    }


def test_who_asks_gets_its_own_messages_with_their_client_message_id(stored):
    """(M1)"""
    ann, bob = stored.room("ann", "bob")
    ann.say("hello", clientMessageId="m-1")
    receipt = ann.frame()
    assert receipt["clientMessageId"] == "m-1"
    bob.texts()
    assert history(ann)["messages"] == [receipt]
    del receipt["clientMessageId"]
    assert history(bob)["messages"] == [receipt]


def test_the_answer_is_to_the_asker_alone(stored):
    ann, tab, bob = stored.room("ann", "ann", "bob")
    ann.ask("history")
    assert [len(client.frames()) for client in (ann, tab, bob)] == [1, 0, 0]


def test_after_a_message_come_those_that_follow_it(stored):
    (ann,) = stored.room("ann")
    ids = talk(ann, 6)
    page = history(ann, after=ids[1])
    assert (said(page), page["more"]) == (numbers(2, 6), False)


def test_after_with_a_limit_the_oldest_come_first_and_more_tells_of_newer_ones(stored):
    (ann,) = stored.room("ann")
    ids = talk(ann, 6)
    page = history(ann, after=ids[1], limit=2)
    assert (said(page), page["more"]) == (["2", "3"], True)
    page = history(ann, after=ids[3], limit=2)
    assert (said(page), page["more"]) == (["4", "5"], False)
    page = history(ann, after=ids[5])
    assert (said(page), page["more"]) == ([], False)


def test_after_the_empty_id_begins_with_the_oldest(stored):
    (ann,) = stored.room("ann")
    talk(ann, 60)
    page = history(ann, after="")
    assert (said(page), page["more"]) == (numbers(0, 50), True)


def test_before_a_message_come_the_newest_that_precede_it(stored):
    (ann,) = stored.room("ann")
    ids = talk(ann, 6)
    page = history(ann, before=ids[4], limit=2)
    assert (said(page), page["more"]) == (["2", "3"], True)
    page = history(ann, before=ids[2], limit=2)
    assert (said(page), page["more"]) == (["0", "1"], False)


def test_after_and_before_bound_a_page_on_both_sides(stored):
    (ann,) = stored.room("ann")
    ids = talk(ann, 6)
    page = history(ann, after=ids[0], before=ids[4])
    assert (said(page), page["more"]) == (["1", "2", "3"], False)
    page = history(ann, after=ids[0], before=ids[4], limit=2)
    assert (said(page), page["more"]) == (["1", "2"], True)


def test_before_the_empty_id_there_is_nothing(stored):
    (ann,) = stored.room("ann")
    talk(ann, 2)
    page = history(ann, before="")
    assert (said(page), page["more"]) == ([], False)


def test_after_need_not_be_a_message_that_is_still_there(stored):
    (ann,) = stored.room("ann")
    (id,) = talk(ann, 1)
    assert said(history(ann, after="0")) == ["0"]
    assert said(history(ann, after=f"{int(id, 16) - 1:014x}")) == ["0"]
    assert said(history(ann, after="f" * 32)) == []


def test_paging_forward_and_backward_sees_every_message_once(stored):
    (ann,) = stored.room("ann")
    talk(ann, 47)
    forward, after, more = [], "", True
    while more:
        page = history(ann, after=after, limit=7)
        forward += said(page)
        after, more = page["messages"][-1]["messageId"], page["more"]
    assert forward == numbers(0, 47)
    page = history(ann, limit=7)
    backward = said(page)
    while page["more"]:
        page = history(ann, before=page["messages"][0]["messageId"], limit=7)
        backward = said(page) + backward
    assert backward == numbers(0, 47)


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (200, 200), (None, 50)])
def test_a_page_has_at_most_its_limit(stored, limit, count):
    (ann,) = stored.room("ann")
    talk(ann, 201)
    assert len(history(ann, limit=limit)["messages"]) == count


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", 201),
        ("limit", 0),
        ("limit", -1),
        ("limit", "50"),
        ("limit", 1.5),
        ("after", "x"),
        ("after", "0649D2F2F3B1C0"),
        ("after", "f" * 33),
        ("before", "0 "),
        ("before", 7),
    ],
)
def test_a_field_that_cannot_be_is_named(stored, field, value):
    (ann,) = stored.room("ann")
    error = history(ann, **{field: value, "clientMessageId": "m-1"})
    assert (error["code"], error["eventType"], error["clientMessageId"]) == ("bad_message", "history", "m-1")
    assert error["messageContent"].startswith(f"{field}: ")


def test_notices_and_what_was_refused_are_no_history(stored):
    ann, bob = stored.room("ann", "bob")
    bob.say("x", containerId="nobody")
    bob.leave()
    ann.texts()
    assert said(history(ann)) == []


def test_a_change_of_name_is_part_of_history(stored):
    (ann,) = stored.room("ann")
    ann.ask("updateUserInfo", messageContent="Anna")
    told = ann.frame()
    assert history(ann)["messages"] == [told]


# -- whose --------------------------------------------------------------------------------------------


def test_the_history_of_a_room_is_of_that_room(stored):
    (ann,) = stored.room("ann")
    talk(ann, 1)
    (bob,) = stored.room("bob", room="den")
    assert said(history(bob)) == []
    bob.ask("updateRoomName", messageContent="lobby")
    bob.texts()
    assert said(history(bob)) == ["0"]


def test_a_room_scoped_connection_sees_nothing_of_containers(stored):
    """(R1) Not even of those it is in."""
    agnes, carl = stored.conversation()
    carl.say("private")
    agnes.say("public")
    agnes.texts()
    assert said(history(agnes)) == ["public"]


def test_an_agent_reads_the_containers_it_is_in(stored):
    agnes, carl = stored.conversation()
    carl.say("hello")
    agnes.say("hi", containerId="carl")
    agnes.texts()
    page = history(agnes, containerId="carl")
    assert (page["containerId"], page["roomName"]) == ("carl", "agnes")
    assert [(each["eventType"], each.get("messageContent")) for each in page["messages"]] == [
        ("createContainer", None),
        ("ordinary", "hello"),
        ("ordinary", "hi"),
    ]


def test_a_customer_reads_its_own_container_named_or_not(stored):
    agnes, carl = stored.conversation()
    carl.say("hello")
    carl.texts()
    agnes.say("to all")
    page = history(carl, limit=1)
    assert (page["containerId"], said(page)) == ("carl", ["hello"])
    assert history(carl, limit=1, containerId="carl") == page


def test_a_customer_may_ask_before_it_has_said_anything(stored):
    carl = stored.customer("carl")
    carl.texts()
    page = history(carl)
    assert (page["containerId"], page["messages"], page["more"]) == ("carl", [], False)


@pytest.mark.parametrize(
    ("who", "container", "code"),
    [
        ("eve", "carl", "not_member"),
        ("eve", "nobody", "not_found"),
        ("dora", "carl", "not_member"),
        ("dora", "nobody", "not_member"),
        ("bert", "carl", "not_found"),
        ("asked", "carl", "not_member"),
    ],
)
def test_only_members_read_a_container(stored, who, container, code):
    """(R1) ``asked`` is an agent who was asked and has not answered."""
    _, carl = stored.conversation("agnes", "carl")
    carl.say("a secret")
    clients = {
        "eve": stored.join("eve", "agnes"),
        "dora": stored.customer("dora"),
        "bert": stored.join("bert", "lobby"),
        "asked": stored.join("asked", "agnes"),
    }
    carl.ask("createContainer", acceptId="asked")
    stored.hush()
    error = history(clients[who], containerId=container, clientMessageId="m-1")
    assert (error["code"], error["eventType"], error["clientMessageId"]) == (code, "history", "m-1")


def test_of_a_container_that_was_removed_nothing_is_shown(stored):
    agnes, carl = stored.conversation()
    talk(carl, 3)
    agnes.ask("removeContainer", containerId="carl")
    stored.hush()
    assert history(agnes, containerId="carl")["code"] == "not_found"
    assert history(carl)["messages"] == []
    assert history(carl, after="")["messages"] == []


def test_a_container_that_was_opened_again_shows_nothing_of_before(stored):
    agnes, carl = stored.conversation()
    ids = talk(carl, 3)
    agnes.ask("removeContainer", containerId="carl")
    carl.say("again")
    carl.ask("createContainer", acceptId="agnes")
    agnes.ask("addContainer", containerId="carl")
    stored.hush()
    for client in (agnes, carl):
        for asked in ({}, {"after": ""}, {"after": ids[0]}):
            page = history(client, containerId="carl", **asked)
            assert ([each.get("messageContent") for each in page["messages"]], page["more"]) == (
                ["again", None],
                False,
            )
        assert history(client, containerId="carl", before=ids[2])["messages"] == []


def test_who_was_away_reads_what_was_said_meanwhile(stored):
    """(K2)"""
    agnes, carl = stored.conversation()
    talk(carl, 2)
    last = agnes.frames()[-1]["messageId"]
    agnes.vanish()
    carl.say("are you there?")
    agnes = stored.join("agnes", "agnes")
    agnes.texts()
    assert said(history(agnes, containerId="carl", after=last)) == ["are you there?"]
