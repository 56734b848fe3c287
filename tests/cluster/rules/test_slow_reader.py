"""A client that does not read, on another node than those who hear it go."""

from tests.processes.test_slow_reader import *  # noqa: F403
