"""List the rooms of a server: their names, how many users are online, and how many containers there are."""

import argparse
import json
import ssl
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from chatd.cli.options import CommandError
from chatd.cli.shown import safe, safe_json, text_of

PAGE = 100
SECONDS = 10
_LARGEST = 16 * 1024 * 1024


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = f"{__doc__} It asks the server's admin API."
    parser.add_argument(
        "--admin",
        metavar="URL",
        default="http://127.0.0.1:9329",
        help="the admin API's; %(default)s if left out",
    )
    parser.add_argument(
        "--token-file", metavar="F", type=Path, required=True, help="a file that holds its token"
    )
    parser.add_argument("--ca-file", metavar="FILE", help="for https://: the authorities to trust, in PEM")
    parser.add_argument("--json", action="store_true", help="print each room as JSON, one a line")


def main(given: argparse.Namespace) -> int:
    """The command. :returns: its status. :raises CommandError: if it fails."""
    parts = _parts(given.admin)
    try:
        token = given.token_file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise CommandError(f"{given.token_file}: {error.strerror}") from None
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable():
        raise CommandError(f"{given.token_file}: expected one line, the token")
    rooms = _rooms(parts, token, given.ca_file)
    if given.json:
        lines = [safe_json(json.dumps(room, ensure_ascii=False)) for room in rooms]
    else:
        lines = _table(rooms)
    print("\n".join(lines))
    return 0


def _parts(url: str) -> SplitResult:
    with suppress(ValueError):  # of brackets, and of a port
        parts = urlsplit(url)
        is_http = parts.scheme in ("http", "https") and parts.port != 0
        if is_http and parts.hostname and parts.username is None:
            return parts
    raise CommandError("--admin: expected a URL such as http://127.0.0.1:9329")


def _rooms(parts: SplitResult, token: str, ca_file: str | None) -> list[dict[str, Any]]:
    """All of them, page by page. A redirection is not followed: the token is for this server alone."""
    rooms: list[dict[str, Any]] = []
    after = ""
    while True:
        query = urlencode({"limit": PAGE, **({"after": after} if after else {})})
        page = _get(parts, f"{parts.path.rstrip('/')}/v1/rooms?{query}", token, ca_file)
        found = page.get("rooms")
        if not isinstance(found, list):
            raise CommandError("--admin: what answers there is no admin API of chatd")
        rooms += [room for room in found if isinstance(room, dict)]
        following = page.get("next")
        if not found or not isinstance(following, str) or following in ("", after):
            return rooms
        after = following


def _get(parts: SplitResult, target: str, token: str, ca_file: str | None) -> dict[str, Any]:
    try:
        port, host = parts.port, parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=ca_file)
            connection: HTTPConnection = HTTPSConnection(host, port, timeout=SECONDS, context=context)
        else:
            connection = HTTPConnection(host, port, timeout=SECONDS)
        try:
            connection.request("GET", target, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            content = answer.read(_LARGEST)
        finally:
            connection.close()
        if answer.status != 200:
            raise CommandError(f"--admin: HTTP {answer.status} {safe(answer.reason)}")
        page = json.loads(content)
    except (OSError, HTTPException) as error:
        raise CommandError(f"--admin: {safe(str(error)) or type(error).__name__}") from None
    except (ValueError, RecursionError):
        page = None
    return page if isinstance(page, dict) else {}


def _table(rooms: list[dict[str, Any]]) -> list[str]:
    rows = [("ROOM", "ONLINE", "CONTAINERS")]
    rows += [
        (text_of(room, "name"), _number(room, "online", "count"), _number(room, "containers"))
        for room in rooms
    ]
    width = max(len(name) for name, _, _ in rows)
    return [f"{name:<{width}}  {online:>6}  {containers:>10}" for name, online, containers in rows]


def _number(room: dict[str, Any], *keys: str) -> str:
    """A count, or how many there are in a list."""
    value = next((room[key] for key in keys if key in room), None)
    return str(len(value)) if isinstance(value, list) else safe(str("-" if value is None else value))
