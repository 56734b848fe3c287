"""The prompt on a terminal: conch's line editor, history, interpreter and colours.

Conch draws on each key, takes bytes for columns, drops what is not ASCII, and clears the screen when it comes
and goes. Here the keys that arrive together change the line, and then it is drawn once: in Python's colours
if it fits into the terminal's width, else the part of it around the cursor.
"""

import re
import sys
from collections.abc import Callable
from traceback import format_exception_only
from typing import Any

from twisted.conch.insults.insults import ServerProtocol
from twisted.conch.manhole import ColoredManhole, ManholeInterpreter, lastColorizedLine
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.manhole.evaluation import is_awaited, last_line, resolved, result
from chatd.manhole.tables import width

_ERASE_TO_END = b"\x1b[K"
_COLOR = re.compile(rb"\x1b\[[\d;]*m")


class Terminal(ServerProtocol):
    """A terminal. What is typed in it goes to its shell.

    :param shell: makes it.
    """

    terminalProtocol: "Shell | None"
    transport: Any

    def __init__(self, shell: "Callable[[], Shell]") -> None:
        super().__init__(shell)

    def dataReceived(self, data: bytes) -> None:
        """Keys."""
        super().dataReceived(data)
        if self.terminalProtocol is not None:
            self.terminalProtocol.draw()

    def loseConnection(self) -> None:
        """The shell is left; what it has written stays on the screen."""
        self.transport.loseConnection()


class Interpreter(ManholeInterpreter):
    """Runs what is typed. Results and errors are written to the shell, and nowhere else."""

    handler: "Shell"
    locals: dict[str, Any]

    def runcode(self, *code: Any, **how: Any) -> None:
        """Run it. Who types ``exit()`` leaves the shell; the server stays."""
        try:
            super().runcode(*code, **how)
        except SystemExit:
            self.handler.handle_QUIT()

    def showsyntaxerror(self, filename: str | None = None, **how: Any) -> None:
        """What is wrong with a line goes to who typed it, not to the server's excepthook and log."""
        self.write("".join(format_exception_only(sys.exc_info()[1])))

    def displayhook(self, value: Any) -> None:
        """Write a result. One that is waited for comes later, above the prompt."""
        if value is None:
            return
        if not is_awaited(value):
            self.locals["_"] = value
            self.write(result(value))
            return
        come: Deferred[Any] = Deferred.fromCoroutine(resolved(value))
        at_once = come.called
        come.addCallback(self._come, at_once)
        come.addErrback(self._failed, at_once)
        if not at_once:
            self.write("The result will follow.")

    def _come(self, value: Any, at_once: bool) -> None:
        if value is not None:
            self.locals["_"] = value
            self.write(result(value), not at_once)

    def _failed(self, failure: Failure, at_once: bool) -> None:
        self.write(last_line(failure.value), not at_once)


class Shell(ColoredManhole):
    """A prompt.

    :param namespace: the names it begins with.
    :param banner: a line to greet with.
    """

    lineBuffer: list[bytes]
    lineBufferIndex: int
    pn: int
    keyHandlers: dict[bytes, Callable[[], None]]
    historyLines: list[bytes]

    def __init__(self, namespace: dict[str, Any], banner: str) -> None:
        super().__init__(namespace)
        self._banner = banner
        self._torn = b""  # what has come of a character of several bytes

    def connectionMade(self) -> None:
        """The terminal is there."""
        super().connectionMade()
        self.interpreter = Interpreter(self, self.namespace)

    def initializeScreen(self) -> None:
        """Greet."""
        self.mode = "insert"
        self.terminal.write(f"{self._banner}\n")

    def terminalSize(self, width: int, height: int) -> None:
        """The window has this size, in characters."""
        self.width, self.height = width or 80, height
        self.draw()

    # -- keys ---------------------------------------------------------------------------------------

    def keystrokeReceived(self, keyID: bytes, modifier: object) -> None:
        """A key, or a byte of a character."""
        act = self.keyHandlers.get(keyID)
        if act is not None:
            act()
        elif modifier is None and len(keyID) == 1 and keyID >= b" ":
            self._gather(keyID)

    def _gather(self, byte: bytes) -> None:
        self._torn += byte
        try:
            character = self._torn.decode()
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":
                torn, self._torn = self._torn, b""
                if len(torn) > 1:  # its last byte may begin another
                    self._gather(byte)
            return
        self._torn = b""
        if character.isprintable():
            self.characterReceived(character.encode(), False)

    def characterReceived(self, ch: bytes, moreCharactersComing: bool) -> None:
        """A character, into the line."""
        at = self.lineBufferIndex
        self.lineBuffer[at : at if self.mode == "insert" else at + 1] = [ch]
        self.lineBufferIndex = at + 1

    def handle_LEFT(self) -> None:
        """One to the left."""
        self.lineBufferIndex = max(self.lineBufferIndex - 1, 0)

    def handle_RIGHT(self) -> None:
        """One to the right."""
        self.lineBufferIndex = min(self.lineBufferIndex + 1, len(self.lineBuffer))

    def handle_HOME(self) -> None:
        """To the line's beginning."""
        self.lineBufferIndex = 0

    def handle_END(self) -> None:
        """To the line's end."""
        self.lineBufferIndex = len(self.lineBuffer)

    def handle_BACKSPACE(self) -> None:
        """Delete what is left of the cursor."""
        if self.lineBufferIndex:
            self.lineBufferIndex -= 1
            self.handle_DELETE()

    def handle_DELETE(self) -> None:
        """Delete what is under the cursor."""
        del self.lineBuffer[self.lineBufferIndex : self.lineBufferIndex + 1]

    def handle_TAB(self) -> None:
        """Four spaces."""
        for _ in range(self.TABSTOP):
            self.characterReceived(b" ", True)

    def handle_INSERT(self) -> None:
        """Change between inserting and typing over."""
        self.mode = "typeover" if self.mode == "insert" else "insert"

    def handle_RETURN(self) -> None:
        """The line is complete: see to it that it has been seen, and run it."""
        self.draw()
        super().handle_RETURN()

    def handle_INT(self) -> None:
        """Forget what has been typed."""
        self._torn = b""
        super().handle_INT()

    def _deliverBuffer(self, buf: bytes) -> None:
        self.lineBuffer = [character.encode() for character in buf.decode()]
        self.handle_END()

    # -- the screen ---------------------------------------------------------------------------------

    def addOutput(self, data: str, isAsync: bool | None = None) -> None:
        """Write; what comes while somebody types, above the line that is typed."""
        if isAsync:
            self.terminal.write(b"\r" + _ERASE_TO_END + data.encode() + b"\n")
            self.draw()
        else:
            self.terminal.write(data)

    def drawInputLine(self) -> None:
        """See :meth:`draw`."""
        self.draw()

    def draw(self) -> None:
        """Draw prompt and line where the cursor's line is."""
        prompt = self.ps[self.pn]
        line = [one.decode() for one in self.lineBuffer]
        columns = self.width - len(prompt) - 1
        before, after = "".join(line[: self.lineBufferIndex]), "".join(line[self.lineBufferIndex :])
        if width(before) + width(after) <= columns:
            drawn = self._colored((before + after).encode())
        else:
            before, after = _around(before, after, columns)
            drawn = (before + after).encode()
        self.terminal.write(b"\r" + prompt + drawn + _ERASE_TO_END)
        if after:
            self.terminal.cursorBackward(width(after))

    def _colored(self, line: bytes) -> bytes:
        """The line with Python's colours; as it is where conch cannot colour it."""
        try:
            colored: bytes = lastColorizedLine(b"\n".join([*self.interpreter.buffer, line]))
        except Exception:  # half a line is not always Python
            return line
        return colored if _COLOR.sub(b"", colored) == line else line


def _around(before: str, after: str, columns: int) -> tuple[str, str]:
    """What of a long line is shown: the end of what is before the cursor, and what fits of what follows."""
    while width(before) > columns:
        before = before[max(len(before) - columns, 1) :]
    after = after[:columns]
    while width(before) + width(after) > columns:
        after = after[:-1]
    return before, after
