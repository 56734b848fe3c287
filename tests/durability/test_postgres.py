"""A PostgreSQL that does not do what it is asked, or does not say so."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.durability.postgres import Cluster
from tests.processes.frames import error, notice, text
from tests.processes.servers import PATIENCE, Server

Start = Callable[..., Server]
BACKENDS = "SELECT pid, wait_event FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"


@pytest.fixture
def url(cluster: Cluster) -> str:
    """A new database."""
    return cluster.database()


def backend(cluster: Cluster, url: str, waits_for: str) -> int:
    """Wait until the process that serves chatd waits for something. :returns: its id."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for pid, wait_event in cluster.query(url, BACKENDS.format(url.rpartition("/")[2])):
            if wait_event == waits_for:
                return int(pid)
    raise AssertionError(f"no backend waits for {waits_for}")


@contextmanager
def slow_commits(cluster: Cluster, url: str) -> Iterator[None]:
    """While this lasts a COMMIT is done, but not yet told and not yet seen: it waits for a standby."""
    try:
        cluster.query(url, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        cluster.query(url, "SELECT pg_reload_conf()")
        while cluster.query(url, "SHOW synchronous_standby_names") != [("nobody",)]:
            pass
        yield
    finally:
        cluster.query(url, "ALTER SYSTEM RESET synchronous_standby_names")
        cluster.query(url, "SELECT pg_reload_conf()")


def test_a_message_that_was_kept_though_it_seemed_lost_is_not_there_twice(
    start: Start, cluster: Cluster, url: str
) -> None:
    server = start(f'[store]\nurl = "{url}"\n')
    ann, bob = server.join("ann"), server.join("bob")
    ann.receive()
    with slow_commits(cluster, url):
        ann.say("is it?", clientMessageId="1")
        cluster.query(url, f"SELECT pg_terminate_backend({backend(cluster, url, 'SyncRep')})")
        refusal = error("storage_unavailable", eventType="ordinary", clientMessageId="1")
        assert ann.receive() == refusal
    assert [row.content for row in cluster.rows(url)] == ["is it?"]
    ann.say("it is", clientMessageId="1")
    assert ann.receive() == text("ann", "it is", clientMessageId="1")
    assert bob.receive() == text("ann", "it is")
    assert [row.content for row in cluster.rows(url)] == ["it is"]


def test_a_database_that_was_restarted_while_nobody_spoke_costs_one_turn_at_most(
    start: Start, cluster: Cluster, url: str
) -> None:
    server = start(f'[store]\nurl = "{url}"\n')
    ann = server.join("ann")
    ann.say("before")
    ann.receive()
    cluster.restart()
    ann.say("just after", clientMessageId="1")
    if (heard := ann.receive())["messageType"] == "error":
        assert heard == error("storage_unavailable", eventType="ordinary", clientMessageId="1")
        ann.say("just after", clientMessageId="1")
        heard = ann.receive()
    assert heard == text("ann", "just after", clientMessageId="1")


def test_a_server_ends_though_its_database_does_not_answer(start: Start, cluster: Cluster, url: str) -> None:
    server = start(f'[store]\nurl = "{url}"\n')
    ann = server.join("ann")
    ann.say("hello")
    ann.receive()
    pid = backend(cluster, url, "ClientRead")
    os.kill(pid, signal.SIGSTOP)
    try:
        ann.say("anybody there?")
        ann.say("hello?")
        assert ann.hears_nothing()
        server.signal(signal.SIGTERM)
        assert ann.closed() == (1001, "the server is going away: reconnect")
        server.wait()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "did not take in time" in server.log


def test_notices_wait_for_a_database_that_does_not_answer_and_heartbeats_do_not(
    start: Start, cluster: Cluster, url: str
) -> None:
    server = start(f'[store]\nurl = "{url}"\n')
    ann = server.join("ann")
    with slow_commits(cluster, url):
        ann.say("hello")
        backend(cluster, url, "SyncRep")
        with server.connect(userId="bob", name="Bob"):
            assert ann.hears_nothing()
    assert ann.receive() == text("ann", "hello")
    assert ann.receive() == notice("in", "bob", 2)
