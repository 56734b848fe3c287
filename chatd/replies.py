"""Automatic replies (D5): those of the configuration, until somebody sets others."""

from collections.abc import Mapping


class Replies(dict[str, str]):
    """Texts by code.

    :param configured: as the configuration has them.
    """

    def __init__(self, configured: Mapping[str, str]) -> None:
        super().__init__(configured)
        self._configured = configured

    def configure(self, configured: Mapping[str, str]) -> None:
        """The configuration has others."""
        self._configured = configured
        self.reset()

    def reset(self) -> None:
        """Those of the configuration again, and no others."""
        self.clear()
        self.update(self._configured)
