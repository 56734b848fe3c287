"""How a conversation comes to be: the customer asks, an agent answers (M3, D3, D4)."""

from chatd import conversations

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


def test_so_many_requests_may_wait_for_a_user_and_those_who_have_asked_may_ask_again(house, monkeypatch):
    """(D3)"""
    monkeypatch.setattr(conversations, "WAITING", 2)
    carl, dora, emil = (house.customer(name) for name in ("carl", "dora", "emil"))
    for customer in (carl, dora, emil, carl):
        customer.ask("createContainer", acceptId="agnes")
    assert [frame.get("code") for frame in emil.frames()][1:] == ["rate_limited"]
    assert "rate_limited" not in [frame.get("code") for frame in carl.frames()]
    emil.ask("createContainer", acceptId="bert")
    assert [frame.get("code") for frame in emil.frames()] == [None, "agent_offline"]
    agnes = house.join("agnes", "agnes")
    agnes.ask("addContainer", containerId="dora")
    emil.ask("createContainer", acceptId="agnes")
    assert [frame.get("code") for frame in emil.frames()] == [None]


def test_large_requests_are_fewer(house):
    """(D3)"""
    told = []
    for number in range(10):
        customer = house.customer(str(number))
        house.hush()
        accessory = {"eventType": "x", "customContent": "x" * 60_000}
        customer.ask("createContainer", acceptId="agnes", accessoryContent=accessory)
        told.append(customer.frames()[-1]["code"])
    assert told == ["agent_offline"] * 9 + ["rate_limited"]


def test_who_comes_again_and_again_is_told_once_a_turn_what_waits(house):
    """(D3)"""
    for name in ("carl", "dora"):
        house.customer(name).ask("createContainer", acceptId="agnes")
    (agnes,) = house.room("agnes", room="lobby")
    with house.one_turn():
        for _ in range(5):
            agnes.ask("updateRoomName", messageContent="agnes")
            agnes.ask("updateRoomName", messageContent="lobby")
        agnes.ask("updateRoomName", messageContent="agnes")
    house.settle()
    asked = [frame["containerId"] for frame in agnes.frames() if frame.get("eventType") == "createContainer"]
    assert asked == ["carl", "dora"] * 2
    house.settle()
    assert agnes.frames() == []


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
    assert told == [
        {key: value for key, value in message.items() if key != "clientMessageId"} for message in said
    ]
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
