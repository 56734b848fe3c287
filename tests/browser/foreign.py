"""A site of somebody else's, with a page that has the widget in it."""

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

HOSTILE = """
html { font-size: 7px; }
* { color: red; font-size: 40px; letter-spacing: 9px; text-transform: uppercase; line-height: 3; }
* { --accent: red; --s4: 90px; }
button, input, textarea, section, h2, p { background: yellow !important; display: inline !important; }
"""


class Foreign:
    """A site at a port of its own, for a ``with`` block.

    :ivar origin: its own.
    """

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, bytes]] = {}
        self._policy = ""
        files = self._files

        class Answer(BaseHTTPRequestHandler):
            def do_GET(answer) -> None:
                kind, content = files.get(answer.path, ("text/plain", b""))
                answer.send_response(200 if content else 404)
                answer.send_header("Content-Type", kind)
                answer.send_header("Content-Security-Policy", self._policy)
                answer.send_header("Content-Length", str(len(content)))
                answer.end_headers()
                answer.wfile.write(content)

            def log_message(answer, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def embed(
        self, scripts: str, chat: str, style: str = HOSTILE, within: str = "", widget: bool = True
    ) -> None:
        """Have a page at / with the two lines in it, under a policy that allows what they need and no more.

        :param scripts: the origin of the widget's script.
        :param chat: the WebSocket's address.
        :param within: what is between the widget's tags.
        :param widget: False: the page without the two lines.
        """
        self._policy = (
            f"default-src 'none'; script-src {scripts}; connect-src {chat}; style-src {self.origin}; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        )
        lines = (
            f'<script type="module" src="{scripts}/widget.js"></script>\n'
            f'<chatd-widget server="{chat}" lang="en">{within}</chatd-widget>'
        )
        html = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Somebody else's</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css"></head>
<body><main><h1>Somebody else's page</h1><p id="own">A text of its <button>own</button></p></main>
{lines if widget else ""}</body></html>"""
        self._files["/"] = ("text/html", html.encode())
        self._files["/page.css"] = ("text/css", style.encode() or b" ")

    def serve(self, files: Mapping[str, Any]) -> None:
        """Have copies of chatd's files, as :func:`chatd.web.files.read` has them."""
        for path, file in files.items():
            if file.is_shared:
                self._files[path] = (file.content_type, file.content)
