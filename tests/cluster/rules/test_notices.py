"""The notices of the original description, told by another node."""

from tests.processes.test_notices import *  # noqa: F403
