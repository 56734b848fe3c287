"""aiohttp on uvloop."""

import asyncio
import sys
from collections import defaultdict

import roomwork
import uvloop
from aiohttp import WSMsgType, web

rooms: dict[str, set[web.WebSocketResponse]] = defaultdict(set)


async def member(request: web.Request) -> web.WebSocketResponse:
    """One connection, from the upgrade to the end."""
    try:
        who = roomwork.identify(request.raw_path)
    except roomwork.RefusedError as refused:
        raise web.HTTPBadRequest(text=str(refused)) from None
    # never wait for one slow member in the middle of a delivery; text stays bytes for the JSON decoder
    socket = web.WebSocketResponse(compress=False, writer_limit=1 << 30, decode_text=False)
    await socket.prepare(request)
    room = rooms[who.room]
    room.add(socket)
    try:
        await socket.send_frame(roomwork.welcome(who, len(room)), WSMsgType.TEXT)
        async for event in socket:
            if event.type is not WSMsgType.TEXT:
                continue
            message = roomwork.stamp(who, event.data)
            if message is not None:
                await deliver(room, message)
    finally:
        room.discard(socket)
        if not room:
            rooms.pop(who.room, None)
    return socket


async def deliver(room: set[web.WebSocketResponse], message: bytes) -> None:
    """To every member; one that has just gone is passed over."""
    for socket in tuple(room):
        try:
            await socket.send_frame(message, WSMsgType.TEXT)
        except ConnectionError:
            room.discard(socket)


async def main() -> None:
    """Serves until killed."""
    application = web.Application()
    application.router.add_get("/", member)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1]), backlog=4096).start()
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main())
