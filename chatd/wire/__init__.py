"""The protocol's frames: bytes to typed commands, events to bytes. The only place that knows JSON."""
