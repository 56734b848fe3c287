"""picows (Cython framing) on uvloop."""

import sys
from collections import defaultdict

import picows
import roomwork
import uvloop

rooms: dict[str, set[picows.WSTransport]] = defaultdict(set)


class Member(picows.WSListener):
    """One connection."""

    def __init__(self, who: roomwork.Identity) -> None:
        super().__init__()
        self.who = who
        self.room = rooms[who.room]

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Joins the room and says so."""
        self.room.add(transport)
        transport.send(picows.WSMsgType.TEXT, roomwork.welcome(self.who, len(self.room)))

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Delivers a message to all of the room; answers a Close."""
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif frame.msg_type == picows.WSMsgType.TEXT:
            message = roomwork.stamp(self.who, frame.get_payload_as_memoryview())
            if message is not None:
                text = picows.WSMsgType.TEXT
                for member in self.room:
                    member.send(text, message)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Leaves."""
        self.room.discard(transport)
        if not self.room:
            rooms.pop(self.who.room, None)


def member_for(request: picows.WSUpgradeRequest) -> picows.WSListener | None:
    """The listener for an upgrade request; None refuses it."""
    try:
        return Member(roomwork.identify(request.path.decode("ascii")))
    except (roomwork.RefusedError, UnicodeDecodeError):
        return None


async def main() -> None:
    """Serves until killed."""
    # the default read buffer of 16 kB per connection is made for larger messages; it grows when needed
    server = await picows.ws_create_server(
        member_for, "127.0.0.1", int(sys.argv[1]), read_buffer_init_size=4096, backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
