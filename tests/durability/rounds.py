"""A round: people talk while their server suffers, and at the end everybody has seen everything."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, NamedTuple

from tests.durability.client import RecoveringClient
from tests.durability.conversation import Frame
from tests.durability.phoenix import Phoenix
from tests.durability.tally import Tally

ROUND_SECONDS = 60  # far more than any takes: who waits that long waits forever
MESSAGES = 60  # of each client
CONFIG = """
[limits]
rate = 100000.0
burst = 100000
[store]
url = "{url}"
"""


class Row(NamedTuple):
    """A message as the database has it."""

    id: str
    user: str
    container: str | None
    event: str
    content: str | None
    client_message_id: str | None


ROWS = "SELECT id, user_id, container_id, event, body, client_message_id FROM messages ORDER BY seq"


def rows(found: list[tuple[Any, ...]]) -> list[Row]:
    """The result of :data:`ROWS`."""
    return [
        Row(id, user, container or None, event, json.loads(body).get("content"), client_message_id)
        for id, user, container, event, body, client_message_id in found
    ]


class Round:
    """One seed's round.

    :param disturb: what the server suffers, a few times.
    :param stored: reads the database.
    """

    def __init__(
        self,
        seed: int,
        server: Phoenix,
        disturb: Callable[[], Awaitable[None]],
        stored: Callable[[], list[Row]],
    ) -> None:
        self._chance = Random(seed)
        self._server = server
        self._disturb = disturb
        self._stored = stored
        users = ("ann", "bob", "cid", "agnes", "carl")
        self._tally = Tally(dict.fromkeys(users, MESSAGES))
        self.ann, self.bob, self.cid = (self._client(user) for user in users[:3])
        self.agnes = self._client("agnes", write_to="carl")
        self.carl = self._client("carl", container="carl")
        self.clients = [self.ann, self.bob, self.cid, self.agnes, self.carl]

    def _client(self, user: str, **options: Any) -> RecoveringClient:
        chance = self._chance
        drafts = [f"{user} {n} {'说' * self._length()}" for n in range(MESSAGES)]
        return RecoveringClient(
            self._server,
            self._tally,
            user,
            "shop",
            drafts,
            window=chance.choice([1, 2, 4, 8, 16]),
            eager=chance.random() < 0.5,
            page=chance.choice([5, 20, 50]),
            away=chance.randint(20, 100) if user == "ann" else 0,
            drops=sorted(chance.sample(range(20, 250), k=5)) if user in ("bob", "agnes") else (),
            **options,
        )

    def _length(self) -> int:
        return self._chance.choice([0, 1, 10, 100, 1000 if self._chance.random() < 0.2 else 30])

    async def play(self) -> None:
        """Play it to the end, and check what everybody has."""
        await self._server.start()
        try:
            async with asyncio.timeout(ROUND_SECONDS), asyncio.TaskGroup() as group:
                for client in self.clients:
                    group.create_task(client.live())
                await self._talk()
                for client in self.clients:
                    await client.leave()
        except TimeoutError:
            raise AssertionError(f"after {ROUND_SECONDS} seconds: {self.clients}") from None
        finally:
            await self._server.end(signal.SIGTERM)
        self.check()

    async def _talk(self) -> None:
        await self._open_container()
        for client in self.clients:
            await client.write()
        for moment in sorted(self._chance.sample(range(self._tally.total * 9 // 10), k=3)):
            await self._tally.reach(moment)
            await asyncio.sleep(self._chance.uniform(0, 0.02))  # into whatever phase of a turn
            await self._disturb()
        await self._tally.reach(self._tally.total)
        said = {None: 3 * MESSAGES, "carl": 2 * MESSAGES + 1}
        for client in self.clients:
            for key, conversation in client.conversations.items():
                await client.until(lambda key=key, it=conversation: len(it.seen) >= said[key])  # type: ignore[misc]
            await client.flushed()

    async def _open_container(self) -> None:
        """Carl asks for Agnes, who opens his container."""
        for client in self.clients:
            await client.until(lambda client=client: not client.home.catching_up)  # type: ignore[misc]
        await self.carl.ask("createContainer", acceptId="agnes")
        await self.carl.until(lambda: "agnes" in self.carl.met)

    # -- at the end ---------------------------------------------------------------------------------

    def check(self) -> None:
        """Everybody has everything, once and in one order, and the database has the same."""
        stored = self._stored()
        ids = [row.id for row in stored]
        assert ids == sorted(set(ids))
        for client in self.clients:
            assert not client.wrong, client.wrong
            for key, conversation in client.conversations.items():
                assert not conversation.wrong, conversation.wrong
                found = [row for row in stored if row.container == key]
                assert [_shown(frame) for frame in conversation.seen] == [row[:5] for row in found]
            self._check_said(client, [row for row in stored if row.user == client.user])
        assert len(stored) == self._tally.total + 1  # Carl's question

    def _check_said(self, client: RecoveringClient, mine: list[Row]) -> None:
        """All that a client wrote is there, once, and in its order unless some of it was refused."""
        mine = [row for row in mine if row.event == "ordinary"]
        written = list(enumerate(client.drafts))
        found = [(int(row.client_message_id or -1), row.content) for row in mine]
        assert (sorted(found) if client.refused else found) == written
        seen = client.conversations[mine[0].container].seen
        own = [frame for frame in seen if frame["createUser"] == client.user]
        assert [frame.get("clientMessageId") for frame in own if frame["eventType"] == "ordinary"] == [
            row.client_message_id for row in mine
        ]


def _shown(frame: Frame) -> tuple[Any, ...]:
    keys = ("messageId", "createUser", "containerId", "eventType", "messageContent")
    return tuple(frame.get(key) for key in keys)
