"""The pages' files, all of them in memory."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

PAGES = Path(__file__).parent / "pages"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""By the end of a name. What ends otherwise is not served."""

STYLES = ("style.css", "chat.css")
SHEETS = "/parts/sheets.js"
"""What is made of the style sheets; no file."""

_SHARED = re.compile(r"/(widget\.js|chatd-client[^/]*\.js|parts/.*)")


class File(msgspec.Struct, frozen=True):
    """A file as it is served.

    :param etag: another one where the content is (RFC 9110 section 8.8.3).
    :param is_shared: whether pages of others may use it.
    """

    content: bytes
    content_type: str
    etag: str
    is_shared: bool

    @property
    def is_page(self) -> bool:
        """Whether it is what a browser shows, not a part of it."""
        return self.content_type.startswith("text/html")


def read(folder: Path = PAGES) -> Mapping[str, File]:
    """The files by the paths of their URLs: ``room.html`` is at ``/room`` too, ``index.html`` at ``/``.

    :raises OSError: if they cannot be read.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in TYPES and path.is_file():
            file = _served(path.read_bytes(), TYPES[path.suffix], f"/{name}")
            files[f"/{name}"] = file
            if file.is_page:
                files[f"/{name.removesuffix('.html')}".removesuffix("index")] = file
    styles = [files[f"/{name}"].content.decode() for name in STYLES if f"/{name}" in files]
    if len(styles) == len(STYLES):
        files[SHEETS] = _served(_sheets(styles), TYPES[".js"], SHEETS)
    return MappingProxyType(files)


def _sheets(styles: Iterable[str]) -> bytes:
    """The style sheets as a module for the widget, which may link none on a page of others: for the frame
    within its shadow root, and in pixels, since there a rem is what the page has made of it."""
    texts = []
    for text in styles:
        text = re.sub(r"@import [^;]*;", "", text).replace(":root", ".frame")
        texts.append(re.sub(r"(\d*\.?\d+)rem\b", lambda rem: f"{float(rem[1]) * 16:g}px", text))
    return f"export const sheets = {msgspec.json.encode(texts).decode()};\n".encode()


def _served(content: bytes, content_type: str, name: str) -> File:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return File(content, content_type, etag, _SHARED.fullmatch(name) is not None)
