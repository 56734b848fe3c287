"""socketify (uWebSockets, C++), with its own publish and subscribe."""

import sys
from typing import Any

import roomwork
from socketify import App, AppListenOptions, CompressOptions, OpCode

app = App()
counts: dict[str, int] = {}


def upgrade(response: Any, request: Any, context: Any) -> None:
    """Checks the connect URL and upgrades."""
    try:
        who = roomwork.identify("/?" + request.get_full_url().partition("?")[2])
    except roomwork.RefusedError as refused:
        response.write_status(400).end(str(refused))
        return
    response.upgrade(
        request.get_header("sec-websocket-key"),
        request.get_header("sec-websocket-protocol"),
        request.get_header("sec-websocket-extensions"),
        context,
        who,
    )


def opened(socket: Any) -> None:
    """Joins the room and says so."""
    who = socket.get_user_data()
    counts[who.room] = counts.get(who.room, 0) + 1
    socket.subscribe(who.room)
    socket.send(roomwork.welcome(who, counts[who.room]), OpCode.TEXT)


def received(socket: Any, payload: Any, opcode: Any) -> None:
    """Delivers a message to all of the room."""
    who = socket.get_user_data()
    message = roomwork.stamp(who, payload)
    if message is not None:
        app.publish(who.room, message, OpCode.TEXT, False)


def closed(socket: Any, code: int, reason: Any) -> None:
    """Leaves."""
    who = socket.get_user_data()
    counts[who.room] -= 1
    if not counts[who.room]:
        del counts[who.room]


app.ws(
    "/*",
    {
        "compression": CompressOptions.DISABLED,
        "max_payload_length": 1 << 20,
        "max_backpressure": 1 << 28,
        "idle_timeout": 0,
        "upgrade": upgrade,
        "open": opened,
        "message": received,
        "close": closed,
    },
)
app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"))
app.run()
