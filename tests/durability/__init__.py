"""Tests that nothing is lost: servers that are killed, databases that fail. See docs/durability.rst."""
