"""Every error and close code, while the witness is on another node."""

from tests.processes.test_refusals import *  # noqa: F403

del test_a_full_server_answers_503  # noqa: F821  the next node is not full
