"""The notices of the original description, to the character (N1, N2, N5)."""

from collections.abc import Callable

from tests.processes.servers import Server

IN = (
    '{"messageType":"notice","nickName":"11","count":1,"userId":"12","action":"in",'
    '"messageContent":"11 进来了，现在共有【1】人在线","roomName":"xxx"}'
)
OUT = (
    '{"messageType":"notice","nickName":"22","count":1,"userId":"21","action":"out",'
    '"messageContent":"22, 离开了，现在共有【1】人在线","roomName":"xxx"}'
)


def test_in_is_the_originals_example(server: Server) -> None:
    client = server.connect(name="11", userId="12", roomName="xxx")
    assert client.receive_text() == IN


def test_out_is_the_originals_example(server: Server) -> None:
    client = server.join("12", "xxx")
    leaver = server.join("21", "xxx", name="22")
    client.receive()
    leaver.leave()
    assert client.receive_text() == OUT


def test_the_texts_are_the_configurations_if_it_has_any(start: Callable[..., Server]) -> None:
    server = start('[notices]\nin = "{name} ({user}) came to {room}: {count}"\nout = "{name} went: {count}"')
    ann = server.connect(userId="ann", name="Ann")
    assert ann.receive()["messageContent"] == "Ann (ann) came to lobby: 1"
    server.join("bob").leave()
    ann.receive()
    assert ann.receive()["messageContent"] == "Bob went: 1"
