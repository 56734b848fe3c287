"""What is wrong in ``[cluster]`` is one line, and chatd does not start. For a Redis that is away it waits."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.nodes import Cluster
from tests.cluster.redis import PASSWORD, Redis
from tests.durability.postgres import Cluster as Postgres
from tests.processes.frames import text
from tests.processes.servers import ANY_PORT, twistd


def refusal(directory: Path, store: str, redis: str) -> str:
    """Run chatd, which is not to start. :returns: the one line."""
    (directory / "chatd.toml").write_text(f'[store]\nurl = "{store}"\n[cluster]\nredis = "{redis}"\n')
    ended = twistd("-n", "--pidfile=", "chatd", "--listen", ANY_PORT, "--config", "chatd.toml", cwd=directory)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1 and ended.stderr.startswith("chatd: ")
    assert "Traceback" not in ended.stdout
    return ended.stderr.removeprefix("chatd: ").removesuffix("\n")


@pytest.mark.parametrize("store", ["sqlite:chatd.sqlite", "none"])
def test_a_store_that_nodes_cannot_share_is_one_line(tmp_path: Path, store: str) -> None:
    said = refusal(tmp_path, store, "redis://127.0.0.1:6379/0")
    assert "store.url" in said and "postgresql://" in said


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://:s3cret@127.0.0.1/", "redis://:s3cret@[::1]x/"])
def test_a_url_that_is_none_is_one_line_without_the_password(tmp_path: Path, url: str) -> None:
    said = refusal(tmp_path, "postgresql://chatd@127.0.0.1/chatd", url)
    assert said.startswith("chatd.toml: cluster.redis: expected ")
    assert "s3cret" not in said


def test_a_wrong_password_is_one_line_without_it(tmp_path: Path, postgres: Postgres) -> None:
    with Redis() as redis:
        said = refusal(tmp_path, postgres.database(), f"redis://default:s3cret@127.0.0.1:{redis.port}/0")
    assert said.startswith("cluster.redis: ")
    assert "s3cret" not in said and PASSWORD not in said


def test_a_node_starts_without_redis_and_waits_for_it(build: Callable[..., Cluster]) -> None:
    redis = Redis()
    alone = build(count=1, redis=redis, balanced=False)
    node = alone.nodes[0]
    assert "bus" in node.wait_until_ready(False)
    with redis:
        node.wait_until_ready()
        ann = node.join("ann")
        ann.say("hello")
        assert ann.receive() == text("ann", "hello")
        assert PASSWORD not in node.log
        alone.hang_up()
