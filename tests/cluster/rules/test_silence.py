"""Heartbeats, and clients that fall silent on another node."""

from tests.processes.test_silence import *  # noqa: F403
