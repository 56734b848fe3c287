"""An agent and two customers, each on another node."""

from tests.processes.test_conversations import *  # noqa: F403
