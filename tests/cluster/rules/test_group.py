"""Three people in one room, each on another node."""

from tests.processes.test_group import *  # noqa: F403

del shared_server  # noqa: F821  it has two servers, one for each way to send; here is the cluster
