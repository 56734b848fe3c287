"""For ``twistd --logger=tests.processes.loudest.observer``: everything that anybody has to say."""

import sys

import txaio
from twisted.logger import ILogObserver, Logger, textFileLogObserver


def observer() -> ILogObserver:
    """Writes every event of every level, Autobahn's lowest included, to standard output."""
    txaio.use_twisted()
    txaio.set_global_log_level("trace")
    Logger().debug("everything is logged")
    return textFileLogObserver(sys.__stdout__)
