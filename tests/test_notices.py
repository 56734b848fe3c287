"""Notices and their texts (N1 to N5)."""

import pytest

from chatd.model import Identity
from chatd.notices import IN_TEXT, OUT_TEXT, NoticeTexts, checked_template

ANN = Identity("ann", "Ann", "", "lobby")


def test_the_default_texts_are_the_originals():
    """(N5)"""
    texts = NoticeTexts()
    assert texts.came(Identity("12", "11", "", "xxx"), "xxx", 1).text == "11 进来了，现在共有【1】人在线"
    assert texts.went(Identity("21", "22", "", "xxx"), "xxx", 1).text == "22, 离开了，现在共有【1】人在线"


def test_out_all_says_the_same_as_out_with_a_count_of_nobody():
    """(N4) Its userId is the container's, its nickName that of who closed it."""
    notice = NoticeTexts().closed(ANN, "lobby", "carl")
    assert notice.text == "Ann, 离开了，现在共有【0】人在线"
    assert (notice.action, notice.count, notice.user_id, notice.name) == ("outAll", 0, "carl", "Ann")
    assert notice.container_id == "carl"


def test_a_template_may_name_whom_where_and_how_many():
    """(N5)"""
    texts = NoticeTexts(into="{user} ({name}) in {room}: {count}", out="-{user}", out_all="x{user}")
    assert texts.came(ANN, "lobby", 7).text == "ann (Ann) in lobby: 7"
    assert texts.went(ANN, "lobby", 7).text == "-ann"
    assert texts.closed(ANN, "lobby", "carl").text == "xcarl"


def test_braces_in_a_name_are_not_a_template():
    """A name is a client's: it must not be able to ask for anything."""
    eve = Identity("eve", "{count.__class__}", "", "lobby")
    assert NoticeTexts().came(eve, "lobby", 1).text == "{count.__class__} 进来了，现在共有【1】人在线"


@pytest.mark.parametrize("template", [IN_TEXT, OUT_TEXT, "nobody", "", "{{ {name} }}"])
def test_a_template_of_known_placeholders_is_taken(template):
    """(N5)"""
    assert checked_template(template) == template


@pytest.mark.parametrize(
    "template",
    [
        "{",
        "}",
        "{}",
        "{0}",
        "{nick}",
        "{name.__class__}",
        "{name[0]}",
        "{name!r}",
        "{count:>9}",
        "{name:{count}}",
    ],
)
def test_any_other_template_is_refused(template):
    """(N5)"""
    with pytest.raises(ValueError):
        checked_template(template)


def test_a_refused_template_is_told_what_there_is():
    """(N5)"""
    with pytest.raises(ValueError, match=r"^placeholders are \{count\}, \{name\}, \{room\}, \{user\}$"):
        checked_template("{nick}")
