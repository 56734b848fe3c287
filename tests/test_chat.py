"""Coming, going and saying, as clients see it (C4, C6, M, D, N1 to N3)."""

import pytest

# -- coming and going -------------------------------------------------------------------------------


def test_who_comes_in_is_told_so_in_the_originals_words(house):
    """(C4, N1) The example of the original, to the character."""
    client = house.connect(name="11", userId="12", roomName="xxx")
    assert client.texts() == [
        '{"messageType":"notice","nickName":"11","count":1,"userId":"12","action":"in",'
        '"messageContent":"11 进来了，现在共有【1】人在线","roomName":"xxx"}'
    ]


def test_the_room_is_told_who_left_in_the_originals_words(house):
    """(N2) The example of the original, to the character."""
    stays = house.connect(name="11", userId="12", roomName="xxx")
    leaves = house.connect(name="22", userId="21", roomName="xxx")
    house.hush()
    leaves.leave()
    assert stays.texts() == [
        '{"messageType":"notice","nickName":"22","count":1,"userId":"21","action":"out",'
        '"messageContent":"22, 离开了，现在共有【1】人在线","roomName":"xxx"}'
    ]


def test_the_room_is_told_of_a_newcomer_who_counts_already(house):
    """(N1, N3)"""
    ann, bob = house.room("ann", "bob")
    cid = house.join("cid")
    assert ann.texts() == bob.texts() == cid.texts()
    house.join("dan")
    assert (ann.frame()["count"], ann.frames()) == (4, [])


def test_who_leaves_does_not_hear_it(house):
    """(N2)"""
    ann, bob = house.room("ann", "bob")
    ann.leave()
    assert (ann.frames(), bob.frame()["action"]) == ([], "out")


def test_a_connection_that_breaks_is_a_leave(house):
    """(N2)"""
    ann, bob = house.room("ann", "bob")
    ann.vanish()
    assert bob.frame()["action"] == "out"


def test_a_second_connection_of_a_user_is_not_announced(house):
    """(C6)"""
    ann, bob = house.room("ann", "bob")
    again = house.join("ann")
    assert (again.frame()["action"], ann.frames(), bob.frames()) == ("in", [], [])


def test_only_the_last_connection_of_a_user_to_go_is_a_leave(house):
    """(C6)"""
    ann, again, bob = house.room("ann", "ann", "bob")
    ann.leave()
    assert bob.frames() == []
    again.leave()
    assert bob.frame()["messageContent"] == "Ann, 离开了，现在共有【1】人在线"


def test_each_connection_of_a_user_receives_everything(house):
    """(C6)"""
    ann, again, bob = house.room("ann", "ann", "bob")
    bob.say("hello")
    assert ann.texts() == again.texts() == bob.texts()


def test_the_count_is_of_users_not_connections(house):
    """(C6)"""
    house.room("ann", "ann", "ann")
    assert house.join("bob").frame()["count"] == 2


def test_a_customer_counts_and_the_room_hears_of_it(house):
    """(N3)"""
    (agnes,) = house.room("agnes", room="agnes")
    house.customer("carl")
    notice = agnes.frame()
    assert (notice["action"], notice["userId"], notice["count"]) == ("in", "carl", 2)


def test_a_customer_hears_only_of_its_own_coming(house):
    """(N3)"""
    house.room("agnes", room="agnes")
    carl = house.customer("carl")
    notice = carl.frame()
    assert (notice["action"], notice["userId"], notice["count"]) == ("in", "carl", 2)
    dora = house.customer("dora")
    house.join("bert", "agnes").leave()
    dora.leave()
    assert carl.frames() == []


def test_rooms_do_not_hear_each_other(house):
    ann = house.join("ann", "lobby")
    bob = house.join("bob", "den")
    house.hush()
    ann.say("hello")
    house.join("cid", "lobby")
    assert bob.frames() == []


def test_an_emptied_server_keeps_nothing(house):
    for client in house.room("ann", "ann", "bob"):
        client.leave()
    assert (house.registry.rooms, house.registry.connections, house.factory.open) == ({}, 0, set())


def test_a_newer_connection_displaces_the_older_where_that_is_configured(open_house):
    """(C2: 4409)"""
    house = open_house(displace=True)
    ann, bob = house.room("ann", "bob")
    again = house.join("ann")
    assert (ann.closed, ann.is_connected) == (4409, False)
    assert (again.closed, again.frame()["count"]) == (None, 2)
    assert bob.frames() == []


def test_displacement_leaves_others_alone(open_house):
    """(C2: 4409) The same user in another room, and other users."""
    house = open_house(displace=True)
    ann, bob = house.room("ann", "bob")
    elsewhere = house.join("ann", "den")
    assert (ann.closed, bob.closed, elsewhere.closed) == (None, None, None)


def test_nobody_is_displaced_by_default(house):
    """(C6)"""
    ann, again = house.room("ann", "ann")
    assert (ann.closed, again.closed) == (None, None)


# -- saying -----------------------------------------------------------------------------------------


def test_a_room_message_reaches_everybody_and_its_sender(house):
    """(M4.3, M5)"""
    ann, bob, cid = house.room("ann", "bob", "cid")
    ann.say("hello")
    assert ann.texts() == bob.texts() == cid.texts() != []


def test_a_delivered_message_looks_like_this(house):
    """(D1, D2) Keys in the original's order; what has no value is left out."""
    ann, bob = house.room("ann", "bob")
    ann.say(
        "你好",
        acceptId="bob",
        targetId="order-1",
        userIcon="http://a/b.png",
        nickName="Eve",
        createUser="eve",
    )
    (text,) = bob.texts()
    head, _, message_id = text.rpartition(',"messageId":')
    assert head == (
        '{"messageContent":"你好","messageType":"text","acceptId":"bob","nickName":"Ann","createUser":"ann",'
        '"createTime":"2026-11-23T08:15:30.123Z","userIcon":"http://a/b.png","eventType":"ordinary",'
        '"targetId":"order-1","roomName":"lobby"'
    )
    assert len(message_id.strip('"}')) == 14


def test_a_message_without_an_icon_carries_the_connections(house):
    """(D2)"""
    ann = house.join("ann", icon="http://a/ann.png")
    house.hush()
    ann.say("hello")
    assert ann.frame()["userIcon"] == "http://a/ann.png"


MEDIA = {
    "picture": {"file": "http://files/1", "previewUrl": "http://files/1s", "width": 640},
    "video": {"file": "http://files/1", "previewUrl": "http://files/1s", "duration": 61.5},
    "voice": {"file": "http://files/1", "duration": 3},
    "event": {"eventType": "like", "eventDescription": "likes it", "customContent": {"stars": [5, None]}},
}


@pytest.mark.parametrize("kind", MEDIA)
def test_media_and_custom_events_arrive_unchanged(house, kind):
    """(M2, D1)"""
    ann, bob = house.room("ann", "bob")
    ann.send({"messageType": kind, "messageContent": "look", "accessoryContent": MEDIA[kind]})
    message = bob.frame()
    assert (message["messageType"], message["messageContent"]) == (kind, "look")
    assert message["accessoryContent"] == MEDIA[kind]


def test_a_picture_needs_no_words(house):
    """(M2, D1)"""
    (ann,) = house.room("ann")
    ann.send({"messageType": "picture", "messageContent": "", "accessoryContent": MEDIA["picture"]})
    assert "messageContent" not in ann.frame()


def test_only_the_senders_copy_holds_its_client_message_id(house):
    """(M1, M5)"""
    ann, again, bob = house.room("ann", "ann", "bob")
    ann.say("hello", clientMessageId="m-1")
    receipt, copy = ann.frame(), bob.frame()
    assert receipt == copy | {"clientMessageId": "m-1"}
    assert again.frame() == copy


def test_all_hear_the_same_in_the_same_order(house):
    """(M7) Also what arrives in one turn, from several senders, mixed with receipts."""
    ann, bob, cid = house.room("ann", "bob", "cid")
    with house.one_turn():
        ann.say("1", clientMessageId="a")
        bob.say("2")
        ann.say("3")
        bob.say("4", clientMessageId="b")
        dan = house.join("dan")
        cid.say("5")
    heard = ["1", "2", "3", "4", "Dan 进来了，现在共有【4】人在线", "5"]
    assert ann.contents() == bob.contents() == cid.contents() == heard
    assert dan.contents() == heard[4:]


def test_message_ids_sort_in_the_order_of_delivery(house):
    """(D2)"""
    ann, bob = house.room("ann", "bob")
    for client in (ann, bob, ann):
        client.say("hello")
    ids = [frame["messageId"] for frame in ann.frames()]
    assert sorted(set(ids)) == ids


def test_a_customer_does_not_hear_the_room(house):
    """(M4.3)"""
    agnes, carl = house.conversation()
    agnes.say("all agents: lunch")
    assert (carl.frames(), agnes.contents()) == ([], ["all agents: lunch"])


def test_what_was_said_before_one_came_is_not_heard(house):
    """A room has no memory of its own."""
    (ann,) = house.room("ann")
    ann.say("hello")
    assert house.join("bob").frame()["action"] == "in"


@pytest.mark.parametrize(
    ("time_format", "text"), [("iso", "2026-11-23T08:15:30.123Z"), ("epoch_ms", "1795421730123")]
)
def test_the_time_of_a_message_is_written_as_configured(open_house, time_format, text):
    """(D2)"""
    (ann,) = open_house(time_format=time_format).room("ann")
    ann.say("hello")
    assert ann.frame()["createTime"] == text
