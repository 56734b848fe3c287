"""``python -m bench.history [URL]``: what a page of history costs the store, by where in a full store it is.

A store with a million messages in twenty conversations that all go on at the same time; the largest have a
quarter of the messages each, the smallest a hundredth. From random positions pages of 50 are asked for, as
clients ask; what is measured is what the store's thread does for one: the statement, its rows, and messages
made of them. Without a URL the store is SQLite's; with one, it is that database, which must be empty.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from bench.machine import describe
from bench.tables import Table, number
from chatd.model import PAGE, Message
from chatd.store import sql
from chatd.store.adbapi import DatabaseStore
from chatd.store.urls import database
from chatd.turn import Page

BATCH = 1_000
WEIGHTS = [25, 25, 10, 5, 5, 5, 5, 5, *[1] * 11, 4]  # of the conversations, in hundredths
FIRST = 1_795_421_730_000_000  # microseconds since the epoch: the first message's time, and so its id
EVERY = 1_000_000  # microseconds from one message to the next
TEXT = "What is said is of no matter here, but it is as long as people's messages are. "
HEADER = ["page", "median", "99 %", "longest", "most CPU"]

Choice = Callable[[random.Random], Page]


def conversation(at: int) -> tuple[str, str | None]:
    """The room and container of one conversation: every other one is a container."""
    return f"room-{at // 2}", f"customer-{at}" if at % 2 else None


def said(count: int, dice: random.Random) -> Iterator[Message]:
    """So many messages, of all conversations in turns."""
    for at in range(count):
        room, container_id = conversation(dice.choices(range(len(WEIGHTS)), WEIGHTS)[0])
        yield Message(
            id=f"{FIRST + at * EVERY:014x}",
            created=(FIRST + at * EVERY) // 1000,
            room=room,
            user_id=f"user-{at % 50}",
            name="Somebody",
            icon="https://shop.example/icons/somebody.png",
            event="ordinary",
            type="text",
            content=TEXT[: dice.randrange(5, len(TEXT))],
            container_id=container_id,
            client_message_id=f"{at:032x}",
        )


def fill(store: DatabaseStore, count: int, dice: random.Random) -> None:
    """Keep so many messages."""
    with closing(store.connect()) as connection:
        cursor = store.cursor(connection.cursor())
        batch: list[Message] = []
        for message in said(count, dice):
            batch.append(message)
            if len(batch) == BATCH:
                sql.add_messages(cursor, batch)
                connection.commit()
                batch.clear()
        sql.add_messages(cursor, batch)
        connection.commit()


def choices(count: int) -> dict[str, Choice]:
    """The pages that clients ask for, each from a random position."""

    def asked(dice: random.Random, *bounds: str, **fields: object) -> Page:
        room, container_id = conversation(dice.randrange(len(WEIGHTS)))
        position = f"{FIRST + dice.randrange(count) * EVERY:014x}"
        return Page(
            room=room,
            container_id=container_id,
            until=f"{FIRST + count * EVERY:014x}",
            limit=PAGE,
            **dict.fromkeys(bounds, position),
            **fields,
        )

    return {
        "after": lambda dice: asked(dice, "after"),
        "before": lambda dice: asked(dice, "before"),
        "after, within a container's life": lambda dice: asked(dice, "after", "since"),
        "the oldest": lambda dice: asked(dice, after=""),
        "the newest": lambda dice: asked(dice),
        "what was said in a container (D4)": lambda dice: asked(dice, "since", said_only=True),
    }


def measure(
    store: DatabaseStore, choice: Choice, rounds: int, dice: random.Random
) -> tuple[list[float], float]:
    """Milliseconds that pages take, in ascending order, and the most CPU time of one: no other process has a
    part in that, nor has a database's server."""
    took, most = [], 0
    with closing(store.connect()) as connection:
        cursor = store.cursor(connection.cursor())
        for _ in range(rounds):
            page = choice(dice)
            started, cpu = time.perf_counter_ns(), time.thread_time_ns()
            sql.find(cursor, page)
            most = max(most, time.thread_time_ns() - cpu)
            took.append((time.perf_counter_ns() - started) / 1e6)
    return sorted(took), most / 1e6


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("url", nargs="?", help="an empty database, as store.url may name it")
    parser.add_argument("--messages", type=int, default=1_000_000, help="in the store (1,000,000)")
    parser.add_argument("--rounds", type=int, default=2_000, help="pages of each kind (2,000)")
    options = parser.parse_args()
    dice = random.Random(9326)
    with tempfile.TemporaryDirectory(prefix="chatd-bench-") as directory:
        store = database(options.url or f"sqlite:{directory}/chatd.sqlite", 300, False)
        fill(store, options.messages, dice)
        rows = []
        for kind, choice in choices(options.messages).items():
            took, most = measure(store, choice, options.rounds, dice)
            shown = [took[int((len(took) - 1) * part)] for part in (0.5, 0.99, 1)]
            rows.append([kind, *map(number, [*shown, most])])
    print(*(f"{what}: {which}" for what, which in describe([])), "", sep="\n")
    title = f"Pages of {PAGE} of {options.messages:,} messages, ms; {options.rounds:,} of each kind"
    print(Table(title, "", HEADER, rows).text())


if __name__ == "__main__":
    main()
