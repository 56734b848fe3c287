"""Customers and agents: asking, opening, talking, closing (M3, M4, D3 to D5, N4, K)."""

import pytest

# -- createContainer (D3) ---------------------------------------------------------------------------


def test_a_request_reaches_every_connection_of_who_is_asked(house):
    """(D3)"""
    agnes, phone = house.room("agnes", "agnes", room="agnes")
    carl = house.customer("carl")
    house.hush()
    carl.ask("createContainer", acceptId="agnes", targetId="order-7")
    request = agnes.frame()
    assert (request["eventType"], request["acceptId"]) == ("createContainer", "agnes")
    assert (request["createUser"], request["containerId"], request["targetId"]) == ("carl", "carl", "order-7")
    assert phone.frame() == request


def test_the_customer_gets_its_own_copy_of_a_request(house):
    """(D3, M5)"""
    (agnes,) = house.room("agnes", room="agnes")
    carl = house.customer("carl")
    house.hush()
    carl.ask("createContainer", acceptId="agnes", clientMessageId="m-1")
    assert carl.frame() == agnes.frame() | {"clientMessageId": "m-1"}


def test_a_request_is_about_what_the_connection_is_about(house):
    """(M3)"""
    (agnes,) = house.room("agnes", room="agnes")
    carl = house.customer("carl", targetId="order-1")
    house.hush()
    carl.ask("createContainer", acceptId="agnes")
    assert agnes.frame()["targetId"] == "order-1"


def test_a_request_reaches_nobody_else(house):
    """(D3)"""
    bert, _ = house.room("bert", "agnes", room="agnes")
    carl, dora = house.customer("carl"), house.customer("dora")
    house.hush()
    carl.ask("createContainer", acceptId="agnes")
    assert (bert.frames(), dora.frames()) == ([], [])


def test_a_customer_is_told_that_nobody_is_there(house):
    """(D3: agent_offline)"""
    carl = house.customer("carl")
    house.hush()
    carl.ask("createContainer", acceptId="agnes", clientMessageId="m-1")
    copy, error = carl.frames()
    assert (copy["eventType"], copy["clientMessageId"]) == ("createContainer", "m-1")
    assert (error["messageType"], error["code"]) == ("error", "agent_offline")
    assert (error["eventType"], error["clientMessageId"]) == ("createContainer", "m-1")


def test_a_request_waits_for_who_is_not_there(house):
    """(D3)"""
    carl = house.customer("carl")
    carl.ask("createContainer", acceptId="agnes", targetId="order-7")
    agnes = house.join("agnes", "agnes")
    notice, request = agnes.frames()
    assert notice["action"] == "in"
    assert (request["eventType"], request["containerId"], request["targetId"]) == (
        "createContainer",
        "carl",
        "order-7",
    )


def test_requests_wait_in_the_order_of_their_coming(house):
    """(D3)"""
    for customer in ("carl", "dora"):
        house.customer(customer).ask("createContainer", acceptId="agnes")
    agnes = house.join("agnes", "agnes")
    assert [frame.get("containerId") for frame in agnes.frames()] == [None, "carl", "dora"]


def test_a_request_waits_for_who_comes_by_another_rooms_door(house):
    """(D3, M3)"""
    house.customer("carl").ask("createContainer", acceptId="agnes")
    agnes = house.join("agnes", "lobby")
    house.hush()
    agnes.ask("updateRoomName", messageContent="agnes")
    assert [frame.get("containerId") for frame in agnes.frames()] == [None, "carl"]


def test_a_request_that_was_withdrawn_with_its_container_does_not_wait(house):
    """(D3)"""
    carl = house.customer("carl")
    carl.ask("createContainer", acceptId="agnes")
    carl.ask("removeContainer", containerId="carl")
    assert house.join("agnes", "agnes").frame()["action"] == "in"


def test_an_agent_who_is_there_as_a_customer_is_not_there(house):
    """(D3) Customers never hear each other."""
    carl, dora = house.customer("carl"), house.customer("dora")
    house.hush()
    carl.ask("createContainer", acceptId="dora")
    assert [frame.get("code") for frame in carl.frames()] == [None, "agent_offline"]
    assert dora.frames() == []


def test_asking_again_is_delivered_again(house):
    """(D3)"""
    (agnes,) = house.room("agnes", room="agnes")
    carl = house.customer("carl")
    house.hush()
    for order in ("order-1", "order-2"):
        carl.ask("createContainer", acceptId="agnes", targetId=order)
    assert [frame["targetId"] for frame in agnes.frames()] == ["order-1", "order-2"]
    assert [frame["messageType"] for frame in carl.frames() if "messageType" in frame] == []


def test_asking_again_names_who_may_open_from_now_on(house):
    """(D3)"""
    agnes, bert = house.room("agnes", "bert", room="agnes")
    carl = house.customer("carl")
    carl.ask("createContainer", acceptId="agnes")
    carl.ask("createContainer", acceptId="bert")
    house.hush()
    agnes.ask("addContainer", containerId="carl")
    assert agnes.frame()["code"] == "forbidden"
    bert.ask("addContainer", containerId="carl")
    assert bert.frame()["action"] == "in"


def test_another_agent_can_be_asked_into_an_open_container(house):
    """(D3)"""
    agnes, carl = house.conversation()
    (bert,) = house.room("bert", room="agnes")
    house.hush()
    carl.ask("createContainer", acceptId="bert")
    assert bert.frame()["eventType"] == "createContainer"
    bert.ask("addContainer", containerId="carl")
    house.hush()
    carl.say("hello both")
    assert (agnes.contents(), bert.contents()) == (["hello both"], ["hello both"])


def test_another_agent_who_is_not_there_is_waited_for_by_an_open_container(house):
    """(D3) agent_offline has promised it."""
    _, carl = house.conversation()
    carl.ask("createContainer", acceptId="bert")
    assert [frame.get("code") for frame in carl.frames()] == [None, "agent_offline"]
    assert [frame.get("containerId") for frame in house.join("bert", "agnes").frames()] == [None, "carl"]


def test_an_agent_who_is_away_is_told_that_its_customer_asked_again(house):
    """(D3)"""
    agnes, carl = house.conversation()
    agnes.leave()
    house.hush()
    carl.ask("createContainer", acceptId="agnes")
    assert [frame.get("code") for frame in carl.frames()] == [None, "agent_offline"]
    agnes = house.join("agnes", "agnes")
    assert [frame.get("eventType") for frame in agnes.frames()] == [None, None, "createContainer"]


def test_a_request_that_was_answered_does_not_wait(house):
    """(D3)"""
    agnes, _ = house.conversation()
    agnes.leave()
    agnes = house.join("agnes", "agnes")
    assert [frame["messageType"] for frame in agnes.frames()] == ["notice", "notice"]


# -- addContainer (D4) ------------------------------------------------------------------------------


def test_everyone_in_a_container_is_told_when_its_agent_comes(house):
    """(D4, N4)"""
    (agnes,) = house.room("agnes", room="agnes")
    carl = house.customer("carl")
    carl.ask("createContainer", acceptId="agnes")
    house.hush()
    agnes.ask("addContainer", containerId="carl")
    notice = carl.frame()
    assert (notice["action"], notice["userId"], notice["containerId"]) == ("in", "agnes", "carl")
    assert (notice["count"], notice["messageContent"]) == (2, "Agnes 进来了，现在共有【2】人在线")
    assert agnes.frame() == notice


def test_an_agent_is_then_told_what_was_said_before_oldest_first(house):
    """(D4, K3)"""
    agnes, phone = house.room("agnes", "agnes", room="agnes")
    carl = house.customer("carl")
    carl.say("hello?", clientMessageId="m-1")
    carl.ask("createContainer", acceptId="agnes")
    carl.say("anybody?")
    said = [frame for frame in carl.frames() if frame.get("messageType") == "text"]
    house.hush()
    agnes.ask("addContainer", containerId="carl")
    notice, *told = agnes.frames()
    assert notice["action"] == "in"
    assert [message["messageContent"] for message in told] == ["hello?", "anybody?"]
    assert told == [{key: value for key, value in message.items() if key != "clientMessageId"} for message in said]
    assert phone.frames() == [notice, *told]
    assert carl.frames() == [notice]


def test_an_agent_is_told_no_more_than_the_configured_number(open_house):
    """(D4)"""
    house = open_house(replay=3)
    carl = house.customer("carl")
    for number in range(5):
        carl.say(str(number))
    carl.ask("createContainer", acceptId="agnes")
    agnes = house.join("agnes", "agnes")
    house.hush()
    agnes.ask("addContainer", containerId="carl")
    assert agnes.contents()[1:] == ["2", "3", "4"]


def test_what_is_said_after_an_agent_came_is_heard_once(house):
    """(D4) The place of the replay in the order of things, within one turn too."""
    (agnes,) = house.room("agnes", room="agnes")
    carl = house.customer("carl")
    carl.ask("createContainer", acceptId="agnes")
    house.hush()
    with house.one_turn():
        carl.say("before")
        agnes.ask("addContainer", containerId="carl")
        carl.say("after")
    assert agnes.contents() == ["Agnes 进来了，现在共有【2】人在线", "before", "after"]


def test_an_agent_that_adds_again_is_told_again_and_it_alone(house):
    """(D4) A page that was loaded anew."""
    agnes, carl = house.conversation()
    carl.say("hello")
    house.hush()
    agnes.ask("addContainer", containerId="carl")
    assert agnes.contents() == ["Agnes 进来了，现在共有【2】人在线", "hello"]
    assert carl.frames() == []


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
            f'"messageContent":"{name}, 离开了，现在共有【0】人在线","roomName":"agnes","containerId":"carl"}}'
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
    assert (notice["action"], notice["userId"], notice["containerId"], notice["count"]) == ("in", "agnes", "carl", 2)
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
