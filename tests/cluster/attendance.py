"""What a connection has been told of who comes and goes, and whether it may have been told so."""

from tests.durability.conversation import Frame


class Attendance:
    """The notices that one connection hears, in order (N1 to N4).

    Each coming and going is told once: nobody comes who is there, nobody goes who is not, and each count is
    the one before and one more, or less. Otherwise a line is in ``wrong``. The own ``in``, told again, is a
    new beginning: the others had been told that it was gone.

    :param user: whose connection it is.
    :param container: its own, if it is a customer.
    """

    def __init__(self, user: str, container: str | None = None) -> None:
        self._user, self._container = user, container
        self.beginnings = 0  # the own ``in``
        self.count = 0  # of users online, as told last
        self.present: set[str] = set()  # of whom it knows
        self.absent: set[str] = set()
        self._agents: dict[tuple[str, str], str] = {}  # what was told last of each in each container
        self.wrong: list[str] = []
        self.told: list[tuple[str, str, float]] = []
        """The actions of others in the room, whose they were, and when it heard of them."""

    def of(self, user: str) -> list[str]:
        """What it was told that somebody else did."""
        return [action for action, other, _ in self.told if other == user]

    def hear(self, notice: Frame, now: float) -> None:
        """A notice."""
        if "containerId" in notice:
            self._hear_of_agent(notice)
        elif not self.count or notice["userId"] == self._user:
            self._begin(notice)
        elif self._container is not None:
            self.wrong.append(f"a customer was told {_short(notice)}")
        else:
            self._hear_of_other(notice, now)

    def check(self, truth: set[str]) -> list[str]:
        """At the end, when everything has been told.

        :param truth: who is in the room.
        :returns: what is wrong, all that was before included.
        """
        found = list(self.wrong)
        if self._container is None:
            if self.count != len(truth):
                found.append(f"the last count was {self.count}, but there are {sorted(truth)}")
            if self.present - truth:
                found.append(f"never told that they went: {sorted(self.present - truth)}")
            if self.absent & truth:
                found.append(f"never told that they came back: {sorted(self.absent & truth)}")
        return found

    def _begin(self, notice: Frame) -> None:
        if (notice["action"], notice["userId"]) != ("in", self._user):
            self.wrong.append(f"heard {_short(notice)} before its own in")
        self.beginnings += 1
        self.count = notice["count"]
        self.present, self.absent = {notice["userId"]}, set()

    def _hear_of_other(self, notice: Frame, now: float) -> None:
        user, is_in = notice["userId"], notice["action"] == "in"
        before, after = (self.absent, self.present) if is_in else (self.present, self.absent)
        if user in after:
            self.wrong.append(f"heard {_short(notice)}, which it knew")
        expected = self.count + (1 if is_in else -1)
        if notice["count"] != expected:
            self.wrong.append(f"heard {_short(notice)}, but the count should be {expected}")
        before.discard(user)
        after.add(user)
        self.count = notice["count"]
        self.told.append((notice["action"], user, now))

    def _hear_of_agent(self, notice: Frame) -> None:
        if notice["userId"] == self._user:
            return
        key = notice["containerId"], notice["userId"]
        if self._agents.get(key) == notice["action"]:
            self.wrong.append(f"heard {_short(notice)} twice")
        self._agents[key] = notice["action"]


def _short(notice: Frame) -> str:
    where = f" of {notice['containerId']}" if "containerId" in notice else ""
    return f"{notice['action']} {notice['userId']} ({notice['count']}){where}"
