"""``twistd chatd``: how Twisted finds it."""

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins

from chatd import tap


def test_twisted_finds_exactly_one_chatd() -> None:
    (maker,) = (maker for maker in getPlugins(IServiceMaker) if maker.tapname == "chatd")
    assert maker.options is tap.Options
    assert maker.makeService is tap.makeService
