"""A client in a process of its own, which a test can stop: it answers pings for as long as it runs.

``python -m tests.processes.stoppable PORT USER`` prints each ping that comes, and at last the close code.
"""

import logging
import socket
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.house import target


def main(port: int, user: str) -> None:
    """Be in the lobby until the server closes the connection."""
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    frames = logging.getLogger("frames")
    frames.setLevel(logging.DEBUG)
    url = f"ws://127.0.0.1:{port}{target(userId=user, name=user.capitalize())}"
    with connect(url, sock=socket.create_connection(("127.0.0.1", port)), logger=frames) as client:
        try:
            while True:
                client.recv()
        except ConnectionClosed as closed:
            print(f"closed with {closed.rcvd.code if closed.rcvd else None}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
