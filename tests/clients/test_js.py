"""The JavaScript client, and the one in the manual: people talk by them while their server is killed."""

import re
import sqlite3
import textwrap
from contextlib import closing
from pathlib import Path
from signal import SIGKILL
from typing import Any

from tests.clients.node import CLIENT, Program, run_node
from tests.ports import free_port
from tests.processes.servers import Server

TALKERS = Path(__file__).with_name("talkers.mjs")
PLAIN = Path(__file__).with_name("plain.mjs")
STORELESS = Path(__file__).with_name("storeless.mjs")
MANUAL = CLIENT.parents[1] / "docs" / "clients.rst"
CONFIG = """
[store]
url = "sqlite:{path}"
"""
KILLS = 2
RECEIPTS = 50  # between two kills


def test_its_own_tests() -> None:
    tests = sorted((CLIENT / "test").glob("*.test.mjs"))
    assert tests
    done = run_node("--test", "--test-reporter=spec", *tests)
    assert done.returncode == 0, done.stdout


def test_the_plain_script_is_built_from_the_modules() -> None:
    done = run_node("build.mjs", "--check")
    assert done.returncode == 0, done.stdout


def test_nothing_is_lost_doubled_or_out_of_order_when_the_server_is_killed(tmp_path: Path) -> None:
    end = talk_while_the_server_is_killed(tmp_path, TALKERS)
    assert end["troubles"] == []
    assert all(losses >= KILLS for losses in end["losses"].values())
    for users, container in [(("ann", "bob"), ""), (("agnes", "carl"), "carl")]:
        messages = kept(tmp_path, container)
        for user in users:
            assert pairs(end["heard"][user]) == messages
            own = [(id, text) for id, text in messages if text.startswith(f"{user} ")]
            assert [text for _, text in own] == numbered(user, len(own))
            assert sorted(pairs(end["receipted"][user])) == own
        assert any(message["recovered"] for user in users for message in end["heard"][user])


def test_nor_by_the_client_that_the_manual_shows(tmp_path: Path) -> None:
    program = tmp_path / "chat.mjs"
    program.write_text(shown_in_the_manual(), encoding="utf-8")
    end = talk_while_the_server_is_killed(tmp_path, PLAIN, program)
    assert end["troubles"] == []
    messages = kept(tmp_path, "")
    for user in ("ann", "bob"):
        assert pairs(end["heard"][user]) == messages
        own = [text for _, text in messages if text.startswith(f"{user} ")]
        assert sorted(own, key=number) == numbered(user, end["said"][user])


def test_on_a_server_without_a_store_a_loss_leaves_gaps_and_nothing_else(tmp_path: Path) -> None:
    with Server(tmp_path, '[store]\nurl = "none"\n') as server:
        done = run_node(STORELESS, f"ws://127.0.0.1:{server.port}/")
    assert done.returncode == 0, done.stdout


def talk_while_the_server_is_killed(directory: Path, *program: Path) -> Any:
    """:returns: what a program tells at its end."""
    port = free_port()
    config = CONFIG.format(path=directory / "chatd.sqlite")
    receipts = 0
    with Program(*program, f"ws://127.0.0.1:{port}/") as talkers:
        for kill in range(KILLS + 1):
            with Server(directory, config, listen=f"tcp:{port}:interface=127.0.0.1") as server:
                receipts = talkers.wait_for("receipts", receipts + RECEIPTS)
                if kill < KILLS:
                    server.signal(SIGKILL)
                else:
                    talkers.tell("finish")
                    end = talkers.wait_for("end")
    return end


def shown_in_the_manual() -> str:
    """The complete client of docs/clients.rst."""
    _, _, rest = MANUAL.read_text(encoding="utf-8").partition("   :name: plain\n\n")
    block = re.match(r"(?:(?:   .*)?\n)+", rest)
    assert block is not None
    return textwrap.dedent(block[0])


def numbered(user: str, count: int) -> list[str]:
    return [f"{user} {n}" for n in range(1, count + 1)]


def number(text: str) -> int:
    return int(text.split()[1])


def pairs(messages: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(message["messageId"], message["messageContent"]) for message in messages]


def kept(directory: Path, container: str) -> list[tuple[str, str]]:
    """The texts of the room, or of a container, that the store has."""
    query = (
        "SELECT id, json_extract(body, '$.content') FROM messages"
        " WHERE event = 'ordinary' AND COALESCE(container_id, '') = ? ORDER BY id"
    )
    with closing(sqlite3.connect(directory / "chatd.sqlite")) as connection:
        return connection.execute(query, [container]).fetchall()
