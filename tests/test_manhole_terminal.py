"""The prompt: keys in, a screen out. What is on the screen is worked out as a terminal does."""

import re
from typing import Any

import pytest

pytest.importorskip("twisted.conch.manhole", reason="conch is not installed: pip install 'chatd[manhole]'")

from twisted.internet.defer import Deferred

from chatd.manhole.tables import width
from chatd.manhole.terminal import Shell, Terminal

UP, DOWN, RIGHT, LEFT = b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D"
HOME, END, INSERT, DELETE = b"\x1b[H", b"\x1b[F", b"\x1b[2~", b"\x1b[3~"
_PART = re.compile(rb"\x1b\[(\d*)(?:;\d+)*([A-Za-z])|\r|\n|\x07|[^\x1b\r\n\x07]+")


class Screen:
    """A terminal that does what the shell's escape sequences say, and no others."""

    def __init__(self, **names: Any) -> None:
        self.lines = [""]
        self.column = 0
        self.colors = 0
        self.closed = False
        self._shell = Shell(names, "Welcome.")
        self._terminal = Terminal(lambda: self._shell)
        self._terminal.makeConnection(self)
        self.resize(40)

    def resize(self, columns: int) -> None:
        """The window has another width."""
        self._shell.terminalSize(columns, 24)

    def type(self, *keys: bytes | str) -> None:
        """Each arrives by itself."""
        for key in keys:
            self._terminal.dataReceived(key.encode() if isinstance(key, str) else key)

    @property
    def line(self) -> str:
        """The cursor's."""
        return self.lines[-1]

    # -- a transport ----------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """See ITransport."""
        parts = list(_PART.finditer(data))
        assert b"".join(part.group() for part in parts) == data, data
        for part in parts:
            number = int(part.group(1) or 1)
            match part.group(2) or part.group():
                case b"\r":
                    self.column = 0
                case b"\n":
                    self.lines.append("")
                case b"\x07":
                    pass
                case b"m":
                    self.colors += 1
                case b"K":
                    self._put(self._cells()[: self.column])
                case b"D":
                    self.column -= number
                    assert self.column >= 0
                case text:
                    for character in text.decode():
                        cells = self._cells()
                        cells[self.column : self.column + width(character)] = [character, ""][
                            : width(character)
                        ]
                        self._put(cells)
                        self.column += width(character)

    def loseConnection(self) -> None:
        """See ITransport."""
        self.closed = True

    def _cells(self) -> list[str]:
        return [cell for one in self.lines[-1] for cell in ([one, ""] if width(one) == 2 else [one])]

    def _put(self, cells: list[str]) -> None:
        self.lines[-1] = "".join(cells)


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_the_screen_that_was_there_stays(screen):
    """The prompt neither clears it nor resets the terminal, which this screen would not understand."""
    assert screen.lines == ["Welcome.", ">>> "]


def test_what_is_typed_is_evaluated(screen):
    screen.type("1 + 1\r")
    assert screen.lines == ["Welcome.", ">>> 1 + 1", "2", ">>> "]


def test_what_is_typed_has_colours(screen):
    screen.type("1")
    assert (screen.line, screen.colors) == (">>> 1", 2)


def test_the_keys_of_a_line_editor(screen):
    screen.type("bd", LEFT, "c", HOME, "a", END, "f", LEFT, "e")
    assert screen.line == ">>> abcdef"
    screen.type(HOME, DELETE, RIGHT, b"\x7f", END, b"\x7f")
    assert screen.line == ">>> cde"


def test_the_cursor_is_where_the_next_character_goes(screen):
    screen.type("abc", LEFT, LEFT)
    assert screen.column == len(">>> a")
    screen.type(HOME)
    assert screen.column == len(">>> ")


def test_insert_changes_between_inserting_and_typing_over(screen):
    screen.type("abc", HOME, INSERT, "x", INSERT, "y")
    assert screen.line == ">>> xybc"


def test_a_tab_is_four_spaces(screen):
    screen.type("if 1:\r", "\t3\r", "\r")
    assert screen.lines[1:] == [">>> if 1:", "...     3", "... ", "3", ">>> "]


def test_the_arrows_bring_back_what_was_typed_before(screen):
    screen.type("'first'\r", "'second'\r", UP, UP)
    assert screen.line == ">>> 'first'"
    screen.type(DOWN)
    assert screen.line == ">>> 'second'"
    screen.type(UP, "\r")
    assert screen.lines[-2:] == ["'first'", ">>> "]
    screen.type(UP, DOWN)
    assert screen.line == ">>> "


def test_chinese_can_be_typed_byte_by_byte_edited_and_brought_back(screen):
    for byte in "'你们好'".encode():
        screen.type(bytes([byte]))
    screen.type(LEFT, LEFT, b"\x7f")
    assert (screen.line, screen.column) == (">>> '你好'", len(">>> '") + 2)
    screen.type("\r", UP)
    assert screen.lines[-2:] == ["'你好'", ">>> '你好'"]


def test_bytes_that_are_no_text_are_dropped(screen):
    screen.type(b"1\xff\xfe\x80+\xe4\xbd1\r")
    assert screen.lines[-3:] == [">>> 1+1", "2", ">>> "]


def test_keys_without_a_meaning_do_nothing(screen):
    screen.type("1", b"\x1b[5~", b"\x1bOP", b"\x1bx", b"\x1b[1;5C", b"\x00", b"\x1b[200~", "2")
    assert screen.line == ">>> 12"


def test_of_a_long_line_the_part_around_the_cursor_is_shown(screen):
    screen.resize(20)
    text = "".join(f"{at:02d}" for at in range(30))
    screen.type(f"'{text}")
    assert screen.line == ">>> " + text[-15:]
    screen.type(HOME)
    assert screen.line == ">>> '" + text[:14]
    assert screen.column == len(">>> ")
    screen.type(END, "'\r")
    assert screen.lines[-2] == repr(text)


def test_a_long_line_of_wide_characters_fits_too(screen):
    screen.resize(20)
    screen.type("'" + "你" * 20)
    assert screen.line == ">>> " + "你" * 7
    screen.type(HOME)
    assert screen.line == ">>> '" + "你" * 7


def test_a_wider_window_shows_more(screen):
    screen.resize(20)
    screen.type("'" + "x" * 20)
    screen.resize(40)
    assert screen.line == ">>> '" + "x" * 20


def test_a_large_paste_is_drawn_once(screen):
    drawn = []
    screen.write = drawn.append  # the transport's
    screen.type("'" + "x" * 100_000)
    assert sum(map(len, drawn)) < 1000


def test_several_lines_at_once_are_run_one_after_the_other(screen):
    screen.type("a = 1\ra\rdef f():\r  return 2\r\rf()\r")
    shown = [">>> a = 1", ">>> a", "1", ">>> def f():", "...   return 2", "... ", ">>> f()", "2", ">>> "]
    assert screen.lines[1:] == shown


def test_an_error_is_a_traceback_on_the_screen(screen):
    screen.type("1/0\r")
    assert screen.lines[2] == "Traceback (most recent call last):"
    assert screen.lines[-2:] == ["ZeroDivisionError: division by zero", ">>> "]


def test_a_syntax_error_is_told_on_the_screen_and_nowhere_else(screen, capsys, monkeypatch):
    """Whatever the server has made of sys.excepthook, which Python would use."""
    monkeypatch.setattr("sys.excepthook", lambda *_: pytest.fail("told the server"))
    screen.type("1 +\r")
    assert screen.lines[-2] == "SyntaxError: invalid syntax"
    assert capsys.readouterr() == ("", "")


def test_what_is_printed_is_on_the_screen(screen, capsys):
    screen.type("print('x', end='')\r")
    assert screen.lines[-2:] == ["x", ">>> "]
    assert capsys.readouterr().out == ""


def test_a_result_that_is_there_already_is_shown_as_if_it_had_not_been_waited_for():
    async def three() -> int:
        return 3

    screen = Screen(three=three)
    screen.type("three()\r", "_ + 1\r")
    assert screen.lines[2:] == ["3", ">>> _ + 1", "4", ">>> "]


def test_a_result_that_comes_later_is_shown_above_what_is_being_typed():
    later: Deferred[int] = Deferred()
    screen = Screen(later=later)
    screen.type("later\r", "1 + ")
    later.callback(3)
    assert screen.lines[1:] == [">>> later", "The result will follow.", "3", ">>> 1 + "]
    screen.type("_\r")
    assert screen.lines[-2] == "4"


def test_an_error_that_comes_later_is_one_line():
    later: Deferred[int] = Deferred()
    screen = Screen(later=later)
    screen.type("later\r")
    later.errback(ValueError("no"))
    assert screen.lines[-2:] == ["ValueError: no", ">>> "]


def test_ctrl_c_forgets_what_is_typed(screen):
    screen.type("if 1:\r", "1 +", b"\x03", "2\r")
    assert screen.lines[-4:] == ["KeyboardInterrupt", ">>> 2", "2", ">>> "]


def test_ctrl_l_clears_the_screen(screen):
    written = []
    screen.write = written.append
    screen.type("1", b"\x0c")
    assert b"\x1b[2J\x1b[H" in b"".join(written)


@pytest.mark.parametrize("way", ["exit()\r", "quit()\r", "raise SystemExit\r", b"\x04", b"\x1c"])
def test_who_leaves_the_shell_leaves_the_server_alone(screen, way):
    screen.type(way)
    assert screen.closed


def test_ctrl_d_in_a_line_does_not_leave(screen):
    screen.type("1", b"\x04")
    assert not screen.closed


def test_each_shell_has_names_of_its_own():
    names = {"x": 1}
    first, second = Screen(**names), Screen(**names)
    first.type("x = 2\r")
    second.type("x\r")
    assert second.lines[-2] == "1"
