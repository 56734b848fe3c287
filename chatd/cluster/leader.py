"""What one node alone does for all: the smallest of those that are there."""

from typing import Protocol

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from chatd.cluster.calls import Calls
from chatd.cluster.nodes import Nodes
from chatd.logs import Log

log = Log()

LOOK_SECONDS = 5.0
REPORTED = "reported"
"""Of the calls between nodes: reports were kept."""


class Task(Protocol):
    """What is to be done by one node."""

    def lead(self) -> None:
        """From now on by this one."""

    def follow(self) -> None:
        """From now on by another one."""

    def look(self) -> None:
        """It is this one still: is there anything to do?"""


class Sending(Task, Protocol):
    """Sends reports: :class:`chatd.webhook.Webhook`."""

    def reported(self, count: int) -> None:
        """So many more were kept."""


class Leader(Service):
    """Knows whether this node is the one, and has it begin and end what it does as such."""

    name = "leader"

    def __init__(self, clock: IReactorTime, nodes: Nodes, calls: Calls) -> None:
        self._nodes = nodes
        self._calls = calls
        self.leads = False
        self._tasks: list[Task] = []
        self._loop = LoopingCall(self.look)
        self._loop.clock = clock

    def add(self, task: Task) -> None:
        """Something that one node is to do."""
        self._tasks.append(task)
        task.follow()

    def add_sending(self, webhook: Sending) -> None:
        """Who sends reports, and hears of those that other nodes have kept."""
        self.add(webhook)

        def reported(args: bytes) -> bytes:
            if self.leads:
                webhook.reported(int(args))
            return b""

        self._calls.answers[REPORTED] = reported

    def pass_on(self, count: int) -> None:
        """Tell the leader that reports were kept here. If it does not hear of that, it finds them later."""
        alive = self._nodes.alive - {self._nodes.me}
        if alive and count:
            self._calls.tell(min(alive), REPORTED, b"%d" % count)

    def startService(self) -> None:
        """Begin to look."""
        super().startService()
        self._loop.start(LOOK_SECONDS, now=False).addErrback(
            lambda failure: log.failure("nobody leads any more", failure)
        )

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def look(self) -> None:
        """Is it this node, and what is there to do? There may be other nodes than before."""
        leads, self.leads = self.leads, self._nodes.is_leader
        if self.leads and not leads:
            log.info("this node leads: it sends events, and looks after what nobody owns")
        elif leads and not self.leads:
            log.info("another node leads")
        for task in self._tasks:
            if self.leads:
                (task.look if leads else task.lead)()
            elif leads:
                task.follow()
