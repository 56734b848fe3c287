"""The backend is told of everything once, whichever node it happened on."""

from tests.processes.test_hooks import backend, test_the_backend_is_told_what_happens  # noqa: F401
