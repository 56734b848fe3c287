"""chatd: rooms and customer-service conversations over plain WebSocket."""

__version__ = "0.1.0"
