"""Calls what others have given the link to call; their bugs do not end it."""

from collections.abc import Callable

from chatd.logs import Log

log = Log()


def tell(told: Callable[..., None], *arguments: object) -> None:
    """Call it; a bug in it ends in the log."""
    try:
        told(*arguments)
    except Exception:
        log.failure("a bug in what follows the link to Redis")
