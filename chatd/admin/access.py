"""The token that the admin API asks for."""

import hmac
import re
from collections.abc import Sequence
from pathlib import Path

_FORM = re.compile(r"[\x21-\x7e]{16,}")


class Token:
    """A bearer token (RFC 6750) that stands in a file.

    :param path: the file: one line, which others may not read.
    :raises ValueError: as :meth:`read` does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.read()

    def read(self) -> None:
        """Read the file. :raises ValueError: with what is wrong, in one line; all is as before."""
        try:
            with self._path.open("rb") as file:
                mode = self._path.stat().st_mode
                text = file.read(4096).decode("utf-8", "replace").strip()
        except OSError as error:
            raise ValueError(f"{self._path}: {error.strerror}") from None
        if mode & 0o007:
            raise ValueError(f"{self._path}: others may read or write the token: chmod o= it")
        if not _FORM.fullmatch(text):
            raise ValueError(f"{self._path}: expected one line of 16 or more printable characters, no spaces")
        self._token = text.encode()

    def matches(self, headers: Sequence[bytes]) -> bool:
        """Whether a request may go on, by its Authorization headers. Takes as long whatever is wrong."""
        if len(headers) != 1:
            return False
        scheme, _, given = headers[0].partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._token)
