"""Automatic replies, set and reset."""

from types import MappingProxyType

from chatd.replies import Replies


def test_a_reset_brings_back_those_of_the_configuration_and_no_others() -> None:
    replies = Replies(MappingProxyType({"hours": "nine to five", "wait": "One moment."}))
    replies["hours"] = "always"
    replies["new"] = "x"
    del replies["wait"]
    replies.reset()
    assert replies == {"hours": "nine to five", "wait": "One moment."}
