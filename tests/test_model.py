"""The checks of texts that a connect URL and a message share (C1)."""

import pytest

from chatd.model import checked_icon, checked_id, checked_name


def test_a_name_comes_back_trimmed():
    assert checked_name(" 张三 ") == "张三"


def test_a_length_is_counted_in_characters_not_bytes():
    assert checked_name("张" * 64) == "张" * 64


def test_an_id_is_not_trimmed():
    assert checked_id(" a ") == " a "


def test_an_icon_may_be_empty():
    assert checked_icon("") == ""


@pytest.mark.parametrize(
    ("check", "text", "what"),
    [
        (checked_name, "", "must be 1 to 64 characters long, not 0"),
        (checked_name, "x" * 65, "must be 1 to 64 characters long, not 65"),
        (checked_name, "Ann\n", "must not hold a control character"),
        (checked_id, "", "must be 1 to 128 characters long, not 0"),
        (checked_id, "a\x7f", "must not hold a control character"),
        (checked_icon, "x" * 2049, "must be at most 2048 characters long, not 2049"),
        (checked_icon, "a\x00", "must not hold a control character"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(check, text, what):
    with pytest.raises(ValueError, match=f"^{what}$"):
        check(text)
