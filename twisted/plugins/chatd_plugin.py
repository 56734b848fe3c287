"""Makes ``twistd chatd`` known to Twisted. Everything else is in :mod:`chatd.tap`."""

from twisted.application.service import ServiceMaker

chatd = ServiceMaker(
    "chatd",
    "chatd.tap",
    "A chat server: rooms and customer-service conversations over plain WebSocket.",
    "chatd",
)
