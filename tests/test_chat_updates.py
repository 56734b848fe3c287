"""Moving to another room, and changing name and icon (M3)."""

# -- updateRoomName ---------------------------------------------------------------------------------


def test_who_moves_leaves_one_room_and_comes_into_another(house):
    """(M3)"""
    ann, bob = house.room("ann", "bob", room="lobby")
    (cid,) = house.room("cid", room="den")
    ann.ask("updateRoomName", messageContent="den")
    out, into = bob.frame(), cid.frame()
    assert (out["action"], out["roomName"], out["count"]) == ("out", "lobby", 1)
    assert (into["action"], into["roomName"], into["count"]) == ("in", "den", 2)
    assert ann.frames() == [into]


def test_who_has_moved_hears_and_is_heard_in_the_new_room_alone(house):
    """(M3)"""
    ann, bob = house.room("ann", "bob", room="lobby")
    (cid,) = house.room("cid", room="den")
    ann.ask("updateRoomName", messageContent="den")
    house.hush()
    ann.say("here I am")
    bob.say("where is Ann?")
    cid.say("welcome")
    assert ann.contents() == cid.contents() == ["here I am", "welcome"]
    assert bob.contents() == ["where is Ann?"]


def test_a_receipt_of_before_a_move_is_not_lost_in_its_turn(house):
    """(M5)"""
    ann, bob = house.room("ann", "bob")
    with house.one_turn():
        ann.say("goodbye", clientMessageId="m-1")
        ann.ask("updateRoomName", messageContent="den")
    assert [frame.get("clientMessageId") for frame in ann.frames()] == ["m-1", None]
    assert bob.contents() == ["goodbye", "Ann, 离开了，现在共有【1】人在线"]


def test_moving_with_one_connection_leaves_the_users_others_where_they_are(house):
    """(C6)"""
    ann, again, bob = house.room("ann", "ann", "bob")
    ann.ask("updateRoomName", messageContent="den")
    assert (again.frames(), bob.frames()) == ([], [])
    assert ann.frame()["count"] == 1


def test_moving_to_where_one_is_changes_nothing(house):
    """(M3)"""
    ann, bob = house.room("ann", "bob")
    ann.ask("updateRoomName", messageContent="lobby")
    assert (ann.frame()["action"], bob.frames()) == ("in", [])


def test_a_room_that_all_have_left_is_forgotten(house):
    """(M3)"""
    (ann,) = house.room("ann")
    ann.ask("updateRoomName", messageContent="den")
    assert list(house.registry.rooms) == ["den"]


# -- updateUserInfo ---------------------------------------------------------------------------------


def test_the_room_is_told_of_a_new_name_and_icon(house):
    """(M3)"""
    ann, bob = house.room("ann", "bob")
    ann.ask("updateUserInfo", messageContent=" Annie ", userIconUpdate="http://a/new.png")
    told = bob.frame()
    assert (told["eventType"], told["createUser"]) == ("updateUserInfo", "ann")
    assert (told["nickName"], told["messageContent"], told["userIcon"]) == (
        "Annie",
        "Annie",
        "http://a/new.png",
    )
    assert ann.frame() == told


def test_what_is_said_from_now_on_is_under_the_new_name(house):
    """(M3, D2)"""
    ann, bob = house.room("ann", "bob")
    ann.ask("updateUserInfo", messageContent="Annie", userIconUpdate="http://a/new.png")
    house.hush()
    ann.say("hello")
    message = bob.frame()
    assert (message["nickName"], message["userIcon"]) == ("Annie", "http://a/new.png")
    ann.leave()
    assert bob.frame()["nickName"] == "Annie"


def test_a_user_is_renamed_on_all_its_connections_in_the_room(house):
    """(M3) It is the user who changes."""
    ann, again, bob = house.room("ann", "ann", "bob")
    ann.ask("updateUserInfo", messageContent="Annie")
    house.hush()
    again.say("hello")
    assert bob.frame()["nickName"] == "Annie"


def test_a_user_is_not_renamed_in_another_room(house):
    """(M3)"""
    (ann,) = house.room("ann", room="lobby")
    (elsewhere,) = house.room("ann", room="den")
    ann.ask("updateUserInfo", messageContent="Annie")
    elsewhere.say("hello")
    assert elsewhere.frame()["nickName"] == "Ann"


def test_a_new_icon_leaves_the_name_as_it_was(house):
    """(M3)"""
    ann, bob = house.room("ann", "bob")
    ann.ask("updateUserInfo", userIconUpdate="http://a/new.png")
    told = bob.frame()
    assert (told["nickName"], told["userIcon"], "messageContent" in told) == (
        "Ann",
        "http://a/new.png",
        False,
    )


def test_an_icon_can_be_taken_down(house):
    """(M3)"""
    ann = house.join("ann", icon="http://a/ann.png")
    house.hush()
    ann.ask("updateUserInfo", userIconUpdate="")
    ann.say("hello")
    assert [frame.get("userIcon") for frame in ann.frames()] == [None, None]


def test_a_renaming_is_told_with_its_client_message_id_to_who_asked(house):
    """(M1)"""
    ann, bob = house.room("ann", "bob")
    ann.ask("updateUserInfo", messageContent="Annie", clientMessageId="m-1")
    assert ann.frame() == bob.frame() | {"clientMessageId": "m-1"}


def test_of_a_customers_new_name_its_container_is_told(house):
    """(M3)"""
    agnes, carl = house.conversation()
    dora, bert = house.customer("dora"), house.join("bert", "agnes")
    house.hush()
    carl.ask("updateUserInfo", messageContent="Charles")
    told = agnes.frame()
    assert (told["nickName"], told["containerId"]) == ("Charles", "carl")
    assert (carl.frame(), dora.frames(), bert.frames()) == (told, [], [])


def test_of_a_customers_new_name_nobody_is_told_before_there_is_a_container(house):
    """(M3)"""
    (agnes,) = house.room("agnes", room="agnes")
    carl = house.customer("carl")
    house.hush()
    carl.ask("updateUserInfo", messageContent="Charles")
    assert (carl.frame()["nickName"], agnes.frames()) == ("Charles", [])
