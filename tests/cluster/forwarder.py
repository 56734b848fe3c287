"""A wire between a node and its Redis, which a test can cut."""

import socket
import threading
from contextlib import suppress
from typing import Literal

Cut = Literal["drop", "hold"]


class Forwarder:
    """A port of 127.0.0.1 from which everything goes to another one, for a ``with`` block.

    :param target: the other one.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._dropping = False
        self._flowing = threading.Event()
        self._flowing.set()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "Forwarder":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # which ends accept()
        self._listener.close()
        self._thread.join()
        self.cut("drop")
        self._flowing.set()

    def cut(self, how: Cut) -> None:
        """End all connections, and each new one at once ("drop"); or let nothing through ("hold").

        Held bytes arrive after :meth:`mend`, as what TCP sends again does.
        """
        if how == "hold":
            self._flowing.clear()
            return
        with self._lock:
            self._dropping = True
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """All is well again."""
        with self._lock:
            self._dropping = False
        self._flowing.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, socket.socket() as far:
            with self._lock:
                if self._dropping:
                    return
                self._ends |= {near, far}
            try:
                self._flowing.wait()
                far.connect(("127.0.0.1", self._target))
                back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
                back.start()
                self._pump(near, far)
                back.join()
            except OSError:
                pass  # nobody is there: the node is told by the end of its connection
            finally:
                with self._lock:
                    self._ends -= {near, far}

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while received := source.recv(65536):
                self._flowing.wait()
                sink.sendall(received)
        for end in (source, sink):  # a node that half closes has nothing more to hear
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
