"""Results for people: tables that fit on a screen."""

from chatd.manhole.tables import Line, Table, and_more


def test_columns_are_as_wide_as_their_widest_cell_and_numbers_are_on_the_right() -> None:
    table = Table(("room", "online"), [("lobby", 12), ("a", 1_234_567)])
    assert repr(table).splitlines() == ["room      online", "lobby         12", "a      1,234,567"]


def test_a_chinese_character_takes_two_columns() -> None:
    table = Table(("name", "n"), [("小明", 1), ("e\u0301", 2)])
    assert repr(table).splitlines() == ["name  n", "小明  1", "e\u0301     2"]


def test_a_long_cell_is_shortened() -> None:
    assert repr(Table(("x",), [("y" * 1000,)])).splitlines()[1] == "y" * 39 + "…"


def test_what_a_terminal_would_act_upon_is_written_out() -> None:
    assert repr(Table(("x",), [("a\x1b[2Jb",)])).splitlines()[1] == r"a\x1b[2Jb"


def test_a_title_stands_above_and_the_rest_below() -> None:
    table = Table(("x",), [("y",)], "title", "… and more")
    assert repr(table).splitlines() == ["title", "x", "y", "… and more"]


def test_a_table_without_rows_says_so() -> None:
    assert repr(Table(("x",), [], "title")).splitlines() == ["title", "none"]


def test_a_table_may_have_no_head() -> None:
    assert repr(Table(("", ""), [("a", "b")])) == "a  b"


def test_a_line_is_its_own_repr() -> None:
    assert repr(Line("it's done")) == "it's done"


def test_the_rest_is_counted_only_if_there_is_one() -> None:
    assert [and_more(20, 20, "room"), and_more(1020, 20, "room")] == ["", "… and 1,000 more rooms"]
