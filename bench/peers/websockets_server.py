"""websockets on uvloop, with its own ``broadcast``."""

import asyncio
import sys
from collections import defaultdict

import roomwork
import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

rooms: dict[str, set[ServerConnection]] = defaultdict(set)


async def member(connection: ServerConnection) -> None:
    """One connection, from the upgrade to the end."""
    assert connection.request is not None
    try:
        who = roomwork.identify(connection.request.path)
    except roomwork.RefusedError as refused:
        await connection.close(4400, str(refused)[:120])
        return
    room = rooms[who.room]
    room.add(connection)
    try:
        await connection.send(roomwork.welcome(who, len(room)), text=True)
        while True:
            message = roomwork.stamp(who, await connection.recv(decode=False))
            if message is not None:
                broadcast(room, message, text=True)
    except ConnectionClosed:
        pass
    finally:
        room.discard(connection)
        if not room:
            rooms.pop(who.room, None)


async def main() -> None:
    """Serves until killed."""
    async with serve(
        member,
        "127.0.0.1",
        int(sys.argv[1]),
        compression=None,
        ping_interval=None,
        backlog=4096,
        write_limit=1 << 20,
    ):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main())
