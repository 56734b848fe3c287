"""Customers and agents in conversation, from the first word to the end (M4, D5, N4, K)."""

import pytest

# -- talking (M4) -----------------------------------------------------------------------------------


def test_what_is_said_in_a_container_reaches_its_members(house):
    """(M4.1, M5)"""
    agnes, carl = house.conversation()
    agnes.say("how can I help?", containerId="carl", clientMessageId="m-1")
    message = carl.frame()
    assert (message["messageContent"], message["containerId"]) == ("how can I help?", "carl")
    assert agnes.frame() == message | {"clientMessageId": "m-1"}


def test_a_customer_need_not_name_its_container(house):
    """(M4.2)"""
    agnes, carl = house.conversation()
    carl.say("hello")
    carl.say("hello again", containerId="carl")
    assert [frame["containerId"] for frame in agnes.frames()] == ["carl", "carl"]


def test_all_connections_of_a_member_hear_its_container(house):
    """(M4)"""
    agnes, carl = house.conversation()
    others = [house.join("agnes", "agnes"), house.customer("carl"), house.join("carl", "agnes")]
    house.hush()
    agnes.say("hello", containerId="carl")
    assert [client.contents() for client in (carl, *others)] == [["hello"]] * 4


def test_a_member_in_another_room_does_not_hear_a_container(house):
    """(M4)"""
    _, carl = house.conversation()
    elsewhere = house.join("agnes", "lobby")
    house.hush()
    carl.say("hello")
    assert elsewhere.frames() == []


def test_a_container_of_the_same_name_in_another_room_is_another(house):
    """Words: the pair of room and containerId is its key."""
    agnes, carl = house.conversation("agnes", "carl")
    bert, carl_at_berts = house.conversation("bert", "carl")
    carl.say("hello Agnes")
    carl_at_berts.say("hello Bert")
    assert (agnes.contents(), bert.contents()) == (["hello Agnes"], ["hello Bert"])


@pytest.mark.parametrize("containerId", ["", "carl"])
def test_customers_never_hear_each_other(house, containerId):
    """(M4, N3) Whatever they do."""
    agnes, carl = house.conversation()
    dora = house.customer("dora")
    dora.ask("createContainer", acceptId="agnes")
    agnes.ask("addContainer", containerId="dora")
    house.hush()
    carl.say("hello", containerId=containerId)
    carl.say("my card is 4711", acceptId="dora", targetId="dora")
    carl.ask("updateUserInfo", messageContent="Charles")
    carl.ask("createContainer", acceptId="agnes")
    agnes.say("hello Carl", containerId="carl")
    agnes.ask("autoReturn", containerId="carl", messageContent="hours")
    agnes.ask("removeContainer", containerId="carl")
    carl.leave()
    house.customer("carl").say("back")
    assert dora.frames() == []


def test_an_agent_in_two_containers_is_heard_where_it_speaks(house):
    """(M4.1)"""
    agnes, carl = house.conversation()
    dora = house.customer("dora")
    dora.ask("createContainer", acceptId="agnes")
    agnes.ask("addContainer", containerId="dora")
    house.hush()
    agnes.say("one moment, Carl", containerId="carl")
    agnes.say("hello Dora", containerId="dora")
    assert (carl.contents(), dora.contents()) == (["one moment, Carl"], ["hello Dora"])


# -- autoReturn (D5) --------------------------------------------------------------------------------


def test_a_reply_code_is_said_as_its_text_by_who_sent_it(house):
    """(D5)"""
    agnes, carl = house.conversation()
    agnes.ask("autoReturn", containerId="carl", messageContent="hours", clientMessageId="m-1")
    message = carl.frame()
    assert message["messageContent"] == "We are here from nine to five."
    assert (message["messageType"], message["eventType"]) == ("text", "autoReturn")
    assert (message["createUser"], message["containerId"]) == ("agnes", "carl")
    assert agnes.frame() == message | {"clientMessageId": "m-1"}


def test_a_customer_may_ask_for_a_reply_too(house):
    """(M3: a member of it)"""
    agnes, carl = house.conversation()
    carl.ask("autoReturn", containerId="carl", messageContent="hours")
    assert agnes.frame()["createUser"] == carl.frame()["createUser"] == "carl"


def test_a_reply_is_part_of_what_an_agent_who_comes_is_told(house):
    """(D4, D5)"""
    carl = house.customer("carl")
    carl.ask("createContainer", acceptId="agnes")
    carl.ask("autoReturn", containerId="carl", messageContent="wait")
    agnes = house.join("agnes", "agnes")
    house.hush()
    agnes.ask("addContainer", containerId="carl")
    assert agnes.contents()[1:] == ["One moment, please."]


# -- removeContainer (N4) ---------------------------------------------------------------------------


@pytest.mark.parametrize("remover", ["agnes", "carl"])
def test_everyone_in_a_container_is_told_that_it_is_gone(house, remover):
    """(M3, N4)"""
    clients = dict(zip(("agnes", "carl"), house.conversation(), strict=True))
    clients[remover].ask("removeContainer", containerId="carl")
    name = remover.capitalize()
    for client in clients.values():
        assert client.texts() == [
            f'{{"messageType":"notice","nickName":"{name}","count":0,"userId":"carl","action":"outAll",'
            f'"messageContent":"{name}, 离开了，现在共有【0】人在线",'
            f'"roomName":"agnes","containerId":"carl"}}'
        ]


def test_a_container_that_was_removed_is_gone(house):
    """(K1)"""
    agnes, carl = house.conversation()
    carl.say("hello")
    agnes.ask("removeContainer", containerId="carl")
    house.hush()
    agnes.say("are you there?", containerId="carl")
    assert agnes.frame()["code"] == "not_found"
    assert carl.frames() == []


def test_a_new_container_of_the_name_remembers_nothing(house):
    """(K1)"""
    agnes, carl = house.conversation()
    carl.say("a secret")
    agnes.ask("removeContainer", containerId="carl")
    carl.say("a new start")
    carl.ask("createContainer", acceptId="bert")
    (bert,) = house.room("bert", room="agnes")
    bert.ask("addContainer", containerId="carl")
    assert bert.contents()[1:] == ["a new start"]
    agnes.texts()
    carl.say("to Bert")
    assert agnes.frames() == []


# -- coming and going (N4, K) -----------------------------------------------------------------------


def test_a_container_is_told_when_the_last_connection_of_its_agent_goes(house):
    """(N4)"""
    agnes, carl = house.conversation()
    phone = house.join("agnes", "agnes")
    phone.leave()
    assert carl.frames() == []
    agnes.vanish()
    notice = carl.frame()
    assert (notice["action"], notice["userId"], notice["containerId"]) == ("out", "agnes", "carl")
    assert notice["count"] == 1


def test_an_agent_who_comes_back_in_time_is_still_a_member_and_is_announced(house):
    """(K2, N4)"""
    agnes, carl = house.conversation()
    agnes.leave()
    house.hush()
    agnes = house.join("agnes", "agnes")
    notice = carl.frame()
    assert (notice["action"], notice["userId"], notice["containerId"], notice["count"]) == (
        "in",
        "agnes",
        "carl",
        2,
    )
    assert agnes.frames()[1] == notice
    agnes.say("sorry, back again", containerId="carl")
    assert carl.contents() == ["sorry, back again"]


def test_an_agent_who_moves_away_goes_from_its_containers(house):
    """(N4, M3)"""
    agnes, carl = house.conversation()
    agnes.ask("updateRoomName", messageContent="lobby")
    assert (carl.frame()["action"], agnes.frame()["roomName"]) == ("out", "lobby")


def test_a_customers_coming_and_going_is_told_by_the_rooms_notice_alone(house):
    """(N4)"""
    agnes, carl = house.conversation()
    carl.leave()
    out = agnes.frame()
    assert (out["action"], out["userId"], "containerId" in out) == ("out", "carl", False)
    carl = house.customer("carl")
    into = agnes.frame()
    assert (into["action"], into["userId"], "containerId" in into) == ("in", "carl", False)
    assert carl.frame() == into


def test_a_customer_who_comes_back_in_time_is_still_a_member(house):
    """(K2)"""
    agnes, carl = house.conversation()
    carl.vanish()
    carl = house.customer("carl")
    house.hush()
    agnes.say("there you are", containerId="carl")
    assert carl.contents() == ["there you are"]


def test_a_conversation_of_which_nobody_is_there_is_forgotten_in_the_end(house):
    """(K1)"""
    agnes, carl = house.conversation()
    bert = house.join("bert", "agnes")
    agnes.leave()
    carl.leave()
    house.wait(1)
    bert.leave()
    house.wait(1798)
    assert list(house.registry.rooms) == ["agnes"]
    house.wait(2)
    assert house.registry.rooms == {}
    agnes = house.join("agnes", "agnes")
    house.hush()
    agnes.say("Carl?", containerId="carl")
    assert agnes.frame()["code"] == "not_found"


def test_a_conversation_goes_on_with_an_agent_who_came_when_nobody_was_there(house):
    """(K1)"""
    carl = house.customer("carl")
    carl.ask("createContainer", acceptId="agnes")
    carl.leave()
    agnes = house.join("agnes", "agnes")
    agnes.ask("addContainer", containerId="carl")
    for _ in range(1900 // 60):
        house.wait(60)
        agnes.beat()
    house.hush()
    agnes.say("Carl?", containerId="carl")
    assert agnes.contents() == ["Carl?"]
