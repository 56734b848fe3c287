"""The configuration is read again while everybody stays connected (SIGHUP).

What can change at once does; what cannot is named in the log, and is as it was until the next start. A file
with a mistake changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from chatd.config import Config, ConfigError
from chatd.errors import StartError
from chatd.logs import Log

log = Log()

AT_START = (
    "server.listen",
    "server.direct_send",
    "notices.time_format",
    "store",
    "webhook",
    "before_message",
    "manhole",
    "admin",
    "web",
    "cluster",
)
"""Keys, and tables, that are read at start alone."""


class Reload:
    """Reads the configuration again and applies it.

    :param settings: those in force.
    :param read: reads the configuration. :exc:`chatd.config.ConfigError` if there is a mistake in it.
    :param apply: puts settings in force, given those there were. :exc:`chatd.errors.StartError` if that
        cannot be done; all is as before then.
    """

    def __init__(
        self, settings: Config, read: Callable[[], Config], apply: Callable[[Config, Config], None]
    ) -> None:
        self.settings = settings
        self._read = read
        self._apply = apply

    def __call__(self) -> str | None:
        """Do it. :returns: why nothing has changed, in one line; None if it was done."""
        try:
            new = self._read()
            changed = tuple(changes(self.settings, new))
            self._apply(self.settings, new)
        except (ConfigError, StartError) as error:
            log.error("not read again, nothing has changed: {error}", error=error)
            return str(error)
        self.settings = new
        later = [key for key in changed if _is_at_start(key)]
        now = [key for key in changed if key not in later]
        log.info("read again; changed: {keys}", keys=", ".join(now) or "nothing")
        if later:
            log.warn("at the next start, not before: {keys}", keys=", ".join(later))
        return None


def changes(old: object, new: object, path: str = "") -> Iterator[str]:
    """The dotted keys whose values differ. Values are not told: there are secrets among them."""
    if old == new:
        return
    if isinstance(old, msgspec.Struct) and type(old) is type(new):
        for field in msgspec.structs.fields(old):
            key = f"{path}.{field.encode_name}".strip(".")
            yield from changes(getattr(old, field.name), getattr(new, field.name), key)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted(old.keys() | new.keys()):
            yield from changes(old.get(name), new.get(name), f"{path}.{name}")
    else:
        yield path


def _is_at_start(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in AT_START)
